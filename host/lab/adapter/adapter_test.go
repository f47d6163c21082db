package adapter

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-dap"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/emulator/card"
	"ekrona.example/host/lab"
	"ekrona.example/host/shell"
)

const probes = "../../../emulator/testdata/probe/"

const script = `# a purse
00A4040007F050524F42080100 -> 9000
80100000020064 -> 9000
802000000401020304 -> 9000
8012000002000A -> 9000
8040000000 -> 9000 : 005A
`

// client is a client of the protocol.
type client struct {
	t      testing.TB
	conn   net.Conn
	reader *bufio.Reader
	seq    int
	events []dap.EventMessage
	logged []string // by breaks
	source dap.Source
	script string
	ended  chan error
}

// open makes a player of the purse, as the command does.
func open(ctx context.Context, l Launch) (*lab.Player, error) {
	s := &lab.Subject{Profile: card.P71, Seed: "1", CAPs: l.CAP, InstallAll: true,
		Words: append(shell.Words(), lab.Words()...)}
	var err error
	if s.Tables, err = lab.TablesBeside(l.CAP); err != nil {
		return nil, err
	}
	file, err := os.Open(l.Script)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	lines, err := s.ReadScript(file)
	if err != nil {
		return nil, err
	}
	return s.Play(ctx, lines)
}

// launched is a client of a server that has been launched, with sources.
func launched(t testing.TB, text string, change func(*Launch)) *client {
	t.Helper()
	ours, theirs := net.Pipe()
	c := &client{t: t, conn: ours, reader: bufio.NewReader(ours), ended: make(chan error, 1)}
	go func() { c.ended <- Serve(t.Context(), theirs, theirs, open) }()
	sources := filepath.Join(t.TempDir(), "src")
	folder := filepath.Join(sources, "probe", "purse")
	require.NoError(t, os.MkdirAll(folder, 0o700))
	content, err := os.ReadFile(probes + "purse/PurseApplet.java")
	require.NoError(t, err)
	c.source = dap.Source{Path: filepath.Join(folder, "PurseApplet.java")}
	require.NoError(t, os.WriteFile(c.source.Path, content, 0o600))
	c.script = filepath.Join(sources, "purse.txt")
	require.NoError(t, os.WriteFile(c.script, []byte(text), 0o600))
	l := Launch{Script: c.script, CAP: []string{probes + "purse.cap"}, Sources: []string{sources}}
	if change != nil {
		change(&l)
	}
	hello := &dap.InitializeRequest{Request: c.request("initialize")}
	wrong := c.ask(hello).(*dap.ErrorResponse)
	require.Contains(t, wrong.Message, "lines and columns are counted from 1")
	hello.Seq = c.request("initialize").Seq
	hello.Arguments.LinesStartAt1, hello.Arguments.ColumnsStartAt1 = true, true
	answer := c.ask(hello)
	require.True(t, answer.(*dap.InitializeResponse).Body.SupportsStepBack)
	arguments, err := json.Marshal(l)
	require.NoError(t, err)
	c.write(&dap.LaunchRequest{Request: c.request("launch"), Arguments: arguments})
	return c
}

func (c *client) request(command string) dap.Request {
	c.seq++
	return dap.Request{ProtocolMessage: dap.ProtocolMessage{Seq: c.seq, Type: "request"},
		Command: command}
}

func (c *client) write(m dap.Message) {
	c.t.Helper()
	require.NoError(c.t, dap.WriteProtocolMessage(c.conn, m))
}

// read reads the next response; events are kept.
func (c *client) read() dap.ResponseMessage {
	c.t.Helper()
	for {
		m, err := dap.ReadProtocolMessage(c.reader)
		require.NoError(c.t, err)
		switch m := m.(type) {
		case dap.ResponseMessage:
			return m
		case dap.EventMessage:
			c.keep(m)
		}
	}
}

func (c *client) keep(e dap.EventMessage) {
	c.events = append(c.events, e)
	if o, is := e.(*dap.OutputEvent); is && o.Body.Category == "console" {
		c.logged = append(c.logged, o.Body.Output)
	}
}

func (c *client) ask(m dap.Message) dap.ResponseMessage {
	c.t.Helper()
	c.write(m)
	return c.read()
}

// event waits for an event of a name; output is dropped.
func (c *client) event(name string) dap.EventMessage {
	c.t.Helper()
	for {
		for len(c.events) > 0 {
			e := c.events[0]
			c.events = c.events[1:]
			if e.GetEvent().Event == name {
				return e
			}
		}
		m, err := dap.ReadProtocolMessage(c.reader)
		require.NoError(c.t, err)
		if e, is := m.(dap.EventMessage); is {
			c.keep(e)
		}
	}
}

