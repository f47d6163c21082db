package attack

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"ekrona.example/apdu"
	"ekrona.example/apdu/entropy"
	"ekrona.example/apdu/message"
	"ekrona.example/apdu/spec"
)

// Run makes the attack on a card in all its ways, each in a session of its own, and looks
// before and after. The card takes whole commands. The error names each way to which the
// card gave a wrong answer, and what has changed; it wraps the error of Transmit when no
// answer came.
func (a Attack) Run(ctx context.Context, card apdu.Card, s *Setup) error {
	r := &run{ctx: ctx, card: card, setup: s}
	before, err := r.look(a)
	if err != nil {
		return fmt.Errorf("%s: before the attack: %w", a.Name, err)
	}
	var failed []error
	for _, way := range a.Ways {
		if err := r.try(a, way); err != nil {
			failed = append(failed, fmt.Errorf("%s%s: %w", a.Name, named(way), err))
		}
	}
	if a.Keeps != KeepsNothing {
		after, err := r.look(a)
		if err == nil && !reflect.DeepEqual(before, after) {
			err = fmt.Errorf("the card has changed from %+v to %+v", before, after)
		}
		if err != nil {
			failed = append(failed, fmt.Errorf("%s: after the attack: %w", a.Name, err))
		}
	}
	return errors.Join(failed...)
}

func named(way Way) string {
	if way.Name == "" {
		return ""
	}
	return ", " + way.Name
}

// run is an attack under way.
type run struct {
	ctx   context.Context // of the one attack; every step of it goes to the card
	card  apdu.Card
	setup *Setup
}

func (r *run) send(v spec.Variant, data ...[]byte) ([]byte, error) {
	answer, err := apdu.Send(r.ctx, r.card, v.APDU(data...))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", v.Title(), err)
	}
	return answer, nil
}

// selectApplet begins a session. It returns what distinguishes cards in different states.
func (r *run) selectApplet() (message.FCI, error) {
	answer, err := r.send(spec.Select.Only(), []byte(spec.AppletAID))
	if err != nil {
		return message.FCI{}, err
	}
	fci, err := message.ParseFCI(answer)
	if err != nil {
		return message.FCI{}, err
	}
	r.setup.Application = *fci
	r.setup.Nonce, fci.Nonce = fci.Nonce, message.Nonce{}
	return *fci, nil
}

// try makes one way of the attack.
func (r *run) try(a Attack, way Way) error {
	if _, err := r.selectApplet(); err != nil {
		return err
	}
	blow, err := way.Make(r.setup)
	if err != nil {
		return err
	}
	for _, authority := range blow.Authorities {
		if _, err := r.send(spec.VerifyCertificate.Only(), authority); err != nil {
			return err
		}
	}
	if blow.Variant.Command == spec.Instruct && !blow.Heard {
		if _, err := r.state(); err != nil { // what opens it to the card's own phone
			return err
		}
	}
	if a.Card >= PINEntered {
		plaintext, _ := spec.Verify.Variant("plaintext")
		if _, err := r.send(plaintext, r.setup.PIN); err != nil {
			return err
		}
	}
	if blow.ToChallenge != nil {
		challenge, err := r.send(spec.GetChallenge.Only())
		if err != nil {
			return err
		}
		if len(challenge) != spec.NonceLength {
			return fmt.Errorf("GET CHALLENGE was answered %d bytes", len(challenge))
		}
		data, err := blow.ToChallenge([spec.NonceLength]byte(challenge))
		if err != nil {
			return err
		}
		blow.Data = [][]byte{data}
	}
	for _, step := range blow.Before {
		led, err := r.card.Transmit(r.ctx, step.Command)
		if err != nil {
			return err
		}
		if led.SW != step.Answer {
			return fmt.Errorf("a command that leads to it was answered %s, and %s is right",
				led.SW.String(), step.Answer.String())
		}
	}
	right := a.Answers
	if blow.Answers != nil {
		right = blow.Answers
	}
	response, err := r.card.Transmit(r.ctx, blow.Command())
	switch {
	case err != nil:
		return err
	case !slices.Contains(right, response.SW):
		return fmt.Errorf(
			"%s was answered %s, and %s is right",
			blow.title(),
			response.SW.String(),
			either(right),
		)
	case response.SW != apdu.OK && len(response.Data) > 0:
		return fmt.Errorf(
			"%s was refused, and answered %d bytes",
			blow.title(),
			len(response.Data),
		)
	}
	return nil
}

// either names status words.
func either(words []apdu.StatusWord) string {
	var names []string
	for _, w := range words {
		names = append(names, w.String())
	}
	return strings.Join(names, " or ")
}

// look reads the card's observable state: the State that answers a Challenge of its own
// intermediary and the tries of its PIN, or the answer to SELECT before activation.
func (r *run) look(a Attack) (any, error) {
	fci, err := r.selectApplet()
	if err != nil || a.Card < Active {
		return fci, err
	}
	state, err := r.state()
	if err != nil {
		return nil, err
	}
	state.Challenge, state.Signature = message.Hash{}, [spec.SignatureLength]byte{}
	if a.Keeps == KeepsMoney {
		return shown{State: *state}, nil
	}
	plaintext, _ := spec.Verify.Variant("plaintext")
	left, err := r.card.Transmit(r.ctx, plaintext.APDU())
	return shown{*state, left.SW}, err
}

// state asks for the State by a Challenge of the card's intermediary.
func (r *run) state() (*message.State, error) {
	key := r.setup.Own.InstructionKey
	challenge := &message.Challenge{
		InstructionKey: key.reference(), Device: r.setup.Device, Nonce: r.setup.Nonce,
	}
	if err := entropy.Fill(r.setup.Random, challenge.Random[:]); err != nil {
		return nil, fmt.Errorf("attack: %w", err)
	}
	asked, err := signed(challenge, key)
	if err != nil {
		return nil, err
	}
	if _, err := r.send(spec.VerifyCertificate.Only(), key.Encoded); err != nil {
		return nil, err
	}
	answer, err := r.send(spec.GetState.Only(), asked)
	if err != nil {
		return nil, err
	}
	state, err := message.Parse[message.State](answer)
	if err != nil {
		return nil, err
	}
	if err := message.Verify(state, r.setup.Certificate.Certificate.PublicKey); err != nil {
		return nil, err
	}
	return state, nil
}

// shown is the observable state of an active card.
type shown struct {
	State message.State
	Tries apdu.StatusWord // what VERIFY without data answers
}
