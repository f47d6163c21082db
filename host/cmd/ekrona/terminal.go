package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"ekrona/apdu/message"
	"ekrona/apdu/spec"
	"ekrona/host/money"
	"ekrona/host/order"
	"ekrona/host/terminal"
	"ekrona/host/town"
)

func terminalCommand() *cobra.Command {
	return group("terminal", "A shop of a town: its point of sale",
		terminalSellCommand(), terminalOpenCommand(), terminalTakeCommand(), terminalRefuseCommand(), terminalSyncCommand(), terminalRefundCommand())
}

// shopCommand makes a command whose first argument is a shop's name.
func shopCommand(f *inTown, use, short string, more int, what string, do func(ctx context.Context, c *cobra.Command, t *town.Town, s *town.Shop, arguments []string) error) *cobra.Command {
	c := &cobra.Command{
		Use: use, Short: short, Args: exactly(1+more, what),
		RunE: func(c *cobra.Command, arguments []string) error {
			return f.run(c, func(ctx context.Context, t *town.Town) error {
				s, err := t.Shop(arguments[0])
				if err != nil {
					return err
				}
				return do(ctx, c, t, s, arguments[1:])
			})
		},
	}
	return f.bind(c)
}

// saleAnswer is a sale for a script.
type saleAnswer struct {
	Number uint32    `json:"number"`
	Amount money.Ore `json:"amount_ore"`
	Paid   bool      `json:"paid"`
	Payer  string    `json:"payer,omitempty"`
	ATC    uint32    `json:"atc,omitempty"`
}

func terminalSellCommand() *cobra.Command {
	f, whose, entered, torn := &inTown{}, "", "", false
	c := shopCommand(f, "sell SHOP AMOUNT", "Ask for an amount, and take it from the card that is held to the terminal", 1, "a shop and an amount in kronor",
		func(ctx context.Context, c *cobra.Command, t *town.Town, s *town.Shop, arguments []string) error {
			amount, err := amountOf(arguments[0])
			if err != nil {
				return err
			}
			if whose == "" {
				return usage("name whose card is held to the terminal: --card NAME")
			}
			if _, err := t.Person(whose); err != nil {
				return err
			}
			sale, err := s.Till.Ask(ctx, amount)
			if err != nil {
				return err
			}
			err = take(ctx, f, c, t, s, sale, whose, entered, torn)
			if err != nil {
				return fmt.Errorf("%w (sale %d stays open: \"ekrona terminal take\" or \"refuse\")", err, sale.Number)
			}
			return nil
		})
	c.Flags().StringVar(&whose, "card", "", "whose card is held to the terminal (needed)")
	c.Flags().BoolVar(&torn, "torn", false, "take the card away when it has paid, before the terminal hears")
	pinFlag(c, &entered)
	f.plainFlag(c)
	return c
}

func take(ctx context.Context, f *inTown, c *cobra.Command, t *town.Town, s *town.Shop, sale terminal.Sale, whose, entered string, torn bool) error {
	p, err := t.Person(whose)
	if err != nil {
		return err
	}
	if err := f.mayHear(whose); err != nil {
		return err
	}
	if torn {
		p.Card.PullAfter(spec.Pay.INS)
	}
	tap, err := held(ctx, p, entered, ownPIN)
	if err != nil {
		return err
	}
	receipt, err := s.Till.Take(ctx, sale.Number, tap.Card, tap.PIN)
	if err != nil {
		return err
	}
	if err := p.Phone.TakeAnswer(ctx, receipt); err != nil {
		return err
	}
	payment, err := s.Till.Paid(ctx, sale.Number)
	if err != nil {
		return err
	}
	return f.answer(c, saleAnswer{sale.Number, sale.Amount, true, string(payment.Payer), payment.ATC},
		"paid: %s has paid %s to the %s, payment %s/%d", p.Name, sale.Amount, s.Name, payment.Payer, payment.ATC)
}

// openSale finds an open sale by its number.
func openSale(ctx context.Context, s *town.Shop, text string) (terminal.Sale, error) {
	number, err := strconv.ParseUint(text, 10, 32)
	if err != nil {
		return terminal.Sale{}, usage("sale number %q: give the number that \"ekrona terminal open %s\" shows", text, s.Name)
	}
	open, err := s.Till.OpenSales(ctx)
	if err != nil {
		return terminal.Sale{}, err
	}
	for _, sale := range open {
		if uint64(sale.Number) == number {
			return sale, nil
		}
	}
	return terminal.Sale{}, fmt.Errorf("the %s has no open sale %d; \"ekrona terminal open %s\" lists them", s.Name, number, s.Name)
}

