package fault_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/apdu"
	"ekrona.example/emulator/card"
	"ekrona.example/emulator/fault"
)

// Instructions of the test applet (emulator/testdata/probe).
const (
	insSort     = 0x17
	insNested   = 0x30
	insPIN      = 0x70
	insTransact = 0x60
	insCrypto   = 0x78
	insEcho     = 0x7C
)

// probe is a card with the test applet, selected.
func probe(t testing.TB) *card.Card {
	t.Helper()
	c, err := card.New(card.Options{Profile: card.P71, Random: card.SeededRandom("fault")})
	require.NoError(t, err)
	for _, name := range []string{"lib", "core"} {
		file, err := os.ReadFile("../testdata/probe/" + name + ".cap")
		require.NoError(t, err)
		_, err = c.Load(file)
		require.NoError(t, err)
	}
	module, err := card.ParseAID("F050524F420201")
	require.NoError(t, err)
	_, err = c.Install(module, module, nil)
	require.NoError(t, err)
	r, err := c.Transmit(context.Background(),
		apdu.Command{INS: 0xA4, P1: 4, Data: module, Ne: 256})
	require.NoError(t, err)
	require.Equal(t, apdu.OK, r.SW)
	return c
}

func command(ins, p1, p2 byte, data ...byte) apdu.Command {
	return apdu.Command{CLA: 0x80, INS: ins, P1: p1, P2: p2, Data: data, Ne: 256}
}

var (
	wrongPIN = command(insPIN, 0, 0, 1, 2, 3, 5)
	commands = map[string]apdu.Command{
		"sort": command(insSort, 4, 0), "PIN": wrongPIN,
		"signature":   command(insCrypto, 7, 0, 1, 2, 3),
		"transaction": command(insTransact, 0, 0x35), "echo": command(insEcho, 0, 0, 1, 2, 3),
	}
)

// TestEveryFaultHappens: each fault that a trace names happens when its command is sent again,
// once, and does the same when it is repeated by its name; and without one nothing changes.
func TestEveryFaultHappens(t *testing.T) {
	models := fault.AllModels()
	for _, name := range []string{"skip=5", "call=01", "read=80", "write=80", "jump=-2", "flip=9",
		"index=+4", "argument=10"} {
		models = append(models, named(t, name))
	}
	untried := map[string]bool{}
	for _, m := range models {
		untried[m.Name] = true
	}
	c := probe(t)
	for name, command := range commands {
		e, err := fault.NewExperiment(t.Context(), c, command)
		require.NoError(t, err, name)
		tried, mute, other := map[string]int{}, 0, 0
		for f := range e.Trace.Faults(models) {
			r, err := e.Try(t.Context(), f)
			held := c.Fingerprint()
			require.Equal(t, 1, e.Struck(), "%s: %s happens once", name, f)
			if err != nil {
				require.True(t, isCards(err), "%s: %s: %v", name, f, err)
				mute++
			}
			again, parsed := fault.Parse(f.String())
			require.NoError(t, parsed)
			r2, err2 := e.Try(t.Context(), again)
			require.Equal(t, err == nil, err2 == nil, "%s: %s", name, f)
			require.True(t, fault.Same(r, r2), "%s: %s", name, f)
			require.Equal(t, held, c.Fingerprint(), "%s: %s", name, f)
			if err == nil && (!fault.Same(r, e.Answer) || held != e.Held) {
				other++
			}
			tried[f.Model.Name]++
		}
		for _, m := range models[:3] {
			assert.Positive(t, tried[m.Name], "%s: %s", name, m.Name)
		}
		for model := range tried {
			delete(untried, model)
		}
		assert.Positive(t, mute, name)
		assert.Positive(t, other, name)
		as, err := e.Try(t.Context())
		require.NoError(t, err)
		assert.True(t, fault.Same(as, e.Answer), "%s: as before, after all faults", name)
		require.NoError(t, e.Leave())
		assert.Equal(t, e.Held, c.Fingerprint())
		require.NoError(t, c.RestoreSnapshot(e.Before))
	}
	assert.Empty(t, untried, "some command can meet each model")
}

// isCards reports whether an error is the card's, which is mute or was cut off.
func isCards(err error) bool {
	return errors.Is(err, card.ErrMute) || errors.Is(err, card.ErrPowerLost)
}

