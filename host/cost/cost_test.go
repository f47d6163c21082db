package cost

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona/apdu/spec"
	"ekrona/emulator/card"
)

// missed is by how much the taps at a terminal miss their goals since the PIN is enciphered: the
// agreement takes 20 ms, enciphering the answer 11, keys and proof 9, the PIN's tries 6; and the
// date in a terminal's Request, with the order's number in what the MAC covers, 4.
const missed = 55 * time.Millisecond

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
			assert.LessOrEqual(t, tap.Total(), tap.Goal+missed, tap.Title)
		}
	}
	assert.Equal(t, 2, goals)
	assert.Positive(t, orders)

	var drawn strings.Builder
	require.NoError(t, Write(&drawn, link, taps))
	assert.Contains(t, drawn.String(), "the goal of 200 ms")
	encoded, err := json.Marshal(taps)
	require.NoError(t, err)
	assert.Contains(t, string(encoded), `"goal_microseconds":300000`)
}
