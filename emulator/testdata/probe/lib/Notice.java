package probe.lib;

import javacard.framework.UserException;

/** A checked exception. */
public class Notice extends UserException {
    public Notice(short reason) {
        super(reason);
    }
}
