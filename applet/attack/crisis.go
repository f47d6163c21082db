package attack

import (
	"bytes"
	"crypto"
	"errors"
	"math"

	"ekrona.example/apdu/message"
	"ekrona.example/apdu/signature"
	"ekrona.example/apdu/spec"
	"ekrona.example/apdu/tlv"
)

// crisis are attacks by CRISIS ORDER, and by certificates of crisis keys.
var crisis = []Attack{
	{
		Name:    "crisis order without both signatures",
		Threat:  "a thief of one key raises the limits of every card",
		Defence: "crisis key and notary sign, each with its own key",
		Clause:  "PROTOCOL.md §8, 12", Card: Ordered, Answers: sw(spec.SWSignature),
		Ways: []Way{
			ordered("crisis key's wrong", func(o *message.CrisisOrder) {
				o.CrisisSignature = broken(o.CrisisSignature)
			}),
			ordered("notary's wrong", func(o *message.CrisisOrder) {
				o.NotarySignature = broken(o.NotarySignature)
			}),
			ordered("crisis key's twice", func(o *message.CrisisOrder) {
				o.NotarySignature = o.CrisisSignature
			}),
			ordered("notary's twice", func(o *message.CrisisOrder) {
				o.CrisisSignature = o.NotarySignature
			}),
			ordered("a row changed", func(o *message.CrisisOrder) { o.Rows[0].MaxSpent++ }),
			ordered("a later day", func(o *message.CrisisOrder) { o.Until = o.Until.AddDays(1) }),
			ordered("another number", func(o *message.CrisisOrder) { o.Number++ }),
		},
	},
	{
		Name:    "crisis order by a key that the card does not know for it",
		Threat:  "one authority signs in the place of another",
		Defence: "the card remembers crisis key and notary by role, and the newest crisis key",
		Clause:  "PROTOCOL.md §2", Card: Ordered, Answers: sw(spec.SWReferenceUnknown),
		Ways: []Way{
			orderedBy("the notary in both places", func(s *Setup) (crisis, notary Identity) {
				return s.Notary, s.Notary
			}),
			orderedBy("the crisis key in both places", func(s *Setup) (crisis, notary Identity) {
				return s.Crisis, s.Crisis
			}),
			orderedBy("an instruction key", func(s *Setup) (crisis, notary Identity) {
				return s.Crisis, s.Own.InstructionKey
			}),
			orderedBy("the root", func(s *Setup) (crisis, notary Identity) {
				return s.Root, s.Notary
			}),
			{"an older crisis key", func(s *Setup) (Blow, error) {
				older, err := s.Certify(s.Root, Subject{Holder: "SECRISIS00000",
					Role: spec.RoleCrisisKey, Last: s.Next.Date.AddDays(40)})
				if err != nil {
					return Blow{}, err
				}
				blow, err := s.orderedBy(s.order(), older, s.Notary)
				blow.Before = []Step{{spec.VerifyCertificate.Only().APDU(older.Encoded),
					spec.SWDate}}
				return blow, err
			}},
		},
	},
	{
		Name:    "crisis order of a number that has passed",
		Threat:  "an order of a former crisis comes back, or a card writes without end",
		Defence: "numbers only rise, above the one that the notary has told too",
		Clause:  "PROTOCOL.md §8, 12", Card: Ordered, Answers: sw(spec.SWOrderOld),
		Ways: []Way{
			{"the same again", func(s *Setup) (Blow, error) {
				encoded, err := message.Encode(s.Held)
				return order(encoded), err
			}},
			numbered("the same number with another body", func(held uint32) uint32 { return held }),
			numbered("the one before", func(held uint32) uint32 { return held - 1 }),
			numbered("one", func(uint32) uint32 { return 1 }),
		},
	},
	{
		Name:    "crisis order that outlives its signers",
		Threat:  "an order by stolen keys counts for ever",
		Defence: "an order ends with the certificates of its signers at the latest",
		Clause:  "PROTOCOL.md §8, 12", Card: Ordered, Answers: sw(spec.SWDate),
		Ways: []Way{
			outliving("the crisis key", func(s *Setup) Identity { return s.Crisis }),
			outliving("the notary", func(s *Setup) Identity { return s.Notary }),
		},
	},
	{
		Name:    "crisis order that is none",
		Threat:  "the parser takes what is not the layout, or one order has two meanings",
		Defence: "every byte is checked before a signature is",
		Clause:  "PROTOCOL.md §4", Card: Ordered, Answers: sw(spec.SWWrongData),
		Ways: []Way{
			forgedOrder("number zero", put([]byte{byte(spec.TagOrderNumber), 4}, 0, 0, 0, 0, 0)),
			forgedOrder("its last day is before its first",
				put([]byte{0x5F, 0x24, spec.DateLength}, 0, 0)),
			forgedOrder("its last day is none", noDate(0x24)),
			forgedOrder("its first day is none", noDate(0x25)),
			forgedOrder("an Instruction's tag", func(body []byte) error {
				body[0] = byte(spec.TagInstruction)
				return nil
			}),
			forgedOrder("a field's tag", put([]byte{byte(spec.TagNotary)}, -1,
				byte(spec.TagAuthority))),
			withRows("names out of order", scope(0, "SENORDIC"), scope(0, "SEFJORDB")),
			withRows("groups out of order", scope(1, ""), scope(0, "SENORDIC")),
			withRows("groups out of order, above 127", scope(200, ""), scope(3, "")),
			withRows("out of order at the end", scope(0, ""), scope(1, ""), scope(3, ""),
				scope(2, "")),
			withRows("a scope twice", scope(3, "SENORDIC"), scope(3, "SENORDIC")),
			withRows("the scope for all twice", scope(0, ""), scope(0, "")),
			withRows("seven rows", scope(0, ""), scope(1, ""), scope(2, ""), scope(3, ""),
				scope(4, ""), scope(5, ""), scope(6, "")),
			withRows("a row cut short", scope(0, "")[:spec.OrderRowLength-1]),
			withRows("a row and a byte", scope(0, ""), []byte{0}),
			rewrittenOrder("rows' length in a long form", func(body []byte) []byte {
				at := bytes.LastIndexByte(body[:len(body)-spec.OrderRowLength],
					byte(spec.TagOrderRows))
				body[1]++
				return append(append(bytes.Clone(body[:at+1]), 0x81), body[at+1:]...)
			}),
			rewrittenOrder("its length in a long form", func(body []byte) []byte {
				return append([]byte{body[0], 0x81}, body[1:]...)
			}),
			rewrittenOrder("without rows' data object", func(body []byte) []byte {
				body[1] -= spec.OrderRowLength + 2
				return body[:len(body)-spec.OrderRowLength-2]
			}),
			cutOrder("cut short", func(good []byte) []byte { return good[:len(good)-1] }),
			cutOrder("one byte more", func(good []byte) []byte { return append(good, 0) }),
			cutOrder("one signature", func(good []byte) []byte {
				return good[:len(good)-signatureObject]
			}),
			cutOrder("three signatures", func(good []byte) []byte {
				return append(good, good[len(good)-signatureObject:]...)
			}),
			cutOrder("another data object for the second signature", func(good []byte) []byte {
				good[len(good)-signatureObject]--
				return good
			}),
			cutOrder("nothing", func([]byte) []byte { return nil }),
		},
	},
	{
		Name:    "crisis key's certificate that goes back",
		Threat:  "who presents a former crisis key undoes the cure of its theft",
		Defence: "a crisis key ends later than the stored one, or is by a later root",
		Clause:  "PROTOCOL.md §2", Card: Ordered, Answers: sw(spec.SWDate),
		Control: learnsCrisisKey,
		Ways: []Way{
			goesBack("it ends earlier", func(*Setup) Subject {
				return Subject{Holder: "SECRISIS00009", Role: spec.RoleCrisisKey}
			}),
			{"it ends on the same day", func(s *Setup) (Blow, error) {
				i, err := s.Certify(s.Root, Subject{Holder: "SECRISIS00009",
					Role: spec.RoleCrisisKey, Last: s.Crisis.Certificate.Expiry})
				return Blow{Variant: spec.VerifyCertificate.Only(),
					Data: [][]byte{i.Encoded}}, err
			}},
		},
	},
	{
		Name:    "crisis key's certificate of a known reference for another key",
		Threat:  "as for other authorities",
		Defence: "the card compares the key, and says so",
		Clause:  "PROTOCOL.md §2", Card: Ordered, Answers: sw(spec.SWKeyKnown),
		Control: learnsCrisisKey,
		Ways:    []Way{anotherKey("", func(s *Setup) Identity { return s.Crisis })},
	},
	{
		Name:   "authority's certificate by the root before the current one",
		Threat: "thieves of a former root mint, or end the cure of a stolen crisis key",
		Defence: "the current root alone makes notaries and instruction keys, and no former " +
			"root's crisis key replaces one by it",
		Clause: "PROTOCOL.md §2", Card: Active, Answers: sw(spec.SWReferenceUnknown),
		Control: learnsByCurrentRoot,
		Ways: []Way{
			byFormerRoot("notary", func(*Setup) Subject {
				return Subject{Holder: "SENOTARY00009", Role: spec.RoleNotary}
			}),
			byFormerRoot("instruction key", func(s *Setup) Subject {
				return Subject{Holder: s.authority("00009"), Role: spec.RoleInstructionKey}
			}),
			byFormerRoot("crisis key", func(*Setup) Subject {
				return Subject{Holder: "SECRISIS00009", Role: spec.RoleCrisisKey}
			}),
		},
	},
}

