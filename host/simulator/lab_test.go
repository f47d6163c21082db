package simulator

import (
	"bytes"
	"context"
	"math/rand/v2"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/apdu/trace"
)

func play(t *testing.T, s Scenario, o Options) Outcome {
	t.Helper()
	out, err := s.Run(context.Background(), o)
	require.NoError(t, err)
	return out
}

func TestSeedReplaysExactly(t *testing.T) {
	s := Generate(9, 120)
	var once, again bytes.Buffer
	first := play(t, s, Options{Story: &once, Trace: &trace.Text{}})
	second := play(t, s, Options{Story: &again, Trace: &trace.Text{}})
	require.NotZero(t, first.Struck, "it should have faults")
	assert.Equal(t, once.String(), again.String())
	assert.Equal(t, first.Digest, second.Digest)
	assert.NotEqual(t, first.Digest, play(t, Generate(10, 120), Options{}).Digest)
}

// TestFreshWorldsHold plays worlds of new seeds.
func TestFreshWorldsHold(t *testing.T) {
	plan := Plan{Seed: rand.Uint64(), Steps: 3000, Length: 500, Workers: 2}
	tally, found, err := Simulate(context.Background(), plan, nil)
	require.NoError(t, err)
	if found != nil {
		short, outcome, err := found.Scenario.Shrink(context.Background(), Options{}, found.Outcome,
			100)
		require.NoError(t, err)
		var story bytes.Buffer
		play(t, short, Options{Story: &story})
		t.Fatalf("seed %d, made short:\n%s\n%v", short.Seed, story.String(), outcome.Failure)
	}
	assert.Equal(t, plan.Steps, tally.Steps)
	// Which of them strike in so few steps of a new seed is chance: TestEveryFaultStrikes checks
	// each.
	assert.Greater(t, len(tally.Struck), len(Faults())/2, "kinds of faults that struck")
}

// TestEveryFaultStrikes fails when a kind of fault is planned and hardly ever strikes.
func TestEveryFaultStrikes(t *testing.T) {
	tally, found, err := Simulate(context.Background(),
		Plan{Seed: 71, Steps: 3000, Length: 250, Workers: 2}, nil)
	require.NoError(t, err)
	require.Nil(t, found)
	for _, kind := range Faults() {
		assert.NotZero(t, tally.Struck[kind], "%s", kind)
	}
	refused := map[Kind]bool{EnterWrong: true, SendJunk: true, Forge: true,
		OrderWithFormerPhone: true}
	for _, w := range weights {
		assert.Equal(t, refused[w.kind], tally.Done[w.kind] == 0,
			"steps %q that were not refused: %d", w.kind, tally.Done[w.kind])
	}
}

// TestKeptWorldsHold plays the worlds that have once failed.
func TestKeptWorldsHold(t *testing.T) {
	files, err := filepath.Glob("testdata/kept/*.json")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			s, err := ReadScenario(file)
			require.NoError(t, err)
			if out := play(t, s, Options{}); out.Failure != nil {
				t.Fatal(out.Failure)
			}
		})
	}
}

func TestKeptIsReadBackAndDamagedIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "world.json")
	s := Generate(3, 20)
	require.NoError(t, s.Keep(path))
	back, err := ReadScenario(path)
	require.NoError(t, err)
	assert.Equal(t, s, back)
	require.NoError(t, Scenario{}.Keep(path))
	_, err = ReadScenario(path)
	require.ErrorContains(t, err, "people")
	_, err = ReadScenario(filepath.Join(t.TempDir(), "none"))
	require.Error(t, err)
}

// TestEveryFaultIsDrawnOrIsAStep fails when a kind is listed and never happens.
func TestEveryFaultIsDrawnOrIsAStep(t *testing.T) {
	drawn := map[FaultKind]bool{}
	for _, kind := range within {
		drawn[kind] = true
		assert.Positive(t, reach[kind], "%s", kind)
	}
	steps := []FaultKind{MisdeliverPhoneMessage, DelayPhoneMessage, RepeatPhoneMessage,
		AbandonedCall, CopiedCard, RolledBack, HostileReader, HostilePhone, OverCredit, OldOrders,
		RestoreBackup, TerminalSetBack, PhoneLost, FormerPhone, StolenCA, ThroughNotary, TornIssue,
		LostCard, GoneCard, Expired, WrongPIN, CrisisReordered, CrisisForged, CrisisOver,
		CrisisKeyAlone,
		StolenCrisis, WrongClock}
	assert.Len(t, Faults(), len(drawn)+len(steps))
}
