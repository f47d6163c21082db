// Package terminal is "ekrona terminal": a merchant's point of sale.
package terminal

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"ekrona.example/apdu/message"
	"ekrona.example/apdu/money"
	"ekrona.example/host/cmd/ekrona/internal/cli"
	"ekrona.example/host/cmd/ekrona/internal/parties"
	"ekrona.example/host/envelope"
	"ekrona.example/host/limit"
	"ekrona.example/host/order"
	"ekrona.example/host/sandbox"
	"ekrona.example/host/terminal"
	"ekrona.example/host/wallet"
)

// Command is "ekrona terminal".
func Command() *cobra.Command {
	return cli.Group("terminal", "A merchant's point of sale, started from its own folder",
		terminalSellCommand(), terminalOpenCommand(), terminalTakeCommand(),
		terminalRefuseCommand(), terminalShowCommand(), terminalSyncCommand(),
		terminalRefundCommand(), terminalIssueCommand(), terminalReplaceCommand(),
		terminalEndCommand(), terminalCrisisCommand(), terminalNewKeyCommand())
}

// merchantCommand makes a command whose first argument is a merchant's name.
func merchantCommand(f *parties.Flags, use, short string, more int, what string,
	do func(ctx context.Context, c *cobra.Command, s *sandbox.Sandbox, m *sandbox.Merchant,
		arguments []string) error,
) *cobra.Command {
	c := &cobra.Command{
		Use: use, Short: short, Args: cli.Exactly(1+more, what),
		RunE: func(c *cobra.Command, arguments []string) error {
			return f.Run(c, func(ctx context.Context, s *sandbox.Sandbox) error {
				m, err := s.Merchant(ctx, arguments[0])
				if err != nil {
					return err
				}
				return do(ctx, c, s, m, arguments[1:])
			})
		},
	}
	return f.BindCaller(c)
}

// saleAnswer is a sale for a script.
type saleAnswer struct {
	Number uint32    `json:"number"`
	Amount money.Ore `json:"amount_ore"`
	Paid   bool      `json:"paid"`
	Payer  string    `json:"payer,omitempty"`
	ATC    uint32    `json:"atc,omitempty"`
	parties.Order
	parties.Notices
}

// notPaid closes a sale that no card can have paid, and says which it is.
func notPaid(ctx context.Context, m *sandbox.Merchant, sale terminal.Sale, err error) error {
	closed, closing := m.Terminal.CloseUnpaid(ctx, sale.Number)
	switch {
	case closing != nil:
		return errors.Join(err, closing)
	case closed:
		return fmt.Errorf("%w (sale %d is closed)", err, sale.Number)
	}
	return fmt.Errorf("%w (sale %d stays open: \"ekrona terminal take\" or \"refuse\")", err,
		sale.Number)
}

// explain has the phone of a card's owner write the numbers into the limit of the card by which a
// sale has ended: the card tells them to no terminal, and to a phone that is paired with it without
// the PIN. A phone that is not says nothing.
func explain(ctx context.Context, s *sandbox.Sandbox, h *sandbox.Holder, err error) {
	var reached *limit.Reached
	if !errors.As(err, &reached) || reached.Whose != limit.Payer {
		return
	}
	device, failed := h.InHand(ctx)
	if failed != nil {
		return
	}
	p, failed := s.Person(ctx, h.Name, device)
	if failed != nil || p.Phone == nil {
		return
	}
	_ = p.Phone.Explain(ctx, wallet.Tap{Card: h.Card.Tap()}, reached)
}

// heldCard is a card that is held to a terminal, with its holder and the PIN.
type heldCard struct {
	holder *sandbox.Holder
	tap    wallet.Tap
}

// hold finds whose card is held to a terminal, and reads its PIN.
func hold(
	ctx context.Context, f *parties.Flags, s *sandbox.Sandbox, name, entered string,
) (heldCard, error) {
	if name == "" {
		return heldCard{}, cli.Usage("name whose card is held to the terminal: --card NAME")
	}
	holder, err := s.Holder(name)
	if err != nil {
		return heldCard{}, err
	}
	if err := f.MayHear(name); err != nil {
		return heldCard{}, err
	}
	tap, err := parties.Held(ctx, holder, "", entered, parties.OwnPIN)
	return heldCard{holder, tap}, err
}

// paid answers that a sale is paid. Nothing that fails from now on changes that: what the payer's
// phone did not take is a warning.
func paid(
	ctx context.Context, f *parties.Flags, c *cobra.Command, s *sandbox.Sandbox,
	m *sandbox.Merchant, sale terminal.Sale, holder *sandbox.Holder, receipt envelope.Envelope,
	named *parties.Order,
) error {
	answer := saleAnswer{Number: sale.Number, Amount: sale.Amount, Paid: true, Order: *named}
	which := ""
	payment, err := m.Terminal.Paid(ctx, sale.Number)
	if err == nil {
		answer.Payer, answer.ATC = string(payment.Payer), payment.ATC
		which = fmt.Sprintf(", payment %s/%d", payment.Payer, payment.ATC)
		err = errors.Join(s.HandReceipt(ctx, holder.Name, payment.Payer, receipt),
			s.HandProvenance(ctx, holder.Name, payment.Payer, m, sale.Number))
	}
	if err != nil {
		f.Notice(c, fmt.Errorf("the sale is paid; its Receipt was not handed to %s's phone: %w",
			holder.Name, err), "Köpet är betalt. Telefonen har inte fått kvittot.")
	}
	answer.Notices = f.Notices()
	return f.Answer(c, answer, "paid: %s has paid %s to the %s%s%s", holder.Name, sale.Amount,
		m.Name, which, named)
}

