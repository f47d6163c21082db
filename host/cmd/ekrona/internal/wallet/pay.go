package wallet

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"ekrona.example/apdu/message"
	"ekrona.example/apdu/money"
	"ekrona.example/apdu/spec"
	"ekrona.example/applet/client"
	"ekrona.example/host/cmd/ekrona/internal/cli"
	"ekrona.example/host/cmd/ekrona/internal/parties"
	"ekrona.example/host/envelope"
	"ekrona.example/host/sandbox"
	"ekrona.example/host/wallet"
)

// tearable are the commands of a flow after which --torn can take the card away.
var tearable = map[string]byte{"request": spec.RequestPayment.INS, "pay": spec.Pay.INS,
	"accept": spec.Accept.INS, "pair": spec.Pair.INS}

func tornFlag(c *cobra.Command, torn *string, commands string) {
	c.Flags().StringVar(torn, "torn", "", "take the card away after this command: "+commands)
}

// withdraw has the people's cards taken away after a command. only, when not empty, is the one
// command that they get.
func withdraw(torn, only string, people ...*sandbox.Person) error {
	instruction, known := tearable[torn]
	switch {
	case torn == "":
		return nil
	case only != "" && torn != only:
		return cli.Usage("--torn %q: choose %s", torn, only)
	case !known, only == "" && torn == "pair":
		return cli.Usage("--torn %q: choose request, pay or accept", torn)
	}
	for _, p := range people {
		p.Card.WithdrawAfter(instruction)
	}
	return nil
}

// goOn adds to the error of a torn tap how to go on.
func goOn(err error, how string, arguments ...any) error {
	var torn *client.LinkLost
	if !errors.As(err, &torn) {
		return err
	}
	return fmt.Errorf("%w; %s", err, fmt.Sprintf(how, arguments...))
}

// payFlags are the flags of "ekrona wallet pay".
type payFlags struct {
	parties.Flags
	handover

	order       parties.Order
	request     string
	torn        string
	payeeDevice string
	payeePIN    string // file
}

func walletPayCommand() *cobra.Command {
	p := &payFlags{}
	c := parties.HeldCardCommand(&p.Flags, "pay {NAME --request FILE|TEXT|- | PAYER PAYEE AMOUNT}",
		"Pay a Request on the payer's phone, or from card to card on both phones at once", 2,
		"", func(c *cobra.Command, v parties.Visit) error {
			if len(v.Arguments) == 0 {
				return p.payRequest(c, v)
			}
			return p.payTo(c, v)
		})
	c.Args = func(c *cobra.Command, arguments []string) error {
		if p.request != "" {
			return cli.Exactly(1, "with --request only the payer's name")(c, arguments)
		}
		return cli.Exactly(3, "payer, payee and an amount in kronor; or the payer's name and "+
			"--request")(c, arguments)
	}
	c.Long = `Pay a Request, which came from the payee's phone, on the payer's own phone with the payer's
PIN. The Payment is for the payee's phone, where "ekrona wallet accept" takes it. The same
Request again gives the same Payment, with no second debit.

` + aboutHandover + `

With PAYER PAYEE AMOUNT both phones are at hand, and it is done at once: "wallet ask" on the
payee's phone, "wallet pay" on the payer's, "wallet accept" on the payee's, and the Receipt
back. Each card is held to its owner's phone only. The payer enters the PIN; the payee only
if the payee's card wants it. If the payer's card does not pay, the Request is closed.

With --torn the card is taken away after that command, before its answer is read;
"ekrona wallet continue PAYEE --card PAYER" goes on from there. After "request" the Request
is on the payee's card only: "ekrona wallet sync PAYEE" finds it there first, and so does
the same "ekrona wallet pay" again.
` + parties.AboutOrder + ` The payer's phone
keeps the names, each card's apart; a new phone does not know them. A Request is paid once without
a name too.`
	p.order.Flag(c, "pays nothing more")
	p.handover.flags(c)
	tornFlag(c, &p.torn, "request, pay or accept")
	c.Flags().StringVar(&p.request, "request", "", "the Request"+messageUsage)
	c.Flags().StringVar(&p.payeeDevice, "payee-device", "",
		"device id of the payee's card; otherwise it is the one that is held to the phone")
	payeePINFlag(c, &p.payeePIN)
	return c
}

