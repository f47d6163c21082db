package message

import (
	"encoding/binary"

	"ekrona.example/apdu/layout"
	"ekrona.example/apdu/money"
	"ekrona.example/apdu/spec"
)

// Policy is a card's limits (spec.PolicyLayout), or the write-once ceilings above them.
type Policy struct {
	Version         uint32 // of ceilings 0
	MaxBalance      money.Ore
	MaxTransactions uint16 // of a terminal: receipts
	MaxPayment      money.Ore
	MaxSpent        money.Ore // 0 for a terminal
	Flags           byte      // spec.FlagSpendReceived and so on
}

// PilotPolicy is the preset "pilot" of cards.
func PilotPolicy() Policy {
	return Policy{
		MaxBalance:      spec.PilotMaxBalance,
		MaxTransactions: spec.PilotMaxTransactions,
		MaxPayment:      spec.PilotMaxPayment,
		MaxSpent:        spec.PilotMaxSpent,
		Flags:           spec.PilotFlags,
	}
}

// DefaultPolicy is the preset "default" of cards: the policy of version 0, before a
// card's ceilings.
func DefaultPolicy() Policy {
	return Policy{
		MaxBalance:      spec.DefaultMaxBalance,
		MaxTransactions: spec.DefaultMaxTransactions,
		MaxPayment:      spec.DefaultMaxPayment,
		MaxSpent:        spec.DefaultMaxSpent,
		Flags:           spec.DefaultFlags,
	}
}

// DefaultCeilings are the ceilings of a card whose issuer names none.
func DefaultCeilings() Policy {
	return Policy{
		MaxBalance:      spec.CeilingMaxBalance,
		MaxTransactions: spec.CeilingMaxTransactions,
		MaxPayment:      spec.CeilingMaxPayment,
		MaxSpent:        spec.CeilingMaxSpent,
		Flags:           spec.CeilingFlags,
	}
}

// Has reports whether the flag is set.
func (p Policy) Has(flag byte) bool { return p.Flags&flag != 0 }

// ceilingFlags are the flags that a policy may not have where its ceilings lack them.
const ceilingFlags = spec.FlagSpendReceived | spec.FlagPlaintextPIN |
	spec.FlagPlaintextContactless

// Within reports whether p is under the ceilings.
func (p Policy) Within(ceilings Policy) bool {
	return p.MaxBalance <= ceilings.MaxBalance &&
		p.MaxTransactions <= ceilings.MaxTransactions &&
		p.MaxPayment <= ceilings.MaxPayment &&
		p.MaxSpent <= ceilings.MaxSpent &&
		p.Flags&^ceilings.Flags&ceilingFlags == 0
}

// Under is p lowered to the ceilings where it is above them: what a card with
// these ceilings makes of [DefaultPolicy].
func (p Policy) Under(ceilings Policy) Policy {
	p.MaxBalance = min(p.MaxBalance, ceilings.MaxBalance)
	p.MaxTransactions = min(p.MaxTransactions, ceilings.MaxTransactions)
	p.MaxPayment = min(p.MaxPayment, ceilings.MaxPayment)
	p.MaxSpent = min(p.MaxSpent, ceilings.MaxSpent)
	p.Flags &= ceilings.Flags | ^byte(ceilingFlags)
	return p
}

// Bytes is the content of CB. Unknown flags and amounts that it has no room for are
// refused.
func (p Policy) Bytes() ([]byte, error) {
	if err := p.check(); err != nil {
		return nil, err
	}
	b := binary.BigEndian.AppendUint32(make([]byte, 0, spec.PolicyLength), p.Version)
	b, err := appendAmount(b, p.MaxBalance)
	if err != nil {
		return nil, err
	}
	b = binary.BigEndian.AppendUint16(b, p.MaxTransactions)
	if b, err = appendAmount(b, p.MaxPayment); err != nil {
		return nil, err
	}
	if b, err = appendAmount(b, p.MaxSpent); err != nil {
		return nil, err
	}
	return append(b, p.Flags), nil
}

// ParsePolicy decodes the content of CB. Unknown flags are refused.
func ParsePolicy(b []byte) (Policy, error) {
	if len(b) != spec.PolicyLength {
		return Policy{}, layout.Malformed("a policy has %d bytes, this has %d", spec.PolicyLength,
			len(b))
	}
	p := Policy{
		Version:         binary.BigEndian.Uint32(b),
		MaxBalance:      amountAt(b[4:]),
		MaxTransactions: binary.BigEndian.Uint16(b[8:]),
		MaxPayment:      amountAt(b[10:]),
		MaxSpent:        amountAt(b[14:]),
		Flags:           b[18],
	}
	return p, p.check()
}

func (p Policy) check() error {
	known := byte(0)
	for _, row := range spec.Flags {
		known |= row.Bit
	}
	if p.Flags&^known != 0 {
		return layout.Malformed("policy flags %02X are not known", p.Flags&^known)
	}
	return nil
}

// MarshalBinary gives the content of the data object.
func (p *Policy) MarshalBinary() ([]byte, error) { return p.Bytes() }

// UnmarshalBinary takes the content of the data object.
func (p *Policy) UnmarshalBinary(b []byte) error {
	q, err := ParsePolicy(b)
	if err == nil {
		*p = q
	}
	return err
}

// ceilings is the value of DD: what a policy has behind its version.
type ceilings struct{ p *Policy }

// MarshalBinary gives the content of the data object.
func (c ceilings) MarshalBinary() ([]byte, error) {
	if c.p.Version != 0 {
		return nil, layout.Malformed("ceilings have version %d, they have none", c.p.Version)
	}
	b, err := c.p.Bytes()
	if err != nil {
		return nil, err
	}
	return b[spec.CounterLength:], nil
}

// UnmarshalBinary takes the content of the data object.
func (c ceilings) UnmarshalBinary(b []byte) error {
	return c.p.UnmarshalBinary(append(make([]byte, spec.CounterLength), b...))
}
