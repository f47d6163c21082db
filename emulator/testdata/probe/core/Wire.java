package probe.core;

import javacard.framework.Util;

/** Integers in byte arrays, most significant byte first. */
final class Wire {
    private Wire() {
    }

    static int getInt(byte[] buffer, short offset) {
        return ((int) Util.getShort(buffer, offset) << 16)
                | ((int) Util.getShort(buffer, (short) (offset + 2)) & 0xFFFF);
    }

    static short setInt(byte[] buffer, short offset, int value) {
        buffer[offset] = (byte) (value >>> 24);
        buffer[(short) (offset + 1)] = (byte) (value >> 16);
        buffer[(short) (offset + 2)] = (byte) (value >> 8);
        buffer[(short) (offset + 3)] = (byte) value;
        return (short) (offset + 4);
    }
}