func terminalOpenCommand() *cobra.Command {
	f := &inTown{}
	return shopCommand(f, "open SHOP", "The sales that are neither paid nor refused", 0, "a shop",
		func(ctx context.Context, c *cobra.Command, _ *town.Town, s *town.Shop, _ []string) error {
			open, err := s.Till.OpenSales(ctx)
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
			return f.answer(c, answers, "%s", text[:len(text)-1])
		})
}

func terminalTakeCommand() *cobra.Command {
	f, whose, entered := &inTown{}, "", ""
	c := shopCommand(f, "take SHOP NUMBER", "Hold a card to the terminal for an open sale, for example after a torn tap", 1, "a shop and the number of an open sale",
		func(ctx context.Context, c *cobra.Command, t *town.Town, s *town.Shop, arguments []string) error {
			sale, err := openSale(ctx, s, arguments[0])
			if err != nil {
				return err
			}
			if whose == "" {
				return usage("name whose card is held to the terminal: --card NAME")
			}
			return take(ctx, f, c, t, s, sale, whose, entered, false)
		})
	c.Flags().StringVar(&whose, "card", "", "whose card is held to the terminal (needed)")
	pinFlag(c, &entered)
	f.plainFlag(c)
	return c
}

func terminalRefuseCommand() *cobra.Command {
	f := &inTown{}
	return shopCommand(f, "refuse SHOP NUMBER", "Close an open sale for ever; what is paid into it goes back to the payer's online wallet", 1, "a shop and the number of an open sale",
		func(ctx context.Context, c *cobra.Command, _ *town.Town, s *town.Shop, arguments []string) error {
			sale, err := openSale(ctx, s, arguments[0])
			if err != nil {
				return err
			}
			if _, err := s.Till.Refuse(ctx, sale.Number); err != nil {
				return err
			}
			return f.answer(c, saleAnswer{Number: sale.Number, Amount: sale.Amount}, "sale %d is refused", sale.Number)
		})
}

func terminalSyncCommand() *cobra.Command {
	f := &inTown{}
	return shopCommand(f, "sync SHOP", "Synchronise the terminal with its intermediary", 0, "a shop",
		func(ctx context.Context, c *cobra.Command, _ *town.Town, s *town.Shop, _ []string) error {
			result, err := s.Till.Synchronise(ctx)
			if err != nil {
				return err
			}
			return f.synchronised(c, "the "+s.Name, result)
		})
}

func terminalRefundCommand() *cobra.Command {
	f := &inTown{}
	c := shopCommand(f, "refund SHOP PAYMENT AMOUNT", "Give a settled payment, or a part of it, back to the payer's online wallet", 2, "a shop, a payment and an amount in kronor",
		func(ctx context.Context, c *cobra.Command, t *town.Town, s *town.Shop, arguments []string) error {
			of, err := paymentOf(arguments[0])
			if err != nil {
				return err
			}
			amount, err := amountOf(arguments[1])
			if err != nil {
				return err
			}
			if err := t.Refund(ctx, s, of, amount); err != nil {
				return err
			}
			return f.answer(c, map[string]any{"payment": arguments[0], "refunded_ore": amount}, "refunded %s of payment %s", amount, arguments[0])
		})
	c.Long = `The payment is named as "ekrona terminal sell" shows it: payer's device and number, SENORDICC0000001/3.
The till must have synchronised, so that the payment is settled.`
	return c
}

// paymentOf reads the name of a payment.
func paymentOf(text string) (order.Payment, error) {
	device, number, _ := strings.Cut(text, "/")
	payer, err := message.ParseDeviceID(device)
	atc, numberErr := strconv.ParseUint(number, 10, 32)
	if err != nil || numberErr != nil {
		return order.Payment{}, usage("payment %q: name it as \"ekrona terminal sell\" shows it: SENORDICC0000001/3", text)
	}
	return order.Payment{Payer: payer, ATC: uint32(atc)}, nil
}
