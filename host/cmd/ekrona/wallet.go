package main

import (
	"crypto/rand"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"ekrona/apdu/message"
	"ekrona/apdu/money"
	"ekrona/host/remote"
	"ekrona/host/session"
)

func walletCommand() *cobra.Command {
	return group("wallet", "A customer's phone, started from its own folder: card, three wallets",
		walletBalanceCommand(), walletBuyCommand(), walletLoadCommand(), walletUnloadCommand(), walletPayCommand(), walletAskCommand(),
		walletOpenCommand(), walletRefuseCommand(), walletContinueCommand(), walletSyncCommand(), walletLostCommand(), walletEndCommand(), walletNewPhoneCommand())
}

func walletBalanceCommand() *cobra.Command {
	f := &inSandbox{}
	return personCommand(f, "balance NAME", "The three wallets: online, shadow, on the card", 0, "a person's name", func(c *cobra.Command, v visit) error {
		return v.balance(c, f)
	})
}

// balanceAnswer is the three wallets for a script.
type balanceAnswer struct {
	Name    string           `json:"name"`
	Device  message.DeviceID `json:"device"`
	Bank    string           `json:"bank"`
	Online  *money.Ore       `json:"online_ore"` // nil while the bank cannot be reached
	Shadow  *money.Ore       `json:"shadow_ore"` // as Online
	Offline money.Ore        `json:"offline_ore"`
}

func (v visit) balance(c *cobra.Command, f *inSandbox) error {
	tap, err := v.tap(c.Context())
	if err != nil {
		return err
	}
	holdings, err := v.person.Phone.Holdings(c.Context(), tap)
	if err != nil {
		return err
	}
	answer := balanceAnswer{Name: v.person.Name, Device: v.person.Phone.Device(), Offline: holdings.Balance}
	card := fmt.Sprintf("on the card %s; %d of %d records not yet acknowledged",
		holdings.Balance, holdings.Counters.ATC-holdings.Counters.AckedATC, holdings.Counters.ATC)
	online, shadow, err := v.sandbox.Wallets(c.Context(), v.person)
	if errors.Is(err, remote.ErrUnreachable) {
		return f.answer(c, answer, "%s: %s; online and shadow are not known, since the bank cannot be reached", v.person.Name, card)
	}
	if err != nil {
		return err
	}
	bank, err := v.sandbox.BankOf(c.Context(), v.person)
	if err != nil {
		return err
	}
	answer.Bank, answer.Online, answer.Shadow = bank.Settings.Title, &online, &shadow
	return f.answer(c, answer, "%s at %s: online %s, shadow %s, %s", v.person.Name, answer.Bank, online, shadow, card)
}

func walletBuyCommand() *cobra.Command {
	f, order := &inSandbox{}, ""
	c := customerCommand(f, "buy NAME AMOUNT", "Buy e-krona from the bank into the online wallet", 1, "a person's name and an amount in kronor", func(c *cobra.Command, v visit) error {
		amount, err := amountOf(v.arguments[0])
		if err != nil {
			return err
		}
		if order == "" {
			order = rand.Text()
		}
		bank, err := v.sandbox.BankOf(c.Context(), v.person)
		if err != nil {
			return err
		}
		if err := bank.Deposit(c.Context(), "bought: "+order, v.person.Name, amount); err != nil {
			return err
		}
		return f.answer(c, map[string]any{"order": order, "amount_ore": amount}, "%s has bought %s, order %s", v.person.Name, amount, order)
	})
	c.Flags().StringVar(&order, "order", "", "the order's own name: the same order again buys nothing more (default a new one)")
	return c
}

func walletLoadCommand() *cobra.Command {
	f := &inSandbox{}
	return personCommand(f, "load NAME AMOUNT", "Move money from the online wallet to the card", 1, "a person's name and an amount in kronor", func(c *cobra.Command, v visit) error {
		amount, tap, err := v.amountAndTap(c.Context())
		if err != nil {
			return err
		}
		result, err := v.person.Phone.Load(c.Context(), tap, amount)
		if err != nil {
			return err
		}
		return f.answer(c, sessionAnswer(result), "loaded %s onto %s's card", result.Credited, v.person.Name)
	})
}

