package suite

import (
	"context"
	"fmt"
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/apdu"
	"ekrona.example/apdu/message"
	"ekrona.example/apdu/spec"
	"ekrona.example/applet"
	"ekrona.example/emulator/card"
)

// manyCards is a target that keeps every card that it has made, as a simulated world does.
type manyCards struct{ made []*card.Card }

func (m *manyCards) Install(_ context.Context, parameters []byte) (apdu.Card, error) {
	fresh, err := card.New(card.Options{Profile: card.P71, Interface: card.Contact})
	if err != nil {
		return nil, err
	}
	if _, err := fresh.Load(applet.CAP); err != nil {
		return nil, err
	}
	aid := card.AID(spec.AppletAID)
	_, err = fresh.Install(aid, aid, parameters)
	m.made = append(m.made, fresh)
	return fresh, err
}

func (m *manyCards) Reset(context.Context) error {
	m.made[len(m.made)-1].Reset()
	return nil
}

func (m *manyCards) Capabilities() Capabilities { return Capabilities{} }

// heapInUse is what lives on the heap, in bytes.
func heapInUse() int {
	runtime.GC()
	runtime.GC() // what the first one's finalizers let go of
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}

// bytesOfACard issues cards, has each make so many payments, takes their power away, and
// returns what one card takes of the heap.
func bytesOfACard(t testing.TB, cards, payments int) int {
	t.Helper()
	before := heapInUse()
	made := issueMany(t, cards, payments)
	after := heapInUse()
	runtime.KeepAlive(made)
	return (after - before) / cards
}

func issueMany(t testing.TB, cards, payments int) []*card.Card {
	t.Helper()
	all := new(manyCards)
	require.NoError(t, runCase(t.Context(), all, func(c *caseRun) {
		merchant := c.device(c.world.own, spec.RoleTerminal)
		for range cards {
			s := c.loaded(10_000, func(p *message.InstallParameters) {
				p.Ceilings, p.Slots = message.DefaultCeilings(), spec.DefaultSlots
			})
			for range payments {
				s.newTap()
				s.enterPIN()
				s.payVerified(merchant, c.request(merchant, 1, ""))
			}
			c.must(all.Reset(c.ctx))
		}
		c.subject = nil // it is compared with its model otherwise, which selects it again
	}))
	return all.made
}

// TestACardTakesLittleMemory holds a card to half of what 10,000 of them in 2 GiB may take:
// a fresh one, and one with half of its log full.
func TestACardTakesLittleMemory(t *testing.T) {
	const cards = 50
	issueMany(t, 1, 0) // what all cards share
	assert.Less(t, bytesOfACard(t, cards, 0), 60_000)
	assert.Less(t, bytesOfACard(t, cards, spec.DefaultSlots/2), 100_000)
}

// BenchmarkCardMemory measures what a card of a world takes of the heap.
func BenchmarkCardMemory(b *testing.B) {
	for _, payments := range []int{0, spec.DefaultSlots / 2} {
		b.Run(fmt.Sprintf("payments=%d", payments), func(b *testing.B) {
			bytes := 0
			for b.Loop() {
				bytes = bytesOfACard(b, 1000, payments)
			}
			b.ReportMetric(float64(bytes), "B/card")
		})
	}
}
