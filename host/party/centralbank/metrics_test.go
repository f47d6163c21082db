package centralbank

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ekrona.example/host/notary"
)

// sumsOf gives the sums that come through a channel.
type sumsOf struct {
	notary.Supervisor
	asked chan struct{}
	given chan notary.Totals
}

var errDown = errors.New("the database is down")

func (s sumsOf) Totals(context.Context) (notary.Totals, error) {
	s.asked <- struct{}{}
	if sums, is := <-s.given; is {
		return sums, nil
	}
	return notary.Totals{}, errDown
}

// TestAScrapeWaitsForNoDatabaseThatStandsStill: it goes without the sums, however many scrapes come
// while one of them has them made, and a later one gets these.
func TestAScrapeWaitsForNoDatabaseThatStandsStill(t *testing.T) {
	of := sumsOf{asked: make(chan struct{}, 1), given: make(chan notary.Totals)}
	now, over := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), make(chan time.Time)
	close(over)
	shown := &totals{of: of, now: func() time.Time { return now },
		patience: func() <-chan time.Time { return over }}
	for range 3 {
		_, err := shown.sums()
		require.ErrorIs(t, err, errSlow)
	}
	<-of.asked
	shown.patience = func() <-chan time.Time { return nil }
	go func() { of.given <- notary.Totals{At: now, Issued: 7} }()
	for range 2 {
		sums, err := shown.sums()
		require.NoError(t, err)
		require.EqualValues(t, 7, sums.Issued)
	}
	require.Empty(t, of.asked, "they were made once")

	now = now.Add(totalsTime)
	close(of.given)
	for range 2 {
		_, err := shown.sums()
		require.ErrorIs(t, err, errDown)
		<-of.asked
	}
}
