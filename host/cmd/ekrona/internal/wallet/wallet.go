// Package wallet is "ekrona wallet": a customer's phone and card.
package wallet

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"ekrona.example/apdu/message"
	"ekrona.example/apdu/money"
	"ekrona.example/host/banking"
	"ekrona.example/host/cmd/ekrona/internal/cli"
	"ekrona.example/host/cmd/ekrona/internal/parties"
	"ekrona.example/host/limit"
	"ekrona.example/host/notary"
	"ekrona.example/host/order"
	"ekrona.example/host/remote"
	"ekrona.example/host/sandbox"
	"ekrona.example/host/session"
	"ekrona.example/host/wallet"
)

// Command is "ekrona wallet".
func Command() *cobra.Command {
	return cli.Group("wallet",
		"A customer's phone: load the card, pay, synchronise, report a card lost",
		walletPairCommand(), walletBalanceCommand(), walletBuyCommand(), walletLoadCommand(),
		walletUnloadCommand(),
		walletAskCommand(), walletPayCommand(), walletAcceptCommand(), walletTakeCommand(),
		walletOpenCommand(), walletRefuseCommand(), walletContinueCommand(), walletSyncCommand(),
		walletLostCommand(), walletEndCommand(), walletNewPhoneCommand(), walletCrisisCommand())
}

