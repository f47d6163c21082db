package probe.core;

/** Dense and sparse switches over short and int. */
final class Switches {
    private Switches() {
    }

    /** A table switch with a hole and a fall through. */
    static short denseShort(short value) {
        short result = 0;
        switch (value) {
            case -2: result = 10; break;
            case -1: result = 20; break;
            case 0: result = 30;
            case 1: result += 5; break;
            case 3: result = 50; break;
            case 4: return 60;
            default: result = 99;
        }
        return result;
    }

    static short sparseShort(short value) {
        switch (value) {
            case -32768: return 1;
            case -300: return 2;
            case 0: return 3;
            case 5: return 4;
            case 1000: return 5;
            case 32767: return 6;
            default: return 0;
        }
    }

    static short denseInt(int value) {
        switch (value) {
            case 100000: return 1;
            case 100001: return 2;
            case 100002: return 3;
            case 100004: return 5;
            default: return 0;
        }
    }

    static short sparseInt(int value) {
        switch (value) {
            case -2147483648: return 1;
            case -65536: return 2;
            case 0: return 3;
            case 65536: return 4;
            case 16777216: return 5;
            case 2147483647: return 6;
            default: return 0;
        }
    }
}