func payeePINFlag(c *cobra.Command, file *string) {
	c.Flags().StringVar(file, parties.PayeePINFlag, "", "file with the payee's PIN, for a card "+
		"that wants it; otherwise "+parties.PayeePIN+" or a prompt on the payee's phone")
}

// payRequest pays a Request that came from the payee's phone.
func (p *payFlags) payRequest(c *cobra.Command, v parties.Visit) error {
	if p.order.Name != "" {
		return cli.Usage("a Request is paid once, however often it is tried: leave out --order")
	}
	if p.payeeDevice != "" || p.payeePIN != "" {
		return cli.Usage("the payee's card stays with the payee: leave out --payee-device and --%s",
			parties.PayeePINFlag)
	}
	request, err := taken(c, "--request", p.request, envelope.Request)
	if err != nil {
		return err
	}
	r, err := message.Parse[message.Request](request.Message)
	if err != nil {
		return err
	}
	own := v.Person.Phone.Device()
	if r.Payee == own {
		return parties.Said(cli.Usage("--request: this phone's card %s has asked for it itself: "+
			"name the person who pays it, or the card with --device", own),
			parties.Swedish(wallet.ErrOwnRequest))
	}
	if r.Payer != "" && r.Payer != own {
		return parties.Said(cli.Usage("--request: only %s may pay it, and this phone's card is "+
			"%s: ask for another Request, or name the card with --device", r.Payer, own),
			otherPayer)
	}
	if request, err = v.Person.Phone.Complete(request); err != nil {
		return err
	}
	if err := withdraw(p.torn, "pay", v.Person); err != nil {
		return err
	}
	tap, err := v.Tap(c.Context())
	if err != nil {
		return err
	}
	payment, err := v.Person.Phone.Pay(c.Context(), tap, request)
	if err != nil {
		return goOn(err, "the same command again gives the Payment, with no second debit")
	}
	m, err := handed(payment, r, own)
	if err != nil {
		return err
	}
	return p.give(&p.Flags, c, m, "ekrona wallet pay "+v.Person.Name+" --request")
}

// paidAnswer is what a finished transfer is for a script.
type paidAnswer struct {
	Payer  string    `json:"payer"`
	Payee  string    `json:"payee"`
	Amount money.Ore `json:"amount_ore"`
	parties.Order
}

// payTo pays from card to card, with both phones at hand.
func (p *payFlags) payTo(c *cobra.Command, v parties.Visit) error {
	if p.handover != (handover{}) {
		return cli.Usage("with the payee's phone at hand nothing is handed over: leave out --qr, " +
			"--out and --text, or pay a Request with --request")
	}
	payer := v.Person
	payee, err := parties.Holding(c.Context(), v.Sandbox, v.Arguments[0], p.payeeDevice,
		"--payee-device", p.payeePIN, parties.PayeePIN)
	if err != nil {
		return err
	}
	amount, err := parties.AmountOf(v.Arguments[1])
	if err != nil {
		return err
	}
	if payer.Phone.Device() == payee.Phone.Device() {
		return cli.Usage("payer and payee have the same card, %s: name two people, or two cards "+
			"with --device and --payee-device", payer.Phone.Device())
	}
	if err := withdraw(p.torn, "", payer, payee); err != nil {
		return err
	}
	asked, receipt, err := p.transfer(c.Context(), parties.Side(payer, v.PIN, parties.OwnPIN),
		parties.Side(payee, p.payeePIN, parties.PayeePIN), amount)
	switch {
	case err != nil && asked.Message == nil: // the payee's card was asked, and no other yet
		err = parties.OtherCard(err, payee, "--payee-device")
		return goOn(err, "a Request that the card has made is found by \"ekrona wallet sync %s\", "+
			"or by the same payment again", payee.Name)
	case err != nil:
		err = p.closeUnpaid(c.Context(), payee, asked, err)
		return goOn(err, "\"ekrona wallet continue %s --card %s\" goes on", payee.Name, payer.Name)
	}
	if err := payer.Phone.TakeAnswer(c.Context(), receipt); err != nil {
		return err
	}
	return p.Answer(c, paidAnswer{payer.Name, payee.Name, amount, p.order},
		"%s has paid %s to %s%s", payer.Name, amount, payee.Name, &p.order)
}