func (c *client) stopped(reason string) dap.StoppedEventBody {
	c.t.Helper()
	body := c.event("stopped").(*dap.StoppedEvent).Body
	require.Equal(c.t, reason, body.Reason, body.Text)
	return body
}

func (c *client) configure() {
	c.t.Helper()
	require.True(c.t, c.read().GetResponse().Success, "launch")
	c.event("initialized")
}

func (c *client) configured() {
	c.t.Helper()
	c.ask(&dap.ConfigurationDoneRequest{Request: c.request("configurationDone")})
}

// breakAt sets the breaks of a file and returns what became of them.
func (c *client) breakAt(source dap.Source, lines ...int) []dap.Breakpoint {
	c.t.Helper()
	r := &dap.SetBreakpointsRequest{Request: c.request("setBreakpoints")}
	r.Arguments.Source = source
	for _, l := range lines {
		r.Arguments.Breakpoints = append(r.Arguments.Breakpoints, dap.SourceBreakpoint{Line: l})
	}
	return c.ask(r).(*dap.SetBreakpointsResponse).Body.Breakpoints
}

// frames are the names and lines of the stack.
func (c *client) frames() (list []dap.StackFrame) {
	c.t.Helper()
	r := &dap.StackTraceRequest{Request: c.request("stackTrace")}
	r.Arguments.ThreadId = theThread
	return c.ask(r).(*dap.StackTraceResponse).Body.StackFrames
}

// at requires where the innermost frame is.
func (c *client) at(name string, line int) {
	c.t.Helper()
	f := c.frames()[0]
	require.Equal(c.t, name, f.Name)
	require.Equal(c.t, line, f.Line)
}

func (c *client) variables(reference int) map[string]dap.Variable {
	c.t.Helper()
	r := &dap.VariablesRequest{Request: c.request("variables")}
	r.Arguments.VariablesReference = reference
	found := map[string]dap.Variable{}
	for _, v := range c.ask(r).(*dap.VariablesResponse).Body.Variables {
		found[v.Name] = v
	}
	return found
}

func (c *client) scopes(frame int) map[string]int {
	c.t.Helper()
	r := &dap.ScopesRequest{Request: c.request("scopes")}
	r.Arguments.FrameId = frame
	found := map[string]int{}
	for _, s := range c.ask(r).(*dap.ScopesResponse).Body.Scopes {
		found[s.Name] = s.VariablesReference
	}
	return found
}

func (c *client) evaluate(expression, context string) dap.ResponseMessage {
	c.t.Helper()
	r := &dap.EvaluateRequest{Request: c.request("evaluate")}
	r.Arguments = dap.EvaluateArguments{Expression: expression, FrameId: 1, Context: context}
	return c.ask(r)
}

func (c *client) value(expression string) string {
	c.t.Helper()
	return c.evaluate(expression, "watch").(*dap.EvaluateResponse).Body.Result
}

func (c *client) disassembled(at string, offset, count int) []dap.DisassembledInstruction {
	c.t.Helper()
	r := &dap.DisassembleRequest{Request: c.request("disassemble")}
	r.Arguments.MemoryReference, r.Arguments.InstructionOffset = at, offset
	r.Arguments.InstructionCount = count
	return c.ask(r).(*dap.DisassembleResponse).Body.Instructions
}

func (c *client) goOn() {
	c.t.Helper()
	c.ask(&dap.ContinueRequest{Request: c.request("continue")})
}

func (c *client) next() {
	c.t.Helper()
	c.ask(&dap.NextRequest{Request: c.request("next")})
}

func (c *client) back() {
	c.t.Helper()
	c.ask(&dap.StepBackRequest{Request: c.request("stepBack")})
}

// bye ends the session.
func (c *client) bye() {
	c.t.Helper()
	c.ask(&dap.DisconnectRequest{Request: c.request("disconnect")})
	require.NoError(c.t, <-c.ended)
}

