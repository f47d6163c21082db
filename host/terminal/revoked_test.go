package terminal

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/apdu/message"
	"ekrona.example/host/banking"
	"ekrona.example/host/notary"
)

// list is an intermediary that only has the revocation list, in pages of two devices.
type list struct {
	banking.Terminal
	all   []notary.Revocation
	asked []int64
	lost  int // number of the call that is lost
}

var errLink = errors.New("the link is down")

func (l *list) Revoked(_ context.Context, after int64) (page []notary.Revocation, err error) {
	l.asked = append(l.asked, after)
	if len(l.asked) == l.lost {
		return nil, errLink
	}
	for _, r := range l.all {
		if r.Seq > after && len(page) < 2 {
			page = append(page, r)
		}
	}
	return page, nil
}

func (l *list) add(devices ...message.DeviceID) {
	for _, device := range devices {
		l.all = append(l.all, notary.Revocation{Seq: int64(3 * (len(l.all) + 1)), Device: device})
	}
}

func TestRevocationListIsLearntPageByPageAndOnce(t *testing.T) {
	s := newTestMerchant(t)
	known := &list{lost: 3}
	for n := range 5 {
		known.add(message.DeviceID(fmt.Sprintf("SENORDIC%08d", n+10)))
	}
	s.terminal.link = known
	require.ErrorIs(t, s.terminal.learnRevoked(s.ctx), errLink)
	assert.Equal(t, []int64{0, 6, 12}, known.asked)
	s.start() // a restarted terminal continues after the stored list
	s.terminal.link = known
	known.add(s.payer.Certificate.Device())
	revoked, err := s.terminal.isRevoked(s.ctx, s.payer.Certificate)
	require.NoError(t, err)
	assert.False(t, revoked)
	known.asked = nil
	known.lost = 0
	require.NoError(t, s.terminal.learnRevoked(s.ctx))
	assert.Equal(t, []int64{12, 18}, known.asked)
	revoked, err = s.terminal.isRevoked(s.ctx, s.payer.Certificate)
	require.NoError(t, err)
	assert.True(t, revoked)
}

// backwards returns the same page for any position.
type backwards struct{ list }

func (b *backwards) Revoked(context.Context, int64) ([]notary.Revocation, error) {
	return b.all, nil
}

func TestDamagedRevocationListIsRefusedWhole(t *testing.T) {
	s := newTestMerchant(t)
	b := &backwards{}
	b.all = []notary.Revocation{{Seq: 5, Device: "SENORDIC00000010"},
		{Seq: 5, Device: s.payer.Certificate.Device()}}
	s.terminal.link = b
	require.ErrorContains(t, s.terminal.learnRevoked(s.ctx), "damaged")
	revoked, err := s.terminal.isRevoked(s.ctx, s.payer.Certificate)
	require.NoError(t, err)
	assert.False(t, revoked)
}
