package probe.newer;

import javacard.framework.AID;
import javacard.framework.ISO7816;
import javacard.framework.ISOException;
import javacard.framework.JCSystem;

/**
 * The runtime environment's AID of this applet and one of the applet's own, in every argument
 * position.
 */
final class Aids {
    private static final short ROOM = 20;

    private AID kept;

    boolean run(byte which, byte[] buffer) {
        AID system = JCSystem.getAID();
        byte length = system.getBytes(buffer, ROOM);
        AID own = new AID(buffer, ROOM, length);
        switch (which) {
            case 1:
                return system.equals(system);
            case 2:
                return system.RIDEquals(system);
            case 3:
                return own.equals(system);
            case 4:
                return system.equals(own);
            case 5:
                return JCSystem.lookupAID(buffer, ROOM, length).equals(system);
            case 6:
                return system.equals(buffer, ROOM, length);
            case 7:
                return system.partialEquals(buffer, ROOM, (byte) 5);
            case 8:
                return own.RIDEquals(system);
            case 9:
                return system.RIDEquals(own);
            case 10:
                return system.equals((Object) null) || system.RIDEquals(null)
                        || system.equals(null, (short) 0, (byte) 5);
            case 11:
                return system.equals(buffer) || own.equals(this);
            case 12:
                return JCSystem.isAppletActive(system) && JCSystem.isAppletActive(own);
            case 13:
                kept = system;
                return kept == JCSystem.getAID();
            case 14:
                return kept.equals(JCSystem.lookupAID(buffer, ROOM, length));
            case 15:
                return JCSystem.getPreviousContextAID() == null;
            case 16:
                return JCSystem.lookupAID(buffer, ROOM, (byte) 5) == null;
            case 17:
                return system.getPartialBytes((short) 5, buffer, ROOM, (byte) 0)
                        == (byte) (length - 5);
            case 18: // no such server
                buffer[(short) (ROOM + length - 1)] ^= 1;
                return JCSystem.getAppletShareableInterfaceObject(new AID(buffer, ROOM, length),
                        (byte) 0) == null;
            default:
                ISOException.throwIt(ISO7816.SW_INCORRECT_P1P2);
                return false;
        }
    }
}
