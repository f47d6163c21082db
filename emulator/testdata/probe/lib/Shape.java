package probe.lib;

/** The abstract root: one abstract method, one that calls it, one that subclasses override. */
public abstract class Shape implements Measurable {
    /** Shapes made since the library was loaded; a static of another package to the applet. */
    public static short made;

    protected short width;

    protected Shape(short width) {
        this.width = width;
        made++;
    }

    public abstract int measure();

    public byte kind() {
        return KIND_NONE;
    }

    /** Calls back into the subclass. */
    public final int twice() {
        return measure() << 1;
    }

    /** Package visible and virtual: its token lies in the package-private half of the table. */
    short corners() {
        return 0;
    }

    public short cornersOf() {
        return corners();
    }
}
