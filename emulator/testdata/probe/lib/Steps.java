package probe.lib;

/** Static methods of the library that recurse and throw across packages. */
public class Steps {
    /** Statics with initialisers, public to other packages; a library can have no static arrays. */
    public static short seed = 770;
    public static int wideSeed = -559038737;

    private static byte depthSeen;

    private Steps() {
    }

    /**
     * Descends depth calls, then throws an exception of this kind: 0 returns, 1 Refusal, 2
     * HarshRefusal, 3 Notice.
     */
    public static short descend(byte depth, byte kind) throws Notice {
        if (depth > 0) {
            return (short) (1 + descend((byte) (depth - 1), kind));
        }
        switch (kind) {
            case 1:
                throw new Refusal((short) 0x1234, (byte) 0x21);
            case 2:
                throw new HarshRefusal((short) 0x4321);
            case 3:
                throw new Notice((short) 0x0777);
            default:
                return 0;
        }
    }

    /** Counts a finally block that runs although the body throws. */
    public static void descendCounting(byte depth, byte kind) throws Notice {
        try {
            descend(depth, kind);
        } finally {
            depthSeen++;
        }
    }

    public static byte depthSeen() {
        return depthSeen;
    }
}
