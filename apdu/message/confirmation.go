package message

import (
	"ekrona.example/apdu/layout"
	"ekrona.example/apdu/money"
	"ekrona.example/apdu/signature"
	"ekrona.example/apdu/spec"
)

// Confirmation confirms that the card applied one Instruction (spec.Confirmation).
type Confirmation struct {
	Device      DeviceID
	Sequence    uint32 // of the Instruction
	Instruction Hash   // its identity
	Credit      spec.CreditVerdict
	Balance     money.Ore // after it
	ATC         uint32
	Signature   signature.Plain
}

// Layout is the row in the spec.
func (m *Confirmation) Layout() *spec.Layout { return spec.Confirmation }

func (m *Confirmation) values() []layout.Value {
	return []layout.Value{
		versionValue, &m.Device, (*layout.Uint32)(&m.Sequence), &m.Instruction, creditOf(&m.Credit),
		AmountOf(&m.Balance), (*layout.Uint32)(&m.ATC),
	}
}

func (m *Confirmation) check() error {
	return nil
}

func (m *Confirmation) signatures() []*signature.Plain { return []*signature.Plain{&m.Signature} }