// TestAnEditorDebugsAScript from a break in the source over steps and looks to the end.
func TestAnEditorDebugsAScript(t *testing.T) {
	c := launched(t, script, nil)
	c.configure()
	found := c.breakAt(c.source, 112, 3)
	assert.True(t, found[0].Verified)
	assert.Equal(t, 113, found[0].Line, "the next line with code")
	found = c.breakAt(c.source, 113)
	assert.True(t, found[0].Verified)
	c.configured()
	body := c.stopped("breakpoint")
	assert.Equal(t, []int{found[0].Id}, body.HitBreakpointIds)
	frames := c.frames()
	require.Len(t, frames, 3)
	assert.Equal(t, "PurseApplet.debit", frames[0].Name)
	assert.Equal(t, c.source.Path, frames[0].Source.Path)
	assert.Equal(t, "8012000002000A", frames[2].Name)
	assert.Equal(t, [2]any{5, c.script}, [2]any{frames[2].Line, frames[2].Source.Path})

	listed := c.disassembled(frames[0].InstructionPointerReference, -2, 5)
	require.Len(t, listed, 5)
	assert.Equal(t, frames[0].InstructionPointerReference, listed[2].Address)
	assert.Equal(t, [2]any{"getfield_s_this PurseApplet.balance", 113},
		[2]any{listed[2].Instruction, listed[2].Line})
	assert.Equal(t, c.source.Path, listed[2].Location.Path)
	outside := c.disassembled(frames[0].InstructionPointerReference, 100_000, 2)
	assert.Len(t, outside, 2, "as many as were asked for, even where there is no code")
	assert.Empty(t, outside[0].InstructionBytes)

	scopes := c.scopes(1)
	locals := c.variables(scopes["Locals"])
	assert.Equal(t, [2]any{"10", "short"}, [2]any{locals["amount"].Value, locals["amount"].Type})
	this := c.variables(locals["this"].VariablesReference)
	assert.Equal(t, "100", this["balance"].Value)
	assert.Equal(t, "false", this["used"].Value)
	pin := c.variables(this["pin"].VariablesReference)
	assert.Equal(t, "byte[6] 030401020304", pin["secret"].Value)
	assert.Contains(t, c.variables(scopes["Card"]), "PurseApplet")
	assert.Equal(t, "false", c.variables(scopes["Transaction"])["open"].Value)

	byOne := &dap.NextRequest{Request: c.request("next")}
	byOne.Arguments.Granularity = "instruction"
	c.ask(byOne)
	c.stopped("step")
	c.at("PurseApplet.debit", 113)
	assert.Equal(t, listed[3].Address, c.frames()[0].InstructionPointerReference)
	c.next()
	c.stopped("step")
	c.at("PurseApplet.debit", 114)
	assert.Equal(t, "90", c.value("left"))
	c.next()
	c.stopped("step")
	c.next()
	c.stopped("step")
	c.at("PurseApplet.debit", 116)
	assert.Equal(t, "90", c.value("balance"))
	c.back()
	c.stopped("step")
	c.at("PurseApplet.debit", 115)
	assert.Equal(t, "100", c.value("PurseApplet.balance"), "memory went back too")
	c.ask(&dap.StepOutRequest{Request: c.request("stepOut")})
	c.stopped("step")
	c.at("PurseApplet.process", 66)
	c.goOn()
	c.event("exited")
	c.event("terminated")
	c.bye()
}

// A session keeps the card that it was launched with.
func TestWhatASessionDoesNotTake(t *testing.T) {
	c := launched(t, script, func(l *Launch) { l.StopOnEntry = true })
	c.configure()
	arguments, err := json.Marshal(Launch{Script: c.script, CAP: []string{probes + "purse.cap"}})
	require.NoError(t, err)
	again := &dap.LaunchRequest{Request: c.request("launch"), Arguments: arguments}
	refused := c.ask(again).(*dap.ErrorResponse)
	assert.Contains(t, refused.Message, "one card")
	c.configured()
	c.stopped("entry")
	long := c.evaluate(strings.Repeat("x", 5000), "watch").(*dap.ErrorResponse)
	assert.Less(t, len(long.Message), 200)
	c.goOn()
	c.event("terminated")
	c.bye()
}

// TestWhatIsWrong is answered, and ends nothing.
func TestWhatIsWrong(t *testing.T) {
	c := launched(t, script, func(l *Launch) { l.CAP = []string{"absent.cap"} })
	refused := c.read().GetResponse()
	assert.False(t, refused.Success)
	assert.Contains(t, refused.Message, "absent.cap")
	assert.Contains(t, c.ask(&dap.ContinueRequest{Request: c.request("continue")}).GetResponse().
		Message, "launch comes first")
	assert.Contains(t, c.ask(&dap.StackTraceRequest{Request: c.request("stackTrace")}).
		GetResponse().Message, "launch comes first")
	c.bye()

	c = launched(t, "80400000 00 -> 9000\n", nil)
	c.configure()
	assert.False(t, c.ask(&dap.RestartRequest{Request: c.request("restart")}).GetResponse().Success)
	c.configured()
	assert.Equal(t, 1, c.event("exited").(*dap.ExitedEvent).Body.ExitCode)
	require.NoError(t, c.conn.Close())
	assert.NoError(t, <-c.ended)
}

