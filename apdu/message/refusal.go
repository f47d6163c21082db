package message

import (
	"ekrona.example/apdu/layout"
	"ekrona.example/apdu/signature"
	"ekrona.example/apdu/spec"
)

// Refusal closes one open Request for ever (spec.Refusal).
type Refusal struct {
	Payee     DeviceID
	ATC       uint32 // number of this record in the payee's log or journal
	Number    uint32 // request number
	Request   Hash   // identity of the Request
	Payer     DeviceID
	Signature signature.Plain
}

// Layout is the row in the spec.
func (m *Refusal) Layout() *spec.Layout { return spec.Refusal }

func (m *Refusal) values() []layout.Value {
	return []layout.Value{
		versionValue, &m.Payee, (*layout.Uint32)(&m.ATC), (*layout.Uint32)(&m.Number), &m.Request,
		optionalID{&m.Payer},
	}
}

func (m *Refusal) check() error {
	return nil
}

func (m *Refusal) signatures() []*signature.Plain { return []*signature.Plain{&m.Signature} }
