package simulator

import (
	"context"
	"errors"
	"slices"

	"ekrona.example/apdu/message"
	"ekrona.example/host/banking"
	"ekrona.example/host/envelope"
	"ekrona.example/host/notary"
	"ekrona.example/host/order"
	"ekrona.example/host/session"
)

// errLink is the error of a call that was lost on its way, or whose reply was.
var errLink = errors.New("the link is down")

// carryCall carries a call between two parties, under the faults. The messages are what it hands
// over, which can be altered.
func carryCall[T any](w *world, call func() (T, error), messages ...*[]byte) (answer T, err error) {
	if w.plan.calm {
		return call()
	}
	w.plan.calls++
	now := w.plan.calls
	for _, m := range messages {
		w.recordSent(*m)
	}
	if !w.plan.nested {
		w.plan.depth++
		defer func() { w.plan.depth-- }()
	}
	if f, due := w.due(Interleave, now); due && !w.plan.nested {
		w.meanwhile(f)
	}
	if _, lost := w.due(LoseCall, now); lost {
		return answer, errLink
	}
	if f, altered := w.due(AlterCall, now); altered && len(messages) > 0 {
		m := messages[f.Salt%len(messages)]
		*m = flip(*m, f.Salt)
	}
	if _, repeated := w.due(RepeatCall, now); repeated {
		if _, err := call(); err != nil {
			w.note("        the first time: %v", err)
		}
	}
	answer, err = call()
	_, lost := w.due(LoseReply, now)
	if w.plan.abandoned && w.plan.depth == 1 && !w.plan.nested { // it is the phone's call
		w.plan.abandoned, lost = false, true
	}
	if lost {
		var none T
		return none, errLink
	}
	return answer, err
}

// callOnly carries a call without an answer.
func callOnly(w *world, call func() error, messages ...*[]byte) error {
	_, err := carryCall(w, func() (struct{}, error) { return struct{}{}, call() }, messages...)
	return err
}

// maxSent bounds what is stored for later replay.
const maxSent = 400

func (w *world) recordSent(m []byte) {
	w.digest.Write(m)
	if len(w.sentMessages) < maxSent {
		w.sentMessages = append(w.sentMessages, m)
		return
	}
	w.sentMessages[w.plan.calls%maxSent] = m
}

// pointers to the elements of a copy of the list, and the copy.
func pointers(list [][]byte) ([]*[]byte, [][]byte) {
	own := append([][]byte{}, list...)
	all := make([]*[]byte, len(own))
	for n := range own {
		all[n] = &own[n]
	}
	return all, own
}

// bankLink is the link of a phone or terminal to its intermediary.
type bankLink struct {
	w    *world
	bank *bank
	who  string
}

var (
	_ banking.Wallet   = bankLink{}
	_ banking.Terminal = bankLink{}
)

// Open implements session.Link.
func (l bankLink) Open(
	ctx context.Context, device message.DeviceID, nonce message.Nonce,
) (session.Opening, error) {
	return carryCall(l.w,
		func() (session.Opening, error) { return l.bank.Open(ctx, device, nonce) })
}

// Report implements session.Link.
func (l bankLink) Report(
	ctx context.Context, device message.DeviceID, reading session.Reading,
) (session.Answer, error) {
	messages, records := pointers(reading.Records)
	shown, certificates := pointers(reading.Certificates)
	answer, err := carryCall(l.w, func() (session.Answer, error) {
		return l.bank.Report(ctx, device, session.Reading{State: reading.State, Records: records,
			Certificates: certificates})
	}, append(slices.Concat(messages, shown), &reading.State)...)
	if answer.Instruction != nil {
		l.w.orders = append(l.w.orders, answer.Instruction)
		l.w.recordSent(answer.Instruction)
		if _, withheld := l.w.due(Withhold, 1); withheld {
			answer.Instruction = nil
		}
	}
	return answer, err
}

// Confirm implements session.Link.
func (l bankLink) Confirm(ctx context.Context, device message.DeviceID, confirmation []byte) error {
	return callOnly(l.w, func() error { return l.bank.Confirm(ctx, device, confirmation) },
		&confirmation)
}

