package suite

import (
	"encoding/hex"
	"fmt"
	"strings"

	"ekrona.example/apdu"
	"ekrona.example/apdu/spec"
	"ekrona.example/apdu/tlv"
	"ekrona.example/applet/jcardsim"
)

// symbols names random values in the order in which they first appear. Two cards
// that behave the same give the same names, whatever they have drawn: a hash or key
// that comes again has its first name.
type symbols map[string]int

func (s symbols) name(value []byte) string {
	n, known := s[string(value)]
	if !known {
		n = len(s)
		s[string(value)] = n
	}
	return fmt.Sprintf("<%d of %d bytes>", n, len(value))
}

// drawn are the data objects that are random or follow from what is.
var drawn = map[tlv.Tag]bool{
	spec.TagSignature: true, spec.TagRandom: true, spec.TagIdentity: true, spec.TagHead: true,
	spec.TagLastInstruction: true, spec.TagNonce: true,
	spec.TagPoint: true, spec.TagMAC: true, spec.TagCryptogram: true,
}

// An open request in a State: number, amount, identity.
const openRequestPlain = 8

// compare returns the difference of two answers, "" if there is none.
func (t *differential) compare(c apdu.Command, answers [2]apdu.Response) string {
	if answers[0].SW != answers[1].SW {
		return fmt.Sprintf("%s with %d bytes, and %s with %d bytes", spec.StatusText(answers[0].SW),
			len(answers[0].Data), spec.StatusText(answers[1].SW), len(answers[1].Data))
	}
	if a, b := len(answers[0].Data), len(answers[1].Data); a != b {
		return fmt.Sprintf("%d bytes and %d bytes", a, b)
	}
	var shown [2]string
	for side := range sides {
		shown[side] = t.symbols[side].show(c, answers[side].Data)
	}
	if shown[0] != shown[1] {
		return fmt.Sprintf("%s\nand\n%s", shown[0], shown[1])
	}
	return ""
}

// show writes an answer with names in the place of what is drawn. A part of an
// answer, or a card's challenge, is only so many bytes.
func (s symbols) show(c apdu.Command, data []byte) string {
	nodes, err := tlv.Parse(data)
	if err != nil || c.INS == spec.GetChallenge.INS {
		return fmt.Sprintf("%d bytes", len(data))
	}
	var b strings.Builder
	s.showNodes(&b, nodes)
	return b.String()
}

func (s symbols) showNodes(b *strings.Builder, nodes []tlv.Node) {
	for _, n := range nodes {
		fmt.Fprintf(b, "%v[", n.Tag)
		switch {
		case n.Tag.IsConstructed():
			s.showNodes(b, n.Children)
		case n.Tag == spec.TagOpenRequests:
			for v := n.Value; len(
				v) >= openRequestPlain+spec.HashLength; v = v[openRequestPlain+spec.HashLength:] {
				b.WriteString(hex.EncodeToString(v[:openRequestPlain]))
				b.WriteString(s.name(v[openRequestPlain:][:spec.HashLength]))
			}
		case drawn[n.Tag]:
			b.WriteString(s.name(n.Value))
		default:
			b.WriteString(hex.EncodeToString(n.Value))
		}
		b.WriteString("]")
	}
}

// A fault of jCardSim in which it differs from a card.
type differentialFault struct {
	reason string
	is     func(c apdu.Command, answers [2]apdu.Response) bool
}

// jCardSimFaults are those of what this applet uses that random commands reach, besides those
// that any applet meets. Transactions that it does not undo are not among them: the applet refuses
// before it starts one.
var jCardSimFaults = []differentialFault{
	{unusualPoints, func(c apdu.Command, _ [2]apdu.Response) bool {
		if c.INS == spec.Pair.INS {
			return true
		}
		enciphered := c.P2 == spec.Verify.Variants[1].P2
		return enciphered && (c.INS == spec.Verify.INS || c.INS == spec.ChangeReferenceData.INS ||
			c.INS == spec.ResetRetryCounter.INS)
	}},
}

func knownFault(before []apdu.Command, c apdu.Command, answers [2]apdu.Response) string {
	for _, f := range jCardSimFaults {
		if f.is(c, answers) {
			return f.reason
		}
	}
	return jcardsim.KnownFault(jcardsim.Exchange{Command: c, Before: before, Card: answers[0],
		Simulator: answers[1]})
}
