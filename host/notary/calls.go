package notary

import (
	"context"
	"fmt"

	"ekrona.example/apdu/message"
	"ekrona.example/apdu/money"
	"ekrona.example/host/remote"
)

// Requests and answers of the calls that are not types of the contract itself.
type (
	itemsRequest struct {
		Items [][]byte `json:"items,omitempty"`
	}
	itemsAnswer struct {
		Answers []Answer `json:"answers,omitempty"`
	}
	messageRequest struct {
		Message []byte `json:"message,omitempty"`
	}
	deviceRequest struct {
		Device message.DeviceID `json:"device"`
	}
	groupRequest struct {
		Device message.DeviceID `json:"device"`
		Group  uint8            `json:"group"`
	}
	positionRequest struct {
		Device message.DeviceID `json:"device"`
		ATC    uint32           `json:"atc"`
	}
	openingRequest struct {
		InstructionKey message.AuthorityRef `json:"instruction_key"`
		Device         message.DeviceID     `json:"device"`
		Nonce          []byte               `json:"nonce,omitempty"`
	}
	openingAnswer struct {
		Random []byte      `json:"random,omitempty"`
		Owed   Outstanding `json:"owed"`
	}
	coSignRequest struct {
		Order       OrderKey `json:"order"`
		Instruction []byte   `json:"instruction,omitempty"`
	}
	coSignAnswer struct {
		Instruction []byte `json:"instruction,omitempty"`
	}
	pageRequest struct {
		After int64 `json:"after"`
		Limit int   `json:"limit"`
	}
	statementAnswer struct {
		Entries []Entry `json:"entries,omitempty"`
	}
	revokedAnswer struct {
		Revoked []Revocation `json:"revoked,omitempty"`
	}
	verdictRequest struct {
		PaymentName
	}
	verdictAnswer struct {
		Verdict Verdict `json:"verdict"`
	}
	joinRequest struct {
		Name           message.Name `json:"name"`
		CA             []byte       `json:"ca,omitempty"`
		InstructionKey []byte       `json:"instruction_key,omitempty"`
	}
	issueRequest struct {
		Order        OrderKey     `json:"order"`
		Intermediary message.Name `json:"intermediary"`
		Amount       money.Ore    `json:"amount"`
	}
	fundPoolRequest struct {
		Order  OrderKey  `json:"order"`
		Amount money.Ore `json:"amount"`
	}
	endDueAnswer struct {
		Ended []EndedDevice `json:"ended,omitempty"`
	}
	paymentRequest struct {
		Payer message.DeviceID `json:"payer"`
		ATC   uint32           `json:"atc"`
	}
)

// public makes the calls that anybody may make to a notary at the far side of a link.
type public struct{ client remote.Client }

// NewPublic returns the notary at the far side of a link.
func NewPublic(t remote.Transport) Public {
	return public{remote.Client{Transport: t, Errors: Errors}}
}

// Revoked implements Public.
func (p public) Revoked(ctx context.Context, after int64, limit int) ([]Revocation, error) {
	a, err := remote.Ask[revokedAnswer](ctx, p.client, "revoked", pageRequest{after, limit})
	return a.Revoked, err
}

// Verdict implements Public.
func (p public) Verdict(ctx context.Context, payment PaymentName) (Verdict, error) {
	a, err := remote.Ask[verdictAnswer](ctx, p.client, "verdict", verdictRequest{payment})
	return a.Verdict, err
}

// ServePublic answers what everybody may ask.
func ServePublic(p Public) *remote.Server {
	s := remote.NewServer(Errors)
	servePublic(s, p)
	return s
}

func servePublic(s *remote.Server, p Public) {
	remote.Handle(s, "revoked", func(ctx context.Context, q pageRequest) (revokedAnswer, error) {
		revoked, err := p.Revoked(ctx, q.After, q.Limit)
		return revokedAnswer{revoked}, err
	})
	remote.Handle(s, "verdict", func(ctx context.Context, q verdictRequest) (verdictAnswer, error) {
		v, err := p.Verdict(ctx, q.PaymentName)
		return verdictAnswer{v}, err
	})
}

// participant makes one intermediary's calls to a notary at the far side of a link.
type participant struct{ public }

// NewParticipant returns the notary at the far side of a link that has authenticated the
// intermediary on this side.
func NewParticipant(t remote.Transport) Participant {
	return participant{public{remote.Client{Transport: t, Errors: Errors}}}
}

// Register implements Participant.
func (p participant) Register(ctx context.Context, r Registration) error {
	return remote.Do(ctx, p.client, "register", r)
}

// Submit implements Participant.
func (p participant) Submit(ctx context.Context, items [][]byte) ([]Answer, error) {
	a, err := remote.Ask[itemsAnswer](ctx, p.client, "submit", itemsRequest{remote.Items(items)})
	return a.Answers, err
}

// OpenChallenge implements Participant.
func (p participant) OpenChallenge(ctx context.Context, o Opening) (opened Opened, err error) {
	a, err := remote.Ask[openingAnswer](ctx, p.client, "open-challenge",
		openingRequest{o.InstructionKey, o.Device, o.Nonce[:]})
	if err != nil {
		return opened, err
	}
	if err := opened.Random.UnmarshalBinary(a.Random); err != nil {
		return opened, fmt.Errorf("notary: random number of a Challenge: %w", err)
	}
	opened.Owed = a.Owed
	return opened, nil
}

