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
	return errors.Join(a.Try(ctx, card, s)...)
}

// Try is Run with each error by itself, a [*Failure].
func (a Attack) Try(ctx context.Context, card apdu.Card, s *Setup) (failed []error) {
	r := &run{ctx: ctx, below: card, setup: s}
	fail := func(way string, err error) {
		var f *Failure
		if !errors.As(err, &f) {
			f = r.failure(false, err)
		}
		f.Attack, f.Way = a.Name, way
		failed = append(failed, f)
	}
	before, err := r.look(a)
	if err != nil {
		fail("before the attack", err)
		return failed
	}
	for _, way := range a.Ways {
		if err := r.try(a.Card, way, a.Answers); err != nil {
			fail(way.Name, err)
		}
	}
	if a.Keeps == KeepsNothing || a.Keeps == KeepsLed {
		return failed
	}
	after, err := r.look(a)
	switch {
	case err != nil:
		fail("after the attack", err)
	case !reflect.DeepEqual(before, after):
		fail("after the attack", r.failure(true,
			fmt.Errorf("the card has changed from %+v to %+v", before, after)))
	}
	return failed
}

func named(way string) string {
	if way == "" {
		return ""
	}
	return ", " + way
}

// run is an attack under way. It is the card below it, and keeps what goes there.
type run struct {
	ctx   context.Context // of the one attack; every step of it goes to the card
	below apdu.Card
	setup *Setup

	exchanges []apdu.Exchange // of the session
}

// transmit has the card carry out a command.
func (r *run) transmit(c apdu.Command) (apdu.Response, error) {
	response, err := r.below.Transmit(r.ctx, c)
	r.exchanges = append(r.exchanges, apdu.Exchange{Command: c, Response: response, Err: err})
	return response, err
}

// Transmit implements [apdu.Card].
func (r *run) Transmit(_ context.Context, c apdu.Command) (apdu.Response, error) {
	return r.transmit(c)
}

// failure is one of the session; led reports that all that leads to the blow succeeded.
func (r *run) failure(led bool, err error) *Failure {
	return &Failure{Exchanges: r.exchanges, Led: led, Err: err}
}

func (r *run) send(v spec.Variant, data ...[]byte) ([]byte, error) {
	answer, err := apdu.Send(r.ctx, r, v.APDU(data...))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", v.Title(), err)
	}
	return answer, nil
}

// selectApplet begins a session. It returns what distinguishes cards in different states.
func (r *run) selectApplet() (message.FCI, error) {
	r.exchanges = nil
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

// begin begins a session, of the security domain or of the applet.
func (r *run) begin(card Condition) error {
	if card > Issued {
		_, err := r.selectApplet()
		return err
	}
	r.exchanges = nil
	_, err := apdu.Send(r.ctx, r, SelectDomain())
	return err
}

// try makes one way of an attack on a card in that condition.
func (r *run) try(card Condition, way Way, right []apdu.StatusWord) error {
	blow, err := r.lead(card, way)
	if err != nil {
		return r.failure(false, err)
	}
	if blow.Act != nil {
		if err := blow.Act(r.ctx, r); err != nil {
			return r.failure(true, err)
		}
		return nil
	}
	if blow.Answers != nil {
		right = blow.Answers
	}
	response, err := r.transmit(blow.Command())
	switch {
	case err != nil:
	case !slices.Contains(right, response.SW):
		err = fmt.Errorf("%s was answered %s, and %s is right", blow.title(),
			response.SW.String(), either(right))
	case response.SW != apdu.OK && len(response.Data) > 0:
		err = fmt.Errorf("%s was refused, and answered %d bytes", blow.title(), len(response.Data))
	case blow.Holds != nil:
		err = blow.Holds(response.Data)
	}
	if err != nil {
		return r.failure(true, err)
	}
	return nil
}

// lead begins a session and makes the blow ready in it.
func (r *run) lead(card Condition, way Way) (Blow, error) {
	if err := r.begin(card); err != nil {
		return Blow{}, err
	}
	blow, err := way.Make(r.setup)
	if err != nil {
		return Blow{}, err
	}
	for _, authority := range blow.Authorities {
		if _, err := r.send(spec.VerifyCertificate.Only(), authority); err != nil {
			return Blow{}, err
		}
	}
	if blow.Variant.Command == spec.Instruct && !blow.Heard && !r.setup.Stranger {
		if _, err := r.state(); err != nil { // what opens it to the card's own phone
			return Blow{}, err
		}
	}
	if card >= PINEntered && !r.setup.Stranger {
		plaintext, _ := spec.Verify.Variant("plaintext")
		if _, err := r.send(plaintext, r.setup.PIN); err != nil {
			return Blow{}, err
		}
	}
	if blow.ToChallenge != nil {
		challenge, err := r.send(spec.GetChallenge.Only())
		if err != nil {
			return Blow{}, err
		}
		if len(challenge) != spec.NonceLength {
			return Blow{}, fmt.Errorf("GET CHALLENGE was answered %d bytes", len(challenge))
		}
		data, err := blow.ToChallenge([spec.NonceLength]byte(challenge))
		if err != nil {
			return Blow{}, err
		}
		blow.Data = [][]byte{data}
	}
	for _, step := range blow.Before {
		led, err := r.transmit(step.Command)
		if err != nil {
			return Blow{}, err
		}
		if led.SW != step.Answer {
			return Blow{}, fmt.Errorf("a command that leads to it was answered %s, and %s is right",
				led.SW.String(), step.Answer.String())
		}
	}
	return blow, nil
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
	if a.Card <= Issued {
		return r.domain()
	}
	fci, err := r.selectApplet()
	if err != nil || a.Card < Active {
		return fci, err
	}
	plaintext, _ := spec.Verify.Variant("plaintext")
	if r.setup.Stranger && a.Keeps == KeepsMoney {
		return outside{Application: fci}, nil
	}
	if r.setup.Stranger {
		left, err := r.transmit(plaintext.APDU())
		return outside{fci, left.SW}, err
	}
	state, err := r.state()
	if err != nil {
		return nil, err
	}
	state.Challenge, state.Signature = message.Hash{}, [spec.SignatureLength]byte{}
	if a.Keeps == KeepsMoney {
		return shown{State: *state}, nil
	}
	left, err := r.transmit(plaintext.APDU())
	return shown{*state, left.SW}, err
}

// domain is what a stranger sees of a security domain: its answer to SELECT, and its keys.
func (r *run) domain() (any, error) {
	if err := r.begin(Managed); err != nil {
		return nil, err
	}
	selected := r.exchanges[0].Response
	keys, err := r.transmit(getKeys())
	return [2]apdu.Response{selected, keys}, err
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

// outside is what a stranger sees of a card.
type outside struct {
	Application message.FCI
	Tries       apdu.StatusWord // what VERIFY without data answers
}

// shown is the observable state of an active card.
type shown struct {
	State message.State
	Tries apdu.StatusWord // what VERIFY without data answers
}
