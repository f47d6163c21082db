package ekrona;

/**
 * GET CHALLENGE: random bytes for the enciphered PIN that must be the next command. Nothing
 * persistent changes.
 */
final class GetChallenge extends Command {
    /**
     * The next command counts this down to 1, at which the challenge is valid, and the one after it
     * to 0.
     */
    private static final byte COUNTDOWN_START = (byte) 2;

    GetChallenge(Device device) {
        super(device, Spec.CLA_INTERINDUSTRY, false);
    }

    void run() {
        requireParameters(Spec.P1P2_GET_CHALLENGE);
        device.engines.random.generateData(ram.session, Ram.CHALLENGE, Spec.CARD_CHALLENGE_LENGTH);
        ram.session[Ram.CHALLENGE_COUNTDOWN] = COUNTDOWN_START;
        answer(ram.session, Ram.CHALLENGE, Spec.CARD_CHALLENGE_LENGTH);
    }
}
