package liquidity

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/apdu/money"
	"ekrona.example/apdu/thorough"
	"ekrona.example/host/progress"
)

// TestTheTableOfTheDocumentsIsTrue plays the default plan and compares its table with README.md,
// and holds what the text beside it says. Figure 9 and the chains stand for all, unless everything
// is to be tried.
func TestTheTableOfTheDocumentsIsTrue(t *testing.T) {
	p := DefaultPlan()
	p.Workers = DefaultWorkers()
	played := p.cases()
	if !thorough.All() {
		played = played[:2]
	}
	r, err := p.play(t.Context(), played)
	require.NoError(t, err)
	assert.Empty(t, r.Wrong())
	var table bytes.Buffer
	require.NoError(t, r.WriteTable(&table))
	readme, err := os.ReadFile("README.md")
	require.NoError(t, err)
	shown := lines(string(readme))
	assert.Len(t, shown, len(lines(table.String()))+(len(p.cases())-len(played))*len(Ways))
	assert.Subset(t, shown, lines(table.String()), "write it anew by \"ekrona lab liquidity\"")
	rows := map[string]map[Way]Row{}
	for _, row := range r.Rows {
		if rows[row.Case] == nil {
			rows[row.Case] = map[Way]Row{}
		}
		rows[row.Case][row.Way] = row
	}
	for name, of := range rows {
		queue := of[Queue]
		assert.Positive(t, queue.Waited, "%s: with the queue alone claims wait", name)
		assert.Zero(t, of[Provenance].Waited, "%s: whoever comes first brings the chain", name)
		assert.Zero(t, of[Both].PoolMost, "%s: and the pool has nothing to lend", name)
		assert.Zero(t, of[Locked].Waited, name)
		assert.Positive(t, of[Locked].Refused, name)
		assert.Less(t, of[Locked].Paid, queue.Paid, name)
		assert.Positive(t, of[Provenance].AtBanks, name)
		for _, way := range []Way{Queue, Pool, Provenance, Both} {
			assert.Equal(t, queue.Paid, of[way].Paid, "%s: %s refuses nothing", name, way)
			assert.LessOrEqual(t, of[way].PoolMost, of[way].Cap, "%s: %s", name, way)
		}
		for _, way := range []Way{Queue, Pool, Locked} {
			assert.Zero(t, of[way].Carried+of[way].AtBanks+of[way].AtOthers,
				"%s: %s shows nobody anything", name, way)
		}
	}
	picture, err := r.Plot()
	require.NoError(t, err)
	assert.Contains(t, string(picture), "Claims that waited")
	encoded, err := json.Marshal(r)
	require.NoError(t, err)
	assert.Contains(t, string(encoded), `"seen_by_other_banks"`)
}

// lines are the rows of the table in a text, without the room between the columns.
func lines(text string) (rows []string) {
	_, table, _ := strings.Cut(text, "| case ")
	table, _, _ = strings.Cut(table, "\n\n")
	for _, line := range strings.Split(strings.TrimSpace(table), "\n") {
		rows = append(rows, strings.Join(strings.Fields(line), " "))
	}
	return rows
}

// TestPlansThatCannotBePlayedAreRefused, and one whose time is over ends.
func TestPlansThatCannotBePlayedAreRefused(t *testing.T) {
	for _, change := range []func(*Plan){
		func(p *Plan) { p.Sets = 0 }, func(p *Plan) { p.Cards = 0 }, func(p *Plan) { p.Days = -1 },
		func(p *Plan) { p.Terminals = 0 }, func(p *Plan) { p.Workers = 0 },
	} {
		p := DefaultPlan()
		change(&p)
		_, err := Run(t.Context(), p)
		assert.ErrorIs(t, err, ErrPlan)
	}
	p := DefaultPlan()
	p.PoolEach = 0
	assert.ErrorIs(t, p.Check(), ErrPool)
	over, end := context.WithCancel(t.Context())
	end()
	_, err := Run(over, DefaultPlan())
	assert.ErrorIs(t, err, context.Canceled)
}

// TestAPlanThatIsBrokenOffSaysSoOnce: however many cases are played at that moment.
func TestAPlanThatIsBrokenOffSaysSoOnce(t *testing.T) {
	broken, end := context.WithCancel(t.Context())
	p := DefaultPlan()
	p.Workers, p.Sets = 4, 1
	p.Show = func(progress.Event) { end() }
	_, err := Run(broken, p)
	assert.EqualError(t, err, context.Canceled.Error())
}

// TestChainsAndRingsAreWhatTheySay: each card pays the next of its set at most what it has.
func TestChainsAndRingsAreWhatTheySay(t *testing.T) {
	for rings, payments := range map[bool]int{false: SetCards - 1, true: SetCards} {
		p := DefaultPlan()
		s := p.sets(rings)
		require.Len(t, s.Holds, p.Sets*SetCards)
		require.Len(t, s.Payments, p.Sets*payments)
		has := append(s.Holds[:0:0], s.Holds...)
		for _, one := range s.Payments {
			assert.Equal(t, one.Payer/SetCards, one.Payee/SetCards)
			assert.Equal(t, (one.Payer+1)%SetCards, one.Payee%SetCards)
			assert.Positive(t, one.Amount)
			has[one.Payer] -= one.Amount
			has[one.Payee] += one.Amount
			assert.GreaterOrEqual(t, has[one.Payer], money.Ore(0))
		}
		assert.Len(t, s.Online, p.Sets*SetCards)
	}
}
