package main

import (
	"crypto/rand"
	"fmt"

	"github.com/spf13/cobra"

	"ekrona/apdu/money"
	"ekrona/host/session"
	"ekrona/host/town"
)

func walletCommand() *cobra.Command {
	return group("wallet", "A person of a town: phone, card, three wallets",
		walletBalanceCommand(), walletBuyCommand(), walletLoadCommand(), walletUnloadCommand(), walletPayCommand(), walletAskCommand(),
		walletOpenCommand(), walletRefuseCommand(), walletContinueCommand(), walletSyncCommand(), walletLostCommand(), walletNewPhoneCommand())
}

func walletBalanceCommand() *cobra.Command {
	f := &inTown{}
	return personCommand(f, "balance NAME", "The three wallets: online, shadow, on the card", 0, "a person's name", func(c *cobra.Command, v visit) error {
		tap, err := v.tap()
		if err != nil {
			return err
		}
		holdings, err := v.person.Phone.Holdings(v.ctx, tap)
		if err != nil {
			return err
		}
		online, shadow, err := v.town.Wallets(v.ctx, v.person)
		if err != nil {
			return err
		}
		p := v.person
		return f.answer(c, town.PersonBooks{Name: p.Name, Bank: p.Bank.Title, Online: online, Shadow: shadow, Offline: &holdings.Balance},
			"%s at %s: online %s, shadow %s, on the card %s; %d of %d records not yet acknowledged", p.Name, p.Bank.Title,
			online, shadow, holdings.Balance, holdings.Counters.ATC-holdings.Counters.AckedATC, holdings.Counters.ATC)
	})
}

func walletBuyCommand() *cobra.Command {
	f, order := &inTown{}, ""
	c := personCommand(f, "buy NAME AMOUNT", "Buy e-krona from the bank into the online wallet", 1, "a person's name and an amount in kronor", func(c *cobra.Command, v visit) error {
		amount, err := amountOf(v.arguments[0])
		if err != nil {
			return err
		}
		if order == "" {
			order = rand.Text()
		}
		if err := v.person.Bank.Deposit(v.ctx, "bought: "+order, v.person.Name, amount); err != nil {
			return err
		}
		return f.answer(c, map[string]any{"order": order, "amount_ore": amount}, "%s has bought %s, order %s", v.person.Name, amount, order)
	})
	c.Flags().StringVar(&order, "order", "", "the order's own name: the same order again buys nothing more (default a new one)")
	return c
}

func walletLoadCommand() *cobra.Command {
	f := &inTown{}
	return personCommand(f, "load NAME AMOUNT", "Move money from the online wallet to the card", 1, "a person's name and an amount in kronor", func(c *cobra.Command, v visit) error {
		amount, tap, err := v.amountAndTap()
		if err != nil {
			return err
		}
		result, err := v.person.Phone.Load(v.ctx, tap, amount)
		if err != nil {
			return err
		}
		return f.answer(c, sessionAnswer(result), "loaded %s onto %s's card", result.Credited, v.person.Name)
	})
}

func walletUnloadCommand() *cobra.Command {
	f := &inTown{}
	return personCommand(f, "unload NAME AMOUNT", "Move money from the card to the online wallet", 1, "a person's name and an amount in kronor", func(c *cobra.Command, v visit) error {
		amount, tap, err := v.amountAndTap()
		if err != nil {
			return err
		}
		if _, err := v.person.Phone.Unload(v.ctx, tap, amount); err != nil {
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
func (f *inTown) synchronised(c *cobra.Command, who string, r session.Result) error {
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
	f := &inTown{}
	return personCommand(f, "sync NAME", "Synchronise the card with its intermediary", 0, "a person's name", func(c *cobra.Command, v visit) error {
		tap, err := v.tap()
		if err != nil {
			return err
		}
		result, err := v.person.Phone.Synchronise(v.ctx, tap)
		if err != nil {
			return err
		}
		return f.synchronised(c, v.person.Name, result)
	})
}

func walletLostCommand() *cobra.Command {
	f := &inTown{}
	return personCommand(f, "lost NAME", "Report the card lost: it is blocked, and claims on it are honoured for a time", 0, "a person's name", func(c *cobra.Command, v visit) error {
		device := v.person.Phone.Device()
		if err := v.person.Bank.ReportLost(v.ctx, device); err != nil {
			return err
		}
		return f.answer(c, map[string]any{"name": v.person.Name, "device": device}, "%s's card %s is on the revocation list", v.person.Name, device)
	})
}

func walletNewPhoneCommand() *cobra.Command {
	f := &inTown{}
	c := personCommand(f, "new-phone NAME", "Change phones: the former one's key ends", 0, "a person's name", func(c *cobra.Command, v visit) error {
		if err := v.town.ChangePhone(v.ctx, v.person); err != nil {
			return err
		}
		return f.answer(c, map[string]any{"name": v.person.Name, "device": v.person.Phone.Device()},
			"%s has another phone, with nothing on it: what the former one signs is refused from now on; synchronise the card", v.person.Name)
	})
	c.Long = `Gives a person another phone, for one that is lost or broken. The bank registers its key in
place of the former one's, whose orders it refuses from then on. The new phone has nothing on
it: what was under way is found again on the card and by synchronising it. A payment that only
the former phone had is sent again by its payer.`
	return c
}
