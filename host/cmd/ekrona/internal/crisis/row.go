package crisis

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"ekrona/apdu/message"
	"ekrona/apdu/money"
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

// String is the row for a person.
func (r RowAnswer) String() string {
	whom := "all"
	switch {
	case r.Group > 0 && r.Name != "":
		whom = fmt.Sprintf("group %d of %s", r.Group, r.Name)
	case r.Group > 0:
		whom = fmt.Sprintf("group %d", r.Group)
	case r.Name != "":
		whom = r.Name
	}
	return fmt.Sprintf("%s: a card holds %s, pays %s at most, between two synchronisations %s in "+
		"%d transactions; a terminal takes %s in %d receipts", whom, r.MaxBalance, r.MaxPayment,
		r.MaxSpent, r.MaxTransactions, r.MaxReceived, r.MaxReceipts)
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
			n, err = strconv.ParseUint(value, 10, 16)
			*counts[name] = uint16(n)
		case name == "group":
			var n uint64
			n, err = strconv.ParseUint(value, 10, 8)
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