// SubmitState implements Participant.
func (p participant) SubmitState(ctx context.Context, state []byte) (StateReport, error) {
	return remote.Ask[StateReport](ctx, p.client, "submit-state", messageRequest{state})
}

// Outstanding implements Participant.
func (p participant) Outstanding(
	ctx context.Context, device message.DeviceID,
) (Outstanding, error) {
	return remote.Ask[Outstanding](ctx, p.client, "outstanding", deviceRequest{device})
}

// Position implements Participant.
func (p participant) Position(
	ctx context.Context, device message.DeviceID, atc uint32,
) (Position, error) {
	return remote.Ask[Position](ctx, p.client, "position", positionRequest{device, atc})
}

// CoSign implements Participant.
func (p participant) CoSign(
	ctx context.Context, order OrderKey, instruction []byte,
) ([]byte, error) {
	a, err := remote.Ask[coSignAnswer](ctx, p.client, "co-sign", coSignRequest{order, instruction})
	return a.Instruction, err
}

// Confirm implements Participant.
func (p participant) Confirm(ctx context.Context, confirmation []byte) error {
	return remote.Do(ctx, p.client, "confirm", messageRequest{confirmation})
}

// Refund implements Participant.
func (p participant) Refund(ctx context.Context, r Refund) error {
	return remote.Do(ctx, p.client, "refund", r)
}

// ReportLost implements Participant.
func (p participant) ReportLost(ctx context.Context, device message.DeviceID) error {
	return remote.Do(ctx, p.client, "report-lost", deviceRequest{device})
}

// End implements Participant.
func (p participant) End(ctx context.Context, device message.DeviceID) error {
	return remote.Do(ctx, p.client, "end", deviceRequest{device})
}

// EndNow implements Participant.
func (p participant) EndNow(ctx context.Context, device message.DeviceID) error {
	return remote.Do(ctx, p.client, "end-now", deviceRequest{device})
}

// SetGroup implements Participant.
func (p participant) SetGroup(ctx context.Context, device message.DeviceID, group uint8) error {
	return remote.Do(ctx, p.client, "set-group", groupRequest{device, group})
}

// Statement implements Participant.
func (p participant) Statement(ctx context.Context, after int64, limit int) ([]Entry, error) {
	a, err := remote.Ask[statementAnswer](ctx, p.client, "statement", pageRequest{after, limit})
	return a.Entries, err
}

// ServeParticipant answers one intermediary, which the link has authenticated.
func ServeParticipant(p Participant) *remote.Server {
	s := ServePublic(p)
	remote.HandleOnly(s, "register", p.Register)
	remote.Handle(s, "submit", func(ctx context.Context, q itemsRequest) (itemsAnswer, error) {
		answers, err := p.Submit(ctx, q.Items)
		return itemsAnswer{answers}, err
	})
	remote.Handle(s, "open-challenge",
		func(ctx context.Context, q openingRequest) (openingAnswer, error) {
			o := Opening{InstructionKey: q.InstructionKey, Device: q.Device}
			if err := o.Nonce.UnmarshalBinary(q.Nonce); err != nil {
				return openingAnswer{}, Refuse(Malformed, "nonce of %s: %v", q.Device, err)
			}
			opened, err := p.OpenChallenge(ctx, o)
			return openingAnswer{opened.Random[:], opened.Owed}, err
		})
	remote.Handle(s, "submit-state",
		func(ctx context.Context, q messageRequest) (StateReport, error) {
			return p.SubmitState(ctx, q.Message)
		})
	remote.Handle(s, "outstanding",
		func(ctx context.Context, q deviceRequest) (Outstanding, error) {
			return p.Outstanding(ctx, q.Device)
		})
	remote.Handle(s, "position", func(ctx context.Context, q positionRequest) (Position, error) {
		return p.Position(ctx, q.Device, q.ATC)
	})
	remote.Handle(s, "co-sign", func(ctx context.Context, q coSignRequest) (coSignAnswer, error) {
		signed, err := p.CoSign(ctx, q.Order, q.Instruction)
		return coSignAnswer{signed}, err
	})
	remote.HandleOnly(s, "confirm",
		func(ctx context.Context, q messageRequest) error { return p.Confirm(ctx, q.Message) })
	remote.HandleOnly(s, "refund", p.Refund)
	remote.HandleOnly(s, "report-lost",
		func(ctx context.Context, q deviceRequest) error { return p.ReportLost(ctx, q.Device) })
	remote.HandleOnly(s, "end",
		func(ctx context.Context, q deviceRequest) error { return p.End(ctx, q.Device) })
	remote.HandleOnly(s, "end-now",
		func(ctx context.Context, q deviceRequest) error { return p.EndNow(ctx, q.Device) })
	remote.HandleOnly(s, "set-group", func(ctx context.Context, q groupRequest) error {
		return p.SetGroup(ctx, q.Device, q.Group)
	})
	remote.Handle(s, "statement",
		func(ctx context.Context, q pageRequest) (statementAnswer, error) {
			entries, err := p.Statement(ctx, q.After, q.Limit)
			return statementAnswer{entries}, err
		})
	return s
}
