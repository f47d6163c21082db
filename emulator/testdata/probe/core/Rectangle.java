package probe.core;

import probe.lib.Shape;

/** First level below a class of another package. */
class Rectangle extends Shape {
    protected short height;

    Rectangle(short width, short height) {
        super(width);
        this.height = height;
    }

    public int measure() {
        return (int) width * height;
    }

    public byte kind() {
        return 2;
    }

    /** Adds a virtual method below the imported table. */
    short border() {
        return (short) (2 * (width + height));
    }
}
