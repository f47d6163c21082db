package probe.core;

/** What outlives an instance: statics belong to the package. */
final class Registry {
    static short uninstalled;

    private Registry() {
    }
}
