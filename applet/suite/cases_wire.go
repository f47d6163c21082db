package suite

import (
	"slices"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/apdu"
	"ekrona.example/apdu/spec"
)

// wireCases are about class, instruction, parameters and length, chaining and
// GET RESPONSE: what every command shares.
var wireCases = []testCase{
	{"a command without data is not chained", func(c *caseRun) {
		s := c.active()
		for _, command := range spec.Commands {
			if v := command.Variants[0]; len(v.In) == 0 {
				header := apdu.Command{CLA: command.CLA | apdu.ClassChaining, INS: command.INS,
					P1: v.P1, P2: v.P2}
				assert.EqualValues(c, spec.SWChaining, s.send(header), command.Name)
			}
		}
	}},
	{"the parts of a chain are put together, whatever their lengths", func(c *caseRun) {
		s := c.loaded(10000)
		merchant := c.device(c.world.own, spec.RoleTerminal)
		r := c.request(merchant, 2500, "")
		s.enterPIN()
		data := slices.Concat(c.encode(r), merchant.encoded)
		for _, length := range []int{1, 200, 17} {
			part := apdu.Command{CLA: spec.Pay.CLA | apdu.ClassChaining, INS: spec.Pay.INS,
				Data: data[:length]}
			require.EqualValues(c, spec.SWOK, s.send(part))
			data = data[length:]
		}
		last := apdu.Command{CLA: spec.Pay.CLA, INS: spec.Pay.INS, Data: data, Ne: apdu.MaxShortNe}
		answer, err := apdu.Framing{Card: s.raw}.Transmit(c.ctx, last)
		c.must(err)
		c.mustAnswer(answer)
		s.enterPayment(r, answer.Data)
	}},
	{"a chain that was broken off leaves nothing", func(c *caseRun) {
		s := c.loaded(10000)
		merchant := c.device(c.world.own, spec.RoleTerminal)
		r := c.request(merchant, 2500, "")
		data := slices.Concat(c.encode(r), merchant.encoded)
		s.enterPIN()
		part := apdu.Command{CLA: spec.Pay.CLA | apdu.ClassChaining, INS: spec.Pay.INS,
			Data: data[:100]}
		require.EqualValues(c, spec.SWOK, s.send(part))
		s.answers(spec.SWLastChainedExpected, c.variant(spec.GetData, "balance"))
		s.payVerified(merchant, r)
	}},
	{"an answer comes in pieces of any length", func(c *caseRun) {
		s := c.active()
		command := spec.GetState.Only().APDU(c.encode(s.challenge()))
		command.Ne = 7
		pieces, total := []int{1, 100, 60, apdu.MaxShortNe}, []byte(nil)
		r, err := s.raw.Transmit(c.ctx, command)
		c.must(err)
		for r.SW != apdu.OK {
			require.EqualValues(c, spec.SWMoreData, r.SW&0xFF00)
			total = append(total, r.Data...)
			next := spec.GetResponse.Only().APDU()
			next.Ne, pieces = pieces[0], pieces[1:]
			r, err = s.raw.Transmit(c.ctx, next)
			c.must(err)
		}
		s.parseState(command.Data, append(total, r.Data...))
		s.answers(spec.SWConditions, spec.GetResponse.Only())
	}},
	{"another command drops what was waiting, refused or not", func(c *caseRun) {
		s := c.active()
		for _, other := range []func(){
			func() { s.succeeds(c.variant(spec.GetData, "balance")) },
			func() { s.readAnswers(spec.SWRecordNotFound, "log", 1) },
		} {
			command := spec.GetState.Only().APDU(c.encode(s.challenge()))
			command.Ne = 7
			r, err := s.raw.Transmit(c.ctx, command)
			c.must(err)
			require.EqualValues(c, spec.SWMoreData, r.SW&0xFF00)
			other()
			s.answers(spec.SWConditions, spec.GetResponse.Only())
		}
	}},
	{"short and extended APDUs bring the same answer", func(c *caseRun) {
		s := c.loaded(10000)
		merchant := c.device(c.world.own, spec.RoleTerminal)
		r := c.request(merchant, 2500, "")
		payment := s.pay(merchant, r)
		s.enterPIN()
		command := spec.Pay.Only().APDU(c.encode(r), merchant.encoded)
		for _, extended := range []bool{false, !c.target.Capabilities().ShortOnly} {
			answer, err := apdu.Framing{Card: s.raw, ExtendedLength: extended}.Transmit(c.ctx,
				command)
			c.must(err)
			c.mustAnswer(answer)
			assert.Equal(c, c.encode(payment), answer.Data, "extended: %v", extended)
		}
	}},
}

// send transmits one APDU as it is and returns the status word.
func (s *subject) send(command apdu.Command) apdu.StatusWord {
	s.c.Helper()
	r, err := s.raw.Transmit(s.c.ctx, command)
	s.c.must(err)
	return r.SW
}
