package message

import (
	"encoding/binary"

	"ekrona.example/apdu/layout"
	"ekrona.example/apdu/money"
	"ekrona.example/apdu/signature"
	"ekrona.example/apdu/spec"
)

// State is what a card holds, in answer to one Challenge (spec.State).
type State struct {
	Device              DeviceID
	Challenge           Hash // identity of the Challenge
	ATC                 uint32
	AckedATC            uint32
	Head                Hash // of the chain at ATC
	Balance             money.Ore
	InstructionSequence uint32 // of the last Instruction applied
	LastInstruction     Hash   // its identity, zeros if none
	Credit              spec.CreditVerdict
	PolicyVersion       uint32
	RequestCounter      uint32
	LifeCycle           spec.LifeCycle
	Date                Date   // the card's date floor
	OrderNumber         uint32 // of the crisis order held, or the highest of no use to it
	OrderHeld           Hash   // its identity, zeros if none
	Attacks             uint8  // that the card has found, at most spec.MostAttacks
	OpenRequests        []OpenRequest
	Signature           signature.Plain
}

// OpenRequest is one entry of a State's open requests (spec.OpenRequestLayout).
type OpenRequest struct {
	Number  uint32
	Amount  money.Ore
	Request Hash // identity of the Request
}

// openRequests is the value of CA: whole entries.
type openRequests struct{ p *[]OpenRequest }

// MarshalBinary gives the content of the data object.
func (o openRequests) MarshalBinary() ([]byte, error) {
	var out []byte
	for _, r := range *o.p {
		var err error
		if out, err = appendAmount(binary.BigEndian.AppendUint32(out, r.Number),
			r.Amount); err != nil {
			return nil, err
		}
		out = append(out, r.Request[:]...)
	}
	return out, nil
}

// UnmarshalBinary takes the content of the data object.
func (o openRequests) UnmarshalBinary(b []byte) error {
	if len(b)%spec.OpenRequestLength != 0 {
		return layout.Malformed("%d bytes are not whole entries of %d", len(b),
			spec.OpenRequestLength)
	}
	*o.p = nil
	for ; len(b) > 0; b = b[spec.OpenRequestLength:] {
		*o.p = append(*o.p, OpenRequest{
			Number:  binary.BigEndian.Uint32(b),
			Amount:  amountAt(b[4:]),
			Request: Hash(b[8:spec.OpenRequestLength]),
		})
	}
	return nil
}

// Layout is the row in the spec.
func (m *State) Layout() *spec.Layout { return spec.State }

func (m *State) values() []layout.Value {
	return []layout.Value{
		versionValue, &m.Device, &m.Challenge, (*layout.Uint32)(&m.ATC),
		(*layout.Uint32)(&m.AckedATC), &m.Head, AmountOf(&m.Balance),
		(*layout.Uint32)(&m.InstructionSequence), &m.LastInstruction, creditOf(&m.Credit),
		(*layout.Uint32)(&m.PolicyVersion),
		(*layout.Uint32)(&m.RequestCounter), lifeCycleOf(&m.LifeCycle), &m.Date,
		(*layout.Uint32)(&m.OrderNumber), &m.OrderHeld, attacksOf(&m.Attacks),
		openRequests{&m.OpenRequests},
	}
}

func (m *State) check() error {
	if m.AckedATC > m.ATC {
		return layout.Malformed("ACKED_ATC %d is after ATC %d", m.AckedATC, m.ATC)
	}
	return nil
}

func (m *State) signatures() []*signature.Plain { return []*signature.Plain{&m.Signature} }