// openSale finds an open sale by its number.
func openSale(ctx context.Context, m *sandbox.Merchant, text string) (terminal.Sale, error) {
	number, err := strconv.ParseUint(text, 10, 32)
	if err != nil {
		return terminal.Sale{},
			cli.Usage("sale number %q: give the number that \"ekrona terminal open %s\" shows",
				text, m.Name)
	}
	open, err := m.Terminal.OpenSales(ctx)
	if err != nil {
		return terminal.Sale{}, err
	}
	for _, sale := range open {
		if uint64(sale.Number) == number {
			return sale, nil
		}
	}
	return terminal.Sale{},
		parties.Said(fmt.Errorf("the %s has no open sale %d; \"ekrona terminal open %s\" lists "+
			"them", m.Name, number, m.Name), "Terminalen har inget sådant öppet köp. Se efter "+
			"vilka som är öppna, eller börja ett nytt köp.")
}

func terminalOpenCommand() *cobra.Command {
	f := &parties.Flags{}
	return merchantCommand(f, "open MERCHANT",
		"List the sales that are neither paid nor refused", 0, "a merchant",
		func(ctx context.Context, c *cobra.Command, _ *sandbox.Sandbox, m *sandbox.Merchant,
			_ []string) error {
			open, err := m.Terminal.OpenSales(ctx)
			if err != nil {
				return err
			}
			answers, text := []saleAnswer{}, "no sale is open\n"
			for i, sale := range open {
				if i == 0 {
					text = ""
				}
				answers = append(answers, saleAnswer{Number: sale.Number, Amount: sale.Amount})
				text += fmt.Sprintf("sale %d: %s\n", sale.Number, sale.Amount)
			}
			return f.Answer(c, answers, "%s", text[:len(text)-1])
		})
}

func terminalTakeCommand() *cobra.Command {
	f, whose, entered := &parties.Flags{}, "", ""
	c := merchantCommand(f, "take MERCHANT NUMBER",
		"Hold a card to the terminal for an open sale, for example after a torn tap", 1,
		"a merchant and the number of an open sale",
		func(ctx context.Context, c *cobra.Command, s *sandbox.Sandbox, m *sandbox.Merchant,
			arguments []string) error {
			sale, err := openSale(ctx, m, arguments[0])
			if err != nil {
				return err
			}
			held, err := hold(ctx, f, s, whose, entered)
			if err != nil {
				return err
			}
			receipt, err := m.Terminal.Take(ctx, sale.Number, held.tap.Card, held.tap.PIN)
			if err != nil {
				explain(ctx, s, held.holder, err)
				return err
			}
			return paid(ctx, f, c, s, m, sale, held.holder, receipt, &parties.Order{})
		})
	c.Flags().StringVar(&whose, "card", "",
		"customer whose card is held to the terminal (needed); if several, the inserted one")
	parties.PINFlag(c, &entered)
	f.PlainFlag(c)
	return c
}

func terminalRefuseCommand() *cobra.Command {
	f := &parties.Flags{}
	return merchantCommand(f, "refuse MERCHANT NUMBER",
		"Close an open sale for ever; a payment of it goes back to its payer",
		1, "a merchant and the number of an open sale",
		func(ctx context.Context, c *cobra.Command, _ *sandbox.Sandbox, m *sandbox.Merchant,
			arguments []string) error {
			sale, err := openSale(ctx, m, arguments[0])
			if err != nil {
				return err
			}
			if _, err := m.Terminal.Refuse(ctx, sale.Number); err != nil {
				return err
			}
			return f.Answer(c, saleAnswer{Number: sale.Number, Amount: sale.Amount},
				"sale %d is refused", sale.Number)
		})
}

// refundAnswer is a refund for a script.
type refundAnswer struct {
	parties.Order
	Payment  string    `json:"payment"`
	Refunded money.Ore `json:"refunded_ore"`
}

func terminalRefundCommand() *cobra.Command {
	f, named := &parties.Flags{}, &parties.Order{}
	c := merchantCommand(f, "refund MERCHANT PAYMENT AMOUNT",
		"Refund a settled payment, or a part of it, to the payer's online wallet", 2,
		"a merchant, a payment and an amount in kronor",
		func(ctx context.Context, c *cobra.Command, s *sandbox.Sandbox, m *sandbox.Merchant,
			arguments []string) error {
			of, err := paymentOf(arguments[0])
			if err != nil {
				return err
			}
			amount, err := parties.AmountOf(arguments[1])
			if err != nil {
				return err
			}
			if err := s.Refund(ctx, m, of, amount, named.Name); err != nil {
				return named.Refused(err)
			}
			return f.Answer(c, refundAnswer{*named, arguments[0], amount},
				"refunded %s of payment %s%s", amount, arguments[0], named)
		})
	c.Long = `Give a settled payment, or a part of it, back to the payer's online wallet.

PAYMENT is what "ekrona terminal sell" shows: the payer's device id and a number, such as
SENORDICC0000001/3. The payment must be settled: synchronise the terminal first.
` + parties.AboutOrder + ` The bank keeps the
names.`
	named.Flag(c, "refunds nothing more")
	return c
}

// paymentOf reads the name of a payment.
func paymentOf(text string) (order.Payment, error) {
	device, number, _ := strings.Cut(text, "/")
	payer, err := message.ParseDeviceID(device)
	atc, numberErr := strconv.ParseUint(number, 10, 32)
	if err != nil || numberErr != nil {
		return order.Payment{},
			cli.Usage(
				"payment %q: name it as \"ekrona terminal sell\" shows it: SENORDICC0000001/3",
				text)
	}
	return order.Payment{Payer: payer, ATC: uint32(atc)}, nil
}