func walletUnloadCommand() *cobra.Command {
	f := &inSandbox{}
	return personCommand(f, "unload NAME AMOUNT", "Move money from the card to the online wallet", 1, "a person's name and an amount in kronor", func(c *cobra.Command, v visit) error {
		amount, tap, err := v.amountAndTap(c.Context())
		if err != nil {
			return err
		}
		if _, err := v.person.Phone.Unload(c.Context(), tap, amount); err != nil {
			return err
		}
		return f.answer(c, map[string]any{"name": v.person.Name, "unloaded_ore": amount}, "unloaded %s from %s's card", amount, v.person.Name)
	})
}

// syncAnswer is a session for a script.
type syncAnswer struct {
	Instructions int       `json:"instructions"`
	Credited     money.Ore `json:"credited_ore"`
	Untaken      money.Ore `json:"untaken_ore"`
	Unanswered   int       `json:"unanswered"`
	Difference   money.Ore `json:"difference_ore"`
}

func sessionAnswer(r session.Result) syncAnswer {
	return syncAnswer{r.Instructions, r.Credited, r.Untaken, len(r.Unanswered), r.Difference}
}

// synchronised answers with what a session did.
func (f *inSandbox) synchronised(c *cobra.Command, who string, r session.Result) error {
	text := fmt.Sprintf("%s has synchronised: %d Instruction(s) applied", who, r.Instructions)
	if r.Credited > 0 {
		text += fmt.Sprintf(", %s loaded", r.Credited)
	}
	if len(r.Unanswered) > 0 {
		text += fmt.Sprintf(", %d payment(s) wait: %v", len(r.Unanswered), r.Unanswered[0])
	}
	return f.answer(c, sessionAnswer(r), "%s", text)
}

func walletSyncCommand() *cobra.Command {
	f := &inSandbox{}
	return personCommand(f, "sync NAME", "Synchronise the card with its intermediary", 0, "a person's name", func(c *cobra.Command, v visit) error {
		tap, err := v.tap(c.Context())
		if err != nil {
			return err
		}
		result, err := v.person.Phone.Synchronise(c.Context(), tap)
		if err != nil {
			return err
		}
		return f.synchronised(c, v.person.Name, result)
	})
}

func walletLostCommand() *cobra.Command {
	f := &inSandbox{}
	c := personCommand(f, "lost NAME", "Report the card lost: it is blocked, and claims on it are honoured for a time", 0, "a person's name", func(c *cobra.Command, v visit) error {
		device := v.person.Phone.Device()
		if err := v.sandbox.ReportLost(c.Context(), v.person); err != nil {
			return err
		}
		return f.answer(c, map[string]any{"name": v.person.Name, "device": device}, "%s's card %s is on the revocation list", v.person.Name, device)
	})
	c.Long = `Reports a card lost, which cannot be taken back. Where a person has several in use, name the one
with --device. Claims on it are honoured for a time; when that is over, "ekrona wallet end"
brings what is left of its money to the online wallet.`
	return c
}

func walletEndCommand() *cobra.Command {
	f := &inSandbox{}
	c := personCommand(f, "end NAME", "End a card that was reported lost: its money goes to the online wallet", 0, "a person's name", func(c *cobra.Command, v visit) error {
		device := v.person.Phone.Device()
		if err := v.sandbox.EndCard(c.Context(), v.person); err != nil {
			return err
		}
		return f.answer(c, map[string]any{"name": v.person.Name, "device": device},
			"%s's card %s has ended: what is left of its money is in the online wallet", v.person.Name, device)
	})
	c.Long = `Ends a card that was reported lost or replaced, when the time is over for which claims on it are
honoured; before that the error names the day. What its shadow wallet holds, and all that comes
in later, goes to the online wallet.`
	return c
}

func walletNewPhoneCommand() *cobra.Command {
	f := &inSandbox{}
	c := customerCommand(f, "new-phone NAME", "Change phones: the former one's key ends", 0, "a person's name", func(c *cobra.Command, v visit) error {
		cards, err := v.sandbox.ChangePhone(c.Context(), v.person)
		if err != nil {
			return err
		}
		return f.answer(c, map[string]any{"name": v.person.Name, "cards": cards},
			"%s has another phone, with nothing on it: what the former one signs is refused from now on; synchronise the card", v.person.Name)
	})
	c.Long = `Gives a person another phone, for one that is lost or broken. The bank registers its key in
place of the former one's, whose orders it refuses from then on. The new phone has nothing on
it: what was under way is found again on the card and by synchronising it. A payment that only
the former phone had is sent again by its payer.`
	return c
}
