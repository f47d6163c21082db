package card

import (
	"context"
	"crypto/ecdsa"
	"crypto/rand"
	"errors"

	"github.com/spf13/cobra"

	"ekrona.example/apdu"
	"ekrona.example/apdu/message"
	"ekrona.example/apdu/pin"
	"ekrona.example/apdu/spec"
	"ekrona.example/applet/client"
	"ekrona.example/host/cmd/ekrona/internal/cli"
)

// HolderCard is one of a holder's cards.
type HolderCard struct {
	PINKey     *ecdsa.PublicKey // to which the card's PINs are enciphered; nil for a card of nobody
	PIN, PUK   string           // of the PIN letter, empty where that is on paper
	NoteNewPIN func(digits string) error

	// Secured is wallet.Wallet's, and PairAgain too; nil without a phone.
	Secured   func(ctx context.Context, c *client.Client, n message.Nonce) (*client.Client, error)
	PairAgain func(ctx context.Context, c *client.Client, entered pin.Block) error
}

// Holder is a person whose card is named by its holder's name.
type Holder struct {
	Name  string
	Cards []HolderCard // that may be in the hand, the likely one first
	Away  error        // why there is no card in the person's own place, nil if there is one
	// None is the error if the card in the hand is none of Cards.
	None error

	// Tap holds the person's card to a reader: the one that was opened, or with nil that
	// in the person's own place.
	Tap func(opened *cli.OpenCard) apdu.Card
}

// Place names the card that is meant.
type Place struct {
	State  string // folder of the sandbox
	Name   string
	Device string    // id of the card, empty for the one in the hand
	Trace  cli.Trace // commands and answers are shown

	// Recorded is how a card in the person's own place is recorded.
	Recorded cli.RecordingFlags
}

// Holders opens the folder of a place, finds the person in it and does something for the
// person.
type Holders func(c *cobra.Command, at Place, do func(ctx context.Context, h Holder) error) error

// holderFlags are the flags of commands for a card's holder.
type holderFlags struct {
	holders Holders
	cards   cli.CardFlags
	state   string
	device  string
	asJSON  bool
	plain   bool
	pin     cli.HolderSecret
}

// holderCommand makes a command for a card's holder. The card is in a reader, in a file, or
// that of a person of a sandbox.
func holderCommand(
	f *holderFlags, c *cobra.Command, do func(ctx context.Context, h *presentedCard) error,
) *cobra.Command {
	c.Use += " [NAME]"
	c.Long = c.Short + `.

The card is one in a PC/SC reader (--reader), a virtual one in a file (--card), or that
of a person of a sandbox (NAME --state DIR). The PIN comes from --pin-file, from
EKRONA_PIN, from the PIN letter that the sandbox keeps of its first customers, or from a
prompt.

With NAME the PIN goes to the card enciphered, since the person's phone knows the card's
PIN key. Without NAME it would go to a card in a reader in clear, where whoever listens
to the reader could read it: --plain-pin allows that.
` + c.Long
	c.Args = func(c *cobra.Command, arguments []string) error {
		if len(arguments) > 1 {
			return cli.Exactly(1, "one person's name, or none")(c, arguments)
		}
		return nil
	}
	c.RunE = func(c *cobra.Command, arguments []string) error {
		return f.hold(c, arguments, do)
	}
	f.cards.Add(c)
	f.pin = cli.HolderSecret{Kind: "PIN", Flag: "--pin-file", Environment: "EKRONA_PIN"}
	c.Flags().StringVar(&f.pin.File, "pin-file", "",
		"file with the PIN, readable by its owner only")
	c.Flags().BoolVar(&f.plain, cli.PlainPINFlag, false, cli.PlainPINUsage)
	c.Flags().StringVar(&f.state, "state", "", "folder of the sandbox in which NAME has a phone")
	c.Flags().StringVar(&f.device, "device", "",
		"device id of NAME's card; otherwise it is the one in the hand")
	c.Flags().BoolVar(&f.asJSON, "json", false, "answer as JSON; amounts in ore")
	return c
}

// presentedCard is a card in its holder's hand, with the applet selected if it is there.
type presentedCard struct {
	*client.Client
	atr    []byte // nil if no reader reports it
	where  string
	fci    message.FCI
	absent error // why the applet could not be selected

	inClear error  // why no PIN goes to the card, nil if one may
	holder  Holder // who is named
}