// TestPINIsPassed: the call of OwnerPIN.check skipped with 5A as its result takes a wrong PIN for
// right, and no try is taken.
func TestPINIsPassed(t *testing.T) {
	c := probe(t)
	e, err := fault.NewExperiment(t.Context(), c, wrongPIN)
	require.NoError(t, err)
	require.Equal(t, []byte{0, 2, 0}, e.Answer.Data, "wrong, two tries left, not validated")
	passed := 0
	for f := range e.Trace.Faults([]fault.Model{named(t, "call=5A")}) {
		r, err := e.Try(t.Context(), f)
		if err == nil && r.SW == apdu.OK && len(r.Data) == 3 && r.Data[0] == 1 {
			passed++
			path := e.Trace.CallPath(f.N)
			assert.Greater(t, len(path), 1, "somebody calls it")
			assert.Equal(t, e.Trace.Steps[f.N].String(), path[len(path)-1].String())
			took, err := e.Time(t.Context(), f.N)
			require.NoError(t, err)
			assert.Positive(t, took)
		}
	}
	assert.Positive(t, passed)
}

// TestWhatModelsDo: some fault of each model makes of an answer what the model says.
func TestWhatModelsDo(t *testing.T) {
	c := probe(t)
	sorted := command(insSort, 0, 0, 0, 3, 0, 1, 0, 2)
	strange := command(insEcho, 0, 0, 1, 2, 3)
	strange.CLA = 0x84
	gives := func(data ...byte) func(apdu.Response, error) bool {
		return func(r apdu.Response, err error) bool {
			return err == nil && r.SW == apdu.OK && bytes.Equal(r.Data, data)
		}
	}
	for _, tt := range []struct {
		model string
		sent  apdu.Command
		want  apdu.StatusWord
		gives func(r apdu.Response, err error) bool
	}{
		{"flip=3", sorted, apdu.OK, gives(0, 1, 0, 2, 0, 3^8)},
		{"read=FF", sorted, apdu.OK, gives(0, 1, 0, 3, 0, 0xFF)},
		{"write=FF", sorted, apdu.OK, gives(0, 1, 0, 2, 0, 0xFF)},
		{"unwritten", sorted, apdu.OK, gives(0, 2, 0, 3, 0, 3)},
		{"argument=-1", sorted, apdu.OK, gives(0, 1, 0, 2, 0)},
		{"argument=00", sorted, apdu.OK, gives()},
		{"stuck", sorted, apdu.OK, func(_ apdu.Response, err error) bool {
			return errors.Is(err, card.ErrPowerLost) // it goes on for ever
		}},
		{"previous", sorted, apdu.OK, gives(0, 3, 0, 1, 0, 2)},
		{"jump=+2", sorted, apdu.OK, nil},
		{"index=+1", command(insNested, 1, 1), apdu.OK, nil},
		{"uncaught", command(insNested, 1, 1), apdu.OK, nil},
		{"unthrown", strange, 0x6E00, gives(0, 3, 0, 6, 1, 0)},
	} {
		e, err := fault.NewExperiment(t.Context(), c, tt.sent)
		require.NoError(t, err)
		require.Equal(t, tt.want, e.Answer.SW, tt.model)
		if tt.gives == nil {
			tt.gives = func(r apdu.Response, err error) bool {
				return err == nil && r.SW == apdu.OK && !fault.Same(r, e.Answer)
			}
		}
		var seen []string
		found := false
		for f := range e.Trace.Faults([]fault.Model{named(t, tt.model)}) {
			r, err := e.Try(t.Context(), f)
			found = found || tt.gives(r, err)
			seen = append(seen, fmt.Sprintf("%s: %v %v", f, r, err))
		}
		assert.True(t, found, "%s, in place of %v: %s", tt.model, e.Answer,
			strings.Join(seen, "\n"))
		require.NoError(t, c.RestoreSnapshot(e.Before))
	}
}

// TestPairs: two faults in one command, and one that cannot happen any more.
func TestPairs(t *testing.T) {
	c := probe(t)
	e, err := fault.NewExperiment(t.Context(), c, commands["sort"])
	require.NoError(t, err)
	skip := named(t, "skip")
	both := 0
	for n := range len(e.Trace.Steps) - 1 {
		first, second := fault.Fault{Model: skip, N: n}, fault.Fault{Model: skip, N: n + 1}
		one, failed := e.Try(t.Context(), second, first) // in whatever order they are given
		struck := e.Struck()
		other, failedToo := e.Try(t.Context(), first, second)
		require.Equal(t, struck, e.Struck())
		require.Equal(t, failed == nil, failedToo == nil)
		require.True(t, fault.Same(one, other))
		if struck == 2 {
			both++
		}
	}
	assert.Positive(t, both)
	_, _ = e.Try(t.Context(), fault.Fault{Model: skip, N: 1 << 30})
	assert.Zero(t, e.Struck(), "the command is over before")
	trace, err := e.TraceOf(t.Context(), fault.Fault{Model: named(t, "zero"), N: 0})
	if err == nil {
		assert.NotEqual(t, e.Trace.Hash(), trace.Hash())
	}
	invert := fault.Fault{Model: named(t, "invert"), N: 0}
	_, err = e.Try(t.Context(), invert)
	require.NoError(t, err)
	assert.Zero(t, e.Struck(), "what runs first is no branch")
}

