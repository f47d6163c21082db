package probe.core;

import javacard.framework.ISO7816;
import javacard.framework.ISOException;
import javacard.framework.Util;
import probe.lib.HarshRefusal;
import probe.lib.Notice;
import probe.lib.Refusal;
import probe.lib.Square;
import probe.lib.Steps;

/** Exceptions: raised by the machine, thrown by code, caught near and far, with finally. */
final class Failures {
    private byte[] trace;
    private short used;

    Failures() {
        trace = new byte[32];
    }

    private void mark(int step) {
        trace[used++] = (byte) step;
    }

    /**
     * Runs nested handlers around a throw in the library and returns the order in which they ran.
     */
    short nested(byte depth, byte kind, byte[] out, short offset) {
        used = 0;
        try {
            outer(depth, kind);
            mark(0x0E);
        } catch (ArithmeticException e) {
            mark(0x0A);
        } catch (Notice e) {
            mark(0x0B);
            mark(e.getReason() >> 8);
            mark(e.getReason());
        } finally {
            mark(0x0F);
        }
        return Util.arrayCopyNonAtomic(trace, (short) 0, out, offset, used);
    }

    private void outer(byte depth, byte kind) throws Notice {
        try {
            mark(1);
            inner(depth, kind);
            mark(2);
        } catch (HarshRefusal e) {
            mark(3);
            mark(e.detail());
            throw new ArithmeticException();
        } catch (Refusal e) {
            mark(4);
            mark(e.detail());
            mark(e.getReason());
        } finally {
            mark(5);
        }
    }

    private void inner(byte depth, byte kind) throws Notice {
        try {
            mark(6);
            Steps.descendCounting(depth, kind);
            mark(7);
        } catch (NullPointerException e) {
            mark(8);
        } finally {
            mark(9);
        }
    }

    /** A value returned through finally, which runs after the value is fixed. */
    short returnThroughFinally(short value) {
        used = 0;
        short result = value;
        try {
            return result;
        } finally {
            result++;
            mark(result);
        }
    }

    short lastMark() {
        return trace[0];
    }

    /** Exceptions that the machine itself raises. */
    short raise(byte which, short value) {
        byte[] bytes = new byte[4];
        short[] shorts = new short[4];
        int[] ints = new int[4];
        Object[] objects = new Object[4];
        byte[] none = null;
        Square nobody = null;
        RuntimeException nothing = null;
        switch (which) {
            case 0: return (short) (100 / value);
            case 1: return (short) (100 % value);
            case 2: return (short) (100000 / (int) value);
            case 3: return (short) (100000 % (int) value);
            case 4: return bytes[value];
            case 5: return shorts[value];
            case 6: return (short) ints[value];
            case 7: return (short) (objects[value] == null ? 1 : 0);
            case 8: bytes[value] = 1; return 1;
            case 9: shorts[value] = 1; return 1;
            case 10: ints[value] = 1; return 1;
            case 11: objects[value] = this; return 1;
            case 12: return none[0];
            case 13: return (short) none.length;
            case 14: none[0] = 1; return 1;
            case 15: return nobody.cornersOf();
            case 16: return (short) nobody.measure();
            case 17: throw nothing;
            case 18: return (short) new byte[value].length;
            case 19: return (short) new Object[value].length;
            case 20: return (short) new int[value].length;
            case 21: return ((Failures) objects[0]).used;
            case 22: ((Failures) objects[0]).used = 1; return 1;
            case 23: return Util.arrayCopy(bytes, (short) 0, bytes, value, (short) 2);
            case 24: return Util.arrayCopy(none, (short) 0, bytes, (short) 0, (short) 2);
            case 25: return Util.getShort(bytes, value);
            default: ISOException.throwIt(ISO7816.SW_INCORRECT_P1P2);
        }
        return 0;
    }
}