// TestRequestsOfNoType are refused, and the session goes on; what is no request ends it, and says
// so.
func TestRequestsOfNoType(t *testing.T) {
	frame := func(c *client, content string) {
		_, err := fmt.Fprintf(c.conn, "Content-Length: %d\r\n\r\n%s", len(content), content)
		require.NoError(t, err)
	}
	for content, said := range map[string]string{
		"{": "no JSON", "[]": "no JSON", `{"type":7}`: "no JSON",
		`{"seq":1,"type":"query"}`:                         "no request",
		`{"type":"response","success":true,"command":"x"}`: "no request",
	} {
		c := launched(t, "80400000 00 -> 9000\n", nil)
		c.configure()
		for request, why := range map[string]string{
			`{"seq":77,"type":"request","command":"frob"}`:                             "frob",
			`{"seq":77,"type":"request","command":"frob","arguments":[{}]}`:            "frob",
			`{"seq":77,"type":"request","command":""}`:                                 "is not",
			`{"seq":77,"type":"request"}`:                                              "is not",
			`{"seq":77,"type":"request","command":"continue","arguments":"x"}`:         "its arg",
			`{"seq":77,"type":"request","command":"next","arguments":{"threadId":""}}`: "its arg",
		} {
			frame(c, request)
			refused := c.read().GetResponse()
			assert.False(t, refused.Success, request)
			assert.Equal(t, 77, refused.RequestSeq)
			assert.Contains(t, refused.Message, why)
		}
		assert.True(t, c.ask(&dap.ThreadsRequest{Request: c.request("threads")}).GetResponse().
			Success)
		frame(c, content)
		assert.ErrorContains(t, <-c.ended, said)
	}
}

// TestNoFrames ends the session: what is no frame at once, however much of it comes.
func TestNoFrames(t *testing.T) {
	const other = "no message of the Debug Adapter Protocol"
	endless := io.MultiReader(strings.NewReader("GET /"), iotest.OneByteReader(&letters{}))
	for _, c := range []struct {
		in   io.Reader
		said string
	}{
		{endless, other},
		{strings.NewReader(strings.Repeat("garbage\n", 100)), other},
		{strings.NewReader("garbage\n"), "ends within a message"},
		{strings.NewReader("Content-Length: 9"), "ends within a message"},
		{strings.NewReader("Content-Length: 9\r\n"), "ends within a message"},
		{strings.NewReader("Content-Length: 9\r\n\r\n{"), "ends within a message"},
	} {
		err := Serve(t.Context(), c.in, io.Discard, nil)
		assert.ErrorContains(t, err, c.said)
	}
	assert.NoError(t, Serve(t.Context(), strings.NewReader(""), io.Discard, nil))
}

// letters never end.
type letters struct{}

func (*letters) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'a'
	}
	return len(p), nil
}

// TestEndWithinACommand leaves nothing that waits.
func TestEndWithinACommand(t *testing.T) {
	c := launched(t, strings.TrimSpace(script), nil)
	c.configure()
	c.breakAt(c.source, 98)
	c.configured()
	c.stopped("breakpoint")
	c.ask(&dap.ThreadsRequest{Request: c.request("threads")})
	c.bye()
}

// Requests that come while the card runs wait, but not without end: what is too much is refused.
func TestTooManyRequestsWait(t *testing.T) {
	out := &bytes.Buffer{}
	s := &server{ctx: t.Context(), out: out, running: make(chan ran)}
	for range maxWaiting {
		s.later(&dap.NextRequest{})
	}
	require.Empty(t, out.Bytes())
	s.later(&dap.NextRequest{Request: dap.Request{ProtocolMessage: dap.ProtocolMessage{Seq: 7}}})
	assert.Len(t, s.waiting, maxWaiting)
	answer, err := dap.ReadProtocolMessage(bufio.NewReader(out))
	require.NoError(t, err)
	refused := answer.(*dap.ErrorResponse)
	assert.Equal(t, 7, refused.RequestSeq)
	assert.Contains(t, refused.Message, "pause it first")
}
