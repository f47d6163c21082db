package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"ekrona/apdu/message"
	"ekrona/apdu/pin"
	"ekrona/host/card"
	"ekrona/host/sandbox"
)

// holderFlags are the flags of commands for a card's holder.
type holderFlags struct {
	cards  cardFlags
	world  inSandbox
	plain  bool
	pin    holderSecret
	device string
}

// holderCommand makes a command on a card that is in its holder's hand: in a reader, in
// a file, or that of a person of a sandbox.
func holderCommand(f *holderFlags, c *cobra.Command, do func(ctx context.Context, h *heldCard) error) *cobra.Command {
	c.Use += " [NAME]"
	c.Long = c.Short + `.

The card is that in a PC/SC reader (--reader), the virtual one in a file (--card), or
that of a person of a sandbox (NAME --state DIR), wherever it is. The PIN comes from
--pin-file, from EKRONA_PIN, from the PIN letter of a person of the demo, or is asked
for at the terminal.

It goes to the card enciphered when the card's PIN key is known, which the person's
phone knows. Without NAME it could go to a card in a reader in clear only, and does not
unless --plain-pin says so: whoever can listen to the reader could take it down.
` + c.Long
	c.Args = cobra.MaximumNArgs(1)
	c.RunE = func(c *cobra.Command, arguments []string) error {
		return f.hold(c, arguments, do)
	}
	f.cards.add(c)
	f.pin = holderSecret{kind: "PIN", flag: "--pin-file", environment: "EKRONA_PIN"}
	c.Flags().StringVar(&f.pin.file, "pin-file", "", "file with the PIN, which its owner alone may read")
	c.Flags().BoolVar(&f.plain, "plain-pin", false, "let PIN and PUK go to a card in a reader in clear")
	c.Flags().StringVar(&f.world.state, "state", "", "folder of the sandbox in which NAME has a phone")
	c.Flags().StringVar(&f.device, "device", "", "which card of NAME's, by its device id; needed where NAME has several")
	c.Flags().BoolVar(&f.world.asJSON, "json", false, "answer as JSON; amounts in ore")
	return c
}

// heldCard is a card in its holder's hand, with the applet selected if it is there.
type heldCard struct {
	*card.Client
	atr    []byte // nil where no reader tells
	where  string
	fci    message.FCI
	absent error // why the applet could not be selected

	transport  card.PINTransport
	inClear    error                     // why no PIN goes to the card, nil if one may
	letter     sandbox.Letter            // empty but for people of the demo
	noteNewPIN func(digits string) error // keeps it in the letter
}

// hold opens the card and does something with it.
func (f *holderFlags) hold(c *cobra.Command, arguments []string, do func(ctx context.Context, h *heldCard) error) error {
	if len(arguments) == 0 {
		if f.world.state != "" {
			return usage("%s: name whose card of the sandbox it is, or leave --state out", c.CommandPath())
		}
		return withCard(c, &f.cards, func(opened *openCard) error {
			h := &heldCard{Client: card.New(opened), atr: opened.ATR, where: opened.Where, noteNewPIN: func(string) error { return nil }}
			if f.cards.file == "" && !f.plain {
				h.inClear = errors.New("the PIN would go to the card in clear: name its holder with NAME --state DIR, whose bank knows the card's key, or say --plain-pin if nobody can listen to this reader")
			}
			return h.selectAnd(c.Context(), do)
		})
	}
	f.world.traced, f.cards.traced = f.cards.traced, false
	return f.world.run(c, func(ctx context.Context, s *sandbox.Sandbox) error {
		person, err := s.Person(ctx, arguments[0], message.DeviceID(f.device))
		if err != nil {
			return err
		}
		h, err := ofPerson(s, person)
		if err != nil {
			return err
		}
		if !f.cards.named() {
			h.Client = card.New(person.Card.Tap())
			return h.selectAnd(ctx, do)
		}
		return withCard(c, &f.cards, func(opened *openCard) error {
			person.Card.Insert(opened, opened.Reset)
			h.Client, h.atr, h.where = card.New(person.Card.Tap()), opened.ATR, opened.Where
			return h.selectAnd(ctx, do)
		})
	})
}

// ofPerson knows the key to which the PIN of a person's card is enciphered, and the
// person's PIN letter.
func ofPerson(s *sandbox.Sandbox, person *sandbox.Person) (*heldCard, error) {
	if person.Phone == nil {
		return nil, fmt.Errorf("%s has no card yet: issue one with \"ekrona issue card\"", person.Name)
	}
	key := person.Phone.PINKey()
	h := &heldCard{where: person.Name + "'s", transport: card.PINTransport{Key: key, Random: rand.Reader}, letter: person.Letter}
	h.noteNewPIN = func(digits string) error {
		if h.letter.PIN == "" {
			return nil
		}
		return s.NoteNewPIN(person.Holder, digits)
	}
	return h, nil
}

func (h *heldCard) selectAnd(ctx context.Context, do func(ctx context.Context, h *heldCard) error) error {
	h.fci, h.absent = h.Select(ctx)
	return do(ctx, h)
}

// verify enters the PIN.
func (h *heldCard) verify(ctx context.Context, entry holderSecret) error {
	if err := errors.Join(h.absent, h.inClear); err != nil {
		return err
	}
	digits, err := entry.read(ctx, h.letter.PIN)
	if err != nil {
		return err
	}
	block, err := pin.NewBlock(digits)
	if err != nil {
		return usage("%w", err)
	}
	return h.Verify(ctx, block, h.transport)
}
