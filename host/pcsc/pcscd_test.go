//go:build pcsc

package pcsc_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona/apdu"
	"ekrona/emulator/card"
	"ekrona/emulator/globalplatform"
	"ekrona/host/pcsc"
	"ekrona/host/pcsc/daemon"
)

func blankCard(t testing.TB) *globalplatform.Card {
	virtual, err := card.New(card.Options{Profile: card.P71})
	require.NoError(t, err)
	managed, err := globalplatform.New(virtual, globalplatform.Options{})
	require.NoError(t, err)
	return managed
}

// selectManager is SELECT of whatever the card selects by default.
var selectManager = apdu.Command{INS: 0xA4, P1: 4, Ne: apdu.MaxShortNe}

func TestPulledInMidExchange(t *testing.T) {
	d := daemon.Start(t)
	for _, when := range []daemon.Moment{daemon.CommandLost, daemon.AnswerLost} {
		in := d.Insert(0, blankCard(t))
		c, err := d.System.Connect(d.Reader(0))
		require.NoError(t, err)
		assert.Equal(t, globalplatform.ATR(), c.ATR())
		r, err := c.Transmit(context.Background(), selectManager)
		require.NoError(t, err)
		assert.Equal(t, apdu.OK, r.SW)
		in.PullAt(1, when)
		_, err = c.Transmit(context.Background(), selectManager)
		require.ErrorIs(t, err, pcsc.ErrCardRemoved)
		require.ErrorIs(t, c.Reset(), pcsc.ErrCardRemoved)
		require.NoError(t, c.Close())
		in.Pull()
	}
}
