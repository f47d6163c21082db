package catalogue

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"

	"ekrona.example/apdu"
	"ekrona.example/apdu/message"
	"ekrona.example/apdu/spec"
	"ekrona.example/applet/attack"
)

// Found is a card as it is found: nobody here has made it or knows its keys.
type Found struct {
	// Where is the reader or the file that it is in.
	Where string
	// Card takes whole commands.
	Card apdu.Card
	// Begin powers the card off and on. If Copies is set it also sets the copy back to how the card
	// was found.
	Begin func() error
	// Power cuts the power of a virtual card; nil for one in a reader.
	Power *attack.Power
	// Copies reports that nothing that is done to the card stays.
	Copies bool
	// Virtual reports that the card is a virtual one.
	Virtual bool
	// Destructive allows attacks that take something from the card for good.
	Destructive bool
	// Random is where a stranger's keys come from; nil for the system's.
	Random io.Reader

	// Verdict says, when attacks have been played, what card it is.
	Verdict string

	application *message.FCI // nil if the e-krona's applet is not there
	without     string       // why, then
	domain      bool         // the card answers for its security domain
}

// look finds out what card it is.
func (f *Found) look(ctx context.Context) error {
	if err := f.Begin(); err != nil {
		return err
	}
	domain, err := f.Card.Transmit(ctx, attack.SelectDomain())
	if err != nil {
		return fmt.Errorf("%s: %w", f.Where, err)
	}
	f.application, f.without, f.domain = nil, "", domain.SW == apdu.OK
	answer, err := f.Card.Transmit(ctx, spec.Select.Only().APDU([]byte(spec.AppletAID)))
	if err != nil {
		return fmt.Errorf("%s: %w", f.Where, err)
	}
	f.identify(answer)
	return nil
}

// identify tells what card it is by its answer to SELECT.
func (f *Found) identify(answer apdu.Response) {
	const others = "attacks that need its applet are not applicable"
	if answer.SW != apdu.OK {
		f.without = fmt.Sprintf("the e-krona's applet is not on the card: SELECT was answered %s",
			answer.SW.String())
		f.Verdict = "the card in " + f.Where + " has no e-krona applet: " + others
		return
	}
	application, err := message.ParseFCI(answer.Data)
	if err != nil {
		f.without = fmt.Sprintf("what answers to the applet's name is not the e-krona's: %v", err)
		f.Verdict = "the card in " + f.Where + " has another applet of that name: " + others
		return
	}
	f.application = application
	f.Verdict = fmt.Sprintf("the card in %s has the e-krona's applet, %s, by an issuer whose keys "+
		"are not known here: attacks that need them, or the PIN, are not applicable", f.Where,
		stateOf(application.LifeCycle))
}

// stateOf names a state of the applet's life cycle.
func stateOf(l spec.LifeCycle) string { return "in the state " + l.String() }

// lacks says what an attack needs that is not there; empty if nothing.
func (f *Found) lacks(a attack.Attack) string {
	switch {
	case a.Card <= attack.Issued && !f.domain:
		return "the card does not answer for its security domain"
	case a.Card == attack.Managed && a.Stranger:
		return ""
	case f.application == nil:
		return f.without
	case !a.Stranger:
		return "it needs " + a.Card.Needs()
	}
	if a.Torn && f.Power == nil {
		return noPower
	}
	needs, is := a.Card.LifeCycle(), f.application.LifeCycle
	activated := needs == spec.Active && (is == spec.Blocked || is == spec.Closed)
	if needs != is && !activated { // what was active once refuses strangers as before
		return fmt.Sprintf("it is on a card %s, and this one is %s", stateOf(needs), stateOf(is))
	}
	return ""
}

// play plays an attack with what a stranger has.
func (f *Found) play(ctx context.Context, e Entry, a attack.Attack) Result {
	if reason := f.lacks(a); reason != "" {
		return e.result(NotApplicable, reason)
	}
	if a.Destroys != "" && !f.Copies && !f.Destructive {
		return e.result(LeftOut, "it may take "+a.Destroys+" from the card: --destructive")
	}
	if err := f.Begin(); err != nil {
		return e.broken("the card", err)
	}
	random := f.Random
	if random == nil {
		random = rand.Reader
	}
	setup, err := stranger(random, f.application)
	if err != nil {
		return e.broken("the stranger's keys", err)
	}
	setup.Power = f.Power
	if err := a.Outside().Run(ctx, f.Card, setup); err != nil {
		return e.broken("the control, which must succeed", err)
	}
	failed := a.Try(ctx, f.Card, setup)
	switch {
	case f.Virtual && len(failed) == 1 && errors.Is(failed[0], attack.ErrPublishedKeys):
		return e.result(NotApplicable, "a virtual card has the keys that are published for tests "+
			"until they are replaced; a card in a reader must not")
	case len(failed) > 0:
		return e.notRefused(failed)
	}
	return e.result(Refused, "")
}
