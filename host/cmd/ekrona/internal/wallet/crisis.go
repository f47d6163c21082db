package wallet

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"ekrona.example/apdu/message"
	"ekrona.example/apdu/money"
	"ekrona.example/host/cmd/ekrona/internal/crisis"
	"ekrona.example/host/cmd/ekrona/internal/parties"
	"ekrona.example/host/wallet"
)

// crisisLimits are the limits of a card under a crisis order, for a script.
type crisisLimits struct {
	Number uint32 `json:"number"`
	From   string `json:"from"`
	Until  string `json:"until"`
	// Over: its last day is past, and the card goes on until it synchronises.
	Over bool `json:"over"`
	// Early: it has not begun. Terminals do not count it yet, cards among each other do.
	Early bool `json:"early"`
	// None: the order has no row for the card, whose ordinary limits stay.
	None            bool      `json:"none,omitempty"`
	ends            bool      // it has no rows at all
	MaxBalance      money.Ore `json:"max_balance_ore"`
	MaxPayment      money.Ore `json:"max_payment_ore"`
	MaxSpent        money.Ore `json:"max_spent_ore"`
	MaxTransactions uint16    `json:"max_transactions"`
	Text            string    `json:"text"` // for a developer
	parties.Words
}

// crisisLimitsOf returns the limits in force on an intermediary's card that holds a crisis order;
// nil for one that does not.
func crisisLimitsOf(
	h wallet.Holdings, name message.Name, today message.Date,
) *crisisLimits {
	if h.Crisis == nil {
		return nil
	}
	l := &crisisLimits{Number: h.Crisis.Number, From: h.Crisis.From.String(),
		Until: h.Crisis.Until.String(), Over: today.After(h.Crisis.Until),
		Early: h.Crisis.From.After(today), MaxBalance: h.Limits.MaxBalance,
		MaxPayment: h.Limits.MaxPayment, MaxSpent: h.Limits.MaxSpent,
		MaxTransactions: h.Limits.MaxTransactions}
	_, fits := h.Crisis.Row(name, h.Counters.Group)
	l.None, l.ends = !fits, !fits && len(h.Crisis.Rows) == 0
	l.Text = strings.TrimPrefix(l.String(), "; ")
	l.Words = l.words()
	return l
}

// words are what the customer reads of the limits.
func (l *crisisLimits) words() parties.Words {
	switch {
	case l.ends:
		return parties.Words{
			English: "The Riksbank has ended the crisis: the card's ordinary limits count.",
			Swedish: "Riksbanken har avslutat krisen: kortets vanliga gränser gäller."}
	case l.None:
		return parties.Words{English: "The Riksbank's crisis order has no limits for this card: " +
			"its ordinary ones count.",
			Swedish: "Riksbankens krisbeslut har inga gränser för det här kortet: dess vanliga " +
				"gränser gäller."}
	case l.Over:
		return parties.Words{
			English: fmt.Sprintf("The crisis limits counted until %s. Synchronise the card.",
				l.Until),
			Swedish: fmt.Sprintf("Krisgränserna gällde till och med %s. Koppla upp kortet.",
				l.Until)}
	}
	english, swedish := "until "+l.Until, "till och med "+l.Until
	if l.Early {
		english = "in shops from " + l.From + " " + english
		swedish = "i butiker från och med " + l.From + " " + swedish
	}
	return parties.Words{
		English: fmt.Sprintf("Crisis limits of the Riksbank %s: %s on the card, %s a payment.",
			english, l.MaxBalance, l.MaxPayment),
		Swedish: fmt.Sprintf("Krisgränser från Riksbanken %s: %s på kortet, %s per betalning.",
			swedish, l.MaxBalance, l.MaxPayment)}
}

// String follows what a person reads of a card.
func (l *crisisLimits) String() string {
	switch {
	case l == nil:
		return ""
	case l.ends:
		return fmt.Sprintf("; crisis order %d has ended the crisis: the card's own limits count",
			l.Number)
	case l.None:
		return fmt.Sprintf("; crisis order %d has no limits for this card: its own stay, it "+
			"holds %s, pays %s at most, between two synchronisations %s in %d transactions",
			l.Number, l.MaxBalance, l.MaxPayment, l.MaxSpent, l.MaxTransactions)
	case l.Over:
		return fmt.Sprintf("; limits of crisis order %d, over since %s: synchronise", l.Number,
			l.Until)
	}
	days := "until " + l.Until
	if l.Early {
		days = fmt.Sprintf("from %s, between cards at once, %s", l.From, days)
	}
	return fmt.Sprintf("; limits of crisis order %d %s: holds %s, pays %s at most, between "+
		"two synchronisations %s in %d transactions", l.Number, days, l.MaxBalance, l.MaxPayment,
		l.MaxSpent, l.MaxTransactions)
}

// crisisAnswer is the crisis order of a phone and its card, for a script.
type crisisAnswer struct {
	Name           string           `json:"name"`
	Device         message.DeviceID `json:"device"`
	crisis.Outcome                  // of the file of --take
	crisis.Held
	Limits *crisisLimits `json:"limits,omitempty"`
}

func walletCrisisCommand() *cobra.Command {
	f, carry := &parties.Flags{}, &crisis.Carry{}
	c := parties.HeldCardCommand(f, "crisis NAME",
		"Show the crisis order of phone and card; give them one, or take it from them", 0,
		"a person's name", func(c *cobra.Command, v parties.Visit) error {
			given, named, err := carry.Taken()
			if err != nil {
				return err
			}
			phone, today := v.Person.Phone, message.DateOf(v.Sandbox.Clock().Now())
			answer := crisisAnswer{Name: v.Person.Name, Device: phone.Device()}
			tap, err := v.Tap(c.Context())
			if err != nil {
				return err
			}
			if named {
				answer.Outcome, err = crisis.OutcomeOf(
					phone.GiveCrisis(c.Context(), tap, given, today))
				if err != nil {
					return err
				}
				answer.Say(c, f)
			}
			holdings, err := phone.Holdings(c.Context(), tap)
			if err != nil {
				return err
			}
			carried, err := phone.CarriedCrisis(c.Context())
			if err != nil {
				return err
			}
			answer.Limits = crisisLimitsOf(holdings, phone.Device().Name(), today)
			if answer.Held, err = carry.Give(carried); err != nil {
				return err
			}
			if answer.Limits != nil {
				f.CustomerReads(c, answer.Limits.Words)
			}
			return f.Answer(c, answer, "%s: %s%s", v.Person.Name, answer.Held, answer.Limits)
		})
	c.Long = `Show the crisis order of phone and card, and the limits of the card under it. With --take the
phone takes one from a file, which the card verifies. Orders go from phone to phone beside what
"ekrona wallet ask", "pay" and "accept" hand over with --out and --text, and to and from every
terminal at which the card pays.`
	return carry.Bind(c)
}
