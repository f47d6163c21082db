package attack

import (
	"bytes"

	"ekrona.example/apdu/spec"
)

// certificates are attacks by the certificate of an authority that the card is to remember.
var certificates = []Attack{
	{
		Name:    "authority's certificate with a wrong signature",
		Threat:  "a CA of the attacker's own certifies devices without cards",
		Defence: "the card verifies the signature by its root", Clause: "PROTOCOL.md §2",
		Card: Installed, Answers: sw(spec.SWCertificate),
		Ways: []Way{
			{
				"one bit",
				func(s *Setup) (Blow, error) { return presented(flipped(s.Own.CA.Encoded)) },
			},
			{"signed by another root of the root's name", func(s *Setup) (Blow, error) {
				impostor := Identity{Signer: s.UnknownRoot.Signer, Certificate: s.Root.Certificate}
				return s.certified(impostor, s.authority("00001"), spec.RoleIntermediary)
			}},
		},
	},
	{
		Name:    "authority's certificate by nobody whom the card knows",
		Threat:  "a CA of the attacker's own certifies devices",
		Defence: "only a root certifies, and only the card's own", Clause: "PROTOCOL.md §2",
		Card: Installed, Answers: sw(spec.SWReferenceUnknown),
		Ways: []Way{
			{"another root", func(s *Setup) (Blow, error) {
				return s.certified(s.UnknownRoot, s.authority("00001"), spec.RoleIntermediary)
			}},
			{"an intermediary", func(s *Setup) (Blow, error) {
				return s.certified(s.Own.CA, s.authority("00007"), spec.RoleIntermediary)
			}},
		},
	},
	{
		Name: "authority's certificate that has expired", Threat: "an old key, lost since, is used",
		Defence: "the card's date only grows", Clause: "PROTOCOL.md §8, 6",
		Card: Installed, Answers: sw(spec.SWExpired),
		Ways: []Way{{"", func(s *Setup) (Blow, error) {
			i, err := s.Certify(
				s.Root,
				Subject{Holder: s.authority("00001"), Role: spec.RoleIntermediary, Expired: true},
			)
			return Blow{Variant: spec.VerifyCertificate.Only(), Data: [][]byte{i.Encoded}}, err
		}}},
	},
	{
		Name:    "link to a root that has ended",
		Threat:  "a root's key, put away and found, becomes the card's root again",
		Defence: "the card's date only grows, and a root's last day counts for all under it",
		Clause:  "PROTOCOL.md §2",
		Card:    Installed, Answers: sw(spec.SWExpired),
		Ways: []Way{{"", func(s *Setup) (Blow, error) {
			next := string(s.Root.Certificate.Holder[:spec.NameLength]) + "00009"
			i, err := s.Certify(s.Root, Subject{Holder: next, Role: spec.RoleRoot, Expired: true})
			return Blow{Variant: spec.VerifyCertificate.Only(), Data: [][]byte{i.Encoded}}, err
		}}},
	},
	{
		Name:    "authority's certificate of a role that is not for this card",
		Threat:  "another bank's key instructs the card, or the root is exchanged",
		Defence: "role and name bind a key; links lead forward, under the root's name",
		Clause:  "PROTOCOL.md §2",
		Card:    Installed, Answers: sw(spec.SWRole),
		Ways: []Way{
			{
				"another bank's instruction key",
				func(s *Setup) (Blow, error) { return presented(s.Foreign.InstructionKey.Encoded) },
			},
			{"a link to another name", func(s *Setup) (Blow, error) {
				return s.certified(s.Root, s.authority("00009"), spec.RoleRoot)
			}},
			{"a link backwards", func(s *Setup) (Blow, error) {
				return s.certified(
					s.Root,
					string(s.Root.Certificate.Holder[:spec.NameLength])+"00000",
					spec.RoleRoot,
				)
			}},
			{"a role that no authority has", func(s *Setup) (Blow, error) {
				return s.rewritten(put([]byte{byte(spec.TagRole), 1}, 0, 0x7E))
			}},
		},
	},
	{
		Name:    "authority's certificate whose point is none",
		Threat:  "an attacker who chose the point can sign",
		Defence: "the card takes uncompressed points on the curve alone", Clause: "PROTOCOL.md §2",
		Card: Installed, Answers: sw(spec.SWWrongData),
		Ways: noPointWays((*Setup).rewritten),
	},
	{
		Name:    "authority's certificate whose point is off the curve",
		Threat:  "an attacker who chose the point can sign",
		Defence: "the platform refuses the point, and the card says so",
		Clause:  "PROTOCOL.md §2",
		Card:    Installed, Answers: sw(spec.SWWrongData),
		Ways: []Way{
			{"", func(s *Setup) (Blow, error) { return s.rewritten(offCurve) }},
		},
	},
	{
		Name:    "authority's certificate that goes back",
		Threat:  "a notary and an instruction key of old, stolen since, mint; or wear the card out",
		Defence: "what ends before the stored one is refused, and nothing is stored without a use",
		Clause:  "PROTOCOL.md §2", Card: Active, Answers: sw(spec.SWDate),
		Control: learnsForeign,
		Ways: []Way{
			goesBack("notary", func(s *Setup) Subject {
				return Subject{Holder: "SENOTARY00009", Role: spec.RoleNotary}
			}),
			goesBack("instruction key", func(s *Setup) Subject {
				return Subject{Holder: s.authority("00009"), Role: spec.RoleInstructionKey}
			}),
		},
	},
	{
		Name:    "authority's certificate made up to find out the card's date",
		Threat:  "cards are told apart by the day of their last synchronisation",
		Defence: "the card verifies a signature before it looks at dates",
		Clause:  "PROTOCOL.md §2", Card: Active, Answers: sw(spec.SWCertificate),
		Control: learnsForeign,
		Ways: []Way{
			madeUp("before the date", Subject{Role: spec.RoleIntermediary, Expired: true}),
			madeUp("after it", Subject{Role: spec.RoleIntermediary}),
			madeUp("a root's, before it", Subject{Role: spec.RoleRoot, Expired: true}),
		},
	},
	{
		Name:    "authority's certificate of a known reference for another key",
		Threat:  "a card that answers 9000 and learns nothing hides that a key was exchanged",
		Defence: "the card compares the key, and says so",
		Clause:  "PROTOCOL.md §2", Card: Active, Answers: sw(spec.SWKeyKnown),
		Control: learnsForeign,
		Ways: []Way{
			anotherKey("CA", func(s *Setup) Identity { return s.Own.CA }),
			anotherKey("instruction key", func(s *Setup) Identity { return s.Own.InstructionKey }),
			anotherKey("notary", func(s *Setup) Identity { return s.Notary }),
			anotherKey("root", func(s *Setup) Identity { return s.Root }),
		},
	},
	{
		Name:    "authority's certificate that is none",
		Threat:  "the parser takes what is not the layout",
		Defence: "every byte is checked before a signature is", Clause: "PROTOCOL.md §4",
		Card: Installed, Answers: sw(spec.SWWrongData),
		Ways: []Way{
			{"cut short", func(s *Setup) (Blow, error) {
				return presented(s.Own.CA.Encoded[:len(s.Own.CA.Encoded)-1])
			}},
			{
				"one byte more",
				func(s *Setup) (Blow, error) {
					return presented(append(bytes.Clone(s.Own.CA.Encoded), 0))
				},
			},
			{"a device's", func(s *Setup) (Blow, error) {
				d, err := s.device(s.Own, spec.RoleTerminal)
				return Blow{Variant: spec.VerifyCertificate.Only(), Data: [][]byte{d.Encoded}}, err
			}},
			{
				"it ends before it begins",
				func(s *Setup) (Blow, error) { return s.rewritten(backwards) },
			},
			{"its last day is none", func(s *Setup) (Blow, error) {
				return s.rewritten(noDate(0x24))
			}},
			{"its first day is none", func(s *Setup) (Blow, error) {
				return s.rewritten(noDate(0x25))
			}},
			{"no certificate", func(*Setup) (Blow, error) { return presented([]byte{0x30, 0x00}) }},
		},
	},
}

