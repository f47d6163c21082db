package notary

import (
	"cmp"
	"context"
	"crypto"
	"fmt"
	"slices"
	"time"

	"ekrona.example/apdu"
	"ekrona.example/apdu/cvc"
	"ekrona.example/apdu/message"
	"ekrona.example/apdu/money"
	"ekrona.example/apdu/spec"
	"ekrona.example/host/crisis"
)

// CrisisSigning asks for the notary's signature under a crisis order.
type CrisisSigning struct {
	// Order is whole, signed by the crisis key; the notary's signature is still zero.
	Order []byte `json:"order,omitempty"`
	// CrisisKey is the 7F21 of the key that signed it, by the notary's root.
	CrisisKey []byte `json:"crisis_key,omitempty"`
	By        string `json:"by"` // who asks for it, 1 to 100 printable ASCII characters
}

// MaxCrisisDays is the most days from a crisis order's first to its last.
const MaxCrisisDays = 31

// CrisisOrder is a crisis order of the notary's table.
type CrisisOrder struct {
	Number    uint32    `json:"number"`
	Order     []byte    `json:"order,omitempty"`      // both signatures included
	CrisisKey []byte    `json:"crisis_key,omitempty"` // 7F21
	Notary    []byte    `json:"notary,omitempty"`     // 7F21
	By        string    `json:"by"`
	At        time.Time `json:"at"`
	// Held is how many devices that are in use had the order when they synchronised last.
	Held int `json:"held"`
}

// CrisisPage names a part of the crisis orders, and of the devices that alarm.
type CrisisPage struct {
	Before uint32           `json:"before"` // orders below this number, newest first; 0 for all
	After  message.DeviceID `json:"after"`  // alarming devices after this one; "" for all
	Limit  int              `json:"limit"`  // of each at most, 1 to MaxPage
}

// CrisisReport is what the notary knows of crisis orders.
type CrisisReport struct {
	Orders []CrisisOrder `json:"orders,omitempty"` // of the page, the newest first
	Lowest uint32        `json:"lowest"`           // number that Instructions name now
	Next   uint32        `json:"next"`             // number of the next order
	// Devices is how many devices hold orders: those in use that have synchronised.
	Devices int `json:"devices"`
	// Foreign are devices, of the page and by id, that held an order that this notary has not
	// signed: both keys have been stolen.
	Foreign []message.DeviceID `json:"foreign,omitempty"`
	// Notary is the 7F21 of this notary, for whoever drafts an order.
	Notary []byte `json:"notary,omitempty"`
	// Intermediaries are those that have joined, by name: rows name no other.
	Intermediaries []message.Name `json:"intermediaries,omitempty"`
	// Groups are those of people that cards are in.
	Groups []CardGroup `json:"groups,omitempty"`
	// Most are the highest limits that the notary signs.
	Most CrisisLimits `json:"most"`
}

// CrisisLimits are the highest limits of any row that the notary signs.
type CrisisLimits struct {
	Balance      money.Ore `json:"balance"`
	Transactions uint16    `json:"transactions"`
	Payment      money.Ore `json:"payment"`
	Spent        money.Ore `json:"spent"`
	Receipts     uint16    `json:"receipts"`
	Received     money.Ore `json:"received"`
}

// CrisisLimitsOf returns those of a row, whose group and name mean nothing.
func CrisisLimitsOf(r message.CrisisRow) CrisisLimits {
	return CrisisLimits{r.MaxBalance, r.MaxTransactions, r.MaxPayment, r.MaxSpent, r.MaxReceipts,
		r.MaxReceived}
}

// Check checks that rows are not above the limits. Errors: [Policy].
func (l CrisisLimits) Check(rows []message.CrisisRow) error {
	for i, row := range rows {
		r := CrisisLimitsOf(row)
		if r.Balance > l.Balance || r.Transactions > l.Transactions || r.Payment > l.Payment ||
			r.Spent > l.Spent || r.Receipts > l.Receipts || r.Received > l.Received {
			return Refuse(Policy, "crisis order: row %d is above what may be ordered: holds %s, "+
				"%d transactions, %s a payment, %s spent; terminals %d receipts, %s", i+1,
				l.Balance, l.Transactions, l.Payment, l.Spent, l.Receipts, l.Received)
		}
	}
	return nil
}

// CardGroup is a group of people among an intermediary's cards.
type CardGroup struct {
	Name  message.Name `json:"name"` // of the intermediary
	Group uint8        `json:"group"`
}

// CheckRows checks that rows name no intermediary that has not joined: a name with a letter wrong
// would take the place of the order before, and raise nothing. Errors: [Unknown].
func CheckRows(rows []message.CrisisRow, joined []message.Name) error {
	names := make([]string, len(joined))
	for i, name := range joined {
		names[i] = string(name)
	}
	for _, row := range rows {
		if row.Name != "" && !slices.Contains(joined, row.Name) {
			return Refuse(Unknown, "crisis order: a row names the intermediary %s, and none of "+
				"that name has joined%s", row.Name, apdu.Unknown(string(row.Name), names))
		}
	}
	return nil
}

