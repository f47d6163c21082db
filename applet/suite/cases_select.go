package suite

import (
	"fmt"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/apdu/message"
	"ekrona.example/apdu/spec"
)

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
