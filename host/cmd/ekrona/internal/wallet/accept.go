package wallet

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"ekrona.example/apdu/message"
	"ekrona.example/host/cmd/ekrona/internal/cli"
	"ekrona.example/host/cmd/ekrona/internal/parties"
	"ekrona.example/host/envelope"
	"ekrona.example/host/wallet"
)

func walletAcceptCommand() *cobra.Command {
	f, h, given, torn := &parties.Flags{}, &handover{}, "", ""
	c := parties.HeldCardCommand(f, "accept NAME --payment FILE|TEXT|-",
		"Accept a Payment with the payee's card: the payee has the money", 0, "a person's name",
		func(c *cobra.Command, v parties.Visit) error {
			payment, paid, err := takenPayment(c, given, v.Person.Phone)
			if err != nil {
				return err
			}
			if err := withdraw(torn, "accept", v.Person); err != nil {
				return err
			}
			var receipt envelope.Envelope
			err = parties.Side(v.Person, v.PIN, parties.OwnPIN).Receive(c.Context(),
				func(tap wallet.Tap) (err error) {
					receipt, err = v.Person.Phone.Accept(c.Context(), tap, payment)
					return err
				})
			if errors.Is(err, wallet.ErrNoTransfer) {
				return noSuchRequest(v.Person.Name)
			}
			if err != nil {
				return goOn(err, "the same command again gives the same Receipt")
			}
			m, err := handed(receipt, &paid.Request, paid.Payer)
			if err != nil {
				return err
			}
			return h.give(f, c, m, "ekrona wallet accept "+v.Person.Name+" --payment")
		})
	c.Long = `Accept a Payment with the payee's card. The Receipt is for the payer's phone, where "ekrona
wallet take" takes it: the payment then settles whoever synchronises first. The same Payment
again gives the same Receipt. The PIN is asked for only if the card wants it.

` + aboutHandover
	h.flags(c)
	tornFlag(c, &torn, "accept")
	c.Flags().StringVar(&given, "payment", "", "the Payment"+messageUsage+" (needed)")
	return c
}

// takenPayment reads the Payment that a flag names, for a payee's phone.
func takenPayment(c *cobra.Command, given string, phone *wallet.Wallet) (
	envelope.Envelope, *message.Payment, error,
) {
	if given == "" {
		return envelope.Envelope{}, nil, cli.Usage("give the Payment: --payment FILE, --payment " +
			"TEXT, or --payment -")
	}
	payment, err := taken(c, "--payment", given, envelope.Payment)
	if err != nil {
		return envelope.Envelope{}, nil, err
	}
	paid, err := message.Parse[message.Payment](payment.Message)
	if err != nil {
		return envelope.Envelope{}, nil, err
	}
	if paid.Request.Payee != phone.Device() {
		return envelope.Envelope{}, nil, parties.Said(cli.Usage("--payment: it is to %s, and this "+
			"phone's card is %s: name the person whose card it is to, or the card with --device",
			paid.Request.Payee, phone.Device()), otherPayee)
	}
	payment, err = phone.Complete(payment)
	return payment, paid, err
}

func walletTakeCommand() *cobra.Command {
	f, given := &parties.Flags{}, ""
	c := parties.PersonCommand(f, "take NAME --receipt FILE|TEXT|-",
		"Take the payee's Receipt or Refusal on the payer's phone; no card is needed", 0,
		"a person's name",
		func(c *cobra.Command, v parties.Visit) error {
			if given == "" {
				return cli.Usage("give the Receipt or Refusal: --receipt FILE, --receipt TEXT, " +
					"or --receipt -")
			}
			answer, err := taken(c, "--receipt", given, envelope.Receipt, envelope.Refusal)
			if err != nil {
				return err
			}
			a, err := answerFor(answer, v.Person.Phone.Device())
			if err != nil {
				return err
			}
			if err := v.Person.Phone.TakeAnswer(c.Context(), answer); err != nil {
				return err
			}
			f.CustomerReads(c, a.Words)
			text := fmt.Sprintf("Request %d of %s is paid, and accepted", a.Number, a.Payee)
			if a.Kind == envelope.Refusal {
				text = fmt.Sprintf("Request %d of %s is refused: what was paid into it comes back "+
					"to the online wallet", a.Number, a.Payee)
			}
			return f.Answer(c, a, "%s", text)
		})
	c.Long = `Take the payee's Receipt or Refusal on the payer's phone: with the next synchronisation the
payment settles, or comes back, even before the payee's card synchronises. The same one
again changes nothing.`
	c.Flags().StringVar(&given, "receipt", "", "the Receipt or Refusal"+messageUsage+" (needed)")
	return c
}