// TakeRecords implements banking.Terminal.
func (l bankLink) TakeRecords(ctx context.Context, portion session.Reading) error {
	l.w.checkTerminalRevealed(l.who, portion.Provenance)
	messages, records := pointers(portion.Records)
	shown, certificates := pointers(portion.Certificates)
	beside, provenance := pointers(portion.Provenance)
	return callOnly(l.w, func() error {
		return l.bank.TakeRecords(ctx, session.Reading{Records: records,
			Certificates: certificates, Provenance: provenance})
	}, slices.Concat(messages, shown, beside)...)
}

// Position implements banking.Terminal.
func (l bankLink) Position(
	ctx context.Context, device message.DeviceID, atc uint32,
) (notary.Position, error) {
	return carryCall(l.w,
		func() (notary.Position, error) { return l.bank.Position(ctx, device, atc) })
}

// Restore implements banking.Terminal.
func (l bankLink) Restore(
	ctx context.Context, device message.DeviceID,
) (banking.Restoration, error) {
	return carryCall(l.w,
		func() (banking.Restoration, error) { return l.bank.Restore(ctx, device) })
}

// Revoked implements banking.Terminal.
func (l bankLink) Revoked(ctx context.Context, after int64) ([]notary.Revocation, error) {
	return carryCall(l.w, func() ([]notary.Revocation, error) { return l.bank.Revoked(ctx, after) })
}

// HandOver implements banking.Wallet. An intermediary that withholds answers that all is held, and
// does not pass it on.
func (l bankLink) HandOver(ctx context.Context, messages [][]byte) ([]notary.Answer, error) {
	l.w.checkRevealed(l.who, messages)
	all, own := pointers(messages)
	if _, withheld := l.w.due(Withhold, 2); withheld {
		answers := make([]notary.Answer, len(own))
		for n := range answers {
			answers[n].Held = true
		}
		return answers, nil
	}
	return carryCall(l.w, func() ([]notary.Answer, error) { return l.bank.HandOver(ctx, own) },
		all...)
}

// PlaceLoad implements banking.Wallet.
func (l bankLink) PlaceLoad(ctx context.Context, o order.Signed) error {
	return callOnly(l.w, func() error { return l.bank.PlaceLoad(ctx, o) }, &o.Signature)
}

// LoadProgress implements banking.Wallet.
func (l bankLink) LoadProgress(ctx context.Context, o order.Signed) (order.Progress, error) {
	return carryCall(l.w, func() (order.Progress, error) { return l.bank.LoadProgress(ctx, o) },
		&o.Signature)
}

// RequestUnload implements banking.Wallet.
func (l bankLink) RequestUnload(ctx context.Context, o order.Signed) (envelope.Envelope, error) {
	return carryCall(l.w, func() (envelope.Envelope, error) { return l.bank.RequestUnload(ctx, o) },
		&o.Signature)
}

// TakeUnload implements banking.Wallet.
func (l bankLink) TakeUnload(ctx context.Context, payment []byte) ([]byte, error) {
	return carryCall(l.w, func() ([]byte, error) { return l.bank.TakeUnload(ctx, payment) },
		&payment)
}

// UnloadReceipt implements banking.Wallet.
func (l bankLink) UnloadReceipt(ctx context.Context, o order.Signed) ([]byte, error) {
	return carryCall(l.w, func() ([]byte, error) { return l.bank.UnloadReceipt(ctx, o) },
		&o.Signature)
}

// BatchCertificate implements banking.Wallet.
func (l bankLink) BatchCertificate(ctx context.Context, batch message.DeviceID) ([]byte, error) {
	return carryCall(l.w, func() ([]byte, error) { return l.bank.BatchCertificate(ctx, batch) })
}

// notaryLink is the link of an intermediary to the central bank.
type notaryLink struct {
	w    *world
	bank *bank
}

var _ notary.Participant = notaryLink{}

// central returns the notary for the link's intermediary.
func (l notaryLink) central() notary.Participant { return l.w.central.For(l.bank.name) }

