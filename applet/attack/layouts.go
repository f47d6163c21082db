package attack

import (
	"bytes"
	"crypto"

	"ekrona.example/apdu/signature"
	"ekrona.example/apdu/spec"
	"ekrona.example/apdu/tlv"
)

// relayout makes a template of its tag and the objects within it, whole, in another layout.
type relayout func(tag tlv.Tag, objects [][]byte) []byte

// relaid are other layouts of a template: each is BER-TLV that some parsers take for the same.
var relaid = []struct {
	name   string
	change relayout
}{
	{"first object repeated", within(func(o [][]byte) [][]byte {
		return append([][]byte{o[0]}, o...)
	})},
	{"last object repeated", within(func(o [][]byte) [][]byte {
		return append(o, o[len(o)-1])
	})},
	{"every object repeated", within(func(o [][]byte) [][]byte { return append(o, o...) })},
	{"two objects exchanged", within(func(o [][]byte) [][]byte {
		o[1], o[2] = o[2], o[1]
		return o
	})},
	{"objects in the other order", within(func(o [][]byte) [][]byte {
		for n := range len(o) / 2 {
			o[n], o[len(o)-1-n] = o[len(o)-1-n], o[n]
		}
		return o
	})},
	{"first object left out", within(func(o [][]byte) [][]byte { return o[1:] })},
	{"last object left out", within(func(o [][]byte) [][]byte { return o[:len(o)-1] })},
	{"no object", within(func([][]byte) [][]byte { return nil })},
	{"an unknown object behind", within(func(o [][]byte) [][]byte {
		return append(o, []byte{0x80, 0x01, 0x00})
	})},
	{"an empty object behind", within(func(o [][]byte) [][]byte {
		return append(o, []byte{0x80, 0x00})
	})},
	{"a byte behind", within(func(o [][]byte) [][]byte { return append(o, []byte{0x00}) })},
	{"padding before", within(func(o [][]byte) [][]byte {
		return append([][]byte{{0x00, 0x00}}, o...)
	})},
	{"an object's length in a long form", within(func(o [][]byte) [][]byte {
		o[len(o)-1] = longForm(o[len(o)-1], 1)
		return o
	})},
	{"an object's length in three bytes", within(func(o [][]byte) [][]byte {
		o[1] = longForm(o[1], 2)
		return o
	})},
	{"the template's length in a longer form", func(tag tlv.Tag, o [][]byte) []byte {
		return longForm(whole(tag, o), 2)
	}},
	{"the template's length indefinite", func(tag tlv.Tag, o [][]byte) []byte {
		made := append(whole(tag, nil)[:tag.Len()], 0x80) // in place of the length
		return append(append(made, bytes.Join(o, nil)...), 0, 0)
	}},
	{"the template's length too great", func(tag tlv.Tag, o [][]byte) []byte {
		made := whole(tag, o)
		made[tag.Len()+lengthLength(made)-1]++
		return made
	}},
	{"the template's length too small", func(tag tlv.Tag, o [][]byte) []byte {
		made := whole(tag, o)
		made[tag.Len()+lengthLength(made)-1]--
		return made
	}},
	{"the template within another", func(tag tlv.Tag, o [][]byte) []byte {
		return whole(tag, [][]byte{whole(tag, o)})
	}},
	{"the template twice", func(tag tlv.Tag, o [][]byte) []byte {
		return append(whole(tag, o), whole(tag, o)...)
	}},
}

// within changes the objects of a template.
func within(change func(objects [][]byte) [][]byte) relayout {
	return func(tag tlv.Tag, objects [][]byte) []byte { return whole(tag, change(objects)) }
}

// whole is a template. What its parts make is short enough to be encoded.
func whole(tag tlv.Tag, objects [][]byte) []byte {
	made, _ := tlv.Append(nil, tag, bytes.Join(objects, nil))
	return made
}

// lengthLength is how many bytes its length takes (ISO/IEC 8825-1 §8.1.3).
func lengthLength(object []byte) int {
	if first := object[tlv.TagLen(object)]; first&0x80 != 0 {
		return 1 + int(first&0x7F)
	}
	return 1
}

// longForm is an object whose length has so many bytes more than it needs, and one before them.
func longForm(object []byte, more int) []byte {
	at := tlv.TagLen(object)
	n := lengthLength(object)
	made := bytes.Clone(object[:at])
	digits := object[at : at+n]
	if n > 1 {
		digits = digits[1:]
	}
	if n == 1 {
		more--
	}
	made = append(made, 0x80|byte(len(digits)+more))
	made = append(append(made, make([]byte, more)...), digits...)
	return append(made, object[at+n:]...)
}

// split returns a template's tag and the objects within.
func split(template []byte) (tag tlv.Tag, objects [][]byte, err error) {
	outer, err := tlv.NewReader(template).Next()
	if err != nil {
		return 0, nil, err
	}
	rest := tlv.NewReader(outer.Value)
	for !rest.Empty() {
		before := rest.Rest()
		if _, err := rest.Next(); err != nil {
			return 0, nil, err
		}
		objects = append(objects, before[:len(before)-len(rest.Rest())])
	}
	return outer.Tag, objects, nil
}

