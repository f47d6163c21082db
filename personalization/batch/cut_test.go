package batch_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona/personalization/batch"
	"ekrona/personalization/batch/batchtest"
)

var errDead = errors.New("the program is no more")

// reaper ends the program at a step: from then on nothing that it does has an effect.
type reaper struct {
	mu    sync.Mutex
	at    int // step, from 1; 0 for none
	steps int
	dead  string // the step
	stop  func()
}

func (r *reaper) hook(step string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.steps++; r.steps == r.at {
		r.dead = step
		r.stop()
	}
	if r.dead != "" {
		return errDead
	}
	return nil
}

// session is one life of the program: until the job is done or the reaper comes.
func session(t *testing.T, s batchtest.Shop, people *batchtest.People, r *reaper) error {
	t.Helper()
	w, err := s.Open(t.Context())
	require.NoError(t, err)
	defer func() { require.NoError(t, w.Town.Close()) }()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	r.stop = stop
	job, err := w.Begin(ctx, s, r.hook)
	if err != nil {
		return err
	}
	people.Readers.Hook = r.hook
	err = job.Run(ctx, people.Readers, people.Told)
	return errors.Join(err, job.Close())
}

// crew is people with n blank cards before two readers.
func crew(t *testing.T, n int, loaded bool) (*batchtest.People, []batchtest.Card) {
	t.Helper()
	people := &batchtest.People{Readers: batchtest.NewReaders("left", "right")}
	var all []batchtest.Card
	for i := range n {
		card, err := batchtest.NewCard(fmt.Sprintf("%s %d", t.Name(), i), loaded)
		require.NoError(t, err)
		all = append(all, card)
	}
	people.Pile = append(people.Pile, all...)
	return people, all
}

func TestJobIsDone(t *testing.T) {
	s := batchtest.NewShop(t, t.TempDir(), 3)
	people, cards := crew(t, 4, false)
	people.Fill("left", "right")
	require.NoError(t, session(t, s, people, &reaper{}))
	batchtest.Examine(t.Context(), t, s, cards)

	record, err := batch.ReadRecord(t.Context(), s.JobFolder())
	require.NoError(t, err)
	require.Len(t, record.Visits, 3)
	for _, v := range record.Visits {
		assert.Equal(t, "active", v.Outcome)
	}
	require.NoError(t, session(t, s, people, &reaper{}), "a job that is done is done again")
	batchtest.Examine(t.Context(), t, s, cards)
}

// The program ends at every step there is, one after the other; the next program goes
// on with the same cards, and what came of it all is right. The cards have the load
// file already, so that no step is one of a hundred equal ones.
func TestEndAtEveryStep(t *testing.T) {
	founded := batchtest.NewShop(t, t.TempDir(), 2)
	whole := &reaper{}
	s := founded.Copy(t, filepath.Join(t.TempDir(), "shop"))
	people, cards := crew(t, 2, true)
	people.Fill("left", "right")
	require.NoError(t, session(t, s, people, whole))
	batchtest.Examine(t.Context(), t, s, cards)
	require.Greater(t, whole.steps, 100)
	for at := 1; at <= whole.steps; at++ {
		t.Run(fmt.Sprintf("step %d", at), func(t *testing.T) {
			t.Parallel()
			s := founded.Copy(t, filepath.Join(t.TempDir(), "shop"))
			people, cards := crew(t, 2, true)
			people.Fill("left", "right")
			r := &reaper{at: at}
			if err := session(t, s, people, r); r.dead == "" {
				require.NoError(t, err)
			}
			// Whatever was shown before, the people find cards in the readers, and
			// exchange them: each goes on in the other.
			left, right := people.Readers.Remove("left"), people.Readers.Remove("right")
			for reader, card := range map[string]batchtest.Card{"left": right, "right": left} {
				if card != nil {
					people.Readers.Insert(reader, card)
				}
			}
			require.NoError(t, session(t, s, people, &reaper{}), r.dead)
			batchtest.Examine(t.Context(), t, s, cards)
		})
	}
}
