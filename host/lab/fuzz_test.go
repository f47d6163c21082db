package lab

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestFuzzFindsTheFlaws of the purse, each with a short script that shows it again.
func TestFuzzFindsTheFlaws(t *testing.T) {
	s := purse(t, false)
	script := read(t, s, use+"80320200 -> 9000\n")
	f := &Fuzz{Subject: s, Script: script, Seed: 1, Runs: 4000, Cuts: true, Workers: 2}
	report, err := f.Run(t.Context())
	require.NoError(t, err)
	assert.Equal(t, 4000, report.Runs)
	assert.Greater(t, report.Commands, 3000)
	assert.Greater(t, report.Reached, 200)
	byPlace := map[string]Finding{}
	for _, found := range report.Findings {
		byPlace[string(found.Kind)+" "+found.Where] = found
		assert.LessOrEqual(t, len(found.Script), 5, found.Script)
		assert.NotEqual(t, EmulatorBug, found.Kind)
	}
	for _, want := range []string{
		"6F00 ArrayIndexOutOfBoundsException at PurseApplet.sumOf (PurseApplet.java:148)",
		"half ISOException 6A80 at ISOException.throwIt, called by PurseApplet.setLimit " +
			"(PurseApplet.java:136), with PurseApplet.used changed",
		"torn PurseApplet.credit (PurseApplet.java:102)",
	} {
		assert.Contains(t, byPlace, want)
	}
	mute := false
	for name := range byPlace {
		mute = mute || strings.HasPrefix(name, "mute depth fault at PurseApplet.depth")
	}
	assert.True(t, mute, "a recursion without bound")

	for _, found := range report.Findings {
		b, err := s.Open(t.Context())
		require.NoError(t, err)
		for _, line := range found.Script {
			require.NoError(t, b.Execute(t.Context(), line).Err(), "%s: %s", found.Where, line)
		}
	}
	again := *f
	same, err := again.Run(t.Context())
	require.NoError(t, err)
	was, err := json.Marshal(report)
	require.NoError(t, err)
	is, err := json.Marshal(same)
	require.NoError(t, err)
	assert.Equal(t, string(was), string(is), "the same seed, whichever worker was first")
	text := &strings.Builder{}
	report.WriteText(text)
	assert.Contains(t, text.String(), "8030")
}

// TestFuzzObeysRulesAndTime: what is allowed is no finding; the clock ends it.
func TestFuzzObeysRulesAndTime(t *testing.T) {
	s := purse(t, false)
	f := &Fuzz{Subject: s, Script: read(t, s, use), Seed: 1, Runs: 1500, Workers: 1,
		Rules: rules(t, s, "allow 6F00 *\nallow mute * # known\nignore PurseApplet.used\n")}
	report, err := f.Run(t.Context())
	require.NoError(t, err)
	assert.Empty(t, report.Findings)
	f.Runs, f.For = 0, time.Nanosecond
	report, err = f.Run(t.Context())
	require.NoError(t, err)
	assert.Empty(t, report.Findings)

	b := session(t, false)
	require.NoError(t, b.Execute(t.Context(), "fuzz absent 5 -> error: *").Err())
	require.NoError(t, b.Execute(t.Context(), "fuzz absent none -> error: *").Err())
}

// BenchmarkFuzz reports how many commands a second one card takes.
func BenchmarkFuzz(b *testing.B) {
	s := purse(b, false)
	commands := 0
	for b.Loop() {
		f := &Fuzz{Subject: s, Script: read(b, s, use), Seed: 1, Runs: 500, Workers: 1,
			Rules: rules(b, s, "allow *\nignore *\n")}
		report, err := f.Run(b.Context())
		require.NoError(b, err)
		commands += report.Commands
	}
	b.ReportMetric(float64(commands)/b.Elapsed().Seconds(), "commands/s")
}
