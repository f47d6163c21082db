package message

import (
	"ekrona.example/apdu/spec"
	"ekrona.example/apdu/tlv"
)

// ParseSigned decodes b, exactly, as one of the four messages that pass between payer and payee,
// and returns the device that should have signed it: the payee's for a Request, Receipt or
// Refusal, the payer's for a Payment. Nothing is verified.
func ParseSigned(b []byte) (Message, DeviceID, error) {
	switch r := tlv.NewReader(b); {
	case r.At(spec.TagRequest):
		return parseSigned(b, func(m *Request) DeviceID { return m.Payee })
	case r.At(spec.TagReceipt):
		return parseSigned(b, func(m *Receipt) DeviceID { return m.Payee })
	case r.At(spec.TagRefusal):
		return parseSigned(b, func(m *Refusal) DeviceID { return m.Payee })
	}
	return parseSigned(b, func(m *Payment) DeviceID { return m.Payer })
}

func parseSigned[T any, P interface {
	*T
	Message
}](b []byte, by func(*T) DeviceID) (Message, DeviceID, error) {
	m, err := Parse[T, P](b)
	if err != nil {
		return nil, "", err
	}
	return P(m), by(m), nil
}
