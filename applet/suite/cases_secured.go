package suite

import (
	"bytes"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/apdu"
	"ekrona.example/apdu/message"
	"ekrona.example/apdu/spec"
	"ekrona.example/apdu/tlv"
)

// securedCases are secure messaging as such.
var securedCases = []testCase{
	{"a command in clear ends secure messaging, GET RESPONSE does not", func(c *caseRun) {
		s := c.active()
		p := s.pair()
		balance := c.variant(spec.GetData, "balance").APDU()
		for _, between := range []apdu.Command{
			spec.GetChallenge.Only().APDU(), balance, {INS: 0x01},
			spec.GetResponse.Only().APDU(),
			{CLA: 0x04, INS: 0xCA, P2: 0xC4}, {CLA: 0x10, INS: 0x20, P2: 0x80, Data: []byte{1}},
		} {
			channel := p.open()
			s.transmit(between)
			secured, err := channel.Wrap(balance)
			c.must(err)
			s.refusedWith(spec.SWSecureMessaging, secured)
		}
		channel := p.open()
		for range 2 {
			secured, err := channel.Wrap(balance)
			c.must(err)
			secured.Ne, secured.Extended = 10, false
			first, err := s.raw.Transmit(c.ctx, secured)
			c.must(err)
			require.Equal(c, spec.SWMoreData, first.SW&0xFF00)
			rest, err := s.raw.Transmit(c.ctx,
				apdu.Command{INS: apdu.InsGetResponse, Ne: int(first.SW & 0xFF)})
			c.must(err)
			c.mustAnswer(rest)
			whole, err := channel.Unwrap(apdu.Response{Data: append(first.Data, rest.Data...),
				SW: rest.SW})
			c.must(err)
			c.mustAnswer(whole)
		}
	}},
	{"what begins or ends secure messaging, and PAY, is not taken under it", func(c *caseRun) {
		s := c.loaded(1000)
		p := s.pair()
		merchant := c.device(s.bank, spec.RoleTerminal)
		_, data := p.authentication(message.Nonce{})
		for _, command := range []apdu.Command{
			spec.MutualAuthenticate.Only().APDU(data),
			spec.Pair.Only().APDU(p.data(message.Nonce{}, ownPIN)),
			spec.Pay.Only().APDU(c.encode(c.request(merchant, 100, "")), merchant.encoded),
			spec.GetResponse.Only().APDU(),
			spec.Select.Only().APDU([]byte(spec.AppletAID)),
		} {
			secured, err := p.open().Wrap(command)
			c.must(err)
			s.refusedWith(spec.SWSecureMessaging, secured)
		}
		secured, err := p.open().Wrap(apdu.Command{CLA: 0x80, INS: 0xCA, P2: 0xC4, Ne: 256})
		c.must(err)
		s.refusedWith(spec.SWClass, secured)
	}},
	{"each length of a length field is taken under secure messaging", func(c *caseRun) {
		s := c.active()
		p := s.pair()
		p.within(func() {
			for _, length := range []int{1, 15, 16, 95, 96, 111, 112, 113, 127, 128, 239, 240, 255,
				256, 400, 486} {
				s.answers(spec.SWWrongData, spec.GetState.Only(), make([]byte, length))
			}
		})
	}},
	{"secure messaging that is no such thing has one answer", func(c *caseRun) {
		s := c.active()
		p := s.pair()
		ask := spec.RequestPayment.Only().APDU(c.asking(100, spec.Currency, ""))
		for name, change := range inOrder(malformedSecured) {
			secured, err := p.open().Wrap(ask)
			c.must(err)
			secured.Data = change(secured.Data)
			r := s.transmit(secured)
			assert.Equal(c, spec.SWMACWrong, r.SW, "%s: %s", name, spec.StatusText(r.SW))
			assert.Empty(c, r.Data, name)
			s.refusedWith(spec.SWSecureMessaging, secured)
		}
		for _, blocks := range wrongPadding {
			secured, err := p.open().WrapObjects(ask,
				func(encrypt func([]byte) []byte) ([]byte, error) {
					return tlv.Append(nil, spec.TagCryptogram, []byte{1}, encrypt(blocks))
				})
			c.must(err)
			s.refusedWith(spec.SWMACWrong, secured)
		}
	}},
	{"data objects that are none are not taken under secure messaging by the right key", func(
		c *caseRun,
	) {
		s := c.active()
		p := s.pair()
		ask := spec.RequestPayment.Only().APDU(c.asking(100, spec.Currency, ""))
		for name, change := range inOrder(malformedObjects) {
			secured, err := p.open().WrapObjects(ask,
				func(encrypt func([]byte) []byte) ([]byte, error) {
					blocks := append(bytes.Clone(ask.Data), 0x80)
					blocks = append(blocks, make([]byte, -len(blocks)&15)...)
					cryptogram, err := tlv.Append(nil, spec.TagCryptogram, []byte{1},
						encrypt(blocks))
					if err != nil {
						return nil, err
					}
					return change(append(cryptogram, 0x97, 1, 0)), nil
				})
			c.must(err)
			r := s.transmit(secured)
			assert.Equal(c, spec.SWMACWrong, r.SW, "%s: %s", name, spec.StatusText(r.SW))
		}
	}},
	{"an answer under secure messaging has nothing of the one before", func(c *caseRun) {
		s := c.active()
		p := s.pair()
		for _, silent := range []apdu.Command{
			spec.VerifyCertificate.Only().APDU(c.world.foreign.ca.encoded),
			c.variant(spec.ChangeReferenceData, "plaintext").APDU(c.block(ownPIN), c.block(ownPIN)),
		} {
			channel := p.open()
			part, err := channel.Wrap(c.variant(spec.GetData, "certificate").APDU())
			c.must(err)
			part.Ne, part.Extended = 10, false
			_, err = s.raw.Transmit(c.ctx, part)
			c.must(err)
			channel.Pass()
			secured, err := channel.Wrap(silent)
			c.must(err)
			answer, err := channel.Unwrap(s.transmit(secured))
			c.must(err)
			assert.Equal(c, apdu.Response{SW: apdu.OK}, answer)
		}
	}},
	{"a command under secure messaging has nothing of one that was refused", func(c *caseRun) {
		s := c.active()
		p := s.pair()
		p.within(func() {
			s.state()
			wrong := s.next()
			wrong.Head[0] ^= 1
			s.answers(spec.SWHead, spec.Instruct.Only(), s.sign(wrong))
			counters, err := message.ParseCounters(s.succeeds(c.variant(spec.GetData, "counters")))
			c.must(err)
			assert.Equal(c, s.model.sequence, counters.InstructionSequence)
		})
	}},
}

