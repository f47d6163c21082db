package batch_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/apdu/message"
	"ekrona.example/host/banking"
	"ekrona.example/personalization/batch"
	"ekrona.example/personalization/batch/batchtest"
)

// cardsAre writes another table for a bureau's job, which is started again.
func cardsAre(t *testing.T, s batchtest.Bureau, rows ...string) {
	t.Helper()
	require.NoError(t, os.RemoveAll(s.JobFolder()))
	require.NoError(t, os.WriteFile(filepath.Join(s.Folder, "cards.csv"),
		[]byte(strings.Join(rows, "\n")+"\n"), 0o600))
}

// withFirst is a bureau of which n customers have an active card each, by number.
func withFirst(t *testing.T, n int) (s batchtest.Bureau, first []message.DeviceID) {
	t.Helper()
	c := set(t, batchtest.NewBureau(t, t.TempDir(), n), n, true)
	c.operator.Load("left", "right")
	require.NoError(t, c.program(t))
	for _, owner := range c.Owners {
		cards := cardsOf(t, c.Bureau, owner)
		require.Len(t, cards, 1)
		require.True(t, cards[0].InUse)
		first = append(first, cards[0].Device.ID)
	}
	return c.Bureau, first
}

func cardsOf(t *testing.T, s batchtest.Bureau, owner string) []banking.Card {
	t.Helper()
	w, err := s.Open(t.Context())
	require.NoError(t, err)
	cards, err := w.Bank.Cards(t.Context(), owner)
	require.NoError(t, err)
	require.NoError(t, w.Sandbox.Close())
	return cards
}

// The check foretells, by line, whose second card was not asked for; so does the run.
func TestCheckForetellsSecondCards(t *testing.T) {
	s, first := withFirst(t, 3)
	cardsAre(t, s, "owner,second,replaces", "customer-1,,", "customer-2,no,"+string(first[0]),
		"customer-3,,SENORDICC0000077")
	w, err := s.Open(t.Context())
	require.NoError(t, err)
	_, err = batch.Check(t.Context(), optionsOf(t, s, w, batchtest.Noon))
	require.ErrorContains(t, err, "cards.csv:2: intermediary: customer-1 has an active card, "+
		string(first[0]))
	require.ErrorContains(t, err, "cards.csv:3: intermediary: customer-2 has no card "+
		string(first[0]))
	require.ErrorContains(t, err,
		"cards.csv:4: intermediary: customer-3 has no card SENORDICC0000077")
	_, opened := batch.Open(t.Context(), optionsOf(t, s, w, batchtest.Noon))
	assert.Equal(t, err, opened)
	assert.NoDirExists(t, s.JobFolder())
	require.NoError(t, w.Bank.ReportLost(t.Context(), first[2]))
	cardsAre(t, s, "owner,replaces", "customer-3,"+string(first[2]))
	_, err = batch.Check(t.Context(), optionsOf(t, s, w, batchtest.Noon))
	require.ErrorContains(t, err, "cards.csv:2: intermediary: "+string(first[2])+
		" of customer-3 is out of use already")
	cardsAre(t, s, "owner,replaces", "new-1,"+string(first[0]))
	o := optionsOf(t, s, w, batchtest.Noon)
	o.Enrol = enroller{w}
	_, err = batch.Check(t.Context(), o)
	require.ErrorContains(t, err, "cards.csv:2: intermediary: new-1 has no card "+string(first[0]))
	_, opened = batch.Open(t.Context(), o)
	assert.Equal(t, err, opened)
	assert.NoDirExists(t, s.JobFolder())

	cardsAre(t, s, "owner,second,replaces", "customer-1,yes,", "customer-2,,"+string(first[1]))
	_, err = batch.Check(t.Context(), optionsOf(t, s, w, batchtest.Noon))
	require.NoError(t, err)
	require.NoError(t, w.Sandbox.Close())

	c := set(t, s, 2, true)
	c.operator.Load("left", "right")
	require.NoError(t, c.program(t))
	for n, inUse := range []bool{true, false} {
		cards := cardsOf(t, s, s.Owners[n])
		require.Len(t, cards, 2)
		assert.Equal(t, inUse, cards[0].InUse, "the first one of %s", s.Owners[n])
		assert.True(t, cards[1].InUse)
	}
	log, err := os.ReadFile(filepath.Join(s.JobFolder(), "audit.log"))
	require.NoError(t, err)
	require.Equal(t, 1, strings.Count(string(log), "reported lost"))
	require.Contains(t, string(log), string(first[1]))
}

// An owner who reports the former card lost while the job runs gets the new one.
func TestReplacedCardIsLostMeanwhile(t *testing.T) {
	s, first := withFirst(t, 2)
	cardsAre(t, s, "owner,replaces", "customer-1,"+string(first[0]), "customer-2,"+string(first[1]))
	c := set(t, s, 2, true)
	c.operator.Load("left")
	c.end = 12
	_ = c.program(t) // it ends somewhere, with an error or between two steps
	require.NotEmpty(t, c.ended)
	w, err := s.Open(t.Context())
	require.NoError(t, err)
	for _, id := range first {
		require.NoError(t, w.Bank.ReportLost(t.Context(), id))
	}
	require.NoError(t, w.Sandbox.Close())
	c.end = 0
	require.NoError(t, c.program(t))
	for _, owner := range s.Owners {
		cards := cardsOf(t, s, owner)
		require.Len(t, cards, 2)
		assert.False(t, cards[0].InUse)
		assert.True(t, cards[1].InUse)
	}
}

// The program ends at every step of a card that replaces another. The old one is in use
// until the new one is active, and at the end it is reported lost.
func TestEndAtEveryStepOfAReplacement(t *testing.T) {
	batchtest.InMemory(t)
	founded, first := withFirst(t, 1)
	cardsAre(t, founded, "owner,replaces", "customer-1,"+string(first[0]))
	whole := set(t, founded.Copy(t, filepath.Join(t.TempDir(), "bureau")), 1, true)
	whole.operator.Load("left")
	require.NoError(t, whole.program(t))
	require.Greater(t, whole.steps, 30)
	for at := 1; at <= whole.steps; at++ {
		t.Run(fmt.Sprintf("step %d", at), func(t *testing.T) {
			t.Parallel()
			c := set(t, founded.Copy(t, filepath.Join(t.TempDir(), "bureau")), 1, true)
			c.operator.Load("left")
			c.end = at
			if err := c.program(t); c.ended == "" {
				require.NoError(t, err)
			}
			inUse := 0
			for _, card := range cardsOf(t, c.Bureau, "customer-1") {
				if card.InUse {
					inUse++
				}
			}
			require.NotZero(t, inUse)
			c.end = 0
			require.NoError(t, c.program(t))
			cards := cardsOf(t, c.Bureau, "customer-1")
			require.Len(t, cards, 2, "no id was used up")
			assert.Equal(t, first[0], cards[0].Device.ID)
			assert.False(t, cards[0].InUse)
			assert.True(t, cards[1].InUse)
		})
	}
}
