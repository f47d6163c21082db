package crisis

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"ekrona.example/apdu/message"
	"ekrona.example/apdu/money"
)

// RowAnswer is a row of limits for a script.
type RowAnswer struct {
	Group           uint8     `json:"group"`
	Name            string    `json:"name,omitempty"`
	MaxBalance      money.Ore `json:"max_balance_ore"`
	MaxTransactions uint16    `json:"max_transactions"`
	MaxPayment      money.Ore `json:"max_payment_ore"`
	MaxSpent        money.Ore `json:"max_spent_ore"`
	MaxReceipts     uint16    `json:"max_receipts"`
	MaxReceived     money.Ore `json:"max_received_ore"`
}

func rowOf(r message.CrisisRow) RowAnswer {
	return RowAnswer{r.Group, string(r.Name), r.MaxBalance, r.MaxTransactions, r.MaxPayment,
		r.MaxSpent, r.MaxReceipts, r.MaxReceived}
}

// whom names the cards that a row is for.
func (r RowAnswer) whom() string {
	switch {
	case r.Group > 0 && r.Name != "":
		return fmt.Sprintf("group %d of %s", r.Group, r.Name)
	case r.Group > 0:
		return fmt.Sprintf("group %d", r.Group)
	case r.Name != "":
		return r.Name
	}
	return "all"
}

// String is the row for a person: the limits that it raises, and no others.
func (r RowAnswer) String() string {
	whom := r.whom()
	card, terminal := []string{}, []string{}
	add := func(to *[]string, given bool, format string, value any) {
		if given {
			*to = append(*to, fmt.Sprintf(format, value))
		}
	}
	add(&card, r.MaxBalance > 0, "holds %s", r.MaxBalance)
	add(&card, r.MaxPayment > 0, "pays %s at most", r.MaxPayment)
	add(&card, r.MaxSpent > 0, "pays %s between two synchronisations", r.MaxSpent)
	add(&card, r.MaxTransactions > 0, "has %d transactions between them", r.MaxTransactions)
	add(&terminal, r.MaxReceived > 0, "takes %s", r.MaxReceived)
	add(&terminal, r.MaxReceipts > 0, "has %d receipts", r.MaxReceipts)
	var devices []string
	add(&devices, len(card) > 0, "a card %s", strings.Join(card, ", "))
	add(&devices, len(terminal) > 0, "a terminal %s", strings.Join(terminal, " and "))
	if len(devices) == 0 {
		return whom + ": no limit is raised"
	}
	return whom + ": " + strings.Join(devices, "; ")
}

// parseRow reads a row such as "group=2,name=SENORDIC,balance=8000". What is left out raises
// nothing.
func parseRow(text string) (r message.CrisisRow, err error) {
	amounts := map[string]*money.Ore{"balance": &r.MaxBalance, "payment": &r.MaxPayment,
		"spent": &r.MaxSpent, "received": &r.MaxReceived}
	counts := map[string]*uint16{"transactions": &r.MaxTransactions, "receipts": &r.MaxReceipts}
	given := map[string]bool{}
	for _, part := range strings.Split(text, ",") {
		name, value, found := strings.Cut(strings.TrimSpace(part), "=")
		if !found || given[name] {
			return r, fmt.Errorf("%q: write each part once, as NAME=VALUE", part)
		}
		given[name] = true
		switch {
		case amounts[name] != nil:
			*amounts[name], err = money.Parse(value)
			if err == nil {
				err = message.CheckAmount(*amounts[name])
			}
		case counts[name] != nil:
			var n uint64
			n, err = number(value, math.MaxUint16)
			*counts[name] = uint16(n)
		case name == "group":
			var n uint64
			n, err = number(value, math.MaxUint8)
			r.Group = uint8(n)
		case name == "name":
			r.Name, err = message.ParseName(value)
		default:
			err = errors.New("no such limit: there are group, name, balance, transactions, " +
				"payment, spent, receipts, received")
		}
		if err != nil {
			return r, fmt.Errorf("%s: %w", name, err)
		}
	}
	return r, nil
}

func number(text string, most uint64) (uint64, error) {
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil || n > most {
		return 0, fmt.Errorf("%q: give a whole number of at most %d", text, most)
	}
	return n, nil
}
