package probe.core;

import javacard.framework.ISO7816;
import javacard.framework.ISOException;
import javacard.framework.JCSystem;
import javacard.framework.Util;
import probe.lib.Steps;

/** Static fields with initialisers, transient arrays of each type, object deletion. */
final class Memory {
    private static byte plain = 7;
    private static short word = -12345;
    private static int wide = 0x12345678;
    private static boolean flag = true;
    private static final byte[] BYTES = {1, -2, 3};
    private static final short[] WORDS = {0x0102, -2};
    private static final int[] WIDES = {0x01020304, -5};
    private static final boolean[] FLAGS = {true, false, true};
    private static Object reference;

    private final byte[] bytesUntilReset;
    private final short[] wordsUntilReset;
    private final boolean[] flagsUntilReset;
    private final Object[] objectsUntilReset;
    private final byte[] bytesUntilDeselect;
    private final short[] wordsUntilDeselect;
    private byte[] kept;
    private Object[] chain;

    Memory() {
        bytesUntilReset = JCSystem.makeTransientByteArray((short) 8, JCSystem.CLEAR_ON_RESET);
        wordsUntilReset = JCSystem.makeTransientShortArray((short) 4, JCSystem.CLEAR_ON_RESET);
        flagsUntilReset = JCSystem.makeTransientBooleanArray((short) 4, JCSystem.CLEAR_ON_RESET);
        objectsUntilReset = JCSystem.makeTransientObjectArray((short) 2, JCSystem.CLEAR_ON_RESET);
        bytesUntilDeselect = JCSystem.makeTransientByteArray((short) 8, JCSystem.CLEAR_ON_DESELECT);
        wordsUntilDeselect = JCSystem.makeTransientShortArray((short) 2,
                JCSystem.CLEAR_ON_DESELECT);
        kept = new byte[16];
    }

    /**
     * The static state: byte, short, int, boolean, then each array, then two statics of the
     * library.
     */
    short statics(byte[] out, short offset) {
        out[offset++] = plain;
        offset = Util.setShort(out, offset, word);
        offset = Wire.setInt(out, offset, wide);
        out[offset++] = (byte) (flag ? 1 : 0);
        offset = Util.arrayCopyNonAtomic(BYTES, (short) 0, out, offset, (short) BYTES.length);
        for (short i = 0; i < WORDS.length; i++) {
            offset = Util.setShort(out, offset, WORDS[i]);
        }
        for (short i = 0; i < WIDES.length; i++) {
            offset = Wire.setInt(out, offset, WIDES[i]);
        }
        for (short i = 0; i < FLAGS.length; i++) {
            out[offset++] = (byte) (FLAGS[i] ? 1 : 0);
        }
        out[offset++] = (byte) (reference == null ? 0 : 1);
        offset = Util.setShort(out, offset, Steps.seed);
        return Wire.setInt(out, offset, Steps.wideSeed);
    }

    void changeStatics(byte step) {
        Steps.seed += step;
        Steps.wideSeed += step;
        plain += step;
        word += step;
        wide += step;
        flag = !flag;
        BYTES[1] += step;
        WORDS[1] += step;
        WIDES[1] += step;
        FLAGS[1] = !FLAGS[1];
        reference = reference == null ? (Object) this : null;
    }

    void fillTransient(byte value) {
        Util.arrayFillNonAtomic(bytesUntilReset, (short) 0, (short) bytesUntilReset.length, value);
        wordsUntilReset[3] = value;
        flagsUntilReset[2] = true;
        objectsUntilReset[1] = this;
        Util.arrayFillNonAtomic(bytesUntilDeselect, (short) 0, (short) bytesUntilDeselect.length,
                value);
        wordsUntilDeselect[1] = value;
    }

    short readTransient(byte[] out, short offset) {
        out[offset++] = bytesUntilReset[7];
        offset = Util.setShort(out, offset, wordsUntilReset[3]);
        out[offset++] = (byte) (flagsUntilReset[2] ? 1 : 0);
        out[offset++] = (byte) (objectsUntilReset[1] == this ? 1 : 0);
        out[offset++] = bytesUntilDeselect[0];
        return Util.setShort(out, offset, wordsUntilDeselect[1]);
    }

    /** What JCSystem.isTransient returns for each kind of object. */
    short kinds(byte[] out, short offset) {
        out[offset++] = JCSystem.isTransient(bytesUntilReset);
        out[offset++] = JCSystem.isTransient(bytesUntilDeselect);
        out[offset++] = JCSystem.isTransient(objectsUntilReset);
        out[offset++] = JCSystem.isTransient(kept);
        out[offset++] = JCSystem.isTransient(this);
        out[offset++] = JCSystem.isTransient(null);
        return offset;
    }

    /** Asks for more RAM than a card has, until a SystemException. */
    short exhaustTransient(short size, byte event) {
        chain = new Object[64];
        short made = 0;
        for (; made < 64; made++) {
            chain[made] = JCSystem.makeTransientByteArray(size, event);
        }
        return made;
    }

    /** Makes garbage: a list of arrays that is then released. */
    void makeGarbage(byte links, short size) {
        Object[] first = null;
        for (byte i = 0; i < links; i++) {
            Object[] link = new Object[2];
            link[0] = first;
            link[1] = new byte[size];
            first = link;
        }
        chain = first;
        chain = null;
    }

    void dropChain() {
        chain = null;
    }

    /** Links two live objects in a ring, which must survive a deletion while it is reachable. */
    short ring(boolean build) {
        if (build) {
            chain = new Object[2];
            Object[] other = new Object[2];
            chain[0] = other;
            other[0] = chain;
            other[1] = new byte[] {0x11, 0x22};
        }
        Object[] back = (Object[]) ((Object[]) chain[0])[0];
        if (back != chain) {
            ISOException.throwIt(ISO7816.SW_DATA_INVALID);
        }
        return Util.getShort((byte[]) ((Object[]) chain[0])[1], (short) 0);
    }

    static void collect() {
        if (!JCSystem.isObjectDeletionSupported()) {
            ISOException.throwIt(ISO7816.SW_FUNC_NOT_SUPPORTED);
        }
        JCSystem.requestObjectDeletion();
    }

    static short available(byte[] out, short offset) {
        offset = Util.setShort(out, offset,
                JCSystem.getAvailableMemory(JCSystem.MEMORY_TYPE_PERSISTENT));
        offset = Util.setShort(out, offset,
                JCSystem.getAvailableMemory(JCSystem.MEMORY_TYPE_TRANSIENT_RESET));
        return Util.setShort(out, offset,
                JCSystem.getAvailableMemory(JCSystem.MEMORY_TYPE_TRANSIENT_DESELECT));
    }
}
