package parties

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"ekrona.example/apdu/message"
	"ekrona.example/apdu/pin"
	"ekrona.example/apdu/spec"
	"ekrona.example/applet/client"
	"ekrona.example/host/cmd/ekrona/internal/cli"
	"ekrona.example/host/sandbox"
	"ekrona.example/host/wallet"
)

// Visit is one run of a command for a person.
type Visit struct {
	Sandbox   *sandbox.Sandbox
	Person    *sandbox.Person
	Arguments []string // behind the person's name
	PIN       string   // file that --pin-file names
}

// Tap holds the person's card to a reader, with the PIN entered.
func (v Visit) Tap(ctx context.Context) (wallet.Tap, error) {
	return HeldBy(ctx, v.Person, v.PIN, OwnPIN)
}

// AsOwner holds the person's card to the phone, without the PIN where they are paired and no file
// has it. Where the card asks for the PIN all the same, it is entered, and do is called again.
func (v Visit) AsOwner(ctx context.Context, do func(wallet.Tap) error) error {
	paired, err := v.Person.Phone.IsPaired(ctx)
	if err != nil {
		return err
	}
	if paired && v.PIN == "" {
		return Side(v.Person, v.PIN, OwnPIN).Receive(ctx, do)
	}
	tap, err := v.Tap(ctx)
	if err != nil {
		return err
	}
	return do(tap)
}

// Environment variables with PINs. Each is for one card: a PIN that is tried on another
// card costs a try.
const (
	OwnPIN   = "EKRONA_PIN"
	PayeePIN = "EKRONA_PAYEE_PIN"
)

// PayeePINFlag names a file with the PIN of a payee beside a payer.
const PayeePINFlag = "payee-pin-file"

// pinFlags are the flags that name a file instead of an environment variable.
var pinFlags = map[string]string{OwnPIN: "--pin-file", PayeePIN: "--" + PayeePINFlag}

// Side is a person with the own phone and the card that is meant, who enters the PIN where it is
// asked for.
func Side(p *sandbox.Person, file, environment string) wallet.Side {
	hold := func(ctx context.Context, withPIN bool) (wallet.Tap, error) {
		if withPIN {
			return HeldBy(ctx, p, file, environment)
		}
		_, err := inHand(ctx, p.Holder, p.Phone.Device())
		if err != nil {
			return wallet.Tap{}, err
		}
		return wallet.Tap{Card: p.Card.Tap()}, nil
	}
	return wallet.Side{Phone: p.Phone, Hold: hold}
}

// HeldBy holds the card that is meant to a reader, and no other card of the person.
func HeldBy(ctx context.Context, p *sandbox.Person, file, environment string) (wallet.Tap, error) {
	return Held(ctx, p.Holder, p.Phone.Device(), file, environment)
}

// Held holds a person's card to a reader. The PIN comes from a file, from the PIN letter if
// the sandbox has that of this card, from the environment or from a prompt. With an empty
// device id it is whichever card is inserted.
func Held(
	ctx context.Context, p *sandbox.Holder, wanted message.DeviceID, file, environment string,
) (wallet.Tap, error) {
	device, err := inHand(ctx, p, wanted)
	if err != nil {
		return wallet.Tap{}, err
	}
	entered := cmp.Or(p.LetterOf(device).PIN, p.PIN)
	if file != "" || entered == "" {
		asked := cli.HolderSecret{Kind: "PIN", Flag: pinFlags[environment], File: file,
			Environment: environment}
		if entered, err = asked.Read(ctx, ""); err != nil {
			return wallet.Tap{}, fmt.Errorf("%s: %w", p.Name, err)
		}
		p.PIN = entered
	}
	block, err := pin.NewBlock(entered)
	if err != nil {
		return wallet.Tap{}, cli.Usage("%w", err)
	}
	return wallet.Tap{Card: p.Card.Tap(), PIN: block}, nil
}

// inHand returns the id of the card that is in a person's slot, empty where that is not known, and
// fails for another than the one that is meant.
func inHand(
	ctx context.Context, p *sandbox.Holder, wanted message.DeviceID,
) (message.DeviceID, error) {
	if err := AtHand(p, wanted); err != nil {
		return "", err
	}
	device, err := p.InHand(ctx)
	if err == nil && wanted != "" && device != "" && device != wanted {
		err = cli.Usage("the inserted card of %s is %s, and %s is meant: insert that one, or name "+
			"the other with --device", p.Name, device, wanted)
	}
	return device, err
}

