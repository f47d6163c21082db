package intermediary

import (
	"context"
	"errors"
	"slices"

	"ekrona.example/apdu/cvc"
	"ekrona.example/apdu/message"
	"ekrona.example/apdu/spec"
	"ekrona.example/host/banking"
	"ekrona.example/host/envelope"
	"ekrona.example/host/notary"
	"ekrona.example/host/session"
)

// HandOver implements banking.Wallet.
func (i *Intermediary) HandOver(ctx context.Context, messages [][]byte) ([]notary.Answer, error) {
	if err := notary.CheckItems(messages); err != nil {
		return nil, err
	}
	return i.submit(ctx, messages)
}

// submit hands items over to the notary, which has one answer for each.
func (i *Intermediary) submit(ctx context.Context, items [][]byte) ([]notary.Answer, error) {
	return notary.InParts(ctx, items, i.notary.Submit)
}

// Open starts the synchronisation of a device: the notary opens a Challenge and draws its random
// number before the device sees it, and names the Payments that wait for the device's decision. The
// Challenge is for the session that the nonce names. It implements session.Link. Errors:
// [banking.ErrNoDevice], the notary's.
func (i *Intermediary) Open(
	ctx context.Context, id message.DeviceID, nonce message.Nonce,
) (session.Opening, error) {
	if _, err := device(ctx, i.db, id); err != nil {
		return session.Opening{}, err
	}
	return i.open(ctx, id, nonce)
}

// open is Open for a device that is known.
func (i *Intermediary) open(
	ctx context.Context, id message.DeviceID, nonce message.Nonce,
) (session.Opening, error) {
	challenge := &message.Challenge{InstructionKey: i.instructionKey.authority(), Device: id,
		Nonce: nonce}
	opened, err := i.notary.OpenChallenge(ctx, notary.Opening{
		InstructionKey: challenge.InstructionKey, Device: id, Nonce: nonce})
	if err != nil {
		return session.Opening{}, err
	}
	challenge.Random = opened.Random
	opening := session.Opening{Trust: i.trust(), Crisis: opened.Owed.Crisis}
	opening.Trust.Authorities = opened.Owed.CAs
	for _, h := range opened.Owed.Handovers {
		opening.Pending = append(opening.Pending,
			envelope.Envelope{Message: h.Payment, Certificate: h.PayerCertificate,
				Authority: h.PayerCA})
	}
	opening.Challenge, err = envelope.Sign(challenge, i.instructionKey.signer)
	return opening, err
}

// Report passes a device's reading to the notary and returns the Instruction that is due, if any.
// It implements session.Link.
//
//  1. The notary gets the records, then the State. It verifies the chain, every
//     signature and the equation of protocol §8; what it holds stays held.
//     Payments to the unload desk among them get the desk's decision.
//  2. What was moved meanwhile is posted from the notary's statement; in a crowd only
//     a device with an open load waits for that.
//  3. An Instruction that is still outstanding is returned byte for byte.
//  4. Otherwise the next one is made, when something is due: records to
//     acknowledge, a policy, a date, block or unblock, a load.
//
// A cut anywhere leaves what the notary holds; the same Report, or a later one,
// goes on from there. Nothing here is kept that the next one would miss.
// Errors: [banking.ErrNoDevice], [banking.ErrCorrupted], the notary's, for example for a State that
// answers no Challenge.
func (i *Intermediary) Report(
	ctx context.Context, id message.DeviceID, reading session.Reading,
) (session.Answer, error) {
	d, err := device(ctx, i.db, id)
	if err != nil {
		return session.Answer{}, err
	}
	return i.report(ctx, d, reading)
}

// report is Report for a device that was read.
func (i *Intermediary) report(
	ctx context.Context, d storedDevice, reading session.Reading,
) (session.Answer, error) {
	id := d.ID
	state, err := message.Parse[message.State](reading.State)
	if err != nil {
		return session.Answer{},
			banking.Refuse(banking.ErrMalformed, "intermediary: State of %s: %v", id, err)
	}
	if state.Device != id {
		return session.Answer{},
			banking.Refuse(banking.ErrMalformed,
				"intermediary: this is the State of %s, not of %s: synchronise that device itself",
				state.Device, id)
	}
	toDesk, err := i.handOverReading(ctx, reading)
	if err != nil {
		return session.Answer{}, err
	}
	if err := i.answerDeskFor(ctx, toDesk); err != nil {
		return session.Answer{}, err
	}
	report, err := i.notary.SubmitState(ctx, reading.State)
	if err != nil {
		return session.Answer{}, err
	}
	if err := i.noteState(ctx, d, state); err != nil {
		return session.Answer{}, err
	}
	loads, err := i.pullForLoads(ctx, state)
	if err != nil {
		return session.Answer{}, err
	}
	answer := session.Answer{}
	if report.Complete {
		answer.Difference = report.Difference
	}
	outstanding := report.Owed
	if answer.Refused, err = i.refuseIfEnded(ctx, id, outstanding.Status); err != nil {
		return session.Answer{}, err
	}
	if outstanding.Group != d.Group { // by a restored backup, or a cut
		if err := i.noteGroup(ctx, id, outstanding.Group); err != nil {
			return session.Answer{}, err
		}
		if d, err = device(ctx, i.db, id); err != nil {
			return session.Answer{}, err
		}
	}
	if answer.Instruction = outstanding.Instruction; answer.Instruction == nil {
		err = i.instruct(ctx, deviceSituation{d, state, report, outstanding, loads}, &answer)
	}
	if err == nil && answer.Instruction != nil {
		answer.Trust, err = i.trustIn(answer.Instruction)
	}
	return answer, err
}