func walletBalanceCommand() *cobra.Command {
	f := &parties.Flags{}
	return parties.HeldCardCommand(f, "balance NAME",
		"Show the three wallets: online, shadow, on the card", 0, "a person's name",
		func(c *cobra.Command, v parties.Visit) error {
			return balance(v, c, f)
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
	// Payments is how many the card makes or takes at least until it synchronises.
	Payments int           `json:"payments_left"`
	Crisis   *crisisLimits `json:"crisis,omitempty"`
	Warnings []limit.Near  `json:"warnings"`
	parties.Notices
}

func balance(v parties.Visit, c *cobra.Command, f *parties.Flags) error {
	var holdings wallet.Holdings
	if err := v.AsOwner(c.Context(), func(tap wallet.Tap) (err error) {
		holdings, err = v.Person.Phone.Holdings(c.Context(), tap)
		return err
	}); err != nil {
		return err
	}
	if v.Person.OutOfUse {
		f.Notice(c, errors.New("this card was reported lost or has ended: whatever it shows, its "+
			"money goes to the online wallet, or is there already"), "Kortet är spärrat eller "+
			"avslutat. Pengarna på det går till ditt konto eller är redan där, vad kortet än "+
			"visar.")
	}
	answer := balanceAnswer{Name: v.Person.Name, Device: v.Person.Phone.Device(),
		Notices: f.Notices(),
		Offline: holdings.Balance, Payments: holdings.PaymentsLeft(),
		Warnings: append([]limit.Near{}, holdings.Warnings()...)}
	for _, near := range answer.Warnings {
		f.Notice(c, errors.New(near.English()), near.Swedish())
	}
	answer.Crisis = crisisLimitsOf(holdings, v.Person.Phone.Device().Name(),
		message.DateOf(v.Sandbox.Clock().Now()))
	card := fmt.Sprintf("on the card %s; %d of %d records not yet acknowledged%s",
		holdings.Balance, holdings.Counters.ATC-holdings.Counters.AckedATC, holdings.Counters.ATC,
		answer.Crisis)
	online, shadow, err := v.Sandbox.Wallets(c.Context(), v.Person)
	if remote.IsPassing(err) {
		return f.Answer(c, answer,
			"%s: %s; online and shadow are not known, since the bank cannot be reached",
			v.Person.Name, card)
	}
	if err != nil {
		return err
	}
	answer.Bank, answer.Online, answer.Shadow = v.Sandbox.BankName(v.Person), &online, &shadow
	return f.Answer(c, answer, "%s at %s: online %s, shadow %s, %s", v.Person.Name, answer.Bank,
		online, shadow, card)
}

func walletBuyCommand() *cobra.Command {
	f, named := &parties.Flags{}, &parties.Order{}
	buy := func(c *cobra.Command, name, text string,
		deposit func(order string, amount money.Ore) error,
	) error {
		amount, err := parties.AmountOf(text)
		if err != nil {
			return err
		}
		if named.Name == "" {
			named.Name = rand.Text()
		}
		if err := deposit("bought: "+named.Name, amount); err != nil {
			return named.Refused(err)
		}
		return f.Answer(c, map[string]any{"order": named.Name, "amount_ore": amount},
			"%s has bought %s, order %s", name, amount, named.Name)
	}
	c := parties.CustomerCommand(f, "buy NAME AMOUNT",
		"Buy e-krona from the bank into the online wallet", 1,
		"a person's name and an amount in kronor", func(c *cobra.Command, v parties.Visit) error {
			return buy(c, v.Person.Name, v.Arguments[0],
				func(order string, amount money.Ore) error {
					bank, err := v.Sandbox.BankOf(c.Context(), v.Person)
					if err != nil {
						return err
					}
					return bank.Deposit(c.Context(), order, v.Person.Name, amount)
				})
		})
	inSandbox := c.RunE
	c.RunE = func(c *cobra.Command, arguments []string) error {
		if !f.IsStaff() {
			return inSandbox(c, arguments)
		}
		return f.RunBank(c, "", func(ctx context.Context, b banking.Operator) error {
			return buy(c, arguments[0], arguments[1], func(order string, amount money.Ore) error {
				return b.Deposit(ctx, order, arguments[0], amount)
			})
		})
	}
	f.StaffFlags(c)
	named.Flag(c, "buys nothing more")
	return c
}

// loadAnswer is a load for a script.
type loadAnswer struct {
	parties.Order
	parties.SyncAnswer
}

func walletLoadCommand() *cobra.Command {
	f, named := &parties.Flags{}, &parties.Order{}
	c := parties.HeldCardCommand(f, "load NAME AMOUNT",
		"Move money from the online wallet to the card", 1,
		"a person's name and an amount in kronor", func(c *cobra.Command, v parties.Visit) error {
			amount, err := parties.AmountOf(v.Arguments[0])
			if err != nil {
				return err
			}
			var result session.Result
			if err := did(c.Context(), v, order.Load, amount, named); err != nil {
				return err
			}
			if !named.Repeated {
				if err := v.AsOwner(c.Context(), func(tap wallet.Tap) (err error) {
					result, err = v.Person.Phone.LoadNamed(c.Context(), tap, amount, named.Name)
					return v.Person.Phone.ExplainLoad(c.Context(), tap, err)
				}); err != nil {
					return named.Refused(err)
				}
			}
			// The load is on the card, also where a call before that was cut short brought it.
			result.Credited = max(result.Credited, amount)
			return f.Answer(c, loadAnswer{*named, f.SessionAnswer(result)},
				"loaded %s onto %s's card%s", result.Credited, v.Person.Name, named)
		})
	c.Long = `Move money from the online wallet to the card.
` + parties.AboutOrder + aboutNames
	named.Flag(c, "loads nothing more")
	return c
}

// aboutNames is the help of commands whose --order is kept by phone and bank.
const aboutNames = ` Each card has
its own names. The bank keeps them too, so that they hold on a new phone.`

// did finds out whether an order with a name was carried out by a former call.
func did(
	ctx context.Context, v parties.Visit, kind order.Kind, amount money.Ore, named *parties.Order,
) (err error) {
	if named.Name != "" {
		named.Repeated, err = v.Person.Phone.Did(ctx, kind, amount, named.Name)
	}
	return err
}

// unloadAnswer is an unload for a script.
type unloadAnswer struct {
	parties.Order
	Name     string    `json:"name"`
	Unloaded money.Ore `json:"unloaded_ore"`
}

func walletUnloadCommand() *cobra.Command {
	f, named := &parties.Flags{}, &parties.Order{}
	c := parties.HeldCardCommand(f, "unload NAME AMOUNT",
		"Move money from the card to the online wallet", 1,
		"a person's name and an amount in kronor", func(c *cobra.Command, v parties.Visit) error {
			amount, err := parties.AmountOf(v.Arguments[0])
			if err != nil {
				return err
			}
			if err := did(c.Context(), v, order.Unload, amount, named); err != nil {
				return err
			}
			if !named.Repeated {
				tap, err := v.Tap(c.Context())
				if err != nil {
					return err
				}
				if _, err := v.Person.Phone.UnloadNamed(c.Context(), tap, amount,
					named.Name); err != nil {
					return named.Refused(err)
				}
			}
			return f.Answer(c, unloadAnswer{*named, v.Person.Name, amount},
				"unloaded %s from %s's card%s", amount, v.Person.Name, named)
		})
	c.Long = `Move money from the card to the online wallet.
` + parties.AboutOrder + aboutNames
	named.Flag(c, "unloads nothing more")
	return c
}

func walletSyncCommand() *cobra.Command {
	f := &parties.Flags{}
	return parties.HeldCardCommand(f, "sync NAME", "Synchronise the card with its intermediary", 0,
		"a person's name", func(c *cobra.Command, v parties.Visit) error {
			var result session.Result
			hasKey, isPaired := false, false
			if err := v.AsOwner(c.Context(), func(tap wallet.Tap) (err error) {
				phone := v.Person.Phone
				if result, err = phone.Synchronise(c.Context(), tap); err != nil {
					return err
				}
				if hasKey, err = phone.IsPaired(c.Context()); err != nil || !hasKey {
					return err
				}
				isPaired, err = phone.IsPairedWith(c.Context(), tap)
				return err
			}); err != nil {
				return err
			}
			if hasKey && !isPaired { // a lost card or phone was reported, and the pair was ended
				f.Notice(c, wallet.ErrNotPaired, parties.NotPaired)
			}
			return f.Synchronised(c, v.Person.Name, result)
		})
}

// lostAnswer is a card that was reported lost, for a script.
type lostAnswer struct {
	Name   string           `json:"name"`
	Device message.DeviceID `json:"device"`
	// Until is when claims on it are honoured no longer, and Next what to do then.
	Until time.Time `json:"honoured_until,omitzero"`
	Next  string    `json:"next,omitempty"`
	parties.Words
}

func walletLostCommand() *cobra.Command {
	f := &parties.Flags{}
	c := parties.PersonCommand(f, "lost NAME",
		"Report a card lost: it is blocked for good", 0,
		"a person's name", func(c *cobra.Command, v parties.Visit) error {
			device := v.Person.Phone.Device()
			until, err := v.Sandbox.ReportLost(c.Context(), v.Person)
			if err != nil {
				return err
			}
			answer := lostAnswer{Name: v.Person.Name, Device: device, Until: until}
			if until.IsZero() {
				answer.Words = parties.Words{English: "The card has ended already.",
					Swedish: "Kortet är redan avslutat."}
				return f.Answer(c, answer, "%s's card %s has ended already", v.Person.Name, device)
			}
			answer.Next = fmt.Sprintf("\"ekrona wallet end %s --device %s\" moves what is left to "+
				"the online wallet, for good", v.Person.Name, device)
			day := until.Format(time.DateOnly)
			answer.Words = parties.Words{
				English: fmt.Sprintf("The card is blocked. Who has the card and its PIN can pay "+
					"with it until the terminal has synchronised. The money that is left comes "+
					"to your online wallet after %s.", day),
				Swedish: fmt.Sprintf("Kortet är spärrat. Den som har kortet och dess PIN-kod kan "+
					"betala med det tills terminalen har kopplats upp. Pengarna som är kvar "+
					"kommer till ditt konto efter %s.", day)}
			f.CustomerReads(c, answer.Words)
			return f.Answer(c, answer, "%s's card %s is on the revocation list. Who has the card "+
				"and its PIN can still pay at a terminal until that synchronises, and from card "+
				"to card until the card synchronises, as much as is on it. Claims on it are "+
				"honoured until %s; then %s, and before that with --now. \"ekrona issue card\" "+
				"makes a new card at once", v.Person.Name, device, until.Format(time.RFC3339),
				answer.Next)
		})
	c.Long = `Report a card lost, which cannot be undone: the card is blocked. --device names it if
the person has several in use.

A card has no clock and no network: it is told that it is blocked when it synchronises. Terminals
refuse it from their next synchronisation on, and what it has paid at one that knows then comes back.
Until then who has the card and its PIN can pay with it, as much as is on it and its limits allow.
Claims on it are honoured for a time; after that "ekrona wallet end" moves what is left of its money
to the online wallet, for good.`
	return c
}

func walletEndCommand() *cobra.Command {
	f, now := &parties.Flags{}, false
	c := parties.LostCardCommand(f, "end NAME",
		"End a card that was reported lost, for good: its money goes to the online wallet", 0,
		"a person's name", func(c *cobra.Command, v parties.Visit) error {
			device := v.Person.Phone.Device()
			end := v.Sandbox.EndCard
			if now {
				end = v.Sandbox.EndCardNow
			}
			if err := end(c.Context(), v.Person); err != nil {
				return notEnded(c.Context(), v, err)
			}
			return f.Answer(c, map[string]any{"name": v.Person.Name, "device": device},
				"%s's card %s has ended: what is left of its money is in the online wallet",
				v.Person.Name, device)
		})
	c.Long = `End a card that was reported lost or replaced, which cannot be undone: what its shadow
wallet holds, and all that comes in later, goes to the online wallet. A card in use is never
chosen; --device names the card if several were reported lost. This is possible when claims
on the card are honoured no longer; before that the error names the day. With --now the
bank does not wait for it: what is claimed on the card later, the bank pays itself.`
	c.Flags().BoolVar(&now, "now", false, "end the card before its time is over, which cannot be "+
		"undone either: later claims on it are the bank's loss")
	return c
}

// notEnded says to the customer why a card does not end yet.
func notEnded(ctx context.Context, v parties.Visit, err error) error {
	if !errors.Is(err, notary.WrongStatus) {
		return err
	}
	until, failed := v.Sandbox.HonouredUntil(ctx, v.Person)
	if failed != nil || until.IsZero() {
		return parties.Said(err, "Kortet används och kan inte avslutas. Anmäl först att det är "+
			"förlorat.")
	}
	return parties.Said(err, fmt.Sprintf("Kortet kan avslutas först efter %s. Då kommer pengarna "+
		"som är kvar till ditt konto.", until.Format(time.DateOnly)))
}

func walletNewPhoneCommand() *cobra.Command {
	f := &parties.Flags{}
	c := parties.NameCommand(f, "new-phone NAME",
		"Replace a lost or broken phone: its key is refused from then on",
		"a person's name", func(c *cobra.Command, s *sandbox.Sandbox, name string) error {
			cards, err := s.ChangePhone(c.Context(), name)
			if err != nil {
				return err
			}
			return f.Answer(c, map[string]any{"name": name, "cards": cards},
				"%s has a new phone, which is empty: what the old one signs is refused from now "+
					"on; synchronise the card, then pair it with this phone: \"ekrona wallet "+
					"pair %s\"", name, name)
		})
	c.Long = `Replace a phone that is lost or broken. The bank registers the new phone's key in
place of the old one's, whose orders it refuses from then on. The new phone starts empty:
"ekrona wallet sync" finds what was under way on the card and at the bank, and ends the
card's pair with the old phone; "ekrona wallet pair" pairs it with the new one, by the PIN. A payment that
only the old phone had is sent again by its payer.`
	return c
}

func walletPairCommand() *cobra.Command {
	f, torn := &parties.Flags{}, ""
	c := parties.HeldCardCommand(f, "pair NAME",
		"Pair the phone with the card, once, by the PIN", 0, "a person's name",
		func(c *cobra.Command, v parties.Visit) error {
			tap, err := v.Tap(c.Context())
			if err != nil {
				return err
			}
			if err := withdraw(torn, "pair", v.Person); err != nil {
				return err
			}
			if err := v.Person.Phone.Pair(c.Context(), tap); err != nil {
				return goOn(err, "the next command finds out whether the card is paired, and the "+
					"same one pairs it")
			}
			device := v.Person.Phone.Device()
			return f.Answer(c, map[string]any{"name": v.Person.Name, "device": device,
				"paired": true},
				"%s's phone is paired with card %s: it reads and receives without the PIN; a "+
					"payment asks for it", v.Person.Name, device)
		})
	c.Long = `Pair the phone with the card, once, by the PIN. From then on the phone reads balance and log,
asks, accepts, refuses, loads and synchronises without it, over an enciphered channel; a
payment always asks for the PIN. A card has one phone at a time: the next one that is paired
replaces it. A new PIN ends the pair, unless this phone sets it, and so does the bank where a
card is reported lost or a phone replaced.`
	tornFlag(c, &torn, "pair")
	return c
}
