package main

import (
	"context"
	"encoding/hex"
	"fmt"

	"github.com/spf13/cobra"

	"ekrona/apdu/message"
	"ekrona/apdu/spec"
	"ekrona/host/envelope"
	"ekrona/host/money"
	"ekrona/host/session"
	"ekrona/host/town"
	"ekrona/host/wallet"
)

func walletCommand() *cobra.Command {
	return group("wallet", "A person of a town: phone, card, three wallets",
		walletBalanceCommand(), walletLoadCommand(), walletUnloadCommand(), walletPayCommand(), walletAskCommand(),
		walletOpenCommand(), walletRefuseCommand(), walletContinueCommand(), walletSyncCommand(), walletLostCommand())
}

// walletRun is what a command does for a person.
type walletRun func(ctx context.Context, t *town.Town, p *town.Person, arguments []string) error

// personCommand makes a command whose first argument is a person's name.
func personCommand(f *inTown, use, short string, more int, what string, do func(c *cobra.Command) walletRun) *cobra.Command {
	c := &cobra.Command{
		Use: use, Short: short, Args: exactly(1+more, what),
		RunE: func(c *cobra.Command, arguments []string) error {
			return f.run(c, func(ctx context.Context, t *town.Town) error {
				p, err := t.Person(arguments[0])
				if err != nil {
					return err
				}
				return do(c)(ctx, t, p, arguments[1:])
			})
		},
	}
	return f.bind(c)
}

func pinFlag(c *cobra.Command, into *string) {
	c.Flags().StringVar(into, "pin", "", "PIN to enter; without it, the one of the PIN letter")
}

func walletBalanceCommand() *cobra.Command {
	f, entered := &inTown{}, ""
	c := personCommand(f, "balance NAME", "The three wallets: online, shadow, on the card", 0, "a person's name", func(c *cobra.Command) walletRun {
		return func(ctx context.Context, t *town.Town, p *town.Person, _ []string) error {
			tap, err := held(p, entered)
			if err != nil {
				return err
			}
			holdings, err := p.Phone.Holdings(ctx, tap)
			if err != nil {
				return err
			}
			online, err := p.Bank.OnlineBalance(ctx, p.Name)
			if err != nil {
				return err
			}
			books, err := t.CentralBank.Balances(ctx)
			if err != nil {
				return err
			}
			var shadow money.Ore
			for _, a := range books.Shadow {
				if a.Name == string(p.Phone.Device()) {
					shadow = a.Balance
				}
			}
			return f.answer(c, town.PersonBooks{Name: p.Name, Bank: p.Bank.Title, Online: online, Shadow: shadow, Offline: holdings.Balance},
				"%s at %s: online %s, shadow %s, on the card %s; %d payment record(s) of %d not yet acknowledged", p.Name, p.Bank.Title,
				online, shadow, holdings.Balance, holdings.Counters.ATC-holdings.Counters.AckedATC, holdings.Counters.ATC)
		}
	})
	pinFlag(c, &entered)
	return c
}

func walletLoadCommand() *cobra.Command {
	f, entered := &inTown{}, ""
	c := personCommand(f, "load NAME AMOUNT", "Move money from the online wallet to the card", 1, "a person's name and an amount in kronor", func(c *cobra.Command) walletRun {
		return func(ctx context.Context, _ *town.Town, p *town.Person, arguments []string) error {
			amount, err := amountOf(arguments[0])
			if err != nil {
				return err
			}
			tap, err := held(p, entered)
			if err != nil {
				return err
			}
			result, err := p.Phone.Load(ctx, tap, amount)
			if err != nil {
				return err
			}
			return f.answer(c, result, "loaded %s onto %s's card", result.Credited, p.Name)
		}
	})
	pinFlag(c, &entered)
	return c
}

func walletUnloadCommand() *cobra.Command {
	f, entered := &inTown{}, ""
	c := personCommand(f, "unload NAME AMOUNT", "Move money from the card to the online wallet", 1, "a person's name and an amount in kronor", func(c *cobra.Command) walletRun {
		return func(ctx context.Context, _ *town.Town, p *town.Person, arguments []string) error {
			amount, err := amountOf(arguments[0])
			if err != nil {
				return err
			}
			tap, err := held(p, entered)
			if err != nil {
				return err
			}
			if _, err := p.Phone.Unload(ctx, tap, amount); err != nil {
				return err
			}
			return f.answer(c, map[string]any{"name": p.Name, "unloaded_ore": amount}, "unloaded %s from %s's card", amount, p.Name)
		}
	})
	pinFlag(c, &entered)
	return c
}

// tearable says after which command of a flow the card may be taken away.
var tearable = map[string]byte{"request": spec.RequestPayment.INS, "pay": spec.Pay.INS, "accept": spec.Accept.INS}

// paidAnswer is what a finished transfer is for a script.
type paidAnswer struct {
	Payer  string    `json:"payer"`
	Payee  string    `json:"payee"`
	Amount money.Ore `json:"amount_ore"`
}

