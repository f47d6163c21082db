package ekrona;

import javacard.framework.ISOException;
import javacard.framework.Util;

/**
 * GET STATE: answers a Challenge of the card's own intermediary that names the session's nonce
 * with the signed State, and opens records and INSTRUCTION until deselection or reset. Nothing
 * persistent changes.
 */
final class GetState extends Command {
    GetState(Device device) {
        super(device, Spec.CLA_PROPRIETARY, true);
    }

    short check() {
        byte[] in = ram.in;
        requireParameters(Spec.P1P2_GET_STATE);
        requireActivated();
        Messages.requireAll(in, ram.words[Ram.IN_LENGTH], Spec.CHALLENGE_FRAME,
                Spec.CHALLENGE_LENGTH);
        // The nonce comes first: a Challenge that was heard is no card's any more.
        if (!device.nonce.isValid() || Util.arrayCompare(in,
                (short) (Messages.CHALLENGE_HEADER + Spec.CHALLENGE_OFFSET_NONCE), ram.session,
                Ram.NONCE, Spec.NONCE_LENGTH) != 0) {
            ISOException.throwIt(Spec.SW_CONDITIONS);
        }
        short key = device.authorities.find(Authorities.INSTRUCTION_KEY, (short) 1, in,
                (short) (Messages.CHALLENGE_HEADER + Spec.CHALLENGE_OFFSET_AUTHORITY));
        if (key < 0) {
            ISOException.throwIt(Spec.SW_REFERENCE_UNKNOWN);
        }
        // The signature is verified first: nobody else learns whether this is the card named.
        if (!device.authorities.verify(key, (short) 0, Spec.CHALLENGE_BODY_LENGTH,
                (short) (Spec.CHALLENGE_BODY_LENGTH + Messages.SIGNATURE_HEADER))) {
            ISOException.throwIt(Spec.SW_SIGNATURE);
        }
        requireAddressee(in, (short) (Messages.CHALLENGE_HEADER + Spec.CHALLENGE_OFFSET_DEVICE));
        device.engines.computeIdentity((short) 0, Spec.CHALLENGE_BODY_LENGTH);
        return ANSWER;
    }

    /** Composes the State. The Challenge's identity is in scratch. */
    void compose() {
        byte[] out = ram.out;
        byte[] state = ram.state;
        short open = (short) (device.requests.count() * Spec.OPEN_REQUEST_LENGTH);
        short next = Messages.begin(out, (short) 0, Spec.TAG_STATE,
                (short) (Spec.STATE_AT_OPEN_REQUESTS + Tlv.headerLength(open) + open));
        next = Tlv.put(out, next, Spec.TAG_DEVICE, nvm.identity, Nvm.DEVICE, Spec.DEVICE_ID_LENGTH);
        next = Tlv.put(out, next, Spec.TAG_IDENTITY, ram.scratch, Ram.IDENTITY, Spec.HASH_LENGTH);
        next = Tlv.put(out, next, Spec.TAG_ATC, state, Nvm.ATC, U32.LENGTH);
        next = Tlv.put(out, next, Spec.TAG_ACKED_ATC, state, Nvm.ACKED_ATC, U32.LENGTH);
        device.log.putHead(device.log.count(), Ram.AGREED);
        next = Tlv.put(out, next, Spec.TAG_HEAD, ram.scratch, Ram.AGREED, Spec.HASH_LENGTH);
        next = Tlv.put(out, next, Spec.TAG_BALANCE, state, Nvm.BALANCE, U32.LENGTH);
        next = Tlv.put(out, next, Spec.TAG_INSTRUCTION_SEQUENCE, state, Nvm.SEQUENCE, U32.LENGTH);
        next = Tlv.put(out, next, Spec.TAG_LAST_INSTRUCTION, state, Nvm.INSTRUCTION,
                Spec.HASH_LENGTH);
        next = Tlv.put(out, next, Spec.TAG_CREDIT, state[Nvm.CREDIT]);
        next = Tlv.put(out, next, Spec.TAG_POLICY_VERSION, state,
                (short) (Nvm.POLICY + Spec.POLICY_OFFSET_VERSION), U32.LENGTH);
        next = Tlv.put(out, next, Spec.TAG_NUMBER, state, Nvm.REQUEST_NUMBER, U32.LENGTH);
        next = Tlv.put(out, next, Spec.TAG_LIFE_CYCLE, state[Nvm.LIFE]);
        next = Tlv.put(out, next, Spec.TAG_DATE, state, Nvm.DATE, Spec.DATE_LENGTH);
        next = Tlv.put(out, next, Spec.TAG_ORDER_NUMBER, state, Nvm.ORDER_NUMBER, U32.LENGTH);
        next = Tlv.open(out, next, Spec.TAG_ORDER_HELD, Spec.HASH_LENGTH);
        putIdentity(out, next);
        next = Tlv.put(out, (short) (next + Spec.HASH_LENGTH), Spec.TAG_ATTACKS,
                nvm.attacks[Nvm.ATTACKS_FOUND]);
        next = Tlv.open(out, next, Spec.TAG_OPEN_REQUESTS, open);
        for (short n = (short) 1; n <= device.requests.count(); n++) {
            short entry = device.requests.entry(n);
            next = Util.arrayCopyNonAtomic(state, (short) (entry + OpenRequests.NUMBER), out, next,
                    OpenRequests.VALUES_LENGTH);
            next = Util.arrayCopyNonAtomic(nvm.requests,
                    (short) (device.requests.message(entry) - OpenRequests.HEADER_LENGTH), out,
                    next, Spec.HASH_LENGTH);
        }
        composed((short) 0, next);
    }

    void seal() {
        sign();
    }

    void done() {
        guard.requireSigned();
        ram.session[Ram.STATE_ANSWERED] = Ram.YES;
    }

    /** Writes the identity of the crisis order that the card holds, zeros if none. */
    private void putIdentity(byte[] out, short offset) {
        short length = device.order.length();
        if (length == 0) {
            Util.arrayFillNonAtomic(out, offset, Spec.HASH_LENGTH, (byte) 0);
        } else {
            device.engines.sha.doFinal(nvm.order, (short) 0,
                    (short) (length - StoredOrder.SIGNATURES), out, offset);
        }
    }
}