// AtHand fails for a person whose card is not in the sandbox's folder and was not inserted.
// With an empty device id it accepts any card of the person.
func AtHand(p *sandbox.Holder, wanted message.DeviceID) error {
	if p.Card.IsPresent() && (wanted == "" || p.Card.MayBe(wanted)) {
		return nil
	}
	absence := p.Card.Absence()
	if absence == nil {
		absence = sandbox.ErrNoCard // another card is there
	}
	return cli.Usage("%s's card: %w: --insert %s=reader:READER, or --insert %s=file:FILE for a "+
		"virtual one", p.Name, absence, p.Name, p.Name)
}

// HeldCardCommand makes a command for a person who holds a card to the phone, whose name is its
// first argument and which takes more arguments behind it.
func HeldCardCommand(
	f *Flags, use, short string, more int, what string, do func(c *cobra.Command, v Visit) error,
) *cobra.Command {
	file := ""
	return cardCommand(f, use, short, more, what, holding(&file, OwnPIN), &file, heldUsage, do)
}

// PayeeCommand makes a HeldCardCommand for the payee: the PIN that its flag names is the payer's.
func PayeeCommand(
	f *Flags, use, short string, more int, what string, do func(c *cobra.Command, v Visit) error,
) *cobra.Command {
	return cardCommand(f, use, short, more, what, holding(new(string), PayeePIN), new(string),
		heldUsage, do)
}

const heldUsage = "device id of the card that is meant; otherwise it is the one that is held to " +
	"the phone"

// PersonCommand makes a command for a person with a card, whose name is its first
// argument and which takes more arguments behind it. No card need be held.
func PersonCommand(
	f *Flags, use, short string, more int, what string, do func(c *cobra.Command, v Visit) error,
) *cobra.Command {
	return cardCommand(f, use, short, more, what, (*sandbox.Sandbox).Person, new(string),
		"device id of the card that is meant; needed if the person has several in use", do)
}

// LostCardCommand makes a command for a person with a card that was reported lost. A card in use
// is meant only where --device names it.
func LostCardCommand(
	f *Flags, use, short string, more int, what string, do func(c *cobra.Command, v Visit) error,
) *cobra.Command {
	return cardCommand(f, use, short, more, what, (*sandbox.Sandbox).PersonToEnd, new(string),
		"device id of the card that is meant; needed if several of the person's were reported lost",
		do)
}

// personOf finds a person with the card of a device id, or with one that is chosen.
type personOf func(s *sandbox.Sandbox, ctx context.Context, name string,
	device message.DeviceID) (*sandbox.Person, error)

func cardCommand(
	f *Flags, use, short string, more int, what string, choose personOf, file *string,
	usage string, do func(c *cobra.Command, v Visit) error,
) *cobra.Command {
	device := ""
	find := func(ctx context.Context, s *sandbox.Sandbox, name string) (*sandbox.Person, error) {
		p, err := choose(s, ctx, name, message.DeviceID(device))
		return chosen(p, err, name, "--device")
	}
	v := &Visit{}
	c := v.command(f, use, short, more, what, find, func(c *cobra.Command, v Visit) error {
		v.PIN = *file
		return OtherCard(do(c, v), v.Person, "--device")
	})
	PINFlag(c, file)
	c.Flags().StringVar(&device, "device", "", usage)
	return c
}

// otherCard says that the card in the hand was not the one that was meant.
type otherCard struct {
	error
	cause error
}

// Unwrap returns what the card answered.
func (o *otherCard) Unwrap() error { return o.cause }

// OtherCard explains an error with which a card answers a command for another one; flag names the
// card that is meant. Every other error is returned as it is.
func OtherCard(err error, p *sandbox.Person, flag string) error {
	var explained *otherCard
	if !client.Is(err, spec.SWAddressee) && !client.Is(err, spec.SWMACWrong) ||
		errors.As(err, &explained) {
		return err
	}
	return &otherCard{fmt.Errorf("%w; the card in the hand may be another of %s's than %s: "+
		"--insert that one, or name the other with %s", err, p.Name, p.Phone.Device(), flag), err}
}

