package wallet

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"ekrona.example/apdu/message"
	"ekrona.example/host/cmd/ekrona/internal/cli"
	"ekrona.example/host/cmd/ekrona/internal/parties"
	"ekrona.example/host/envelope"
	"ekrona.example/host/wallet"
)

func walletAskCommand() *cobra.Command {
	f, h, torn, from, theirs := &parties.Flags{}, &handover{}, "", "", ""
	named := &parties.Order{}
	c := parties.HeldCardCommand(f, "ask NAME AMOUNT",
		"Ask for an amount: make a Request on the card, for the payer's phone", 1,
		"a person's name and an amount in kronor",
		func(c *cobra.Command, v parties.Visit) error {
			amount, err := parties.AmountOf(v.Arguments[0])
			if err != nil {
				return err
			}
			var payer message.DeviceID
			if from != "" {
				named, err := parties.WithCard(c.Context(), v.Sandbox, from, theirs,
					"--from-device")
				if err != nil {
					return err
				}
				payer = named.Phone.Device()
			}
			if named.Name != "" {
				asked, answered, err := v.Person.Phone.Asked(c.Context(), named.Name, amount, payer)
				if err != nil {
					return err
				}
				if asked != nil {
					return giveAgain(f, h, c, v.Person.Name, *asked, answered, named)
				}
			}
			if _, err := os.Lstat(h.file); h.file != "" && err == nil {
				return cli.Usage("--out %s is there already: name a new file", h.file)
			}
			if err := withdraw(torn, "request", v.Person); err != nil {
				return err
			}
			var asked envelope.Envelope
			if err := parties.Side(v.Person, v.PIN, parties.OwnPIN).Receive(c.Context(),
				func(tap wallet.Tap) (err error) {
					asked, err = v.Person.Phone.Request(c.Context(), tap, amount, payer)
					return err
				}); err != nil {
				return goOn(err, "a Request that the card has made is found by the same command "+
					"again, or by \"ekrona wallet sync %s\"", v.Person.Name)
			}
			if named.Name != "" {
				if err := v.Person.Phone.KeepAsked(c.Context(), named.Name, asked); err != nil {
					return err
				}
			}
			return giveRequest(f, h, c, v.Person.Name, asked, named)
		})
	c.Long = `Ask for an amount: the card signs a Request, which the payer's phone gets as a QR code, a
file or a text. With its Payment "ekrona wallet accept" goes on. The PIN is asked for only if
the card wants it.

` + aboutHandover + `
"ekrona wallet open NAME --number N" hands the same Request over again.
` + parties.AboutOrder + `
This phone keeps the names, each card's apart; a new phone does not know them.`
	named.Flag(c, "asks nothing more")
	h.flags(c)
	tornFlag(c, &torn, "request")
	c.Flags().StringVar(&from, "from", "", "the only person who may pay it")
	c.Flags().StringVar(&theirs, "from-device", "",
		"device id of that person's card; needed if that person has several in use")
	return c
}

// aboutHandover is the help of commands that hand a message over.
const aboutHandover = `File and text hold the message with both certificates. A QR code leaves out the certificate of
the CA, which is in every app: a phone that does not know the CA says so, and takes the file
or the text. What a camera reads from the code is a text too. Reading anything twice, or
handing it over again, changes nothing.`

// giveAgain hands over the Request of an order that was carried out before.
func giveAgain(
	f *parties.Flags, h *handover, c *cobra.Command, name string, asked envelope.Envelope,
	answered bool, named *parties.Order,
) error {
	if answered {
		f.Notice(c, errors.New("the Request of this order was accepted or refused already"),
			"Begäran är redan besvarad.")
	}
	named.Repeated = true
	return giveRequest(f, h, c, name, asked, named)
}

// giveRequest hands over a Request, with the name of the order if it has one.
func giveRequest(
	f *parties.Flags, h *handover, c *cobra.Command, name string, asked envelope.Envelope,
	named *parties.Order,
) error {
	r, err := message.Parse[message.Request](asked.Message)
	if err != nil {
		return err
	}
	m, err := handed(asked, r, r.Payer)
	if err != nil {
		return err
	}
	m.Order = *named
	return h.give(f, c, m, fmt.Sprintf("ekrona wallet open %s --number %d", name, r.Number))
}

func walletOpenCommand() *cobra.Command {
	f, h, number := &parties.Flags{}, &handover{}, uint32(0)
	c := parties.PersonCommand(f, "open NAME",
		"List the Requests on this phone that have neither Receipt nor Refusal", 0,
		"a person's name",
		func(c *cobra.Command, v parties.Visit) error {
			if number != 0 {
				asked, err := v.Person.Phone.Give(c.Context(), number)
				if errors.Is(err, wallet.ErrNoTransfer) {
					return noSuchRequest(v.Person.Name)
				}
				if err != nil {
					return err
				}
				return giveRequest(f, h, c, v.Person.Name, asked, &parties.Order{})
			}
			if *h != (handover{}) {
				return cli.Usage("name the Request that is handed over: --number N")
			}
			open, err := v.Person.Phone.Unfinished(c.Context())
			if err != nil {
				return err
			}
			return listRequests(f, c, open)
		})
	c.Long = `List the Requests on this phone that have neither Receipt nor Refusal. With --number one of the
own card's is handed over, again or after a torn tap.`
	h.flags(c)
	c.Flags().Uint32Var(&number, "number", 0, "number of the Request to hand over")
	return c
}

func listRequests(f *parties.Flags, c *cobra.Command, all []envelope.Envelope) error {
	answers, lines := []handedMessage{}, []string{}
	for _, e := range all {
		r, err := message.Parse[message.Request](e.Message)
		if err != nil {
			return err
		}
		m, err := handed(e, r, r.Payer)
		if err != nil {
			return err
		}
		answers, lines = append(answers, m), append(lines, m.String())
	}
	if len(all) == 0 {
		lines = []string{"no Request is open"}
	}
	return f.Answer(c, answers, "%s", strings.Join(lines, "\n"))
}
