package batch_test

import (
	"context"
	"fmt"
	"path/filepath"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/apdu"
	"ekrona.example/emulator/card"
	"ekrona.example/emulator/globalplatform"
	"ekrona.example/personalization/batch"
	"ekrona.example/personalization/batch/batchtest"
	"ekrona.example/personalization/batch/virtual"
)

// slowCard is a virtual card that takes as long as a P71 is estimated to.
type slowCard struct {
	*globalplatform.Card
	link  card.Link
	total *atomic.Int64 // nanoseconds
}

func (u slowCard) Transmit(ctx context.Context, c apdu.Command) (apdu.Response, error) {
	r, err := u.Card.Transmit(ctx, c)
	if err != nil {
		return r, err
	}
	cost, err := globalplatform.Estimate(u.LastCommand(), u.link)
	if err != nil {
		return r, err
	}
	u.total.Add(int64(cost.Of()))
	time.Sleep(cost.Of()) // of a bubble's clock, which nobody waits for
	return r, nil
}

// testClock goes as the time in a bubble, from the bureaus' noon on.
type testClock struct{ began time.Time }

func (c testClock) Now() time.Time { return batchtest.Noon.Add(time.Since(c.began)) }

// A job takes two readers half the time that it takes one, if it is the cards that
// take it: 24 KB to load at 115200 bit/s. The time is that of the cost model, and what
// the host computes takes none of it.
func TestTwoReadersTakeHalfTheTime(t *testing.T) {
	const cards = 4
	took := map[int]time.Duration{}
	var each time.Duration
	for _, readers := range []int{1, 2, 4} {
		synctest.Test(t, func(t *testing.T) {
			began := time.Now()
			s := batchtest.NewBureau(t, t.TempDir(), cards)
			link, err := card.LinkNamed("contact-115200")
			require.NoError(t, err)
			var total atomic.Int64
			var names []string
			for i := range readers {
				names = append(names, fmt.Sprintf("reader %d", i+1))
			}
			operator := &virtual.VirtualOperator{Readers: virtual.NewReaders(names...)}
			for i := range cards {
				c, err := batchtest.NewCard(fmt.Sprintf("%s %d", t.Name(), i), false)
				require.NoError(t, err)
				operator.Stack = append(operator.Stack, slowCard{c, link, &total})
			}
			operator.Load(names...)
			w, err := s.Open(t.Context())
			require.NoError(t, err)
			job, err := w.BeginAt(t.Context(), s, testClock{began}, nil)
			require.NoError(t, err)
			from := time.Now()
			require.NoError(t, job.Run(t.Context(), operator.Readers, operator.Handle))
			took[readers] = time.Since(from)
			each = time.Duration(total.Load()) / cards
			require.NoError(t, job.Close())
			record, err := batch.ReadRecord(t.Context(), s.JobFolder())
			require.NoError(t, err)
			for _, v := range record.Sessions {
				assert.Positive(t, v.Card())
				assert.Less(t, v.Host(), v.Card()/100, "the host's work takes no time here, but "+
					"for waits of two readers for the journal")
			}
			require.NoError(t, w.Sandbox.Close())
		})
		t.Logf("%d readers: %d cards in %s, %.0f an hour", readers, cards,
			took[readers].Round(time.Millisecond), cards/took[readers].Hours())
	}
	t.Logf("a card takes %s of its own and its reader's time", each.Round(time.Millisecond))
	assert.InEpsilon(t, float64(took[1])/2, float64(took[2]), 0.05)
	assert.InEpsilon(t, float64(took[1])/4, float64(took[4]), 0.05)
}

// BenchmarkJob makes cards whose time is this machine's too: the emulated cards and the
// host share its processors.
func BenchmarkJob(b *testing.B) {
	const cards = 2
	for _, readers := range [][]string{{"left"}, {"left", "right"}} {
		b.Run(fmt.Sprintf("readers=%d", len(readers)), func(b *testing.B) {
			founded := batchtest.NewBureau(b, b.TempDir(), cards)
			var host, onCard time.Duration
			made := 0
			for b.Loop() {
				b.StopTimer()
				c := set(b, founded.Copy(b, filepath.Join(b.TempDir(), "bureau")), cards, false)
				c.operator.Load(readers...)
				w, err := c.Open(b.Context())
				require.NoError(b, err)
				job, err := w.BeginAt(b.Context(), c.Bureau, nil, nil)
				require.NoError(b, err)
				b.StartTimer()
				require.NoError(b, job.Run(b.Context(), c.operator.Readers, c.operator.Handle))
				b.StopTimer()
				require.NoError(b, job.Close())
				require.NoError(b, w.Sandbox.Close())
				record, err := batch.ReadRecord(b.Context(), c.JobFolder())
				require.NoError(b, err)
				for _, v := range record.Sessions {
					host, onCard, made = host+v.Host(), onCard+v.Card(), made+1
				}
				b.StartTimer()
			}
			b.ReportMetric(float64(onCard.Milliseconds())/float64(made), "card-ms/card")
			b.ReportMetric(float64(host.Milliseconds())/float64(made), "host-ms/card")
		})
	}
}
