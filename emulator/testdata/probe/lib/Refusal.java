package probe.lib;

import javacard.framework.CardRuntimeException;

/** An exception class of the library: unchecked, with a detail besides the reason. */
public class Refusal extends CardRuntimeException {
    private byte detail;

    public Refusal(short reason, byte detail) {
        super(reason);
        this.detail = detail;
    }

    public byte detail() {
        return detail;
    }
}
