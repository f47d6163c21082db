package ekrona;

/**
 * GET CHALLENGE: the session's next nonce, in place of the one before. Nothing persistent changes.
 */
final class GetChallenge extends Command {
    GetChallenge(Device device) {
        super(device, Spec.CLA_INTERINDUSTRY, false);
    }

    short check() {
        requireParameters(Spec.P1P2_GET_CHALLENGE);
        device.nonce.draw();
        return ANSWER;
    }

    void compose() {
        compose(ram.session, Ram.NONCE, Spec.NONCE_LENGTH);
    }

    void answer() {
        guard.require(!Engines.isZero(ram.out, (short) 0, Spec.NONCE_LENGTH));
        super.answer();
    }
}