func walletPayCommand() *cobra.Command {
	f, torn := &inTown{}, ""
	c := &cobra.Command{
		Use: "pay PAYER PAYEE AMOUNT", Short: "Pay from card to card, in three taps on the payee's phone",
		Long: `The payee's card asks, the payer's card pays with its PIN, the payee's card accepts.

With --torn the card is taken away after REQUEST, PAY or ACCEPT, before the answer is through;
"ekrona wallet continue PAYEE --card PAYER" goes on from there.`,
		Args: exactly(3, "payer, payee and an amount in kronor"),
		RunE: func(c *cobra.Command, arguments []string) error {
			amount, err := amountOf(arguments[2])
			if err != nil {
				return err
			}
			instruction, known := tearable[torn]
			if torn != "" && !known {
				return usage("--torn %q: choose request, pay or accept", torn)
			}
			return f.run(c, func(ctx context.Context, t *town.Town) error {
				payer, err := t.Person(arguments[0])
				if err != nil {
					return err
				}
				payee, err := t.Person(arguments[1])
				if err != nil {
					return err
				}
				payer.Card.PullAfter(instruction)
				payee.Card.PullAfter(instruction)
				_, receipt, err := payee.Phone.Transfer(ctx, amount, holder(payer, payee))
				if err != nil {
					return err
				}
				if err := payer.Phone.TakeAnswer(ctx, receipt); err != nil {
					return err
				}
				return f.answer(c, paidAnswer{payer.Name, payee.Name, amount}, "%s has paid %s to %s", payer.Name, amount, payee.Name)
			})
		},
	}
	c.Flags().StringVar(&torn, "torn", "", "take the card away after this command: request, pay or accept")
	return f.bind(c)
}

// holder holds the payer's and the payee's card to the payee's phone.
func holder(payer, payee *town.Person) wallet.Holder {
	return func(_ context.Context, side wallet.Side) (wallet.Tap, error) {
		if side == wallet.Payee {
			return held(payee, "")
		}
		if payer == nil {
			return wallet.Tap{}, usage("the payer's card is needed: name whose it is with --card")
		}
		tap, err := held(payer, "")
		tap.Stranger = true
		return tap, err
	}
}

func walletAskCommand() *cobra.Command {
	f, from := &inTown{}, ""
	c := personCommand(f, "ask NAME AMOUNT", "Open a Request on the card, to be paid later", 1, "a person's name and an amount in kronor", func(c *cobra.Command) walletRun {
		return func(ctx context.Context, t *town.Town, p *town.Person, arguments []string) error {
			amount, err := amountOf(arguments[0])
			if err != nil {
				return err
			}
			var payer message.DeviceID
			if from != "" {
				named, err := t.Person(from)
				if err != nil {
					return err
				}
				payer = named.Phone.Device()
			}
			tap, err := held(p, "")
			if err != nil {
				return err
			}
			asked, err := p.Phone.Request(ctx, tap, amount, payer)
			if err != nil {
				return err
			}
			return f.listRequests(c, []envelope.Envelope{asked})
		}
	})
	c.Flags().StringVar(&from, "from", "", "the only person who may pay it")
	return c
}

// requestAnswer is one Request for a script.
type requestAnswer struct {
	Number  uint32    `json:"number"`
	Payee   string    `json:"payee"`
	Amount  money.Ore `json:"amount_ore"`
	Message string    `json:"message"` // hex
}

func (f *inTown) listRequests(c *cobra.Command, all []envelope.Envelope) error {
	answers := []requestAnswer{}
	text := ""
	for _, e := range all {
		r, err := message.Parse[message.Request](e.Message)
		if err != nil {
			return err
		}
		amount := money.FromWire(uint32(r.Amount))
		answers = append(answers, requestAnswer{r.Number, string(r.Payee), amount, hex.EncodeToString(e.Message)})
		text += fmt.Sprintf("Request %d: %s asks for %s\n", r.Number, r.Payee, amount)
	}
	if len(all) == 0 {
		text = "no Request is open\n"
	}
	return f.answer(c, answers, "%s", text[:len(text)-1])
}

func walletOpenCommand() *cobra.Command {
	f := &inTown{}
	return personCommand(f, "open NAME", "The Requests on this phone that have neither Receipt nor Refusal", 0, "a person's name", func(c *cobra.Command) walletRun {
		return func(ctx context.Context, _ *town.Town, p *town.Person, _ []string) error {
			open, err := p.Phone.Unfinished(ctx)
			if err != nil {
				return err
			}
			return f.listRequests(c, open)
		}
	})
}

// numbered finds an unfinished Request of a phone by its number.
func numbered(ctx context.Context, p *town.Person, text string) (envelope.Envelope, error) {
	open, err := p.Phone.Unfinished(ctx)
	if err != nil {
		return envelope.Envelope{}, err
	}
	for _, e := range open {
		r, err := message.Parse[message.Request](e.Message)
		if err != nil {
			return envelope.Envelope{}, err
		}
		if fmt.Sprint(r.Number) == text {
			return e, nil
		}
	}
	return envelope.Envelope{}, fmt.Errorf("%s's phone has no open Request %s; \"ekrona wallet open %s\" lists them", p.Name, text, p.Name)
}