// WithCard finds a person with a card: the one that a flag names.
func WithCard(
	ctx context.Context, s *sandbox.Sandbox, name, device, flag string,
) (*sandbox.Person, error) {
	p, err := s.Person(ctx, name, message.DeviceID(device))
	return chosen(p, err, name, flag)
}

// Holding finds a person with a card: the one that a flag names, or that is held to the phone with
// the PIN from a file or an environment variable.
func Holding(
	ctx context.Context, s *sandbox.Sandbox, name, device, flag, file, environment string,
) (*sandbox.Person, error) {
	p, err := holding(&file, environment)(s, ctx, name, message.DeviceID(device))
	return chosen(p, err, name, flag)
}

// holding is a personOf that chooses the card that is held to the phone.
func holding(file *string, environment string) personOf {
	return func(
		s *sandbox.Sandbox, ctx context.Context, name string, device message.DeviceID,
	) (*sandbox.Person, error) {
		if device != "" {
			return s.Person(ctx, name, device)
		}
		return s.PersonHolding(ctx, name, func(ctx context.Context) (wallet.Tap, error) {
			holder, err := s.Holder(name)
			if err != nil {
				return wallet.Tap{}, err
			}
			return Held(ctx, holder, "", *file, environment)
		})
	}
}

// MaybeHeld returns a person once with each card that may be in the hand, the likely one first: the
// one that a flag names, or every one that the phone knows.
func MaybeHeld(
	ctx context.Context, s *sandbox.Sandbox, name, device, flag string,
) ([]*sandbox.Person, error) {
	if device == "" {
		if people, err := s.WithEachCard(ctx, name); err != nil || len(people) > 0 {
			return people, err
		}
	}
	p, err := WithCard(ctx, s, name, device, flag)
	return []*sandbox.Person{p}, err
}

// chosen explains why there is no person with a card, if so.
func chosen(p *sandbox.Person, err error, name, flag string) (*sandbox.Person, error) {
	switch {
	case errors.Is(err, sandbox.ErrSeveralCards):
		return nil, fmt.Errorf("%w: choose one with %s", err, flag)
	case err == nil && p.Phone == nil:
		return nil, fmt.Errorf("%s has no card yet: issue one with \"ekrona issue card\"", name)
	}
	return p, err
}

// CustomerCommand makes a command for a person, with or without a card.
func CustomerCommand(
	f *Flags, use, short string, more int, what string, do func(c *cobra.Command, v Visit) error,
) *cobra.Command {
	v := &Visit{}
	return v.command(f, use, short, more, what,
		func(ctx context.Context, s *sandbox.Sandbox, name string) (*sandbox.Person, error) {
			return s.Customer(ctx, name)
		}, do)
}

// NameCommand makes a command for somebody of whom no phone needs to be there.
func NameCommand(
	f *Flags, use, short, what string,
	do func(c *cobra.Command, s *sandbox.Sandbox, name string) error,
) *cobra.Command {
	return f.Bind(&cobra.Command{
		Use: use, Short: short, Args: cli.Exactly(1, what),
		RunE: func(c *cobra.Command, arguments []string) error {
			return f.Run(c, func(_ context.Context, s *sandbox.Sandbox) error {
				return do(c, s, arguments[0])
			})
		},
	})
}

func (v *Visit) command(
	f *Flags, use, short string, more int, what string,
	find func(ctx context.Context, s *sandbox.Sandbox, name string) (*sandbox.Person, error),
	do func(c *cobra.Command, v Visit) error,
) *cobra.Command {
	c := &cobra.Command{
		Use: use, Short: short, Args: cli.Exactly(1+more, what),
		RunE: func(c *cobra.Command, arguments []string) error {
			return f.Run(c, func(ctx context.Context, s *sandbox.Sandbox) error {
				var err error
				v.Sandbox, v.Arguments = s, arguments[1:]
				if v.Person, err = find(ctx, s, arguments[0]); err != nil {
					return err
				}
				return do(c, *v)
			})
		},
	}
	return f.BindCaller(c)
}

// PINFlag adds the flag that names a file with a PIN.
func PINFlag(c *cobra.Command, into *string) {
	c.Flags().StringVar(into, "pin-file", "", "file with the PIN, readable by its owner "+
		"only; otherwise the PIN letter of the sandbox, "+OwnPIN+" or a prompt")
}
