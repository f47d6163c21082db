package cli

import (
	"fmt"
	"strings"

	"ekrona.example/apdu/message"
	"ekrona.example/apdu/money"
	"ekrona.example/apdu/spec"
)

// Limits are the limits of a policy, for a script.
type Limits struct {
	MaxBalance      money.Ore `json:"max_balance_ore"`
	MaxPayment      money.Ore `json:"max_payment_ore"`
	MaxSpent        money.Ore `json:"max_spent_ore"`
	MaxTransactions uint      `json:"max_transactions"`
	Flags           []string  `json:"flags"`
}

// LimitsOf returns the limits of a policy.
func LimitsOf(p message.Policy) Limits {
	flags := []string{}
	for _, row := range spec.Flags {
		if p.Has(row.Bit) {
			flags = append(flags, row.Name)
		}
	}
	return Limits{p.MaxBalance, p.MaxPayment, p.MaxSpent, uint(p.MaxTransactions), flags}
}

// String is the limits for a person.
func (l Limits) String() string {
	text := fmt.Sprintf("holds %s, pays %s at most, between two synchronisations %s in %d "+
		"transactions", l.MaxBalance, l.MaxPayment, l.MaxSpent, l.MaxTransactions)
	if len(l.Flags) > 0 {
		text += ", " + strings.Join(l.Flags, " ")
	}
	return text
}
