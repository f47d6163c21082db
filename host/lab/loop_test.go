package lab

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/apdu"
)

// Mutations repeat a line five times in a row, take parts of other sequences, reorder, and try data
// of all lengths at which buffers end; a sequence never gets longer than it may be.
func TestMutationsReach(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	line := func(ins byte) fuzzed { return fuzzed{raw: []byte{0x80, ins, 0, 0, 2, 1, 2}} }
	seed := sequence{0, []fuzzed{line(1), line(2), line(3)}}
	other := sequence{0, []fuzzed{line(4), line(5), line(6)}}
	repeated, spliced, swapped, sizes := 0, 0, 0, map[int]bool{}
	for range 20_000 {
		q := mutated(r, seed, []sequence{seed, other}, false)
		require.LessOrEqual(t, len(q.list), maxSequence)
		text := ""
		for _, c := range q.list {
			text += c.line() + " "
			if command, err := apdu.ParseCommand(c.raw); err == nil {
				sizes[len(command.Data)] = true
			}
		}
		if strings.Contains(text, strings.Repeat(line(2).line()+" ", 5)) {
			repeated++
		}
		if strings.Contains(text, line(4).line()+" "+line(5).line()) {
			spliced++
		}
		if strings.Contains(text, line(3).line()+" "+line(2).line()) {
			swapped++
		}
	}
	assert.Greater(t, repeated, 20)
	assert.Greater(t, spliced, 20)
	assert.Greater(t, swapped, 20)
	for _, n := range lengths {
		assert.True(t, sizes[n], "%d bytes", n)
	}
}

// A command that runs longer than the fuzzer first gives, and ends, is no finding: more is given
// from then on. None of the sequences that muted the card is mutated on.
func TestFuzzConfirmsLoops(t *testing.T) {
	s := purse(t, false)
	f := &fuzzing{Fuzz: &Fuzz{Subject: s, Script: read(t, s, use), Seed: 1, Rules: &Rules{}}}
	w, err := f.worker(t.Context(), 0)
	require.NoError(t, err)
	w.budget = 10
	found, commands, err := w.try(t.Context(), w.corpus[0])
	require.NoError(t, err)
	assert.Empty(t, found)
	assert.Equal(t, len(w.corpus[0].list), commands)
	assert.Greater(t, w.budget, 10)
	assert.False(t, w.stopped)

	raw, err := apdu.ParseHex("80321000") // which calls itself without bound
	require.NoError(t, err)
	deep := w.corpus[0].clone()
	deep.list = append(deep.list, fuzzed{raw: []byte{0x80, 0x32, 0x7F, 0}}, fuzzed{raw: raw})
	_, _, err = w.try(t.Context(), deep)
	require.NoError(t, err)
	assert.True(t, w.stopped)
}

// Details are those of the short script: a finding that a long sequence showed says what the short
// one does.
func TestDetailsAreOfTheShortScript(t *testing.T) {
	s := purse(t, false)
	f := &Fuzz{Subject: s, Script: read(t, s, use+"80320200 -> 9000\n"), Seed: 1, Runs: 1500,
		Workers: 1}
	report, err := f.Run(t.Context())
	require.NoError(t, err)
	compared := 0
	for _, found := range report.Findings {
		if found.Kind != Half {
			continue
		}
		b, err := s.Open(t.Context())
		require.NoError(t, err)
		last := len(found.Script) - 1
		for _, line := range found.Script[:last] {
			require.NoError(t, b.Execute(t.Context(), line).Err(), line)
		}
		before := b.image()
		require.NoError(t, b.Execute(t.Context(), found.Script[last]).Err())
		assert.Equal(t, described("has changed: ", f.Rules.left(before, b.image())), found.Detail)
		compared++
	}
	assert.Positive(t, compared)
}

// A rule that names nothing on the card is refused, with names that are like it.
func TestRulesNameWhatIsThere(t *testing.T) {
	s := purse(t, false)
	script := read(t, s, use)
	for _, text := range []string{"ignore PurseApplet.usd\n", "never-lower PurseApplet.usd\n",
		"same PurseApplet.used PurseApplet.usd\n"} {
		_, err := (&Tear{Subject: s, Script: script, Rules: rules(t, s, text), Workers: 1}).
			Run(t.Context())
		require.ErrorContains(t, err, "the rules name PurseApplet.usd, which nothing on the card")
		assert.ErrorContains(t, err, "nearest names: PurseApplet.used, ")
		_, err = (&Fuzz{Subject: s, Script: script, Rules: rules(t, s, text), Runs: 1}).
			Run(t.Context())
		require.ErrorContains(t, err, "the rules name PurseApplet.usd")
	}
	_, err := (&Tear{Subject: s, Script: script, Workers: 1, Rules: rules(t, s,
		"ignore PurseApplet.log[*\nignore PurseApplet.log[3]\nignore PurseApplet.*\n")}).
		Run(t.Context())
	require.NoError(t, err)
	_, err = s.ParseRules(strings.NewReader("allow 6F01 *\n"))
	assert.ErrorContains(t, err, `line 1: allow begins with a kind of finding, or with *: "6F01"`)
}

// What tear does to the card is told between the exchanges, so that a script does the same again.
func TestTearIsTold(t *testing.T) {
	s := purse(t, false)
	s.Decoder.Unmasked = true
	b, err := s.Open(t.Context())
	require.NoError(t, err)
	var script []string
	b.Observe(func(e apdu.Exchange) {
		raw, err := e.Command.Bytes()
		require.NoError(t, err)
		answer := "none"
		if e.Err == nil {
			answer = fmt.Sprintf("%04X", uint16(e.Response.SW))
		}
		script = append(script, fuzzed{raw: raw}.line()+" -> "+answer)
	})
	b.ObserveReset(func([]byte) { script = append(script, "reset") })
	b.ObserveWord(func(line string) { script = append(script, line) })
	for _, line := range []string{"00A4040007F050524F42080100 -> 9000",
		"tear 80100000020064 -> 2 cuts: 1 as before, 0 as after, 1 finding",
		"80320300 -> 9000", "fuzz testdata/none 5 -> error: *"} {
		require.NoError(t, b.Execute(t.Context(), line).Err(), line)
	}
	assert.Contains(t, script, "snapshot before-tear")
	assert.Contains(t, script, "cut 2")
	assert.Contains(t, script, "restore before-tear")
	again := session(t, false)
	for _, line := range script {
		require.NoError(t, again.Execute(t.Context(), line).Err(), "%s\n%s", line,
			strings.Join(script, "\n"))
	}
}

// Where a card went mute is told with file and line, also of a CAP file with a table beside it.
func TestAMuteCardSaysWhere(t *testing.T) {
	b := session(t, false)
	require.NoError(t, b.Execute(t.Context(), "00A4040007F050524F42080100 -> 9000").Err())
	err := b.Execute(t.Context(), "80327F00").Err()
	require.Error(t, err)
	assert.Regexp(t, `PurseApplet\.depth \(PurseApplet\.java:\d+\)`, err.Error())
}
