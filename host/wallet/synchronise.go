package wallet

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"ekrona.example/apdu"
	"ekrona.example/apdu/message"
	"ekrona.example/apdu/spec"
	"ekrona.example/apdu/tlv"
	"ekrona.example/applet/client"
	"ekrona.example/host/envelope"
	"ekrona.example/host/notary"
	"ekrona.example/host/session"
	"ekrona.example/host/store"
)

// Synchronise brings the owner's card and its intermediary to agreement:
//
//  1. What the phone carries, Receipts above all, goes to the notary; a message is
//     forgotten here when the notary holds it. A cut: it is handed over again.
//  2. session.Run with the card. What only the card has is kept: Payments, the answers
//     to its Requests, and open Requests that no transfer on this phone started. Where card and
//     phone are paired nobody who listens learns any of it: all is under secure messaging.
//     A tap that is torn among the records keeps those that it has read, and the next one goes on
//     behind them.
//
// The PIN is needed only when Payments wait for the card and its policy asks for
// one; without it they go on waiting, and the result says so.
// Errors: [*client.LinkLost], [*client.Refusal], those of the link.
func (w *Wallet) Synchronise(ctx context.Context, tap Tap) (session.Result, error) {
	if err := w.handOver(ctx); err != nil {
		return session.Result{}, err
	}
	h, err := w.openSession(ctx, tap)
	if err != nil {
		return session.Result{}, err
	}
	if _, err := h.secure(ctx); err != nil && !isRefused(err) {
		return session.Result{}, err
	}
	result, err := session.Run(ctx, cardDevice{h}, w.intermediary)
	return result, h.forgetLog(ctx, err)
}

// isRefused reports whether a card has refused a command.
func isRefused(err error) bool {
	var refused *client.Refusal
	return errors.As(err, &refused)
}

// handOver hands over the messages of the outbox, after what funded them, and drops those that the
// notary holds.
func (w *Wallet) handOver(ctx context.Context) error {
	waiting, err := store.Column[[]byte](ctx, w.db, `SELECT message FROM outbox ORDER BY position`)
	if err != nil {
		return fmt.Errorf("wallet: journal: %w", err)
	}
	funding, err := store.Column[[]byte](ctx, w.db,
		`SELECT record FROM provenance ORDER BY position`)
	if err != nil {
		return fmt.Errorf("wallet: journal: %w", err)
	}
	if len(waiting)+len(funding) == 0 {
		return nil
	}
	answers, err := notary.InParts(ctx, slices.Concat(funding, waiting), w.intermediary.HandOver)
	if err != nil {
		return err
	}
	if err := w.handedProvenance(ctx, funding); err != nil {
		return err
	}
	for n, answer := range answers[len(funding):] {
		if !answer.Held && (isCertificate(waiting[n]) || !isPermanent(answer.Err)) {
			continue
		}
		if err := w.forget(ctx, waiting[n]); err != nil {
			return err
		}
	}
	return nil
}

// isPermanent reports whether the notary will never hold a message.
func isPermanent(err error) bool {
	return errors.Is(err, notary.Malformed) || errors.Is(err, notary.Signature) ||
		errors.Is(err, notary.Certificate) || errors.Is(err, notary.Self)
}

// isCertificate reports whether a message is the certificate of a payer, which the card has
// verified: when the notary does not take it, it was altered on its way.
func isCertificate(handed []byte) bool { return tlv.NewReader(handed).At(spec.TagCertificate) }

// cardDevice is the owner's card in a session.
type cardDevice struct{ *cardSession }

// ID returns the card's device id, as issued.
func (o cardDevice) ID() message.DeviceID { return o.wallet.device }

