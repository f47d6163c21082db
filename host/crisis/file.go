package crisis

import (
	"fmt"

	"ekrona.example/apdu/cvc"
	"ekrona.example/apdu/message"
	"ekrona.example/apdu/spec"
	"ekrona.example/apdu/tlv"
)

// Bytes returns what is carried as a file has it: the order, then the certificates of crisis key
// and notary, each if it is there, one after the other.
func (c Carried) Bytes() []byte {
	b := append([]byte{}, c.Order...)
	return append(append(b, c.CrisisKey...), c.Notary...)
}

// Parse reads the bytes of a file, exactly. Nothing is verified. Errors: [message.ErrMalformed].
func Parse(b []byte) (c Carried, err error) {
	r := tlv.NewReader(b)
	if r.At(spec.TagCrisisOrder) {
		order, err := message.Read[message.CrisisOrder](r)
		if err != nil {
			return Carried{}, err
		}
		if c.Order, err = message.Encode(order); err != nil {
			return Carried{}, err
		}
	}
	for r.At(spec.TagCertificate) {
		one, err := cvc.Read(r)
		if err != nil {
			return Carried{}, err
		}
		into := map[spec.Role]*[]byte{spec.RoleCrisisKey: &c.CrisisKey,
			spec.RoleNotary: &c.Notary}[one.Role]
		if into == nil || *into != nil || one.Role == spec.RoleCrisisKey && c.Notary != nil {
			return Carried{}, fmt.Errorf("%w: crisis order: the certificate of the %v %s does not "+
				"belong here", message.ErrMalformed, one.Role, one.Holder)
		}
		if *into, err = one.Encode(); err != nil {
			return Carried{}, err
		}
	}
	if rest := r.Rest(); len(rest) > 0 || c.IsEmpty() {
		return Carried{}, fmt.Errorf("%w: crisis order: %d bytes are no part of it",
			message.ErrMalformed, len(rest))
	}
	return c, nil
}
