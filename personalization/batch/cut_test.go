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

	"ekrona.example/personalization/batch"
	"ekrona.example/personalization/batch/batchtest"
	"ekrona.example/personalization/batch/virtual"
)

var errDead = errors.New("the program is no more")

// setup is a bureau with blank cards before two readers.
type setup struct {
	batchtest.Bureau
	operator *virtual.VirtualOperator
	cards    []virtual.Card

	mu    sync.Mutex
	stop  func()      // ends the program
	steps int         // that the program has made
	end   int         // step at which it ends, from 1; 0 for none
	when  func() bool // or after a commit at which this holds; nil for none
	ended string      // what the step was
}

// set sets up a case with n blank cards, which have the applet's load file already if
// they are loaded.
func set(t testing.TB, s batchtest.Bureau, n int, loaded bool) *setup {
	t.Helper()
	c := &setup{Bureau: s,
		operator: &virtual.VirtualOperator{Readers: virtual.NewReaders("left", "right")}}
	for i := range n {
		card, err := batchtest.NewCard(fmt.Sprintf("%s %d", t.Name(), i), loaded)
		require.NoError(t, err)
		c.cards = append(c.cards, card)
		c.operator.Stack = append(c.operator.Stack, batchtest.Card{Card: card, Hook: c.step})
	}
	return c
}

// step is a step of the program. From its end on nothing that it does has an effect.
func (c *setup) step(step string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.steps++
	if c.steps == c.end || c.when != nil && c.ended == "" && step == "after a commit" && c.when() {
		c.ended = step
		c.stop()
	}
	if c.ended != "" {
		return errDead
	}
	return nil
}

// program is one life of the program: until the job is done or it is ended.
func (c *setup) program(t testing.TB) error {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	c.mu.Lock()
	c.stop, c.steps, c.ended = stop, 0, ""
	c.mu.Unlock()
	w, err := c.Open(ctx)
	require.NoError(t, err)
	defer func() { require.NoError(t, w.Sandbox.Close()) }()
	job, err := w.Begin(ctx, c.Bureau, c.step)
	if err != nil {
		return err
	}
	return errors.Join(job.Run(ctx, c.operator.Readers, c.operator.Handle), job.Close())
}

func TestJobIsDone(t *testing.T) {
	c := set(t, batchtest.NewBureau(t, t.TempDir(), 3), 4, false)
	c.operator.Load("left", "right")
	require.NoError(t, c.program(t))
	batchtest.Examine(t.Context(), t, c.Bureau, c.cards)

	record, err := batch.ReadRecord(t.Context(), c.JobFolder())
	require.NoError(t, err)
	require.Len(t, record.Sessions, 3)
	for _, v := range record.Sessions {
		assert.Equal(t, "active", v.Outcome)
	}
	require.NoError(t, c.program(t), "a job that is done is done again")
	batchtest.Examine(t.Context(), t, c.Bureau, c.cards)
}

// The program ends at every step there is, one after the other; the next program goes
// on with the same cards, and what came of it all is right. The cards have the load
// file already, so that no step is one of a hundred equal ones.
func TestEndAtEveryStep(t *testing.T) {
	batchtest.InMemory(t)
	founded := batchtest.NewBureau(t, t.TempDir(), 2)
	whole := set(t, founded.Copy(t, filepath.Join(t.TempDir(), "bureau")), 2, true)
	whole.operator.Load("left", "right")
	require.NoError(t, whole.program(t))
	batchtest.Examine(t.Context(), t, whole.Bureau, whole.cards)
	require.Greater(t, whole.steps, 100)
	for at := 1; at <= whole.steps; at++ {
		t.Run(fmt.Sprintf("step %d", at), func(t *testing.T) {
			t.Parallel()
			c := set(t, founded.Copy(t, filepath.Join(t.TempDir(), "bureau")), 2, true)
			c.operator.Load("left", "right")
			c.end = at
			if err := c.program(t); c.ended == "" {
				require.NoError(t, err)
			}
			// Whatever was shown before, the operators find cards in the readers, and
			// exchange them: each goes on in the other.
			left, right := c.operator.Readers.Remove("left"), c.operator.Readers.Remove("right")
			for reader, card := range map[string]virtual.Card{"left": right, "right": left} {
				if card != nil {
					c.operator.Readers.Insert(reader, card)
				}
			}
			c.end = 0
			require.NoError(t, c.program(t))
			batchtest.Examine(t.Context(), t, c.Bureau, c.cards)
		})
	}
}
