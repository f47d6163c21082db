package probe.lib;

/** Something with a size; called through the interface table. */
public interface Measurable {
    /** Identifies the kind; distinct for each class. */
    byte KIND_NONE = 0;

    int measure();

    byte kind();
}
