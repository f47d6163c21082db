package probe.core;

import javacard.framework.ISO7816;
import javacard.framework.ISOException;
import javacard.framework.JCSystem;
import javacard.framework.Util;

/**
 * Persistent state whose parts must change together, and every way in which begin, commit and abort
 * change it.
 */
final class Transactions {
    private static short staticPart;

    private byte bytePart;
    private short shortPart;
    private int intPart;
    private boolean booleanPart;
    private Object referencePart;
    private final byte[] array;
    private final short[] words;
    private final int[] wides;
    private final Object[] objects;
    private final byte[] log;
    private final byte[] large;

    Transactions() {
        array = new byte[100];
        words = new short[4];
        wides = new int[2];
        objects = new Object[2];
        log = new byte[8];
        large = new byte[6000];
    }

    /** Sets every part from one value: one write for each field, element and copy. */
    private void setAll(byte value, byte[] source, short sourceOffset) {
        bytePart = value;
        shortPart = (short) (value * 3);
        intPart = value * 70000;
        booleanPart = (value & 1) != 0;
        referencePart = (value & 1) != 0 ? (Object) array : (Object) this;
        staticPart = (short) (value + 1000);
        words[3] = (short) (value * 5);
        wides[1] = value * 90000;
        objects[1] = (value & 1) != 0 ? (Object) words : null;
        array[99] = value;
        Util.arrayFillNonAtomic(source, sourceOffset, (short) 64, value);
        Util.arrayCopy(source, sourceOffset, array, (short) 0, (short) 64);
    }

    /** Every part in a fixed order, so that a test can compare states. */
    short read(byte[] out, short offset) {
        out[offset++] = bytePart;
        offset = Util.setShort(out, offset, shortPart);
        offset = Wire.setInt(out, offset, intPart);
        out[offset++] = (byte) (booleanPart ? 1 : 0);
        out[offset++] = (byte) (referencePart == null ? 0 : referencePart == array ? 1 : 2);
        offset = Util.setShort(out, offset, staticPart);
        offset = Util.setShort(out, offset, words[3]);
        offset = Wire.setInt(out, offset, wides[1]);
        out[offset++] = (byte) (objects[1] == null ? 0 : 1);
        out[offset++] = array[0];
        out[offset++] = array[63];
        out[offset++] = array[64];
        out[offset++] = array[99];
        offset = Util.arrayCopyNonAtomic(log, (short) 0, out, offset, (short) log.length);
        out[offset++] = JCSystem.getTransactionDepth();
        return offset;
    }

    short run(byte which, byte value, byte[] buffer, short offset) {
        switch (which) {
            case 0: // committed
                JCSystem.beginTransaction();
                setAll(value, buffer, offset);
                JCSystem.commitTransaction();
                return offset;
            case 1: // aborted
                JCSystem.beginTransaction();
                setAll(value, buffer, offset);
                JCSystem.abortTransaction();
                return offset;
            case 2: // nested: TransactionException.IN_PROGRESS, then the automatic abort
                JCSystem.beginTransaction();
                setAll(value, buffer, offset);
                JCSystem.beginTransaction();
                return offset;
            case 3: // TransactionException.NOT_IN_PROGRESS
                JCSystem.commitTransaction();
                return offset;
            case 4:
                JCSystem.abortTransaction();
                return offset;
            case 5: // returns with the transaction open
                JCSystem.beginTransaction();
                setAll(value, buffer, offset);
                return offset;
            case 6: // throws with the transaction open
                JCSystem.beginTransaction();
                setAll(value, buffer, offset);
                ISOException.throwIt(ISO7816.SW_DATA_INVALID);
                return offset;
            case 7: // fails at the end of a transaction
                JCSystem.beginTransaction();
                setAll(value, buffer, offset);
                words[value] = 1;
                JCSystem.commitTransaction();
                return offset;
            case 8: // no transaction: each write is committed by itself
                setAll(value, buffer, offset);
                return offset;
            case 9: // a non-atomic write is kept although the transaction is aborted
                JCSystem.beginTransaction();
                setAll(value, buffer, offset);
                Util.arrayFillNonAtomic(log, (short) 0, (short) log.length, value);
                JCSystem.abortTransaction();
                return offset;
            case 10: // capacity: maximum, unused before, unused inside
                offset = Util.setShort(buffer, offset, JCSystem.getMaxCommitCapacity());
                offset = Util.setShort(buffer, offset, JCSystem.getUnusedCommitCapacity());
                JCSystem.beginTransaction();
                bytePart = value;
                Util.arrayCopy(large, (short) 0, large, (short) 1000, (short) 1000);
                offset = Util.setShort(buffer, offset, JCSystem.getUnusedCommitCapacity());
                JCSystem.abortTransaction();
                return offset;
            case 11: // TransactionException.BUFFER_FULL on a card with a limit
                JCSystem.beginTransaction();
                bytePart = value;
                Util.arrayCopy(large, (short) 0, large, (short) 1, (short) (large.length - 1));
                JCSystem.commitTransaction();
                return offset;
            case 12: // the depth inside and outside
                buffer[offset++] = JCSystem.getTransactionDepth();
                JCSystem.beginTransaction();
                buffer[offset++] = JCSystem.getTransactionDepth();
                JCSystem.commitTransaction();
                buffer[offset++] = JCSystem.getTransactionDepth();
                return offset;
            case 13: // many small writes, so that there are many places to cut
                JCSystem.beginTransaction();
                for (short i = 0; i < array.length; i++) {
                    array[i] = value;
                }
                bytePart = value;
                JCSystem.commitTransaction();
                return offset;
            case 14: // the same element twice, then an abort: the first content must come back
                JCSystem.beginTransaction();
                array[99] = value;
                array[99] = (byte) (value + 1);
                Util.arrayFillNonAtomic(buffer, offset, (short) 40, (byte) (value + 2));
                Util.arrayCopy(buffer, offset, array, (short) 60, (short) 40);
                JCSystem.abortTransaction();
                return offset;
            case 15: // made inside a transaction that is committed
                JCSystem.beginTransaction();
                objects[0] = new byte[] {value, value};
                JCSystem.commitTransaction();
                return Util.arrayCopyNonAtomic((byte[]) objects[0], (short) 0, buffer, offset,
                        (short) 2);
            case 16: // made inside a transaction that the runtime aborts
                JCSystem.beginTransaction();
                objects[0] = new byte[] {value, value, value};
                return offset;
            case 17: // what is left of the object made in 15 or 16
                if (objects[0] == null) {
                    buffer[offset++] = 0;
                    return offset;
                }
                return Util.arrayCopyNonAtomic((byte[]) objects[0], (short) 0, buffer, offset,
                    (short) ((byte[]) objects[0]).length);
            default:
                ISOException.throwIt(ISO7816.SW_INCORRECT_P1P2);
        }
        return offset;
    }
}