// EmptyGroups returns the rows for groups that no card is in now, whose limits nobody gets.
func (r CrisisReport) EmptyGroups(rows []message.CrisisRow) (empty []message.CrisisRow) {
	for _, row := range rows {
		if row.Group > 0 && !slices.ContainsFunc(r.Groups, func(g CardGroup) bool {
			return g.Group == row.Group && (row.Name == "" || g.Name == row.Name)
		}) {
			empty = append(empty, row)
		}
	}
	return empty
}

// CrisisDraft is what a crisis order says, before it has a number.
type CrisisDraft struct {
	CrisisKey   []byte       // 7F21 of the key that will sign it
	From, Until message.Date // first and last day
	Rows        []message.CrisisRow
}

// DraftCrisis returns the next order, whole, both signatures still zero. Nothing is kept: the
// notary keeps what it signs. Errors: those of the link, and what is wrong with the draft.
func DraftCrisis(ctx context.Context, o Operator, d CrisisDraft) ([]byte, error) {
	report, err := o.CrisisOrders(ctx, CrisisPage{Limit: 1})
	if err != nil {
		return nil, err
	}
	if err := CheckRows(d.Rows, report.Intermediaries); err != nil {
		return nil, err
	}
	rows := sorted(d.Rows)
	if err := report.Most.Check(rows); err != nil {
		return nil, err
	}
	key, err := cvc.Parse(d.CrisisKey)
	if err != nil {
		return nil, fmt.Errorf("certificate of the crisis key: %w", err)
	}
	own, err := cvc.Parse(report.Notary)
	if err != nil {
		return nil, fmt.Errorf("certificate of the notary: %w", err)
	}
	return message.Encode(&message.CrisisOrder{CrisisKey: message.AuthorityRef(key.Holder),
		Notary: message.AuthorityRef(own.Holder), Number: report.Next, From: d.From, Until: d.Until,
		Rows: rows})
}

// sorted returns rows in the order of group and name.
func sorted(rows []message.CrisisRow) []message.CrisisRow {
	return slices.SortedFunc(slices.Values(rows), func(a, b message.CrisisRow) int {
		return cmp.Or(cmp.Compare(a.Group, b.Group), cmp.Compare(a.Name, b.Name))
	})
}

// SignCrisisDraft signs a draft with the crisis key, which is kept apart from the notary: a file
// in, a file out. Errors: a key that is not the certificate's, a draft for another.
func SignCrisisDraft(
	draft []byte, key crypto.Signer, certificate *cvc.Certificate,
) ([]byte, error) {
	order, err := message.Parse[message.CrisisOrder](draft)
	if err != nil {
		return nil, err
	}
	if string(order.CrisisKey) != string(certificate.Holder) ||
		certificate.Role != spec.RoleCrisisKey {
		return nil, fmt.Errorf("crisis order %d is for the crisis key %s, this is the %v %s",
			order.Number, order.CrisisKey, certificate.Role, certificate.Holder)
	}
	if order.Until.After(certificate.Expiry) {
		return nil, fmt.Errorf("crisis order %d ends on %s, after the certificate of %s, on %s",
			order.Number, order.Until, certificate.Holder, certificate.Expiry)
	}
	if err := message.SignAs(order, message.ByCrisisKey, key); err != nil {
		return nil, err
	}
	return message.Encode(order)
}

// IssueCrisis drafts an order, signs it with the crisis key and has the notary sign it, where both
// are at hand, and returns it as devices carry it. It is the whole ceremony of a sandbox or a
// simulated world.
func IssueCrisis(
	ctx context.Context, o Operator, key crypto.Signer, d CrisisDraft, by string,
) (c crisis.Carried, err error) {
	draft, err := DraftCrisis(ctx, o, d)
	if err != nil {
		return c, err
	}
	certificate, err := cvc.Parse(d.CrisisKey)
	if err != nil {
		return c, err
	}
	signed, err := SignCrisisDraft(draft, key, certificate)
	if err != nil {
		return c, err
	}
	return CountersignCrisis(ctx, o, CrisisSigning{Order: signed, CrisisKey: d.CrisisKey, By: by})
}

// CountersignCrisis has the notary sign, and returns the order as devices carry it. The order that
// devices take last can be signed again, a former one cannot. Errors: as SignCrisisOrder; Sequence
// for a former order.
func CountersignCrisis(
	ctx context.Context, o Operator, s CrisisSigning,
) (c crisis.Carried, err error) {
	signed, err := o.SignCrisisOrder(ctx, s)
	if err != nil {
		return c, err
	}
	order, err := message.Parse[message.CrisisOrder](signed)
	if err != nil {
		return c, err
	}
	report, err := o.CrisisOrders(ctx, CrisisPage{Limit: 1})
	if err != nil {
		return c, err
	}
	if order.Number < report.Lowest {
		in := fmt.Sprintf("order %d is in force", report.Lowest)
		if report.Lowest >= report.Next {
			in = "its last day, or that of the order after it, is past"
		}
		return c, Refuse(Sequence, "crisis order %d is older than what counts now: %s, and no "+
			"device takes a former one; draft another order", order.Number, in)
	}
	return crisis.Carried{Order: signed, CrisisKey: s.CrisisKey, Notary: report.Notary}, nil
}