// relay changes the layout of an encoded message, and has its signers sign what has become of it.
func relay(encoded []byte, signers []crypto.Signer, change relayout) ([]byte, error) {
	tag, objects, err := split(encoded[:len(encoded)-len(signers)*signatureObject])
	if err != nil {
		return nil, err
	}
	if len(objects) < 3 {
		return nil, errNotThere
	}
	body := change(tag, objects)
	made := bytes.Clone(body)
	for _, signer := range signers {
		s, err := signature.Sign(signer, body)
		if err != nil {
			return nil, err
		}
		if made, err = tlv.Append(made, spec.TagSignature, s[:]); err != nil {
			return nil, err
		}
	}
	return made, nil
}

// relayCertificate is relay of a certificate's body.
func relayCertificate(encoded []byte, issuer Identity, change relayout) ([]byte, error) {
	_, parts, err := split(encoded)
	if err != nil {
		return nil, err
	}
	body, err := relay(bytes.Join(parts, nil), []crypto.Signer{issuer.Signer}, change)
	if err != nil {
		return nil, err
	}
	return tlv.Append(nil, spec.TagCertificate, body)
}

// layoutOf is a message, or a certificate, that is signed again when its layout was changed.
type layoutOf struct {
	what    string
	control Control
	make    func(s *Setup, change relayout) (Blow, error)
}

// refusedLayouts are the right answers to a wrong layout.
var refusedLayouts = sw(spec.SWWrongData, spec.SWVersion, spec.SWWrongLength)

var layoutsOf = []layoutOf{
	{"Request", pays,
		func(s *Setup, change relayout) (Blow, error) {
			payee, err := s.device(s.Own, spec.RoleTerminal)
			if err != nil {
				return Blow{}, err
			}
			blow, err := s.requested(payee, "")
			return relaidBlow(blow, err, change, payee)
		}},
	{"Payment", accepts,
		func(s *Setup, change relayout) (Blow, error) {
			payer, err := s.device(s.Own, spec.RoleCard)
			if err != nil {
				return Blow{}, err
			}
			blow, err := s.paidBy(payer)
			return relaidBlow(blow, err, change, payer)
		}},
	{"Challenge", showsState,
		func(s *Setup, change relayout) (Blow, error) {
			blow, err := showsState.Make(s)
			return relaidBlow(blow, err, change, s.Own.InstructionKey)
		}},
	{"Instruction", applies,
		func(s *Setup, change relayout) (Blow, error) {
			blow, err := applies.Make(s)
			return relaidBlow(blow, err, change, s.Own.InstructionKey, s.Notary)
		}},
	{"crisis order", takesOrder,
		func(s *Setup, change relayout) (Blow, error) {
			blow, err := takesOrder.Make(s)
			return relaidBlow(blow, err, change, s.Crisis, s.Notary)
		}},
	{"authority's certificate", learns,
		func(s *Setup, change relayout) (Blow, error) {
			encoded, err := relayCertificate(s.Own.CA.Encoded, s.Root, change)
			if err != nil {
				return Blow{}, err
			}
			return presented(encoded)
		}},
	{"payee's certificate", pays,
		func(s *Setup, change relayout) (Blow, error) {
			return asked(spec.RoleTerminal, "", func(s *Setup, good []byte) ([]byte, error) {
				return relayCertificate(good, s.Own.CA, change)
			})(s)
		}},
	{"own certificate", storesCertificate,
		func(s *Setup, change relayout) (Blow, error) {
			return stored("", func(s *Setup, good []byte) ([]byte, error) {
				return relayCertificate(good, s.Own.CA, change)
			}).Make(s)
		}},
}

// relaidBlow changes the layout of a blow's message, which others sign then.
func relaidBlow(blow Blow, err error, change relayout, signers ...Identity) (Blow, error) {
	if err != nil {
		return Blow{}, err
	}
	var keys []crypto.Signer
	for _, s := range signers {
		keys = append(keys, s.Signer)
	}
	blow.Data[0], err = relay(blow.Data[0], keys, change)
	return blow, err
}

// layouts are attacks by what is BER-TLV and not the layout: signed by those who may, so that
// nothing but the layout is wrong.
func layouts() []Attack {
	var attacks []Attack
	for _, of := range layoutsOf {
		a := Attack{
			Name:    "TLV that is not the layout: " + of.what,
			Threat:  "what one parser skips is what another reads: one message has two meanings",
			Defence: "each object has one place and the shortest length, and nothing else is there",
			Clause:  "PROTOCOL.md §4; ISO/IEC 8825-1 §8.1.3, §10.1",
			Card:    of.control.Card, Answers: refusedLayouts, Control: of.control,
		}
		for _, l := range relaid {
			a.Ways = append(a.Ways, Way{l.name, func(s *Setup) (Blow, error) {
				return of.make(s, l.change)
			}})
		}
		attacks = append(attacks, a)
	}
	return attacks
}