// takenAnswer is a payee's answer for a script.
type takenAnswer struct {
	Kind   envelope.Kind    `json:"kind"`
	Number uint32           `json:"number"` // of the Request
	Payee  message.DeviceID `json:"payee"`
	Payer  message.DeviceID `json:"payer"`
	parties.Words
}

// answerFor returns what a payee's answer to this payer says.
func answerFor(answer envelope.Envelope, own message.DeviceID) (takenAnswer, error) {
	a := takenAnswer{Kind: answer.Kind(), Words: receiptTaken}
	if a.Kind == envelope.Refusal {
		refusal, err := message.Parse[message.Refusal](answer.Message)
		if err != nil {
			return a, err
		}
		a.Number, a.Payee, a.Payer = refusal.Number, refusal.Payee, refusal.Payer
		a.Words = refusalTaken
	} else {
		receipt, err := message.Parse[message.Receipt](answer.Message)
		if err != nil {
			return a, err
		}
		a.Number, a.Payee, a.Payer = receipt.Number, receipt.Payee, receipt.Payer
	}
	if a.Payer != "" && a.Payer != own {
		return a, parties.Said(cli.Usage("--receipt: it is for %s, and this phone's card is %s: "+
			"name the person who paid, or the card with --device", a.Payer, own), otherTaker)
	}
	return a, nil
}

func walletRefuseCommand() *cobra.Command {
	f, h := &parties.Flags{}, &handover{}
	c := parties.HeldCardCommand(f, "refuse NAME NUMBER", "Close an open Request for ever; a "+
		"payment of it goes back to its payer", 1,
		"a person's name and the number of a Request",
		func(c *cobra.Command, v parties.Visit) error {
			number, err := strconv.ParseUint(v.Arguments[0], 10, 32)
			if err != nil {
				return cli.Usage("number %q: give that of a Request; \"ekrona wallet open %s\" "+
					"lists them", v.Arguments[0], v.Person.Name)
			}
			asked, err := v.Person.Phone.OwnRequest(c.Context(), uint32(number))
			if errors.Is(err, wallet.ErrNoTransfer) {
				return noSuchRequest(v.Person.Name)
			}
			if err != nil {
				return err
			}
			r, err := message.Parse[message.Request](asked.Message)
			if err != nil {
				return err
			}
			var refusal envelope.Envelope
			if err := parties.Side(v.Person, v.PIN, parties.OwnPIN).Receive(c.Context(),
				func(tap wallet.Tap) (err error) {
					refusal, err = v.Person.Phone.Refuse(c.Context(), tap, asked)
					return err
				}); err != nil {
				return goOn(err, "the same command again gives the same Refusal")
			}
			m, err := handed(refusal, r, r.Payer)
			if err != nil {
				return err
			}
			return h.give(f, c, m, "ekrona wallet refuse "+v.Person.Name+" "+v.Arguments[0])
		})
	c.Long = `Close an open Request for ever. The Refusal is for the payer's phone, where "ekrona wallet
take" takes it: it then does not pay the Request, and what it has paid comes back. The PIN
is asked for only if the card wants it.

` + aboutHandover
	h.flags(c)
	return c
}

// oldest finds the oldest unfinished Request of the person's own card.
func oldest(ctx context.Context, v parties.Visit) (envelope.Envelope, *message.Request, error) {
	open, err := v.Person.Phone.Unfinished(ctx)
	if err != nil {
		return envelope.Envelope{}, nil, err
	}
	for _, e := range open {
		r, err := message.Parse[message.Request](e.Message)
		if err != nil {
			return envelope.Envelope{}, nil, err
		}
		if r.Payee == v.Person.Phone.Device() {
			return e, r, nil
		}
	}
	return envelope.Envelope{}, nil, noSuchRequest(v.Person.Name)
}

// noSuchRequest says what to do for a Request that a phone does not have.
func noSuchRequest(name string) error {
	return parties.Said(fmt.Errorf("%s's phone has no such open Request of %s's "+
		"card; \"ekrona wallet open %s\" lists what is open, and \"ekrona wallet sync %s\" finds "+
		"what only the card has, after a torn tap", name, name, name, name), noRequest)
}
