package cost

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/apdu/spec"
	"ekrona.example/emulator/card"
)

// missed is by how much taps at a terminal miss their goals since the PIN is enciphered. Operations
// that cannot be left out, the wire and the writes take 191 ms of a warm tap and 147 of one at the
// payee that was paid last, bytecodes the rest, 83 and 72: every command checks and computes twice,
// so that no single fault gains anything. A card that does not know the CA says so after PAY, which
// takes 27 ms, unless it is the first of its batch. On the 31st the check of the date takes one
// more, and random numbers up to one: a bound is two above what is usual.
var missed = map[string]time.Duration{
	Met: 53 * time.Millisecond, Warm: 78 * time.Millisecond, BatchMet: 105 * time.Millisecond,
	"pay at a terminal, its CA not seen before": 92 * time.Millisecond,
}

// TestTapsMeetTheirGoals: the estimate counts, it does not time, so it is the same on
// every machine.
func TestTapsMeetTheirGoals(t *testing.T) {
	link := card.Links()[0]
	taps, err := Measure(context.Background(), t.TempDir(), link)
	require.NoError(t, err)
	goals, orders := 0, 0
	for _, tap := range taps {
		require.NotEmpty(t, tap.Commands, tap.Title)
		for _, c := range tap.Commands {
			assert.Positive(t, c.Cost.Of(card.CostWire), "%s: %s", tap.Title, c.Title)
			assert.Positive(t, c.Stats.Bytecodes, "%s: %s", tap.Title, c.Title)
			if c.Title == spec.TakeCrisisOrder.Name {
				orders++
				assert.LessOrEqual(t, c.Cost.Of(), CrisisGoal, tap.Title)
			}
		}
		if tap.Goal > 0 {
			goals++
			assert.LessOrEqual(t, tap.Total(), tap.Goal+missed[tap.Title], tap.Title)
		}
		var items time.Duration
		for _, i := range tap.Items() {
			items += i.Time
		}
		assert.Equal(t, tap.Total(), items, tap.Title)
	}
	assert.Equal(t, 4, goals)
	last := taps[len(taps)-1]
	assert.Equal(t, FullLog, last.Title)
	read := 0
	for _, c := range last.Commands {
		if strings.HasPrefix(c.Title, spec.ReadRecord.Name+" log") {
			read++
		}
	}
	// all, one that is not there, and again that one once they are acknowledged
	assert.Equal(t, spec.DefaultSlots+2, read)
	assert.Positive(t, orders)

	var drawn strings.Builder
	require.NoError(t, Write(&drawn, link, taps))
	assert.Contains(t, drawn.String(), "the goal of 200 ms")
	assert.Contains(t, drawn.String(), "\n  ecdsa-verify 256 ")
	assert.Contains(t, drawn.String(), spec.ReadRecord.Name+" log, secured, 129 times")
	encoded, err := json.Marshal(taps)
	require.NoError(t, err)
	assert.Contains(t, string(encoded), `"goal_microseconds":300000`)
	assert.Contains(t, string(encoded), `"what":"ecdsa-verify 256"`)
}
