package message

import (
	"ekrona.example/apdu/layout"
	"ekrona.example/apdu/signature"
	"ekrona.example/apdu/spec"
)

// Payment pays one Request, over the payee's signature too (spec.Payment).
type Payment struct {
	Payer     DeviceID
	ATC       uint32 // number of this record in the payer's log, not zero
	Request   Request
	Signature signature.Plain
}

// Layout is the row in the spec.
func (m *Payment) Layout() *spec.Layout { return spec.Payment }

func (m *Payment) values() []layout.Value {
	return []layout.Value{versionValue, &m.Payer, (*layout.Uint32)(&m.ATC), whole{&m.Request}}
}

func (m *Payment) check() error {
	if m.ATC == 0 {
		return layout.Malformed("ATC is zero")
	}
	return nil
}

func (m *Payment) signatures() []*signature.Plain { return []*signature.Plain{&m.Signature} }
