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

	"ekrona/apdu"
	"ekrona/apdu/gpc"
	"ekrona/emulator/card"
	"ekrona/emulator/globalplatform"
	"ekrona/personalization/batch/batchtest"
	"ekrona/personalization/batch/virtual"
	"ekrona/personalization/scp03"
)

// mishap is what goes wrong at a command to a card.
type mishap string

const (
	pulledBefore mishap = "pulled before the command"
	pulledAfter  mishap = "pulled before the answer"
	powerCut     mishap = "power goes within the command"
	garbled      mishap = "refuses without a reason"
	killed       mishap = "the program is killed"
)

// misfortune strikes at numbered commands, counted over all cards.
type misfortune struct {
	mu       sync.Mutex
	commands int
	at       map[int]mishap
	kill     func()
}

func (m *misfortune) next() mishap {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.commands++
	return m.at[m.commands]
}

// unlucky is a card that misfortune strikes.
type unlucky struct {
	*globalplatform.Card
	misfortune *misfortune
}

func (u unlucky) Transmit(ctx context.Context, c apdu.Command) (apdu.Response, error) {
	switch what := u.misfortune.next(); what {
	case pulledBefore:
		return apdu.Response{}, virtual.ErrPulled
	case pulledAfter:
		_, err := u.Card.Transmit(ctx, c)
		return apdu.Response{}, errors.Join(virtual.ErrPulled, err)
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

// nameless is a card without production and diversification data.
type nameless struct{ virtual.Card }

func (n nameless) Transmit(ctx context.Context, c apdu.Command) (apdu.Response, error) {
	if c.INS == gpc.InsGetData {
		return apdu.Response{SW: apdu.SWNotFound}, nil
	}
	return n.Card.Transmit(ctx, c)
}

// oddCards are cards that must not be made: each is refused.
func oddCards(t require.TestingT, name string, issued virtual.Card) map[string]virtual.Card {
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
		"nameless":   nameless{blank("nameless", scp03.Keys{})},
		"issued":     issued,
	}
}

// issuedElsewhere is a card that another shop made.
func issuedElsewhere(t *testing.T) virtual.Card {
	c := set(t, batchtest.NewShop(t, t.TempDir(), 1), 1, true)
	c.feeder.Fill("left")
	require.NoError(t, c.program(t))
	return c.cards[0]
}

// Whatever happens to cards and program, the job is done in the end, and what came of
// it is right: cards pulled out and put into the other reader, power lost in commands,
// cards that refuse for no reason, the program killed; cards of others among ours.
func TestJobsWithMisfortune(t *testing.T) {
	batchtest.InMemory(t)
	founded := batchtest.NewShop(t, t.TempDir(), 2)
	elsewhere := issuedElsewhere(t)
	folder := t.TempDir()
	shops := 0
	rapid.Check(t, func(r *rapid.T) {
		shops++
		c := set(t, founded.Copy(t, filepath.Join(folder, fmt.Sprint(shops))), 0, true)
		m := &misfortune{at: rapid.MapOfN(rapid.IntRange(1, 160),
			rapid.SampledFrom([]mishap{pulledBefore, pulledAfter, powerCut, garbled, killed}), 0, 6).Draw(r, "mishaps")}
		// Each refusal for no reason may spoil a card.
		for i := range 2 + len(m.at) {
			virtualCard, err := batchtest.NewCard(fmt.Sprintf("%s %d %d", t.Name(), shops, i), true)
			require.NoError(r, err)
			c.cards = append(c.cards, virtualCard)
			c.feeder.Pile = append(c.feeder.Pile, unlucky{virtualCard, m})
		}
		odd := oddCards(r, fmt.Sprint(t.Name(), shops), elsewhere)
		for name := range odd {
			if at := rapid.IntRange(-1, len(c.feeder.Pile)-1).Draw(r, name); at >= 0 {
				c.feeder.Pile = append(c.feeder.Pile[:at:at], append([]virtual.Card{odd[name]}, c.feeder.Pile[at:]...)...)
			}
		}
		c.feeder.Empty = func() { // whoever has run out of cards would wait for ever
			c.mu.Lock()
			defer c.mu.Unlock()
			c.stop()
		}
		c.feeder.Fill("left", "right")
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
		}
		batchtest.Examine(t.Context(), r, c.Shop, c.cards)
		require.NoError(r, os.RemoveAll(c.Folder))
	})
}
