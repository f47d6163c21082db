package probe.core;

import javacard.framework.ISO7816;
import javacard.framework.ISOException;
import javacard.framework.Util;

/** int and short arithmetic, one operation for each P1. */
final class Arithmetic {
    /**
     * The CRC-32 table of four bits a step (reflected polynomial EDB88320): an int array with an
     * initialiser.
     */
    private static final int[] CRC_TABLE = {
        0x00000000, 0x1DB71064, 0x3B6E20C8, 0x26D930AC,
        0x76DC4190, 0x6B6B51F4, 0x4DB26158, 0x5005713C,
        0xEDB88320, 0xF00F9344, 0xD6D6A3E8, 0xCB61B38C,
        0x9B64C2B0, 0x86D3D2D4, 0xA00AE278, 0xBDBDF21C
    };

    private Arithmetic() {
    }

    static int onInts(byte operation, int a, int b) {
        switch (operation) {
            case 0: return a + b;
            case 1: return a - b;
            case 2: return a * b;
            case 3: return a / b;
            case 4: return a % b;
            case 5: return a & b;
            case 6: return a | b;
            case 7: return a ^ b;
            case 8: return a << b;
            case 9: return a >> b;
            case 10: return a >>> b;
            case 11: return -a;
            case 12: return ~a;
            case 13: return a < b ? 1 : 0;
            case 14: return a <= b ? 1 : 0;
            case 15: return a == b ? 1 : 0;
            case 16: return a != b ? 1 : 0;
            case 17: return a >= b ? 1 : 0;
            case 18: return a > b ? 1 : 0;
            case 19: return (byte) a;
            case 20: return (short) a;
            case 21: return compound(a, b);
            default: ISOException.throwIt(ISO7816.SW_INCORRECT_P1P2);
        }
        return 0;
    }

    /** Assignment operators, increments of local int variables in both widths, mixed operands. */
    private static int compound(int a, int b) {
        int x = a;
        x += b;
        x ^= 0x55AA55AA;
        x++;
        x += 100;
        x += 30000;
        x -= 70000;
        x <<= 3;
        x >>>= 1;
        byte small = (byte) x;
        short medium = (short) (x + small);
        x |= small;
        x -= medium;
        return x;
    }

    static short onShorts(byte operation, short a, short b) {
        switch (operation) {
            case 0: return (short) (a + b);
            case 1: return (short) (a - b);
            case 2: return (short) (a * b);
            case 3: return (short) (a / b);
            case 4: return (short) (a % b);
            case 5: return (short) (a & b);
            case 6: return (short) (a | b);
            case 7: return (short) (a ^ b);
            case 8: return (short) (a << b);
            case 9: return (short) (a >> b);
            case 10: return (short) (a >>> b);
            case 11: return (short) -a;
            case 12: return (short) ~a;
            case 13: return (short) (a < b ? 1 : 0);
            case 14: return (short) (a <= b ? 1 : 0);
            case 15: return (short) (a == b ? 1 : 0);
            case 16: return (short) (a != b ? 1 : 0);
            case 17: return (short) (a >= b ? 1 : 0);
            case 18: return (short) (a > b ? 1 : 0);
            case 19: return (byte) a;
            case 20: return (short) ((a & 0xFF) + (b & 0xFF));
            case 21: return steps(a, b);
            default: ISOException.throwIt(ISO7816.SW_INCORRECT_P1P2);
        }
        return 0;
    }

    /** Increments of local short variables in both widths, and comparisons with zero. */
    private static short steps(short a, short b) {
        short x = a;
        x++;
        x += 100;
        x += 1000;
        x -= 200;
        if (x < 0) {
            x = (short) -x;
        }
        while (x > 0 && b != 0) {
            x = (short) (x - 7);
            b = (short) (b >> 1);
        }
        return x;
    }

    /** The number of steps that Collatz' rule takes to reach 1. */
    static int collatz(int n) {
        int steps = 0;
        while (n != 1) {
            if ((n & 1) == 0) {
                n /= 2;
            } else {
                n = 3 * n + 1;
            }
            steps++;
        }
        return steps;
    }

    static int crc32(byte[] data, short offset, short length) {
        int crc = 0xFFFFFFFF;
        for (short i = offset; i < (short) (offset + length); i++) {
            crc ^= data[i] & 0xFF;
            crc = CRC_TABLE[(short) (crc & 15)] ^ (crc >>> 4);
            crc = CRC_TABLE[(short) (crc & 15)] ^ (crc >>> 4);
        }
        return ~crc;
    }

    /** Long recursion with int and short arguments mixed in the frames. */
    static int sumTo(short depth, int weight) {
        if (depth == 0) {
            return 0;
        }
        return depth * weight + sumTo((short) (depth - 1), weight);
    }

    static short fibonacci(short n) {
        return n < 2 ? n : (short) (fibonacci((short) (n - 1)) + fibonacci((short) (n - 2)));
    }

    /** Sorts shorts in place: nested loops with array reads and writes. */
    static void sort(byte[] data, short offset, short length) {
        for (short i = 2; i < length; i += 2) {
            short value = Util.getShort(data, (short) (offset + i));
            short j = (short) (i - 2);
            while (j >= 0 && Util.getShort(data, (short) (offset + j)) > value) {
                Util.setShort(data, (short) (offset + j + 2),
                        Util.getShort(data, (short) (offset + j)));
                j -= 2;
            }
            Util.setShort(data, (short) (offset + j + 2), value);
        }
    }
}
