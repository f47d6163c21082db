package message

import (
	"ekrona.example/apdu/layout"
	"ekrona.example/apdu/money"
	"ekrona.example/apdu/signature"
	"ekrona.example/apdu/spec"
)

// Request asks for an amount, once (spec.Request). Its identity is in the payee's
// Receipt's Payment or in the payee's Refusal, never in both.
type Request struct {
	Payee     DeviceID
	Number    uint32 // the payee's request number, never used again
	Random    Random
	Amount    money.Ore // not zero
	Date      Date      // today, of a terminal or desk; none of a card or SAM
	Payer     DeviceID  // none when anybody may pay
	Signature signature.Plain
}

// Layout is the row in the spec.
func (m *Request) Layout() *spec.Layout { return spec.Request }

func (m *Request) values() []layout.Value {
	return []layout.Value{
		versionValue, &m.Payee, (*layout.Uint32)(&m.Number), &m.Random, AmountOf(&m.Amount),
		currencyValue, optionalDate{&m.Date}, optionalID{&m.Payer},
	}
}

func (m *Request) check() error {
	if m.Amount == 0 {
		return layout.Malformed("AMOUNT is zero")
	}
	return nil
}

func (m *Request) signatures() []*signature.Plain { return []*signature.Plain{&m.Signature} }