func walletRefuseCommand() *cobra.Command {
	f := &inTown{}
	return personCommand(f, "refuse NAME NUMBER", "Close an open Request for ever; what is paid into it goes back to the payer's online wallet", 1, "a person's name and the number of a Request", func(c *cobra.Command) walletRun {
		return func(ctx context.Context, _ *town.Town, p *town.Person, arguments []string) error {
			asked, err := numbered(ctx, p, arguments[0])
			if err != nil {
				return err
			}
			tap, err := held(p, "")
			if err != nil {
				return err
			}
			if _, err := p.Phone.Refuse(ctx, tap, asked); err != nil {
				return err
			}
			return f.answer(c, map[string]any{"name": p.Name, "refused": arguments[0]}, "Request %s is refused", arguments[0])
		}
	})
}

func walletContinueCommand() *cobra.Command {
	f, whose := &inTown{}, ""
	c := personCommand(f, "continue NAME", "Go on with the oldest payment to this phone that was torn", 0, "the payee's name", func(c *cobra.Command) walletRun {
		return func(ctx context.Context, t *town.Town, p *town.Person, _ []string) error {
			var payer *town.Person
			if whose != "" {
				var err error
				if payer, err = t.Person(whose); err != nil {
					return err
				}
			}
			asked, amount, err := oldestOwn(ctx, p)
			if err != nil {
				return err
			}
			receipt, err := p.Phone.ContinueTransfer(ctx, asked, holder(payer, p))
			if err != nil {
				return err
			}
			if payer != nil {
				if err := payer.Phone.TakeAnswer(ctx, receipt); err != nil {
					return err
				}
			}
			return f.answer(c, paidAnswer{whose, p.Name, amount}, "%s has got %s", p.Name, amount)
		}
	})
	c.Flags().StringVar(&whose, "card", "", "whose card is held to the phone to pay")
	return c
}

// oldestOwn finds the oldest Request of the person's own card that is unfinished.
func oldestOwn(ctx context.Context, p *town.Person) (envelope.Envelope, money.Ore, error) {
	open, err := p.Phone.Unfinished(ctx)
	if err != nil {
		return envelope.Envelope{}, 0, err
	}
	for _, e := range open {
		r, err := message.Parse[message.Request](e.Message)
		if err != nil {
			return envelope.Envelope{}, 0, err
		}
		if r.Payee == p.Phone.Device() {
			return e, money.FromWire(uint32(r.Amount)), nil
		}
	}
	return envelope.Envelope{}, 0, fmt.Errorf("%s's phone has no unfinished payment to %s", p.Name, p.Name)
}

// syncAnswer is a session for a script.
type syncAnswer struct {
	Instructions int       `json:"instructions"`
	Credited     money.Ore `json:"credited_ore"`
	Untaken      money.Ore `json:"untaken_ore"`
	Unanswered   int       `json:"unanswered"`
	Difference   money.Ore `json:"difference_ore"`
}

func (f *inTown) synchronised(c *cobra.Command, who string, r session.Result) error {
	text := fmt.Sprintf("%s has synchronised: %d Instruction(s) applied", who, r.Instructions)
	if r.Credited > 0 {
		text += fmt.Sprintf(", %s loaded", r.Credited)
	}
	if len(r.Unanswered) > 0 {
		text += fmt.Sprintf(", %d payment(s) wait: %v", len(r.Unanswered), r.Unanswered[0])
	}
	return f.answer(c, syncAnswer{r.Instructions, r.Credited, r.Untaken, len(r.Unanswered), r.Difference}, "%s", text)
}

func walletSyncCommand() *cobra.Command {
	f, entered := &inTown{}, ""
	c := personCommand(f, "sync NAME", "Synchronise the card with its intermediary", 0, "a person's name", func(c *cobra.Command) walletRun {
		return func(ctx context.Context, _ *town.Town, p *town.Person, _ []string) error {
			tap, err := held(p, entered)
			if err != nil {
				return err
			}
			result, err := p.Phone.Synchronise(ctx, tap)
			if err != nil {
				return err
			}
			return f.synchronised(c, p.Name, result)
		}
	})
	pinFlag(c, &entered)
	return c
}

func walletLostCommand() *cobra.Command {
	f := &inTown{}
	return personCommand(f, "lost NAME", "Report the card lost: it is blocked, and claims on it are honoured for a time", 0, "a person's name", func(c *cobra.Command) walletRun {
		return func(ctx context.Context, _ *town.Town, p *town.Person, _ []string) error {
			if err := p.Bank.ReportLost(ctx, p.Phone.Device()); err != nil {
				return err
			}
			return f.answer(c, map[string]any{"name": p.Name, "device": p.Phone.Device()}, "%s's card %s is on the revocation list", p.Name, p.Phone.Device())
		}
	})
}
