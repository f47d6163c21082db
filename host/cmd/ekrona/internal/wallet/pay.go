package wallet

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"ekrona/apdu/message"
	"ekrona/apdu/money"
	"ekrona/apdu/spec"
	"ekrona/applet/client"
	"ekrona/host/cmd/ekrona/internal/cli"
	"ekrona/host/cmd/ekrona/internal/parties"
	"ekrona/host/envelope"
	"ekrona/host/sandbox"
	"ekrona/host/wallet"
)

// tearable are the commands of a flow after which --torn can take the card away.
var tearable = map[string]byte{"request": spec.RequestPayment.INS, "pay": spec.Pay.INS,
	"accept": spec.Accept.INS}

// paidAnswer is what a finished transfer is for a script.
type paidAnswer struct {
	Payer  string    `json:"payer"`
	Payee  string    `json:"payee"`
	Amount money.Ore `json:"amount_ore"`
}

func walletPayCommand() *cobra.Command {
	f, torn, theirs := &parties.Flags{}, "", ""
	c := parties.HeldCardCommand(f, "pay PAYER PAYEE AMOUNT",
		"Pay from card to card, in three taps on the payee's phone", 2,
		"payer, payee and an amount in kronor", func(c *cobra.Command, v parties.Visit) error {
			payer := v.Person
			payee, err := parties.Holding(c.Context(), v.Sandbox, v.Arguments[0], theirs,
				"--payee-device", "", parties.PayeePIN)
			if err != nil {
				return err
			}
			amount, err := parties.AmountOf(v.Arguments[1])
			if err != nil {
				return err
			}
			instruction, known := tearable[torn]
			if torn != "" && !known {
				return cli.Usage("--torn %q: choose request, pay or accept", torn)
			}
			if err := f.MayHear(payer.Name); err != nil {
				return err
			}
			payer.Card.WithdrawAfter(instruction)
			payee.Card.WithdrawAfter(instruction)
			asked, receipt, err := payee.Phone.Transfer(c.Context(), amount,
				holder(payer, payee, v.PIN))
			if client.Is(err, spec.SWMACWrong) { // only the payee's PIN is enciphered
				err = parties.OtherCard(err, payee, "--payee-device")
			}
			if err != nil {
				return goOn(err, asked, payer.Name, payee.Name)
			}
			if err := payer.Phone.TakeAnswer(c.Context(), receipt); err != nil {
				return err
			}
			return f.Answer(c, paidAnswer{payer.Name, payee.Name, amount}, "%s has paid %s to %s",
				payer.Name, amount, payee.Name)
		})
	c.Long = `Pay from card to card, in three taps on the payee's phone: the payee's card signs a
Request, the payer's card pays with its PIN, the payee's card accepts.

With --torn the card is taken away after that command, before its answer is read;
"ekrona wallet continue PAYEE --card PAYER" goes on from there. After "request" the Request
is on the payee's card only: "ekrona wallet sync PAYEE" finds it there first, and so does
the same "ekrona wallet pay" again.`
	f.PlainFlag(c)
	c.Flags().StringVar(&theirs, "payee-device", "",
		"device id of the payee's card; otherwise it is the one that is held to the phone")
	c.Flags().StringVar(&torn, "torn", "",
		"take the card away after this command: request, pay or accept")
	return c
}

// goOn adds to the error of a payment whose tap was torn with which command it goes on.
func goOn(err error, asked envelope.Envelope, payer, payee string) error {
	var torn *client.LinkLost
	switch {
	case !errors.As(err, &torn):
		return err
	case asked.Message == nil:
		return fmt.Errorf("%w; a Request that the card has made is found by \"ekrona wallet sync "+
			"%s\", or by the same payment again", err, payee)
	}
	return fmt.Errorf("%w; \"ekrona wallet continue %s --card %s\" goes on", err, payee, payer)
}

// holder holds the payer's and the payee's card to the payee's phone.
func holder(payer, payee *sandbox.Person, entered string) wallet.Holder {
	return func(ctx context.Context, side wallet.Side) (wallet.Tap, error) {
		if side == wallet.Payee {
			return parties.HeldBy(ctx, payee, "", parties.PayeePIN)
		}
		if payer == nil {
			return wallet.Tap{}, cli.Usage("the payer's card is needed: name the payer with --card")
		}
		tap, err := parties.HeldBy(ctx, payer, entered, parties.OwnPIN)
		tap.OtherCard = true
		return tap, err
	}
}

func walletAskCommand() *cobra.Command {
	f, from, theirs := &parties.Flags{}, "", ""
	c := parties.HeldCardCommand(f, "ask NAME AMOUNT",
		"Ask for an amount: make a Request on the card, to be paid later", 1,
		"a person's name and an amount in kronor",
		func(c *cobra.Command, v parties.Visit) error {
			var payer message.DeviceID
			if from != "" {
				named, err := parties.WithCard(c.Context(), v.Sandbox, from, theirs,
					"--from-device")
				if err != nil {
					return err
				}
				payer = named.Phone.Device()
			}
			amount, tap, err := v.AmountAndTap(c.Context())
			if err != nil {
				return err
			}
			asked, err := v.Person.Phone.Request(c.Context(), tap, amount, payer)
			if err != nil {
				return err
			}
			return listRequests(f, c, []envelope.Envelope{asked})
		})
	c.Flags().StringVar(&from, "from", "", "the only person who may pay it")
	c.Flags().StringVar(&theirs, "from-device", "",
		"device id of that person's card; needed if that person has several in use")
	return c
}