// hold opens the card and calls do with it.
func (f *holderFlags) hold(
	c *cobra.Command, arguments []string, do func(ctx context.Context, h *presentedCard) error,
) error {
	if len(arguments) == 0 {
		if f.state != "" {
			return cli.Usage("%s: name the holder of the card in the sandbox, or leave --state out",
				c.CommandPath())
		}
		return cli.WithCard(c, &f.cards, func(opened *cli.OpenCard) error {
			h := &presentedCard{Client: client.New(opened), atr: opened.ATR, where: opened.Where}
			h.holder.Cards = []HolderCard{{NoteNewPIN: func(string) error { return nil }}}
			if f.cards.File == "" && !f.plain {
				h.inClear = cli.PlainPIN(
					"name its holder with NAME --state DIR, whose bank knows the card's key, or")
			}
			return h.selectAnd(c.Context(), do)
		})
	}
	name := arguments[0]
	at := Place{State: f.state, Name: name, Device: f.device, Trace: f.cards.Trace}
	f.cards.Trace = cli.Trace{}
	if !f.cards.Named() {
		at.Recorded = f.cards.RecordingFlags
	}
	return f.holders(c, at,
		func(ctx context.Context, holder Holder) error {
			h := &presentedCard{where: name + "'s", holder: holder}
			if !f.cards.Named() && holder.Away != nil {
				return cli.Usage("%w; or name it with --reader READER or --card FILE", holder.Away)
			}
			if !f.cards.Named() {
				h.Client = client.New(holder.Tap(nil))
				return h.selectAnd(ctx, do)
			}
			return cli.WithCard(c, &f.cards, func(opened *cli.OpenCard) error {
				h.Client, h.atr, h.where = client.New(holder.Tap(opened)), opened.ATR, opened.Where
				return h.selectAnd(ctx, do)
			})
		})
}

func (h *presentedCard) selectAnd(
	ctx context.Context, do func(ctx context.Context, h *presentedCard) error,
) error {
	h.fci, h.absent = h.Select(ctx)
	return do(ctx, h)
}

// owner shows the card that its owner holds it: by the phone that it is paired with, or by the PIN.
func (h *presentedCard) owner(ctx context.Context, entry cli.HolderSecret) error {
	if err := errors.Join(h.absent, h.inClear); err != nil {
		return err
	}
	if !entry.Given() {
		if secured, err := h.secured(ctx); err != nil || secured {
			return err
		}
	}
	return h.byPIN(ctx, entry)
}

// byPIN shows the card that its owner holds it, by the PIN.
func (h *presentedCard) byPIN(ctx context.Context, entry cli.HolderSecret) error {
	if h.inClear != nil {
		return h.inClear
	}
	return h.withEach(func(c HolderCard, transport client.PINTransport) error {
		digits, err := entry.Read(ctx, c.PIN)
		if err != nil {
			return err
		}
		block, err := pin.NewBlock(digits)
		if err != nil {
			return cli.Usage("%w", err)
		}
		return h.Verify(ctx, block, transport)
	})
}

// withEach calls do for one of the holder's cards after the other, until it is the one in the hand:
// any other answers that the MAC is wrong, and none of its tries is taken.
func (h *presentedCard) withEach(
	do func(c HolderCard, transport client.PINTransport) error,
) error {
	for _, c := range h.holder.Cards {
		transport := client.PINTransport{}
		if c.PINKey != nil {
			transport = client.PINTransport{Key: c.PINKey, Random: rand.Reader}
		}
		if err := do(c, transport); !client.Is(err, spec.SWMACWrong) {
			return err
		}
	}
	return h.holder.None
}

// secured reports whether one of the holder's phones is paired with the card: then what follows is
// under secure messaging. It is asked once after SELECT, whose nonce it uses up.
func (h *presentedCard) secured(ctx context.Context) (bool, error) {
	if h.fci.Capabilities&spec.CapabilityPairing == 0 {
		return false, nil
	}
	nonce := h.fci.Nonce
	for _, c := range h.holder.Cards {
		if c.Secured == nil {
			continue
		}
		secured, err := c.Secured(ctx, h.Client, nonce)
		if err != nil {
			return false, err
		}
		if secured != nil {
			h.Client = secured
			return true, nil
		}
		nonce = message.Nonce{} // it may have been used up
	}
	return false, nil
}
