package probe.lib;

/**
 * A plain object, not shareable: an applet's export file holds only shareable interfaces, so the
 * class lies here.
 */
public class Ledger {
    /** A static is no object: any package may read it. */
    public static short opened = 4;

    public short total;

    public short total() {
        return total;
    }

    public static short openedTwice() {
        return (short) (opened * 2);
    }
}
