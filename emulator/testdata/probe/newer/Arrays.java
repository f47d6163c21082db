package probe.newer;

import javacard.framework.ISO7816;
import javacard.framework.ISOException;
import javacard.framework.JCSystem;
import javacard.framework.SensitiveArrays;
import javacard.framework.Util;

/** Global and integrity-sensitive arrays. */
final class Arrays {
    boolean refusedToKeep;
    private Object kept;
    private Object sensitive;

    void tryToKeep(Object array) {
        try {
            kept = array;
        } catch (SecurityException e) {
            refusedToKeep = true;
        }
    }

    short run(byte which, byte size, byte[] buffer) {
        switch (which) {
            case 1: { // a global array is usable, in RAM, and cannot be kept
                byte[] array = (byte[]) JCSystem.makeGlobalArray(JCSystem.ARRAY_TYPE_BYTE, size);
                Util.arrayFill(array, (short) 0, size, (byte) 0x5A);
                buffer[0] = array[(short) (size - 1)];
                buffer[1] = JCSystem.isTransient(array);
                refusedToKeep = false;
                tryToKeep(array);
                buffer[2] = (byte) (refusedToKeep ? 1 : 0);
                return 3;
            }
            case 2: { // of every type
                boolean[] a = (boolean[]) JCSystem.makeGlobalArray(JCSystem.ARRAY_TYPE_BOOLEAN,
                        (short) 2);
                short[] b =
                        (short[]) JCSystem.makeGlobalArray(JCSystem.ARRAY_TYPE_SHORT, (short) 3);
                Object[] c =
                        (Object[]) JCSystem.makeGlobalArray(JCSystem.ARRAY_TYPE_OBJECT, (short) 4);
                c[3] = this;
                b[2] = 0x1234;
                buffer[0] = (byte) (a.length + b.length + c.length);
                buffer[1] = (byte) (c[3] == this && b[2] == 0x1234 ? 1 : 0);
                return 2;
            }
            case 3: // of no type
                JCSystem.makeGlobalArray((byte) 6, (short) 1);
                return 0;
            case 4: // larger than RAM
                JCSystem.makeGlobalArray(JCSystem.ARRAY_TYPE_BYTE, (short) 32767);
                return 0;
            case 5: // integrity-sensitive, filled and checked
                sensitive = SensitiveArrays.makeIntegritySensitiveArray(JCSystem.ARRAY_TYPE_BYTE,
                        size, (short) 8);
                Util.arrayFill((byte[]) sensitive, (short) 0, (short) 8, (byte) 7);
                SensitiveArrays.assertIntegrity(sensitive);
                buffer[0] = (byte) (SensitiveArrays.isIntegritySensitive(sensitive) ? 1 : 0);
                buffer[1] = (byte) (SensitiveArrays.isIntegritySensitive(buffer) ? 1 : 0);
                buffer[2] = (byte) (SensitiveArrays.isIntegritySensitiveArraysSupported() ? 1 : 0);
                buffer[3] = JCSystem.isTransient(sensitive);
                return 4;
            case 6: // cleared
                buffer[0] = (byte) SensitiveArrays.clearArray(sensitive);
                buffer[1] = ((byte[]) sensitive)[7];
                SensitiveArrays.assertIntegrity(sensitive);
                return 2;
            case 7: // an abort brings the content back, with its control element
                JCSystem.beginTransaction();
                SensitiveArrays.clearArray(sensitive);
                JCSystem.abortTransaction();
                SensitiveArrays.assertIntegrity(sensitive);
                buffer[0] = ((byte[]) sensitive)[7];
                return 1;
            case 8: // not sensitive: SystemException.ILLEGAL_VALUE
                SensitiveArrays.clearArray(buffer);
                return 0;
            case 9:
                SensitiveArrays.assertIntegrity(null);
                return 0;
            case 10: // of no memory
                SensitiveArrays.makeIntegritySensitiveArray(JCSystem.ARRAY_TYPE_BYTE, (byte) 3,
                        (short) 8);
                return 0;
            case 11: { // references and shorts
                Object[] a = (Object[]) SensitiveArrays.makeIntegritySensitiveArray(
                    JCSystem.ARRAY_TYPE_OBJECT, JCSystem.MEMORY_TYPE_TRANSIENT_RESET, (short) 2);
                short[] b = (short[]) SensitiveArrays.makeIntegritySensitiveArray(
                    JCSystem.ARRAY_TYPE_SHORT, JCSystem.MEMORY_TYPE_TRANSIENT_DESELECT, (short) 2);
                a[0] = this;
                b[1] = 1;
                SensitiveArrays.assertIntegrity(a);
                SensitiveArrays.assertIntegrity(b);
                SensitiveArrays.clearArray(a);
                buffer[0] = (byte) (a[0] == null ? 1 : 0);
                return 1;
            }
            default:
                ISOException.throwIt(ISO7816.SW_INCORRECT_P1P2);
                return 0;
        }
    }
}