// wrongPadding are blocks that no data are padded to.
var wrongPadding = [][]byte{
	make([]byte, 16), make([]byte, 32), append([]byte{0x80}, make([]byte, 31)...),
	bytes.Repeat([]byte{0x81}, 16),
}

// malformedObjects are changes of a command's data objects, which a MAC is over: DO 87 of 17 bytes,
// and DO 97.
var malformedObjects = map[string]func(objects []byte) []byte{
	"another padding":     func(b []byte) []byte { b[2] = 2; return b },
	"no whole block":      func(b []byte) []byte { return append([]byte{0x87, 16}, b[2:18]...) },
	"DO 87 of 01 alone":   func([]byte) []byte { return []byte{0x87, 1, 1, 0x97, 1, 0} },
	"DO 87 without bytes": func([]byte) []byte { return []byte{0x87, 0, 0x97, 1, 0} },
	"Le of no bytes":      func(b []byte) []byte { return append(b[:len(b)-2], 0) },
	"Le of three bytes":   func(b []byte) []byte { return append(b[:len(b)-2], 3, 0, 0, 0) },
	"length of two bytes for one": func(b []byte) []byte {
		return append([]byte{b[0], 0x81, b[1]}, b[2:]...)
	},
	"length of three bytes for one": func(b []byte) []byte {
		return append([]byte{b[0], 0x82, 0, b[1]}, b[2:]...)
	},
	"length of four bytes": func(b []byte) []byte {
		return append([]byte{b[0], 0x83, 0, 0, b[1]}, b[2:]...)
	},
}