func order(encoded []byte) Blow {
	return Blow{Variant: spec.TakeCrisisOrder.Only(), Data: [][]byte{encoded}}
}

// order is the card's next crisis order, not signed.
func (s *Setup) order() *message.CrisisOrder {
	number := uint32(1)
	if s.Held != nil {
		number += s.Held.Number
	}
	return &message.CrisisOrder{Number: number, From: s.Next.Date,
		Until: s.Next.Date.AddDays(30),
		Rows:  []message.CrisisRow{{MaxPayment: message.MaxAmount, MaxSpent: 1}}}
}

// signBoth has both sign it.
func (s *Setup) signBoth(o *message.CrisisOrder, crisis, notary Identity) error {
	o.CrisisKey, o.Notary = crisis.reference(), notary.reference()
	return errors.Join(message.SignAs(o, message.ByCrisisKey, crisis.Signer),
		message.SignAs(o, message.ByNotary, notary.Signer))
}

func (s *Setup) orderedBy(o *message.CrisisOrder, crisis, notary Identity) (Blow, error) {
	if err := s.signBoth(o, crisis, notary); err != nil {
		return Blow{}, err
	}
	encoded, err := message.Encode(o)
	return order(encoded), err
}

// ordered changes the crisis order after it was signed.
func ordered(name string, change func(o *message.CrisisOrder)) Way {
	return Way{name, func(s *Setup) (Blow, error) {
		o := s.order()
		if err := s.signBoth(o, s.Crisis, s.Notary); err != nil {
			return Blow{}, err
		}
		change(o)
		encoded, err := message.Encode(o)
		return order(encoded), err
	}}
}