// TestPartings: two operations part at the switch, and are together again behind it.
func TestPartings(t *testing.T) {
	c := probe(t)
	wrong, _, err := fault.Record(t.Context(), c, wrongPIN)
	require.NoError(t, err)
	again, _, err := fault.Record(t.Context(), c, wrongPIN)
	require.NoError(t, err)
	assert.Empty(t, fault.Partings(wrong, again))
	assert.Equal(t, wrong.Hash(), again.Hash())
	right, _, err := fault.Record(t.Context(), c, command(insPIN, 3, 0, 0))
	require.NoError(t, err)
	partings := fault.Partings(wrong, right)
	require.NotEmpty(t, partings)
	onlyA, onlyB := 0, 0
	for _, p := range partings {
		onlyA, onlyB = onlyA+p.OnlyA, onlyB+p.OnlyB
		assert.NotNil(t, p.Last)
	}
	assert.Equal(t, len(wrong.Steps)-onlyA, len(right.Steps)-onlyB, "what both executed")
}

// TestNotRepeatable: with randomness that does not repeat nothing can be said of faults.
func TestNotRepeatable(t *testing.T) {
	c := probe(t)
	other, err := card.New(card.Options{Profile: card.P71})
	require.NoError(t, err)
	_, err = fault.NewExperiment(t.Context(), other, wrongPIN)
	require.NoError(t, err, "a refusal needs no randomness")
	_, err = c.Transmit(t.Context(), wrongPIN)
	require.NoError(t, err, "the card has its own probe again")
}

func TestNames(t *testing.T) {
	for _, m := range fault.AllModels() {
		same, err := fault.ModelNamed(m.Name)
		require.NoError(t, err)
		assert.Equal(t, m.About, same.About)
	}
	for _, bad := range []string{"", "skip", "skip#", "skip#-1", "skip#1.-2", "jump#1", "call=#1",
		"call=5#1", "read=123#1", "flip=16#1", "skip=1#1", "skip=02#1",
		"flip=x#1", "skip#1.2.3", "flip=01#1", "jump=1#1", "jump=+0#1", "jump=-100#1", "index=#1",
		"index=++1#1", "argument=1#1", "argument=+x#1", "write=1#1", "unwritten=#1"} {
		_, err := fault.Parse(bad)
		assert.Error(t, err, bad)
	}
	f, err := fault.Parse("read=FF#12.3")
	require.NoError(t, err)
	assert.Equal(t, "read=FF#12.3", f.String())
	assert.Equal(t, 12, f.N)
	assert.Equal(t, 3, f.Element)
}

func named(t testing.TB, name string) fault.Model {
	t.Helper()
	m, err := fault.ModelNamed(name)
	require.NoError(t, err)
	return m
}

// BenchmarkCommand is a command as it is, and after an injector has been on and off: off it costs
// nothing. It reports nanoseconds for each bytecode.
func BenchmarkCommand(b *testing.B) {
	for _, injected := range []bool{false, true} {
		b.Run(fmt.Sprintf("injected before %v", injected), func(b *testing.B) {
			c := probe(b)
			sent := command(insSort, 12, 0)
			if injected {
				_, err := fault.NewExperiment(b.Context(), c, sent)
				require.NoError(b, err)
			}
			bytecodes := 0
			for b.Loop() {
				_, err := c.Transmit(b.Context(), sent)
				require.NoError(b, err)
				bytecodes += c.LastCommand().Bytecodes
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(bytecodes), "ns/bytecode")
		})
	}
}

// BenchmarkTry is one fault in a short command, with the card set back before it.
func BenchmarkTry(b *testing.B) {
	c := probe(b)
	e, err := fault.NewExperiment(b.Context(), c, wrongPIN)
	require.NoError(b, err)
	f := fault.Fault{Model: named(b, "skip"), N: len(e.Trace.Steps) - 1}
	for b.Loop() {
		_, _ = e.Try(b.Context(), f) // mute or not
	}
}

// BenchmarkSnapshot sets a card back.
func BenchmarkSnapshot(b *testing.B) {
	c := probe(b)
	s, err := c.Snapshot()
	require.NoError(b, err)
	for b.Loop() {
		require.NoError(b, c.RestoreSnapshot(s))
	}
}
