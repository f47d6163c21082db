package message

import (
	"ekrona.example/apdu/layout"
	"ekrona.example/apdu/signature"
	"ekrona.example/apdu/spec"
)

// Receipt is the payee's acceptance of one Payment (spec.Receipt).
type Receipt struct {
	Payee     DeviceID
	ATC       uint32 // number of this record in the payee's log or journal
	Payer     DeviceID
	Number    uint32 // request number
	Payment   Hash   // identity of the Payment
	Signature signature.Plain
}

// Layout is the row in the spec.
func (m *Receipt) Layout() *spec.Layout { return spec.Receipt }

func (m *Receipt) values() []layout.Value {
	return []layout.Value{
		versionValue, &m.Payee, (*layout.Uint32)(&m.ATC), &m.Payer, (*layout.Uint32)(&m.Number),
		&m.Payment,
	}
}

func (m *Receipt) check() error {
	return nil
}

func (m *Receipt) signatures() []*signature.Plain { return []*signature.Plain{&m.Signature} }