// Answer has the card accept a Payment, or refuse its Request when it is blocked
// or a certificate has expired.
func (o cardDevice) Answer(ctx context.Context, waiting envelope.Envelope) error {
	payment, err := message.Parse[message.Payment](waiting.Message)
	if err != nil {
		return fmt.Errorf("%w: %w", session.ErrUndecided, err)
	}
	_, err = o.asOwner(ctx, func() ([]byte, error) {
		return o.Client.Accept(ctx, waiting.Message, waiting.Certificate, waiting.Authority)
	})
	if client.Is(err, spec.SWBlocked) || client.Is(err, spec.SWClosed) ||
		client.Is(err, spec.SWExpired) {
		_, err = o.asOwner(ctx,
			func() ([]byte, error) { return o.Client.Refuse(ctx, payment.Request.Number) })
	}
	var refused *client.Refusal
	if errors.Is(err, ErrPINNeeded) || errors.As(err, &refused) {
		return fmt.Errorf("%w: %w", session.ErrUndecided, err)
	}
	return err
}

// Read lets the card know the last root, answers the Challenge and reads the records. Payments
// among them that the phone has not seen, after a torn tap, are kept: their Requests must not be
// paid again once the card has dropped them.
func (o cardDevice) Read(
	ctx context.Context, challenge []byte, trust session.Trust,
) (session.Reading, error) {
	if err := o.wallet.learnTrust(ctx, trust); err != nil {
		return session.Reading{}, err
	}
	if err := o.followRoots(ctx); err != nil {
		return session.Reading{}, err
	}
	state, err := o.answer(ctx, challenge, trust)
	if err != nil {
		return session.Reading{}, err
	}
	if err := o.renewBatch(ctx); err != nil {
		return session.Reading{}, err
	}
	records, err := o.readLog(ctx, state)
	if err != nil {
		return session.Reading{}, err
	}
	if err := o.findRequests(ctx, state); err != nil {
		return session.Reading{}, err
	}
	reading := session.Reading{State: state, Records: records}
	for _, encoded := range records {
		payer, err := o.wallet.storeRecord(ctx, encoded)
		if err != nil {
			return session.Reading{}, err
		}
		if payer != nil {
			reading.Certificates = append(reading.Certificates, payer)
		}
	}
	return reading, nil
}

// ErrSessionEnded says that the card answers no Challenge for the session that it was asked in: it
// has left the reader in between. Nothing is lost; the next tap asks for another Challenge.
var ErrSessionEnded = errors.New("wallet: the card left the reader while its intermediary was " +
	"asked: hold it to the phone again, and leave it there")

// answer has the card answer the Challenge for this session.
func (h *cardSession) answer(
	ctx context.Context, challenge []byte, trust session.Trust,
) ([]byte, error) {
	state, err := h.GetState(ctx, challenge, trust.InstructionKey)
	if client.Is(err, spec.SWConditions) || client.Is(err, apdu.SWSelectFailed) ||
		client.Is(err, spec.SWInstruction) {
		return nil, fmt.Errorf("%w (%w)", ErrSessionEnded, err)
	}
	return state, err
}

// findRequests keeps the Requests that the card has open and the phone does not know, so that they
// can be paid or refused: a former phone made them, or the answer of the tap was lost. They are
// read only when the State names one. One that was altered on its way is read again the next time.
func (o cardDevice) findRequests(ctx context.Context, state []byte) error {
	sent, err := message.Parse[message.State](state)
	if err != nil {
		return nil // the intermediary reports it
	}
	unknown := false
	for _, open := range sent.OpenRequests {
		_, err := o.wallet.transfer(ctx, open.Request)
		if err != nil && !errors.Is(err, ErrNoTransfer) {
			return err
		}
		unknown = unknown || err != nil
	}
	if !unknown {
		return nil
	}
	open, err := o.OpenRequests(ctx)
	if err != nil {
		return err
	}
	return o.storeFound(ctx, open)
}

// storeFound keeps the open Requests of the owner's card that the phone does not know.
func (h *cardSession) storeFound(ctx context.Context, open [][]byte) error {
	for _, signed := range open {
		if !signedBy(signed, h.wallet.certificate) {
			continue // another's card, or altered on its way
		}
		if _, err := h.wallet.storeRequest(ctx, h.wallet.ownEnvelope(signed), true); err != nil {
			return err
		}
	}
	return nil
}

