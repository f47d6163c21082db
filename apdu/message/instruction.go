package message

import (
	"ekrona.example/apdu/layout"
	"ekrona.example/apdu/money"
	"ekrona.example/apdu/signature"
	"ekrona.example/apdu/spec"
)

// Instruction changes a card (spec.Instruction): signed by its intermediary and by
// the notary over the same body.
type Instruction struct {
	InstructionKey        AuthorityRef
	Notary                AuthorityRef
	Device                DeviceID
	Sequence              uint32    // exactly the next
	AckedATC              uint32    // drop the records up to this one
	Head                  Hash      // head of the chain at AckedATC
	Credit                money.Ore // 0 for none
	Policy                Policy
	Date                  Date
	Actions               Actions
	OrderNumber           uint32 // lowest number of a crisis order from now on
	Group                 uint8  // of the card's owner, 0 for none
	IntermediarySignature signature.Plain
	NotarySignature       signature.Plain
}

// Signers of an Instruction, for [SignAs] and [VerifyAs].
const (
	ByIntermediary = 0
	ByNotary       = 1
)

// Actions are what else an Instruction does: bits spec.ActionBlock and so on.
type Actions byte

// Has reports whether all of the bits are set.
func (a Actions) Has(bits Actions) bool { return a&bits == bits }

// IsValid reports whether the card would take them: known bits, and not block and
// unblock together.
func (a Actions) IsValid() bool {
	known := Actions(0)
	for _, row := range spec.Actions {
		known |= Actions(row.Bit)
	}
	return a&^known == 0 && !a.Has(spec.ActionBlock|spec.ActionUnblock)
}

// Layout is the row in the spec.
func (m *Instruction) Layout() *spec.Layout { return spec.Instruction }

func (m *Instruction) values() []layout.Value {
	return []layout.Value{
		versionValue, &m.InstructionKey, &m.Notary, &m.Device, (*layout.Uint32)(&m.Sequence),
		(*layout.Uint32)(&m.AckedATC), &m.Head,
		AmountOf(&m.Credit), &m.Policy, &m.Date,
		layout.ByteOf[Actions]{P: &m.Actions, Valid: Actions.IsValid},
		(*layout.Uint32)(&m.OrderNumber), groupOf(&m.Group),
	}
}

func (m *Instruction) check() error {
	return nil
}

func (m *Instruction) signatures() []*signature.Plain {
	return []*signature.Plain{&m.IntermediarySignature, &m.NotarySignature}
}
