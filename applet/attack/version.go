package attack

import (
	"bytes"

	"ekrona.example/apdu/spec"
)

// version is the header of a body's first data object; its value is version and algorithm.
var version = []byte{byte(spec.TagVersion), 2}

// otherVersions are changes of a body to other versions and algorithms.
var otherVersions = []struct {
	name   string
	change func(body []byte) error
}{
	{"version 1", put(version, 0, 1)},
	{"a later version", put(version, 0, spec.MessageVersion+1)},
	{"another algorithm", put(version, 1, spec.AlgorithmECDSAP256SHA256+1)},
	{"no algorithm", put(version, 1, 0)},
}

// asVersion1 gives an encoded message the first data object of version 1, which had one
// byte.
func asVersion1(good []byte) []byte {
	at := bytes.Index(good, version)
	old := append(bytes.Clone(good[:at]), byte(spec.TagVersion), 1, 1)
	old[at-1]--
	return append(old, good[at+len(version)+2:]...)
}

// versions are the ways to offer a message of another version: forged is signed by its
// sender, cut is not.
func versions(
	forged func(name string, change func(body []byte) error) Way,
	cut func(name string, change func(good []byte) []byte) Way,
) []Way {
	ways := []Way{
		cut("of version 1", asVersion1),
		cut("of version 1, with a length field of three bytes", func(good []byte) []byte {
			old := asVersion1(good)
			at := bytes.IndexByte(old, byte(spec.TagVersion))
			return append([]byte{old[0], 0x82, 0x01, old[at-1]}, old[at:]...)
		}),
		cut("of version 1, cut short", func(good []byte) []byte { return asVersion1(good)[:40] }),
	}
	for _, v := range otherVersions {
		ways = append(ways, forged(v.name, v.change))
	}
	return ways
}

// otherVersionOf are the attacks with messages of other versions and algorithms.
func otherVersionOf() []Attack {
	inner := []Way{}
	for _, v := range otherVersions {
		inner = append(inner, forgedPayment("of a Request of "+v.name, inRequest(v.change)))
	}
	var attacks []Attack
	for _, message := range []struct {
		name    string
		control Control
		ways    []Way
	}{
		{"Request", pays, versions(forgedRequest, cutRequest)},
		{"Payment", accepts, append(versions(forgedPayment, cutPayment), inner...)},
		{"Challenge", showsState, versions(forgedChallenge, cutChallenge)},
		{"Instruction", applies, versions(forgedInstruction, cutInstruction)},
		{"crisis order", takesOrder, versions(forgedOrder, cutOrder)},
	} {
		attacks = append(attacks, Attack{
			Name:    message.name + " of another version",
			Threat:  "what other bytes mean in another version is taken for what they mean in this",
			Defence: "version and algorithm are in what is signed, and are looked at first",
			Clause:  "PROTOCOL.md §4", Card: message.control.Card, Answers: sw(spec.SWVersion),
			Control: message.control,
			Ways:    message.ways,
		})
	}
	return attacks
}

// inRequest makes a change of a Request one of a Payment.
func inRequest(change func(body []byte) error) func(body []byte) error {
	return func(body []byte) error {
		at := find(body, []byte{byte(spec.TagRequest)})
		if at < 0 {
			return errNotThere
		}
		return change(body[at:])
	}
}

func forgedChallenge(name string, change func(body []byte) error) Way {
	return Way{name, func(s *Setup) (Blow, error) {
		blow, err := s.challenged(s.Own.InstructionKey, s.Device, nil)
		if err == nil {
			blow.Data[0], err = forge(blow.Data[0], s.Own.InstructionKey.Signer, change)
		}
		return blow, err
	}}
}