// Apply gives the card the Instruction, and then the crisis order in force, which the card may have
// refused for a number that the Instruction has set right.
func (o cardDevice) Apply(
	ctx context.Context, instruction []byte, trust session.Trust,
) ([]byte, error) {
	confirmation, err := o.Instruction(ctx, instruction, trust.InstructionKey, trust.Notary)
	if err != nil {
		return nil, err
	}
	if ordered, err := message.Parse[message.Instruction](instruction); err == nil &&
		ordered.Actions.Has(spec.ActionUnpair) {
		o.unsecure()
	}
	k, err := o.wallet.readCrisis(ctx)
	if err != nil || len(k.carried.Order) == 0 {
		return confirmation, err
	}
	// whatever comes of it, the Instruction is applied
	_ = o.CrisisOrder(ctx, k.carried.Order, k.carried.CrisisKey, k.carried.Notary)
	return confirmation, nil
}

// storeRecord keeps the answer of the owner's card in the transfer that it belongs to; one that was
// altered on its way is read again the next time. Of a Payment that the card accepted it returns
// the payer's certificate, when the Payment came through this phone, and hands it over too when the
// Receipt did not come back.
func (w *Wallet) storeRecord(ctx context.Context, encoded []byte) (payer []byte, err error) {
	record, err := message.ParseRecord(encoded)
	if err != nil {
		return nil, fmt.Errorf("wallet: record of the card: %w", err)
	}
	if record.Refusal != nil {
		t, err := w.transfer(ctx, record.Refusal.Request)
		if errors.Is(err, ErrNoTransfer) {
			return nil, nil
		}
		return nil, errors.Join(err, w.storeAnswer(ctx, t, encoded))
	}
	identity, err := message.Identity(&record.Payment.Request)
	if err != nil {
		return nil, fmt.Errorf("wallet: record of the card: %w", err)
	}
	if record.Payment.Payer == w.device {
		if !signedBy(encoded, w.certificate) {
			return nil, nil
		}
		return nil, w.storePayment(ctx, identity, w.ownEnvelope(encoded))
	}
	t, err := w.transfer(ctx, identity)
	// altered: not the card's answer at all
	if errors.Is(err, ErrNoTransfer) || err == nil && record.Receipt == nil {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	receipt, err := message.Encode(record.Receipt)
	if err != nil {
		return nil, fmt.Errorf("wallet: record of the card: %w", err)
	}
	if !t.hasProofOf(receipt) { // the Payment came by another channel
		return nil, w.storeAnswer(ctx, t, receipt)
	}
	return t.payment.Certificate, w.storeAnswer(ctx, t, receipt, t.payment.Certificate)
}

// hasProofOf reports whether the phone has the Payment of a Receipt, with the payer's certificate:
// its own copy counts, not the record's, which may have been altered. An attacker may have sent
// another Payment for the same Request.
func (t transfer) hasProofOf(receipt []byte) bool {
	return t.payment != nil && accepts(receipt, t.payment.Message) &&
		signedBy(t.payment.Message, t.payment.Certificate)
}

// ownEnvelope returns the message with the certificates of the owner's card.
func (w *Wallet) ownEnvelope(signed []byte) envelope.Envelope {
	return envelope.Envelope{Message: signed, Certificate: w.certificate, Authority: w.ca}
}

// storeAnswer keeps the answer of the owner's card to a Request, with the proof of the Payment.
func (w *Wallet) storeAnswer(
	ctx context.Context, t transfer, signed []byte, proof ...[]byte,
) error {
	if t.answer != nil || !signedBy(signed, w.certificate) {
		return nil
	}
	return w.storePayeeAnswer(ctx, t.identity, w.ownEnvelope(signed), proof...)
}
