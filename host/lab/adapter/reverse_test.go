package adapter

import (
	"testing"

	"github.com/google/go-dap"
	"github.com/stretchr/testify/assert"
)

// reverse asks for the last break before, and returns what is told of it.
func (c *client) reverse(reason string) dap.StoppedEventBody {
	c.t.Helper()
	c.ask(&dap.ReverseContinueRequest{Request: c.request("reverseContinue")})
	return c.stopped(reason)
}

// TestReverseContinue goes to the last break before, in the line of the script where it stands, at
// that line, or in one before it, and the counts of hits with it; at last to the beginning.
func TestReverseContinue(t *testing.T) {
	c := launched(t, script+"80100000020001 -> 9000\n8040000000 -> 9000 : *\n", nil)
	c.configure()
	inSource := []dap.SourceBreakpoint{{Line: 101}, {Line: 107, HitCondition: "2"}}
	inCredit := c.setIn(c.source, inSource...)
	onScript := c.setIn(dap.Source{Path: c.script}, dap.SourceBreakpoint{Line: 4},
		dap.SourceBreakpoint{Line: 8, HitCondition: "1"})
	data := &dap.SetDataBreakpointsRequest{Request: c.request("setDataBreakpoints")}
	data.Arguments.Breakpoints = []dap.DataBreakpoint{{DataId: "PurseApplet.credited",
		Condition: "new == 100"}}
	onData := c.ask(data).(*dap.SetDataBreakpointsResponse).Body.Breakpoints
	c.configured()
	for round := range 2 {
		inFirst := func(s dap.StoppedEventBody) {
			t.Helper()
			assert.Equal(t, []int{inCredit[0].Id}, s.HitBreakpointIds)
			c.at("PurseApplet.credit", 101)
			assert.Equal(t, "0", c.value("balance"))
		}
		inSecond := func(s dap.StoppedEventBody) {
			t.Helper()
			assert.Equal(t, []int{inCredit[0].Id}, s.HitBreakpointIds)
			c.at("PurseApplet.credit", 101)
			assert.Equal(t, "90", c.value("balance"))
		}
		atWrite := func(s dap.StoppedEventBody) {
			t.Helper()
			assert.Equal(t, onData[0].Id, s.HitBreakpointIds[0])
			assert.Equal(t, "PurseApplet.credited 0 -> 100", s.Text)
			c.at("PurseApplet.credit", 102)
		}
		inFirst(c.stopped("breakpoint"))
		c.goOn()
		atWrite(c.stopped("data breakpoint"))
		c.goOn()
		assert.Equal(t, []int{onScript[0].Id}, c.stopped("breakpoint").HitBreakpointIds)
		c.goOn()
		inSecond(c.stopped("breakpoint"))
		c.ask(&dap.NextRequest{Request: c.request("next")})
		c.stopped("step")
		inSecond(c.reverse("breakpoint"))
		c.goOn()
		assert.Equal(t, []int{onScript[1].Id}, c.stopped("breakpoint").HitBreakpointIds)
		c.at("8040000000", 8)

		inSecond(c.reverse("breakpoint"))
		assert.Equal(t, []int{onScript[0].Id}, c.reverse("breakpoint").HitBreakpointIds)
		c.at("802000000401020304", 4)
		atWrite(c.reverse("data breakpoint"))
		assert.Equal(t, "0", c.value("credited"), "it is not written yet")
		inFirst(c.reverse("breakpoint"))
		assert.Empty(t, c.reverse("entry").HitBreakpointIds, "the beginning, in round %d", round)
		c.at("00A4040007F050524F42080100", 2)
		assert.Empty(t, c.reverse("entry").HitBreakpointIds)
		c.goOn()
	}
	c.stopped("breakpoint")
	c.bye()
}
