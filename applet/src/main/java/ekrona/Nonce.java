package ekrona;

import javacard.framework.Util;

/** The session's nonce, which an enciphered PIN or an authentication uses up. */
final class Nonce {
    /** The flag of one that was there, and that this command uses up. */
    private static final byte IN_USE = (byte) 0x35;

    private final Ram ram;
    private final Engines engines;
    private final Guard guard;

    Nonce(Ram ram, Engines engines, Guard guard) {
        this.ram = ram;
        this.engines = engines;
        this.guard = guard;
    }

    /** Draws it, in place of the one before: among the checks, since it can fail. */
    void draw() {
        ram.session[Ram.NONCE_VALID] = 0;
        engines.draw(ram.session, Ram.NONCE, Spec.NONCE_LENGTH);
        ram.session[Ram.NONCE_VALID] = Ram.YES;
    }

    /** Reports whether it is there. */
    boolean isValid() {
        return ram.session[Ram.NONCE_VALID] == Ram.YES;
    }

    /** Reports whether it was there before this command, which uses it up. */
    boolean isFresh() {
        return ram.session[Ram.NONCE_VALID] == (guard.isFirst() ? Ram.YES : IN_USE);
    }

    /** Uses it up, whatever the outcome. Reports whether it was there. */
    boolean use() {
        byte was = ram.session[Ram.NONCE_VALID];
        if (guard.isFirst()) {
            // Whoever has the second pass take itself for the first finds it gone.
            ram.session[Ram.NONCE_VALID] = was == Ram.YES ? IN_USE : 0;
            return was == Ram.YES;
        }
        return was == IN_USE;
    }

    /** Forgets one that has been used up. */
    void end() {
        if (ram.session[Ram.NONCE_VALID] != Ram.YES) {
            ram.session[Ram.NONCE_VALID] = 0;
        }
    }

    /** Reports whether the bytes in scratch are the nonce. */
    boolean isAt(short offset) {
        return Util.arrayCompare(ram.scratch, offset, ram.session, Ram.NONCE, Spec.NONCE_LENGTH)
                == 0;
    }
}