func presented(certificate []byte) (Blow, error) {
	return Blow{Variant: spec.VerifyCertificate.Only(), Data: [][]byte{certificate}}, nil
}

// certified presents a certificate that the attacker has from an issuer.
func (s *Setup) certified(issuer Identity, holder string, role spec.Role) (Blow, error) {
	i, err := s.Certify(issuer, Subject{Holder: holder, Role: role})
	return Blow{Variant: spec.VerifyCertificate.Only(), Data: [][]byte{i.Encoded}}, err
}

// goesBack is a genuine certificate that ends tomorrow.
func goesBack(name string, of func(s *Setup) Subject) Way {
	return Way{name, func(s *Setup) (Blow, error) {
		subject := of(s)
		subject.Last = s.Next.Date.AddDays(1)
		i, err := s.Certify(s.Root, subject)
		return Blow{Variant: spec.VerifyCertificate.Only(), Data: [][]byte{i.Encoded}}, err
	}}
}

// madeUp is a certificate that the root has not signed.
func madeUp(name string, of Subject) Way {
	return Way{name, func(s *Setup) (Blow, error) {
		of.Holder = s.authority("00009")
		i, err := s.Certify(s.Root, of)
		if err != nil {
			return Blow{}, err
		}
		return presented(flipped(i.Encoded))
	}}
}

// anotherKey is a genuine certificate for a new key under a reference that the card knows.
func anotherKey(name string, known func(s *Setup) Identity) Way {
	return Way{name, func(s *Setup) (Blow, error) {
		certificate := known(s).Certificate
		return s.certified(s.Root, string(certificate.Holder), certificate.Role)
	}}
}

// rewritten is the own CA's certificate with another body that its root signs.
func (s *Setup) rewritten(change func(body []byte) error) (Blow, error) {
	encoded, err := forgeCertificate(s.Own.CA.Encoded, s.Root, change)
	if err != nil {
		return Blow{}, err
	}
	return presented(encoded)
}

// authority is a reference to a key of the card's own intermediary by its number.
func (s *Setup) authority(number string) string {
	return string(s.Own.CA.Certificate.Holder[:spec.NameLength]) + number
}