// transfer pays once for each name of an order, or without a name.
func (p *payFlags) transfer(
	ctx context.Context, payer, payee wallet.Side, amount money.Ore,
) (asked, receipt envelope.Envelope, err error) {
	if p.order.Name == "" {
		return wallet.Transfer(ctx, payer, payee, amount)
	}
	asked, receipt, p.order.Repeated, err = wallet.TransferNamed(ctx, payer, payee, amount,
		p.order.Name)
	return asked, receipt, err
}

// closeUnpaid closes a Request that was not paid, while the payee's card is at hand: the next
// payment makes its own, and a card keeps few open ones. Where nobody knows whether it was paid it
// stays open.
func (p *payFlags) closeUnpaid(
	ctx context.Context, payee *sandbox.Person, asked envelope.Envelope, reason error,
) error {
	var unpaid *wallet.Unpaid
	var torn *client.LinkLost
	if !errors.As(reason, &unpaid) || errors.As(reason, &torn) {
		return reason
	}
	r, err := message.Parse[message.Request](asked.Message)
	if err != nil {
		return errors.Join(reason, err)
	}
	err = parties.Side(payee, p.payeePIN, parties.PayeePIN).Receive(ctx,
		func(tap wallet.Tap) error {
			_, err := payee.Phone.Refuse(ctx, tap, asked)
			return err
		})
	if err != nil {
		return fmt.Errorf("%w (Request %d stays open: \"ekrona wallet refuse %s %d\": %w)", reason,
			r.Number, payee.Name, r.Number, err)
	}
	return fmt.Errorf("%w (Request %d is closed)", reason, r.Number)
}

func walletContinueCommand() *cobra.Command {
	f, whose, theirs, payeePIN := &parties.Flags{}, "", "", ""
	c := parties.PayeeCommand(f, "continue NAME",
		"Continue the oldest payment to this person that was torn", 0, "the payee's name",
		func(c *cobra.Command, v parties.Visit) error {
			payer := wallet.Side{Hold: func(context.Context, bool) (wallet.Tap, error) {
				return wallet.Tap{}, cli.Usage("the payer's card is needed, at the payer's " +
					"phone: name the payer with --card")
			}}
			if whose != "" {
				person, err := parties.Holding(c.Context(), v.Sandbox, whose, theirs,
					"--card-device", v.PIN, parties.OwnPIN)
				if err != nil {
					return err
				}
				payer = parties.Side(person, v.PIN, parties.OwnPIN)
			}
			asked, r, err := oldest(c.Context(), v)
			if err != nil {
				return err
			}
			receipt, err := wallet.ContinueTransfer(c.Context(), payer,
				parties.Side(v.Person, payeePIN, parties.PayeePIN), asked)
			if err != nil {
				return goOn(err, "the same command again goes on")
			}
			if payer.Phone != nil {
				if err := payer.Phone.TakeAnswer(c.Context(), receipt); err != nil {
					return err
				}
			}
			answer := paidAnswer{Payer: whose, Payee: v.Person.Name, Amount: r.Amount}
			return f.Answer(c, answer, "%s has got %s", v.Person.Name, r.Amount)
		})
	c.Flags().StringVar(&whose, "card", "", "payer, whose phone and card are at hand")
	c.Flags().StringVar(&theirs, "card-device", "",
		"device id of the payer's card; otherwise it is the one that is held to the phone")
	payeePINFlag(c, &payeePIN)
	return c
}
