package message

import (
	"ekrona.example/apdu/layout"
	"ekrona.example/apdu/spec"
)

// FCI is the answer of SELECT (spec.FCI).
type FCI struct {
	LifeCycle    spec.LifeCycle
	SpecVersion  uint16   // major, minor: one byte each
	Capabilities byte     // spec.CapabilityExtendedLength and so on
	Nonce        Nonce    // of the session that SELECT began
	OrderNumber  uint32   // crisis orders up to this number are of no use to the card
	Batch        DeviceID // none before activation
}

func (f *FCI) values() []layout.Value {
	return []layout.Value{
		layout.Fixed(spec.AppletAID),
		layout.Group{lifeCycleOf(&f.LifeCycle), (*layout.Uint16)(&f.SpecVersion),
			layout.ByteOf[byte]{P: &f.Capabilities, Valid: func(byte) bool { return true }},
			&f.Nonce, (*layout.Uint32)(&f.OrderNumber), optionalID{&f.Batch}},
	}
}

// ParseFCI decodes b, exactly.
func ParseFCI(b []byte) (*FCI, error) {
	f := new(FCI)
	if err := parseTemplate(b, spec.FCI, f.values()); err != nil {
		return nil, err
	}
	return f, nil
}

// Has reports whether the card has the capability.
func (f FCI) Has(capability byte) bool { return f.Capabilities&capability != 0 }

// Counters is the answer of GET DATA counters (spec.Counters).
type Counters struct {
	ATC                 uint32
	AckedATC            uint32
	InstructionSequence uint32
	RequestCounter      uint32
	Slots               uint8 // of the log
	Group               uint8 // of the card's owner, 0 for none
	Attacks             uint8 // that the card has found
	MaxAttacks          uint8 // that block it, 0 for never
}

// ParseCounters decodes b, exactly.
func ParseCounters(b []byte) (*Counters, error) {
	c := new(Counters)
	err := parseTemplate(b, spec.Counters, []layout.Value{
		(*layout.Uint32)(&c.ATC), (*layout.Uint32)(&c.AckedATC),
		(*layout.Uint32)(&c.InstructionSequence), (*layout.Uint32)(&c.RequestCounter),
		slotsOf(&c.Slots), groupOf(&c.Group), attacksOf(&c.Attacks),
		attacksOf(&c.MaxAttacks),
	})
	if err != nil {
		return nil, err
	}
	return c, nil
}

// KeyAnswer is the answer of GENERATE ASYMMETRIC KEY PAIR (spec.KeyAnswer). Check its
// MAC (package pin, KeyAnswerMAC) before the keys are trusted.
type KeyAnswer struct {
	SigningPoint [spec.PointLength]byte
	PINPoint     [spec.PointLength]byte
	MAC          [spec.MACLength]byte
}

// ParseKeyAnswer decodes b, exactly.
func ParseKeyAnswer(b []byte) (*KeyAnswer, error) {
	k := new(KeyAnswer)
	err := layout.ReadExactly(b, spec.KeyAnswer, []layout.Value{
		layout.Group{layout.Bytes(k.SigningPoint[:])}, layout.Group{layout.Bytes(k.PINPoint[:])},
		layout.Bytes(k.MAC[:]),
	})
	if err != nil {
		return nil, err
	}
	return k, nil
}

// parseTemplate decodes a template without signatures, exactly.
func parseTemplate(b []byte, row *spec.Layout, values []layout.Value) error {
	return layout.ReadExactly(b, []spec.Field{{Name: row.Name, Layout: row}},
		[]layout.Value{layout.Group(values)})
}
