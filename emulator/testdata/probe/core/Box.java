package probe.core;

import probe.lib.Scalable;

/** Second level: overrides with calls to super, and an interface that its parents lack. */
final class Box extends Rectangle implements Scalable {
    private short depth;

    Box(short width, short height, short depth) {
        super(width, height);
        this.depth = depth;
    }

    public int measure() {
        return super.measure() * depth;
    }

    public byte kind() {
        return (byte) (super.kind() + 1);
    }

    short border() {
        return (short) (super.border() + 4 * depth);
    }

    public void scale(short factor) {
        width *= factor;
        height *= factor;
        depth *= factor;
    }
}