// orderedBy is a crisis order by others.
func orderedBy(name string, by func(s *Setup) (crisis, notary Identity)) Way {
	return Way{name, func(s *Setup) (Blow, error) {
		first, second := by(s)
		return s.orderedBy(s.order(), first, second)
	}}
}

// numbered is a genuine crisis order of another number.
func numbered(name string, of func(held uint32) uint32) Way {
	return Way{name, func(s *Setup) (Blow, error) {
		o := s.order()
		o.Number = of(s.Held.Number)
		return s.orderedBy(o, s.Crisis, s.Notary)
	}}
}

// outliving is the highest crisis order, a day longer than a signer's certificate.
func outliving(name string, of func(s *Setup) Identity) Way {
	return Way{name, func(s *Setup) (Blow, error) {
		o := s.order()
		o.Number, o.Until = math.MaxUint32, of(s).Certificate.Expiry.AddDays(1)
		return s.orderedBy(o, s.Crisis, s.Notary)
	}}
}

// rewrittenOrder is a crisis order whose body is another before both sign it.
func rewrittenOrder(name string, change func(body []byte) []byte) Way {
	return Way{name, func(s *Setup) (Blow, error) {
		o := s.order()
		o.CrisisKey, o.Notary = s.Crisis.reference(), s.Notary.reference()
		body, err := message.Body(o)
		if err != nil {
			return Blow{}, err
		}
		body = change(body)
		encoded := bytes.Clone(body)
		for _, signer := range []crypto.Signer{s.Crisis.Signer, s.Notary.Signer} {
			made, err := signature.Sign(signer, body)
			if err != nil {
				return Blow{}, err
			}
			if encoded, err = tlv.Append(encoded, spec.TagSignature, made[:]); err != nil {
				return Blow{}, err
			}
		}
		return order(encoded), nil
	}}
}

// forgedOrder changes bytes of the body in their place.
func forgedOrder(name string, change func(body []byte) error) Way {
	return Way{name, func(s *Setup) (Blow, error) {
		var failed error
		blow, err := rewrittenOrder(name, func(body []byte) []byte {
			failed = change(body)
			return body
		}).Make(s)
		return blow, errors.Join(failed, err)
	}}
}

// scope is a row with that group and name.
func scope(group byte, name string) []byte {
	row := make([]byte, spec.OrderRowLength)
	row[0] = group
	copy(row[1:], name)
	return row
}

// withRows has other rows.
func withRows(name string, rows ...[]byte) Way {
	return rewrittenOrder(name, func(body []byte) []byte {
		content := bytes.Clone(body[2 : len(body)-spec.OrderRowLength-2])
		// Values of these lengths always fit.
		content, _ = tlv.Append(content, spec.TagOrderRows, bytes.Join(rows, nil))
		made, _ := tlv.Append(nil, spec.TagCrisisOrder, content)
		return made
	})
}

// cutOrder is a crisis order that loses or gets bytes.
func cutOrder(name string, change func(good []byte) []byte) Way {
	return cut(name, func(s *Setup) (Blow, error) {
		return s.orderedBy(s.order(), s.Crisis, s.Notary)
	}, change)
}

// byFormerRoot is a genuine certificate by the first root, for a card that has learned the
// next one, and a crisis key by that.
func byFormerRoot(name string, of func(s *Setup) Subject) Way {
	return Way{name, func(s *Setup) (Blow, error) {
		link, err := s.linkNext()
		if err != nil {
			return Blow{}, err
		}
		key, err := s.Certify(s.UnknownRoot, Subject{Holder: "SECRISIS00002",
			Role: spec.RoleCrisisKey, Key: s.Crisis.Certificate.PublicKey})
		if err != nil {
			return Blow{}, err
		}
		former, err := s.Certify(s.Root, of(s))
		return Blow{Variant: spec.VerifyCertificate.Only(), Data: [][]byte{former.Encoded},
			Authorities: [][]byte{link.Encoded, key.Encoded}}, err
	}}
}
