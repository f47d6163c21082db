package batch_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"ekrona.example/apdu"
	"ekrona.example/apdu/gpc"
	"ekrona.example/apdu/scp03"
	"ekrona.example/emulator/card"
	"ekrona.example/emulator/globalplatform"
	"ekrona.example/personalization/batch/batchtest"
	"ekrona.example/personalization/batch/virtual"
)

// faultKind is what goes wrong at a command to a card.
type faultKind string

const (
	withdrawnBefore faultKind = "withdrawn before the command"
	withdrawnAfter  faultKind = "withdrawn before the answer"
	powerCut        faultKind = "power goes within the command"
	garbled         faultKind = "refuses without a reason"
	killed          faultKind = "the program is killed"
)

// faultPlan strikes at numbered commands, counted over all cards.
type faultPlan struct {
	mu       sync.Mutex
	commands int
	at       map[int]faultKind
	kill     func()
}

func (m *faultPlan) next() faultKind {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.commands++
	return m.at[m.commands]
}

// faultyCard is a card that misfortune strikes.
type faultyCard struct {
	*globalplatform.Card
	misfortune *faultPlan
}

func (u faultyCard) Transmit(ctx context.Context, c apdu.Command) (apdu.Response, error) {
	switch what := u.misfortune.next(); what {
	case withdrawnBefore:
		return apdu.Response{}, virtual.ErrWithdrawn
	case withdrawnAfter:
		_, err := u.Card.Transmit(ctx, c)
		return apdu.Response{}, errors.Join(virtual.ErrWithdrawn, err)
	case powerCut:
		u.CutBefore(1)
	case garbled:
		return apdu.Response{SW: 0x6F00}, nil
	case killed:
		u.misfortune.kill()
		return apdu.Response{}, errDead
	}
	return u.Card.Transmit(ctx, c)
}

// unidentifiedCard is a card without production and diversification data.
type unidentifiedCard struct{ virtual.Card }

func (n unidentifiedCard) Transmit(ctx context.Context, c apdu.Command) (apdu.Response, error) {
	if c.INS == gpc.InsGetData {
		return apdu.Response{SW: apdu.SWNotFound}, nil
	}
	return n.Card.Transmit(ctx, c)
}

// unusableCards are cards that must not be made: each is refused.
func unusableCards(t require.TestingT, name string, issued virtual.Card) map[string]virtual.Card {
	blank := func(seed string, keys scp03.Keys) *globalplatform.Card {
		random := card.SeededRandom(name + seed)
		c, err := card.New(card.Options{Profile: card.P71, Random: random})
		require.NoError(t, err)
		managed, err := globalplatform.New(c, globalplatform.Options{Keys: keys, Random: random})
		require.NoError(t, err)
		return managed
	}
	other := bytes.Repeat([]byte{7}, 16)
	return map[string]virtual.Card{
		"other keys": blank("other keys", scp03.Keys{ENC: other, MAC: other, DEK: other}),
		"nameless":   unidentifiedCard{blank("nameless", scp03.Keys{})},
		"issued":     issued,
	}
}

// issuedElsewhere is a card that another bureau made.
func issuedElsewhere(t *testing.T) virtual.Card {
	c := set(t, batchtest.NewBureau(t, t.TempDir(), 1), 1, true)
	c.operator.Load("left")
	require.NoError(t, c.program(t))
	return c.cards[0]
}

// Whatever happens to cards and program, the job is done in the end, and what came of
// it is right: cards pulled out and put into the other reader, power lost in commands,
// cards that refuse for no reason, the program killed; cards of others among ours.
func TestJobsWithFaults(t *testing.T) {
	batchtest.InMemory(t)
	founded := batchtest.NewBureau(t, t.TempDir(), 2)
	elsewhere := issuedElsewhere(t)
	folder := t.TempDir()
	merchants := 0
	rapid.Check(t, func(r *rapid.T) {
		merchants++
		c := set(t, founded.Copy(t, filepath.Join(folder, fmt.Sprint(merchants))), 0, true)
		m := &faultPlan{at: rapid.MapOfN(rapid.IntRange(1, 160),
			rapid.SampledFrom([]faultKind{withdrawnBefore, withdrawnAfter, powerCut, garbled,
				killed}), 0, 6).Draw(r, "mishaps")}
		// Each refusal for no reason may spoil a card.
		for i := range 2 + len(m.at) {
			virtualCard, err := batchtest.NewCard(fmt.Sprintf("%s %d %d", t.Name(), merchants, i),
				true)
			require.NoError(r, err)
			c.cards = append(c.cards, virtualCard)
			c.operator.Stack = append(c.operator.Stack, faultyCard{virtualCard, m})
		}
		unusable := unusableCards(r, fmt.Sprint(t.Name(), merchants), elsewhere)
		for name := range unusable {
			if at := rapid.IntRange(-1, len(c.operator.Stack)-1).Draw(r, name); at >= 0 {
				c.operator.Stack = append(c.operator.Stack[:at:at],
					append([]virtual.Card{unusable[name]}, c.operator.Stack[at:]...)...)
			}
		}
		c.operator.Empty = func() { // whoever has run out of cards would wait for ever
			c.mu.Lock()
			defer c.mu.Unlock()
			c.stop()
		}
		c.operator.Load("left", "right")
		m.kill = func() {
			c.mu.Lock()
			defer c.mu.Unlock()
			c.ended = "killed"
			c.stop()
		}
		for programs := 1; ; programs++ {
			err := c.program(t)
			if c.ended == "" {
				require.NoError(r, err)
				break
			}
			require.LessOrEqual(r, programs, len(m.at))
			c.operator.Interrupted()
		}
		batchtest.Examine(t.Context(), r, c.Bureau, c.cards)
		require.NoError(r, os.RemoveAll(c.Folder))
	})
}