// malformedSecured are changes of a secured command's data: DO 87 of 17 bytes, DO 97, DO 8E.
var malformedSecured = map[string]func(data []byte) []byte{
	"nothing":             func([]byte) []byte { return nil },
	"one byte":            func(b []byte) []byte { return b[:1] },
	"no MAC":              func(b []byte) []byte { return b[:len(b)-10] },
	"MAC alone":           func(b []byte) []byte { return b[len(b)-10:] },
	"cut short":           func(b []byte) []byte { return b[:len(b)-1] },
	"one byte more":       func(b []byte) []byte { return append(b, 0) },
	"DO 97 before DO 87":  func(b []byte) []byte { return moved(b, 1, 0, 2) },
	"no DO 97":            func(b []byte) []byte { return moved(b, 0, 2) },
	"no DO 87":            func(b []byte) []byte { return moved(b, 1, 2) },
	"DO 87 twice":         func(b []byte) []byte { return moved(b, 0, 0, 1, 2) },
	"DO 97 twice":         func(b []byte) []byte { return moved(b, 0, 1, 1, 2) },
	"MAC twice":           func(b []byte) []byte { return moved(b, 0, 1, 2, 2) },
	"MAC first":           func(b []byte) []byte { return moved(b, 2, 0, 1) },
	"another padding":     func(b []byte) []byte { b[2] = 2; return b },
	"DO 85 for 87":        func(b []byte) []byte { b[0] = 0x85; return b },
	"DO 96 for 97":        func(b []byte) []byte { b[len(b)-13] ^= 1; return b },
	"DO 8F for 8E":        func(b []byte) []byte { b[len(b)-10] ^= 1; return b },
	"MAC of 7 bytes":      func(b []byte) []byte { b[len(b)-9]--; return b[:len(b)-1] },
	"Le of no bytes":      func(b []byte) []byte { b[len(b)-12] = 0; return b },
	"Le of three bytes":   func(b []byte) []byte { b[len(b)-12] = 3; return b },
	"no whole block":      func(b []byte) []byte { b[1]--; return b },
	"DO 87 without bytes": func(b []byte) []byte { b[1] = 0; return b },
	"DO 87 of 01 alone":   func(b []byte) []byte { b[1] = 1; return b },
	"DO 87 beyond the end": func(b []byte) []byte {
		b[1] = 113
		return b
	},
	"length of two bytes for one": func(b []byte) []byte {
		return append([]byte{b[0], 0x81, b[1]}, b[2:]...)
	},
	"length of three bytes for one": func(b []byte) []byte {
		return append([]byte{b[0], 0x82, 0, b[1]}, b[2:]...)
	},
	"length far beyond the end": func(b []byte) []byte {
		return append([]byte{b[0], 0x82, 0x02, 0x01}, b[2:]...)
	},
	"negative length": func(b []byte) []byte {
		return append([]byte{b[0], 0x82, 0xFF, 0xF1}, b[2:]...)
	},
	"length of four bytes": func(b []byte) []byte {
		return append([]byte{b[0], 0x83, 0, 0, b[1]}, b[2:]...)
	},
}

// moved is data objects in another order.
func moved(data []byte, order ...int) (out []byte) {
	nodes, err := tlv.Parse(data)
	if err != nil {
		return nil
	}
	for _, n := range order {
		out = append(out, nodes[n].Raw...)
	}
	return out
}