// Register implements notary.Participant.
func (l notaryLink) Register(ctx context.Context, r notary.Registration) error {
	return callOnly(l.w, func() error { return l.central().Register(ctx, r) })
}

// Submit implements notary.Participant.
func (l notaryLink) Submit(ctx context.Context, items [][]byte) ([]notary.Answer, error) {
	all, own := pointers(items)
	return carryCall(l.w, func() ([]notary.Answer, error) { return l.central().Submit(ctx, own) },
		all...)
}

// OpenChallenge implements notary.Participant.
func (l notaryLink) OpenChallenge(
	ctx context.Context, o notary.Opening,
) (notary.Opened, error) {
	return carryCall(l.w,
		func() (notary.Opened, error) { return l.central().OpenChallenge(ctx, o) })
}

// SubmitState implements notary.Participant.
func (l notaryLink) SubmitState(ctx context.Context, state []byte) (notary.StateReport, error) {
	return carryCall(l.w,
		func() (notary.StateReport, error) { return l.central().SubmitState(ctx, state) }, &state)
}

// Position implements notary.Participant.
func (l notaryLink) Position(
	ctx context.Context, device message.DeviceID, atc uint32,
) (notary.Position, error) {
	return carryCall(l.w, func() (notary.Position, error) {
		return l.central().Position(ctx, device, atc)
	})
}

// Outstanding implements notary.Participant.
func (l notaryLink) Outstanding(
	ctx context.Context, device message.DeviceID,
) (notary.Outstanding, error) {
	return carryCall(l.w,
		func() (notary.Outstanding, error) { return l.central().Outstanding(ctx, device) })
}

// CoSign implements notary.Participant.
func (l notaryLink) CoSign(
	ctx context.Context, order notary.OrderKey, instruction []byte,
) ([]byte, error) {
	return carryCall(l.w,
		func() ([]byte, error) { return l.central().CoSign(ctx, order, instruction) }, &instruction)
}

// Confirm implements notary.Participant.
func (l notaryLink) Confirm(ctx context.Context, confirmation []byte) error {
	return callOnly(l.w, func() error { return l.central().Confirm(ctx, confirmation) },
		&confirmation)
}

// Refund implements notary.Participant.
func (l notaryLink) Refund(ctx context.Context, r notary.Refund) error {
	return callOnly(l.w, func() error { return l.central().Refund(ctx, r) })
}

// ReportLost implements notary.Participant.
func (l notaryLink) ReportLost(ctx context.Context, device message.DeviceID) error {
	return callOnly(l.w, func() error { return l.central().ReportLost(ctx, device) })
}

// End implements notary.Participant.
func (l notaryLink) End(ctx context.Context, device message.DeviceID) error {
	return callOnly(l.w, func() error { return l.central().End(ctx, device) })
}

// EndNow implements notary.Participant.
func (l notaryLink) EndNow(ctx context.Context, device message.DeviceID) error {
	return callOnly(l.w, func() error { return l.central().EndNow(ctx, device) })
}

// SetGroup implements notary.Participant.
func (l notaryLink) SetGroup(ctx context.Context, device message.DeviceID, group uint8) error {
	return callOnly(l.w, func() error { return l.central().SetGroup(ctx, device, group) })
}

// Revoked implements notary.Participant.
func (l notaryLink) Revoked(
	ctx context.Context, after int64, limit int,
) ([]notary.Revocation, error) {
	return carryCall(l.w,
		func() ([]notary.Revocation, error) { return l.central().Revoked(ctx, after, limit) })
}

// Statement implements notary.Participant.
func (l notaryLink) Statement(ctx context.Context, after int64, limit int) ([]notary.Entry, error) {
	return carryCall(l.w,
		func() ([]notary.Entry, error) { return l.central().Statement(ctx, after, limit) })
}

// Verdict implements notary.Participant.
func (l notaryLink) Verdict(
	ctx context.Context, payment notary.PaymentName,
) (notary.Verdict, error) {
	return carryCall(l.w,
		func() (notary.Verdict, error) { return l.central().Verdict(ctx, payment) })
}
