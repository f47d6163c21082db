package adapter

import (
	"strings"
	"testing"

	"github.com/google/go-dap"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// setIn sets the breaks of a file.
func (c *client) setIn(source dap.Source, list ...dap.SourceBreakpoint) []dap.Breakpoint {
	c.t.Helper()
	m := &dap.SetBreakpointsRequest{Request: c.request("setBreakpoints")}
	m.Arguments.Source, m.Arguments.Breakpoints = source, list
	return c.ask(m).(*dap.SetBreakpointsResponse).Body.Breakpoints
}

// TestBreaksWithConditions: the capabilities say that there are conditions, counts and messages,
// and breaks of every kind have them; one that is wrong is not verified, and says why.
func TestBreaksWithConditions(t *testing.T) {
	has := capabilities()
	require.True(t, has.SupportsConditionalBreakpoints && has.SupportsLogPoints &&
		has.SupportsHitConditionalBreakpoints)
	text := script + strings.Repeat("80120000020001 -> 9000\n", 6) +
		"80120000020003 -> 9000\n80100000020001 -> 9000\n8012000002FFFF -> 6A80\n"
	c := launched(t, text, nil)
	c.configure()
	wrong := c.setIn(c.source, dap.SourceBreakpoint{Line: 113, Condition: "amuont == 1"},
		dap.SourceBreakpoint{Line: 113, HitCondition: "often"},
		dap.SourceBreakpoint{Line: 113, LogMessage: "{amount"})
	wrong = append(wrong, c.setIn(dap.Source{Path: c.script},
		dap.SourceBreakpoint{Line: 6, Condition: "PurseApplet.blance > 3"},
		dap.SourceBreakpoint{Line: 1})...)
	for i, why := range []string{"nearest: amount", "from 1 on", "not closed",
		"nearest: balance", "does nothing"} {
		assert.False(t, wrong[i].Verified, why)
		assert.Contains(t, wrong[i].Message, why)
	}
	inSource := []dap.SourceBreakpoint{
		{Line: 114, Condition: "amount == 1 && left % 2 == 1", HitCondition: "% 2"},
		{Line: 115, HitCondition: "<= 2", LogMessage: "{amount} leaves {left} of {this.balance}"},
		{Line: 116, Condition: "log[amount] != 0 && amount != 1"}}
	set := c.setIn(c.source, inSource...)
	onLine := c.setIn(dap.Source{Path: c.script},
		dap.SourceBreakpoint{Line: 6, Condition: "PurseApplet.balance == 91"},
		dap.SourceBreakpoint{Line: 7, Condition: "PurseApplet.balance == 90", LogMessage: "there"},
		dap.SourceBreakpoint{Line: 8, HitCondition: "1"})
	functions := &dap.SetFunctionBreakpointsRequest{Request: c.request("setFunctionBreakpoints")}
	functions.Arguments.Breakpoints = []dap.FunctionBreakpoint{
		{Name: "PurseApplet.debit", Condition: "amount == 3"}}
	onFunction := c.ask(functions).(*dap.SetFunctionBreakpointsResponse).Body.Breakpoints
	data := &dap.SetDataBreakpointsRequest{Request: c.request("setDataBreakpoints")}
	data.Arguments.Breakpoints = []dap.DataBreakpoint{{DataId: "PurseApplet.credited",
		Condition: "new == old + 1"}}
	onData := c.ask(data).(*dap.SetDataBreakpointsResponse).Body.Breakpoints
	exceptions := &dap.SetExceptionBreakpointsRequest{Request: c.request("setExceptionBreakpoints")}
	exceptions.Arguments.Filters = []string{filterUnexpected}
	exceptions.Arguments.FilterOptions = []dap.ExceptionFilterOptions{
		{FilterId: filterAll, Condition: "ISOException 6A80 if amount < 0"},
		{FilterId: filterAll, Condition: "ISOException if amount <"}, {FilterId: "other"}}
	onException := c.ask(exceptions).(*dap.SetExceptionBreakpointsResponse).Body.Breakpoints
	require.Len(t, onException, 4)
	for i, verified := range []bool{true, true, false, false} {
		assert.Equal(t, verified, onException[i].Verified, onException[i].Message)
	}
	c.configured()
	hit := func(reason string, b dap.Breakpoint, name string, line int) string {
		t.Helper()
		assert.True(t, b.Verified, b.Message)
		body := c.stopped(reason)
		assert.Equal(t, []int{b.Id}, body.HitBreakpointIds)
		c.at(name, line)
		return body.Text
	}
	text = hit("breakpoint", set[2], "PurseApplet.debit", 116)
	assert.Contains(t, text, "log[amount] != 0 && amount != 1, cannot be evaluated: log has no "+
		"element 10")
	assert.Equal(t, "true", c.value("balance == left && this == PurseApplet"))
	assert.Contains(t, c.evaluate("lfet", "hover").GetResponse().Message, "nearest: left")
	assert.Equal(t, set, c.setIn(c.source, inSource...), "what is set again stays what it was")
	c.goOn()
	hit("breakpoint", onLine[2], "80120000020001", 8)
	c.goOn()
	hit("breakpoint", set[0], "PurseApplet.debit", 114)
	assert.Equal(t, "87", c.value("left"))
	c.goOn()
	hit("breakpoint", onFunction[0], "PurseApplet.debit", 107)
	c.goOn()
	hit("breakpoint", set[2], "PurseApplet.debit", 116)
	c.goOn()
	assert.Equal(t, "PurseApplet.credited 100 -> 101",
		hit("data breakpoint", onData[0], "PurseApplet.credit", 102))
	c.goOn()
	c.stopped("exception")
	assert.Equal(t, "-1", c.value("amount"), "of the caller of what throws")
	c.goOn()
	c.event("terminated")
	assert.Equal(t, []string{"10 leaves 90 of 100\n", "there\n", "1 leaves 89 of 90\n"}, c.logged)
	c.bye()
}

// TestBreaksOfAnEditor: functions, data, exceptions, lines of the script.
func TestBreaksOfAnEditor(t *testing.T) {
	c := launched(t, script+"8030000002FF01\n80100000020000\n",
		func(l *Launch) { l.StopOnEntry, l.KeepGoing = true, true })
	c.configure()
	functions := &dap.SetFunctionBreakpointsRequest{Request: c.request("setFunctionBreakpoints")}
	functions.Arguments.Breakpoints = []dap.FunctionBreakpoint{{Name: "PurseApplet.credit"},
		{Name: "PurseApplet.crdit"}}
	set := c.ask(functions).(*dap.SetFunctionBreakpointsResponse).Body.Breakpoints
	assert.True(t, set[0].Verified)
	assert.False(t, set[1].Verified)
	assert.Contains(t, set[1].Message, "nearest: PurseApplet.credit")
	exceptions := &dap.SetExceptionBreakpointsRequest{Request: c.request("setExceptionBreakpoints")}
	exceptions.Arguments.Filters = []string{filterUnexpected}
	exceptions.Arguments.FilterOptions = []dap.ExceptionFilterOptions{
		{FilterId: filterAll, Condition: "ISOException 6A8*"}}
	c.ask(exceptions)
	inScript := c.breakAt(dap.Source{Path: c.script}, 1, 4)
	assert.False(t, inScript[0].Verified)
	assert.True(t, inScript[1].Verified)
	c.configured()
	c.stopped("entry")
	require.Len(t, c.frames(), 1)
	c.at("00A4040007F050524F42080100", 2)
	answer := c.evaluate("dump nvm *.log", "repl").(*dap.EvaluateResponse).Body.Result
	assert.Contains(t, answer, "PurseApplet.log")
	c.goOn()
	c.stopped("breakpoint")
	c.at("PurseApplet.credit", 98)
	refused := c.evaluate("reset", "repl").GetResponse()
	assert.False(t, refused.Success)

	locals := c.variables(c.scopes(1)["Locals"])
	info := &dap.DataBreakpointInfoRequest{Request: c.request("dataBreakpointInfo")}
	info.Arguments = dap.DataBreakpointInfoArguments{Name: "credited",
		VariablesReference: locals["this"].VariablesReference}
	id := c.ask(info).(*dap.DataBreakpointInfoResponse).Body.DataId
	require.Equal(t, "PurseApplet.credited", id)
	data := &dap.SetDataBreakpointsRequest{Request: c.request("setDataBreakpoints")}
	data.Arguments.Breakpoints = []dap.DataBreakpoint{{DataId: "PurseApplet.credited"}}
	c.ask(data)
	c.goOn()
	assert.Equal(t, "PurseApplet.credited 0 -> 100", c.stopped("data breakpoint").Text)
	c.ask(&dap.ReverseContinueRequest{Request: c.request("reverseContinue")})
	c.stopped("breakpoint")
	c.at("PurseApplet.credit", 98)
	c.goOn()
	c.stopped("data breakpoint")
	c.goOn()
	c.stopped("breakpoint")
	c.at("802000000401020304", 4)
	c.back()
	c.stopped("step")
	c.at("80100000020064", 3)
	c.ask(&dap.StepInRequest{Request: c.request("stepIn")})
	c.stopped("step")
	c.at("PurseApplet.process", 55)
	c.back()
	c.stopped("step")
	c.at("80100000020064", 3)
	functions.Request, functions.Arguments.Breakpoints = c.request("setFunctionBreakpoints"), nil
	c.ask(functions)
	data.Request, data.Arguments.Breakpoints = c.request("setDataBreakpoints"), nil
	c.ask(data)
	c.goOn()
	c.stopped("breakpoint")
	c.goOn()
	assert.Contains(t, c.stopped("exception").Text, "ArrayIndexOutOfBoundsException at "+
		"PurseApplet.sumOf (PurseApplet.java:148)")
	c.goOn()
	assert.Contains(t, c.stopped("exception").Text, "ISOException 6A80")
	c.bye()
}
