package message

import (
	"bytes"
	"encoding/binary"

	"ekrona.example/apdu/layout"
	"ekrona.example/apdu/money"
	"ekrona.example/apdu/signature"
	"ekrona.example/apdu/spec"
)

// CrisisOrder raises limits while there is no network (spec.CrisisOrder): signed by the
// crisis key and by the notary over the same body. One without rows ends the crisis.
type CrisisOrder struct {
	CrisisKey       AuthorityRef
	Notary          AuthorityRef
	Number          uint32 // from 1; one order's for ever, whichever keys sign
	From            Date   // first day on which it counts at terminals
	Until           Date   // last day
	Rows            []CrisisRow
	CrisisSignature signature.Plain
	NotarySignature signature.Plain
}

// ByCrisisKey is the first signer of a CrisisOrder, for [SignAs] and [VerifyAs]; [ByNotary]
// is the second.
const ByCrisisKey = 0

// CrisisRow is the limits of a crisis order for one scope (spec.OrderRowLayout).
type CrisisRow struct {
	Group           uint8 // 0 for any
	Name            Name  // none for any intermediary
	MaxBalance      money.Ore
	MaxTransactions uint16
	MaxPayment      money.Ore
	MaxSpent        money.Ore
	MaxReceipts     uint16    // of a terminal
	MaxReceived     money.Ore // of a terminal
}

// scopeLength is the length of GROUP and NAME, by which rows are in order.
const scopeLength = 1 + spec.NameLength

// Row is the row for a device of the intermediary and group: the last that fits, which is
// the most specific one.
func (m *CrisisOrder) Row(name Name, group uint8) (CrisisRow, bool) {
	for i := len(m.Rows) - 1; i >= 0; i-- {
		r := m.Rows[i]
		if (r.Group == 0 || r.Group == group) && (r.Name == "" || r.Name == name) {
			return r, true
		}
	}
	return CrisisRow{}, false
}

// CountsOn reports whether the order counts on the day.
func (m *CrisisOrder) CountsOn(day Date) bool {
	return !day.Before(m.From) && !day.After(m.Until)
}

// Raise is a card's policy raised to the row, each number by itself and none above the
// ceilings.
func (r CrisisRow) Raise(p, ceilings Policy) Policy {
	p.MaxBalance = max(p.MaxBalance, min(r.MaxBalance, ceilings.MaxBalance))
	p.MaxTransactions = max(p.MaxTransactions, min(r.MaxTransactions, ceilings.MaxTransactions))
	p.MaxPayment = max(p.MaxPayment, min(r.MaxPayment, ceilings.MaxPayment))
	p.MaxSpent = max(p.MaxSpent, min(r.MaxSpent, ceilings.MaxSpent))
	return p
}

// scope is GROUP and NAME.
func (r CrisisRow) scope() (b [scopeLength]byte) {
	b[0] = r.Group
	copy(b[1:], r.Name)
	return b
}

func (r CrisisRow) append(dst []byte) ([]byte, error) {
	if r.Name != "" {
		if _, err := ParseName(string(r.Name)); err != nil {
			return nil, err
		}
	}
	scope := r.scope()
	dst = append(dst, scope[:]...)
	dst, err := appendAmount(dst, r.MaxBalance)
	if err != nil {
		return nil, err
	}
	dst = binary.BigEndian.AppendUint16(dst, r.MaxTransactions)
	if dst, err = appendAmount(dst, r.MaxPayment); err != nil {
		return nil, err
	}
	if dst, err = appendAmount(dst, r.MaxSpent); err != nil {
		return nil, err
	}
	return appendAmount(binary.BigEndian.AppendUint16(dst, r.MaxReceipts), r.MaxReceived)
}

func crisisRowAt(b []byte) (CrisisRow, error) {
	r := CrisisRow{
		Group:           b[0],
		MaxBalance:      amountAt(b[9:]),
		MaxTransactions: binary.BigEndian.Uint16(b[13:]),
		MaxPayment:      amountAt(b[15:]),
		MaxSpent:        amountAt(b[19:]),
		MaxReceipts:     binary.BigEndian.Uint16(b[23:]),
		MaxReceived:     amountAt(b[25:]),
	}
	if name := b[1:scopeLength]; !bytes.Equal(name, make([]byte, spec.NameLength)) {
		var err error
		if r.Name, err = ParseName(string(name)); err != nil {
			return CrisisRow{}, err
		}
	}
	return r, nil
}

// crisisRows is the value of D3: whole rows, in order.
type crisisRows struct{ p *[]CrisisRow }

// MarshalBinary gives the content of the data object.
func (c crisisRows) MarshalBinary() (out []byte, err error) {
	for _, r := range *c.p {
		if out, err = r.append(out); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// UnmarshalBinary takes the content of the data object.
func (c crisisRows) UnmarshalBinary(b []byte) error {
	if len(b)%spec.OrderRowLength != 0 {
		return layout.Malformed("%d bytes are not whole rows of %d", len(b), spec.OrderRowLength)
	}
	*c.p = nil
	for ; len(b) > 0; b = b[spec.OrderRowLength:] {
		r, err := crisisRowAt(b)
		if err != nil {
			return err
		}
		*c.p = append(*c.p, r)
	}
	return nil
}

// Layout is the row in the spec.
func (m *CrisisOrder) Layout() *spec.Layout { return spec.CrisisOrder }

func (m *CrisisOrder) values() []layout.Value {
	return []layout.Value{
		versionValue, &m.CrisisKey, &m.Notary, (*layout.Uint32)(&m.Number), &m.From, &m.Until,
		crisisRows{&m.Rows},
	}
}

func (m *CrisisOrder) check() error {
	switch {
	case m.Number == 0:
		return layout.Malformed("ORDER_NUMBER is zero")
	case m.From.After(m.Until):
		return layout.Malformed("DATE %s is after EXPIRY %s", m.From, m.Until)
	}
	for i := 1; i < len(m.Rows); i++ {
		before, scope := m.Rows[i-1].scope(), m.Rows[i].scope()
		if bytes.Compare(before[:], scope[:]) >= 0 {
			return layout.Malformed("row %d is not after row %d by group and name", i+1, i)
		}
	}
	return nil
}

func (m *CrisisOrder) signatures() []*signature.Plain {
	return []*signature.Plain{&m.CrisisSignature, &m.NotarySignature}
}
