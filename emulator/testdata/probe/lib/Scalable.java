package probe.lib;

/** An interface that extends another one, so that its table holds inherited methods as well. */
public interface Scalable extends Measurable {
    void scale(short factor);
}