// handOverReading gives the notary the records and, when it cannot verify one because nobody has
// registered the payer, the payers' certificates, and with them the records again: somebody may
// have handed over a corrupted one before, and only the true one is proven by a certificate. A
// record that stays unverified though the device has shown its proof was altered on its way: the
// device must send it again before it is instructed to drop it. It reports whether a Payment to the
// desk was among them that has no verdict. Errors: [banking.ErrCorrupted], the notary's.
func (i *Intermediary) handOverReading(
	ctx context.Context, reading session.Reading,
) (toDesk bool, err error) {
	// whatever becomes of these, their own devices bring them too
	if _, err := i.submit(ctx, reading.Provenance); err != nil {
		return false, err
	}
	answers, err := i.submit(ctx, reading.Records)
	if err != nil || !slices.ContainsFunc(answers, isUnverified) {
		return slices.ContainsFunc(answers, i.isForDesk), err
	}
	answers, err = i.submit(ctx, slices.Concat(reading.Certificates, reading.Records))
	if err != nil {
		return false, err
	}
	shown, records := answers[:len(reading.Certificates)], answers[len(reading.Certificates):]
	for n, answer := range records {
		if isUnverified(answer) && mayBeVerified(reading.Records[n], reading.Certificates, shown) {
			return false, banking.ErrCorrupted
		}
	}
	return slices.ContainsFunc(records, i.isForDesk), nil
}

// isForDesk reports whether the desk may have to decide on what the notary has answered about.
func (i *Intermediary) isForDesk(a notary.Answer) bool {
	return a.Payment != nil && a.Payment.Payee == i.desk.Device() && !a.Payment.Verdict.Final()
}

// TakeRecords receives a portion of a terminal's records before its State. It implements
// banking.Terminal. Errors: [banking.ErrCorrupted], the notary's.
func (i *Intermediary) TakeRecords(ctx context.Context, portion session.Reading) error {
	_, err := i.handOverReading(ctx, portion)
	return err
}

// isUnverified reports whether the notary holds a record whose Payment is not verified.
func isUnverified(answer notary.Answer) bool {
	return answer.Held && errors.Is(answer.Err, notary.Signature)
}

// mayBeVerified reports whether the certificate of the record's payer was shown, or may have
// been before it was altered. One of a CA that has not joined proves nothing.
func mayBeVerified(record []byte, certificates [][]byte, answers []notary.Answer) bool {
	signed, err := message.ParseRecord(record)
	if err != nil {
		return false
	}
	for n, encoded := range certificates {
		if err := answers[n].Err; errors.Is(err, notary.Malformed) ||
			errors.Is(err, notary.Certificate) {
			return true
		}
		shown, err := cvc.Parse(encoded)
		if err == nil && answers[n].Held && shown.Device() == signed.Payment.Payer {
			return true
		}
	}
	return false
}

// Confirm passes a device's Confirmation to the notary, which releases the credit or takes it back.
// It implements session.Link. A cut before loses nothing: the device's next State says the same.
func (i *Intermediary) Confirm(
	ctx context.Context, id message.DeviceID, confirmation []byte,
) error {
	confirmed, err := message.Parse[message.Confirmation](confirmation)
	if err != nil {
		return banking.Refuse(banking.ErrMalformed, "intermediary: Confirmation of %s: %v", id, err)
	}
	if err := i.notary.Confirm(ctx, confirmation); err != nil {
		return err
	}
	if confirmed.Credit == spec.CreditTaken {
		if err := i.loadIsTaken(ctx, confirmed.Device, confirmed.Sequence); err != nil {
			return err
		}
	}
	if confirmed.Credit != spec.CreditNone {
		return i.PullStatement(ctx)
	}
	return i.pullBeside(ctx)
}
