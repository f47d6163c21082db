package suite

import (
	"fmt"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/apdu"
	"ekrona.example/apdu/message"
	"ekrona.example/apdu/spec"
)

// Cases of which jCardSim is incapable.
const (
	longName        = "SELECT of a name that is too long is refused"
	nextApplication = "SELECT next finds the applet, and no other after it"
)

// normal is the response with no data as nil.
func normal(r apdu.Response) apdu.Response {
	if len(r.Data) == 0 {
		r.Data = nil
	}
	return r
}

var selectCases = []testCase{
	{"SELECT follows the life cycle", func(c *caseRun) {
		s := c.install()
		s.learnCA(c.world.root, c.world.notary, s.bank.ca, s.bank.instructionKey)
		s.makeKeys()
		assert.Equal(c, spec.KeysMade, s.selectApplet().LifeCycle)

		s = c.active()
		assert.Equal(c, spec.Active, s.selectApplet().LifeCycle)
		s.instruct(func(i *message.Instruction) { i.Actions = spec.ActionBlock })
		assert.Equal(c, spec.Blocked, s.selectApplet().LifeCycle)
		s.instruct(func(i *message.Instruction) { i.Actions = spec.ActionUnblock })
		assert.Equal(c, spec.Active, s.selectApplet().LifeCycle)
		s.instruct(func(i *message.Instruction) { i.Actions = spec.ActionClose })
		assert.Equal(c, spec.Closed, s.selectApplet().LifeCycle)
	}},
	{"SELECT says the same on every card in the same state, but for the nonce",
		func(c *caseRun) {
			first, second := c.loaded(5000).selectApplet(), c.active().selectApplet()
			assert.NotEqual(c, first.Nonce, second.Nonce)
			first.Nonce = second.Nonce
			assert.Equal(c, first, second)
		}},
	{"SELECT answers name, life cycle, version, capabilities, nonce and number", func(c *caseRun) {
		s := c.install()
		answer := s.succeeds(spec.Select.Only(), []byte(spec.AppletAID))
		split := len(answer) - spec.NonceLength - 6
		assert.Equal(c, "6F28"+"8408F0454B524F4E4101"+"A51C"+"CD0101"+
			fmt.Sprintf("9F0802%04X", spec.Version)+"CE010F"+"9F4C08",
			fmt.Sprintf("%X", answer[:split]))
		assert.NotEqual(c, make([]byte, spec.NonceLength), answer[split:split+spec.NonceLength])
		assert.Equal(c, "C90400000000", fmt.Sprintf("%X", answer[split+spec.NonceLength:]))
	}},
	{"SELECT without answer selects, and gives none", func(c *caseRun) {
		s := c.active()
		s.enterPIN()
		silent := c.variant(spec.Select, "without answer")
		for _, ne := range []int{0, apdu.MaxShortNe} {
			command := silent.APDU([]byte(spec.AppletAID))
			command.Ne = ne
			r, err := s.raw.Transmit(c.ctx, command)
			c.must(err)
			assert.Equal(c, apdu.Response{SW: apdu.OK}, normal(r))
			s.answers(spec.SWConditions, spec.GetResponse.Only())
		}
		s.answers(spec.SWPINWrong|spec.PINTries, c.variant(spec.Verify, "plaintext"))
	}},
	{"SELECT by the beginning of the name answers the whole of it", func(c *caseRun) {
		s := c.active()
		for _, length := range []int{5, len(spec.PackageAID), len(spec.AppletAID)} {
			s.newTap()
			s.enterPIN()
			fci, err := message.ParseFCI(s.succeeds(spec.Select.Only(),
				[]byte(spec.AppletAID)[:length]))
			c.must(err)
			assert.Equal(c, spec.Active, fci.LifeCycle)
			s.answers(spec.SWPINWrong|spec.PINTries, c.variant(spec.Verify, "plaintext"))
		}
	}},
	{"SELECT of an application that is not there leaves the session as it is", func(c *caseRun) {
		s := c.active()
		s.enterPIN()
		for _, name := range []string{
			"\xA0\x00\x00\x01\x51\xFF", spec.AppletAID + "\x01", spec.AppletAID[:7] + "\x02",
			"\xF1\xF2\xF3\xF4\xF5\xF6\xF7\xF8\xF9\xFA\xFB\xFC\xFD\xFE\xFF\x00",
		} {
			for _, v := range spec.Select.Variants {
				s.answers(spec.SWFileNotFound, v, []byte(name))
			}
		}
		s.succeeds(c.variant(spec.Verify, "plaintext"))
	}},
	{longName, func(c *caseRun) {
		s := c.active()
		for _, length := range []int{spec.MaxAID + 1, apdu.MaxShortData} {
			s.answers(spec.SWWrongLength, spec.Select.Only(), make([]byte, length))
		}
	}},
	{"SELECT with other parameters is refused, whatever it names", func(c *caseRun) {
		s := c.active()
		for _, name := range []string{spec.AppletAID, spec.AppletAID + "\x01"} {
			for _, p1p2 := range [][2]byte{
				{0x04, 0x01}, {0x04, 0x03}, {0x04, 0x04}, {0x04, 0x06}, {0x04, 0x08}, {0x04, 0x0D},
				{0x04, 0x10}, {0x04, 0x1C}, {0x04, 0x20}, {0x04, 0x80}, {0x04, 0x8C},
				{0x00, 0x00}, {0x00, 0x0C}, {0x02, 0x00}, {0x03, 0x00}, {0x05, 0x00}, {0x08, 0x00},
				{0x84, 0x00},
			} {
				sw := s.send(apdu.Command{INS: spec.Select.INS, P1: p1p2[0], P2: p1p2[1],
					Data: []byte(name), Ne: apdu.MaxShortNe})
				assert.EqualValues(c, spec.SWParameters, sw, "% X of %X", p1p2, name)
			}
		}
		assert.Equal(c, spec.Active, s.selectApplet().LifeCycle)
	}},
	{"SELECT of another class never selects", func(c *caseRun) {
		s := c.active()
		s.enterPIN()
		for class, sw := range inOrder(map[byte]apdu.StatusWord{
			0x0C: spec.SWSecureMessaging, 0x04: spec.SWSecureMessaging, 0x80: spec.SWClass,
			0x90: spec.SWClass,
		}) {
			assert.Equal(c, sw, s.send(apdu.Command{CLA: class, INS: spec.Select.INS, P1: 0x04,
				Data: []byte(spec.AppletAID)}), "class %02X", class)
		}
		s.succeeds(c.variant(spec.Verify, "plaintext"))
	}},
	{nextApplication, func(c *caseRun) {
		s := c.active()
		for _, v := range []spec.Variant{c.variant(spec.Select, "next"),
			c.variant(spec.Select, "next without answer")} {
			c.must(c.target.Reset(c.ctx))
			answer := s.succeeds(v, []byte(spec.PackageAID))
			assert.Equal(c, len(v.Out) > 0, len(answer) > 0, v.Title())
			s.answers(spec.SWFileNotFound, v, []byte(spec.PackageAID))
			s.answers(spec.SWPINWrong|spec.PINTries, c.variant(spec.Verify, "plaintext"))
		}
	}},
	{"a command that SELECT of another application follows is broken off", func(c *caseRun) {
		s := c.active()
		part := apdu.Command{CLA: spec.Pay.CLA | apdu.ClassChaining, INS: spec.Pay.INS,
			Data: []byte{0xE1}}
		require.Equal(c, spec.SWOK, s.send(part))
		s.answers(spec.SWLastChainedExpected, spec.Select.Only(), []byte(spec.AppletAID+"\x01"))
		require.Equal(c, spec.SWOK, s.send(part))
		s.selectApplet()
		s.answers(spec.SWWrongData, spec.Pay.Only(), []byte{0})
	}},
	{"a new session forgets the PIN", func(c *caseRun) {
		s := c.active()
		ask := c.variant(spec.Verify, "plaintext")
		s.enterPIN()
		s.succeeds(ask)
		s.selectApplet()
		s.answers(spec.SWPINWrong|spec.PINTries, ask)
		s.enterPIN()
		s.newTap()
		s.answers(spec.SWPINWrong|spec.PINTries, ask)
	}},
	{"a new session forgets the answered Challenge", func(c *caseRun) {
		s := c.active()
		balance := c.variant(spec.GetData, "balance")
		s.state()
		s.succeeds(balance)
		s.selectApplet()
		s.answers(spec.SWSecurity, balance)
		s.state()
		s.newTap()
		s.answers(spec.SWSecurity, balance)
	}},
	{"a new session forgets the nonce", func(c *caseRun) {
		s := c.active()
		nonce := s.nextNonce()
		s.newTap()
		s.answers(spec.SWWrongData, c.variant(spec.Verify, "enciphered"),
			s.enciphered(nonce, c.block(ownPIN)))
	}},
	{"a new session forgets what GET RESPONSE would bring", func(c *caseRun) {
		s := c.active()
		s.state()
		short := spec.GetState.Only().APDU(c.encode(s.challenge()))
		short.Ne = 1
		r, err := s.raw.Transmit(c.ctx, short)
		require.NoError(c, err)
		require.EqualValues(c, spec.SWMoreData, r.SW&0xFF00)
		s.newTap()
		s.answers(spec.SWConditions, spec.GetResponse.Only())
	}},
}