// requestAnswer is one Request for a script.
type requestAnswer struct {
	Number  uint32    `json:"number"`
	Payee   string    `json:"payee"`
	Amount  money.Ore `json:"amount_ore"`
	Message string    `json:"message"` // hex
}

func listRequests(f *parties.Flags, c *cobra.Command, all []envelope.Envelope) error {
	answers := []requestAnswer{}
	text := ""
	for _, e := range all {
		r, err := message.Parse[message.Request](e.Message)
		if err != nil {
			return err
		}
		amount := r.Amount
		answers = append(answers,
			requestAnswer{r.Number, string(r.Payee), amount, hex.EncodeToString(e.Message)})
		text += fmt.Sprintf("Request %d: %s asks for %s\n", r.Number, r.Payee, amount)
	}
	if len(all) == 0 {
		text = "no Request is open\n"
	}
	return f.Answer(c, answers, "%s", text[:len(text)-1])
}

func walletOpenCommand() *cobra.Command {
	f := &parties.Flags{}
	return parties.PersonCommand(f, "open NAME",
		"List the Requests on this phone that have neither Receipt nor Refusal", 0,
		"a person's name",
		func(c *cobra.Command, v parties.Visit) error {
			open, err := v.Person.Phone.Unfinished(c.Context())
			if err != nil {
				return err
			}
			return listRequests(f, c, open)
		})
}

// own finds the oldest unfinished Request of the person's own card that fits.
func own(
	v parties.Visit, ctx context.Context, fits func(*message.Request) bool,
) (envelope.Envelope, *message.Request, error) {
	open, err := v.Person.Phone.Unfinished(ctx)
	if err != nil {
		return envelope.Envelope{}, nil, err
	}
	for _, e := range open {
		r, err := message.Parse[message.Request](e.Message)
		if err != nil {
			return envelope.Envelope{}, nil, err
		}
		if r.Payee == v.Person.Phone.Device() && fits(r) {
			return e, r, nil
		}
	}
	name := v.Person.Name
	return envelope.Envelope{}, nil, fmt.Errorf("%s's phone has no such open Request of %s's "+
		"card; \"ekrona wallet open %s\" lists what is open, and \"ekrona wallet sync %s\" finds "+
		"what only the card has, after a torn tap", name, name, name, name)
}

func walletRefuseCommand() *cobra.Command {
	f := &parties.Flags{}
	return parties.HeldCardCommand(f, "refuse NAME NUMBER", "Close an open Request for ever; a "+
		"payment of it goes back to its payer", 1,
		"a person's name and the number of a Request",
		func(c *cobra.Command, v parties.Visit) error {
			asked, r, err := own(v, c.Context(),
				func(r *message.Request) bool { return fmt.Sprint(r.Number) == v.Arguments[0] })
			if err != nil {
				return err
			}
			tap, err := v.Tap(c.Context())
			if err != nil {
				return err
			}
			if _, err := v.Person.Phone.Refuse(c.Context(), tap, asked); err != nil {
				return err
			}
			return f.Answer(c, map[string]any{"name": v.Person.Name, "refused": r.Number},
				"Request %d is refused", r.Number)
		})
}

func walletContinueCommand() *cobra.Command {
	f, whose, theirs := &parties.Flags{}, "", ""
	c := parties.PayeeCommand(f, "continue NAME",
		"Continue the oldest payment to this person that was torn", 0, "the payee's name",
		func(c *cobra.Command, v parties.Visit) error {
			var payer *sandbox.Person
			if whose != "" {
				var err error
				if payer, err = parties.Holding(c.Context(), v.Sandbox, whose, theirs,
					"--card-device", v.PIN, parties.OwnPIN); err != nil {
					return err
				}
				if err := f.MayHear(whose); err != nil {
					return err
				}
			}
			asked, r, err := own(v, c.Context(), func(*message.Request) bool { return true })
			if err != nil {
				return err
			}
			receipt, err := v.Person.Phone.ContinueTransfer(c.Context(), asked,
				holder(payer, v.Person, v.PIN))
			if err != nil {
				return err
			}
			if payer != nil {
				if err := payer.Phone.TakeAnswer(c.Context(), receipt); err != nil {
					return err
				}
			}
			amount := r.Amount
			return f.Answer(c, paidAnswer{whose, v.Person.Name, amount}, "%s has got %s",
				v.Person.Name,
				amount)
		})
	c.Flags().StringVar(&whose, "card", "", "payer whose card is held to the phone")
	c.Flags().StringVar(&theirs, "card-device", "",
		"device id of the payer's card; otherwise it is the one that is held to the phone")
	f.PlainFlag(c)
	return c
}
