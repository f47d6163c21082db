package message

import (
	"ekrona.example/apdu/layout"
	"ekrona.example/apdu/signature"
	"ekrona.example/apdu/spec"
)

// Challenge asks one card for its State (spec.Challenge).
type Challenge struct {
	InstructionKey AuthorityRef
	Device         DeviceID
	Nonce          Nonce // of the card's session
	Random         Random
	Signature      signature.Plain
}

// Layout is the row in the spec.
func (m *Challenge) Layout() *spec.Layout { return spec.Challenge }

func (m *Challenge) values() []layout.Value {
	return []layout.Value{versionValue, &m.InstructionKey, &m.Device, &m.Nonce, &m.Random}
}

func (m *Challenge) check() error {
	return nil
}

func (m *Challenge) signatures() []*signature.Plain { return []*signature.Plain{&m.Signature} }
