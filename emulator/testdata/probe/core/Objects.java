package probe.core;

import javacard.framework.ISO7816;
import javacard.framework.ISOException;
import javacard.framework.Util;
import probe.lib.HarshRefusal;
import probe.lib.Measurable;
import probe.lib.Refusal;
import probe.lib.Scalable;
import probe.lib.Shape;
import probe.lib.Square;

/** Virtual and interface dispatch, casts and type tests, arrays of references. */
final class Objects {
    private final Object[] samples;

    Objects() {
        samples = new Object[9];
        samples[0] = new Square((short) 300);
        samples[1] = new Rectangle((short) 200, (short) 400);
        samples[2] = new Box((short) 20, (short) 30, (short) 500);
        samples[3] = new byte[3];
        samples[4] = new Shape[] {(Shape) samples[0], (Shape) samples[1]};
        samples[5] = new Refusal((short) 1, (byte) 2);
        samples[6] = new int[2];
        samples[7] = null;
        samples[8] = new Box[1];
    }

    /**
     * kind(1) measure(4) twice(4) corners(2) border(2): calls by class, by abstract class and by
     * interface.
     */
    short describe(short index, byte[] out, short offset) {
        Measurable measurable = (Measurable) samples[index];
        out[offset++] = measurable.kind();
        offset = Wire.setInt(out, offset, measurable.measure());
        Shape shape = (Shape) measurable;
        offset = Wire.setInt(out, offset, shape.twice());
        offset = Util.setShort(out, offset, shape.cornersOf());
        short border = -1;
        if (shape instanceof Rectangle) {
            border = ((Rectangle) shape).border();
        }
        return Util.setShort(out, offset, border);
    }

    /** Scales through the interface that extends another. */
    void scale(short index, short factor) {
        ((Scalable) samples[index]).scale(factor);
    }

    /** One bit for each type test that holds, the lowest for Object. */
    short typeTests(short index) {
        Object o = samples[index];
        short bits = 0;
        if (o instanceof Object) bits |= 0x0001;
        if (o instanceof Shape) bits |= 0x0002;
        if (o instanceof Square) bits |= 0x0004;
        if (o instanceof Rectangle) bits |= 0x0008;
        if (o instanceof Box) bits |= 0x0010;
        if (o instanceof Measurable) bits |= 0x0020;
        if (o instanceof Scalable) bits |= 0x0040;
        if (o instanceof byte[]) bits |= 0x0080;
        if (o instanceof int[]) bits |= 0x0100;
        if (o instanceof Object[]) bits |= 0x0200;
        if (o instanceof Shape[]) bits |= 0x0400;
        if (o instanceof Refusal) bits |= 0x0800;
        if (o instanceof HarshRefusal) bits |= 0x1000;
        if (o instanceof Measurable[]) bits |= 0x2000;
        if (o instanceof Scalable[]) bits |= 0x4000;
        return bits;
    }

    /** Casts that succeed or throw ClassCastException. */
    void cast(short index, byte type) {
        Object o = samples[index];
        switch (type) {
            case 0: o = (Shape) o; break;
            case 1: o = (Rectangle) o; break;
            case 2: o = (Scalable) o; break;
            case 3: o = (byte[]) o; break;
            case 4: o = (Shape[]) o; break;
            case 5: o = (Measurable[]) o; break;
            case 6: o = (Object[]) o; break;
            default: ISOException.throwIt(ISO7816.SW_INCORRECT_P1P2);
        }
        samples[index] = o;
    }

    /**
     * Stores into an array of a narrower element type: ArrayStoreException when it does not fit.
     */
    void store(short index) {
        Object[] narrow = (Object[]) samples[4];
        Object old = narrow[1];
        narrow[1] = samples[index];
        narrow[1] = old;
    }

    /** Reference equality: 1 same, 2 other, 3 null. */
    byte same(short a, short b) {
        if (samples[a] == null) {
            return 3;
        }
        return (byte) (samples[a] != samples[b] ? 2 : 1);
    }

    static short made() {
        return Shape.made;
    }
}
