//go:build pcsc

package verdict_test

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/apdu/conform"
	"ekrona.example/emulator/card"
	"ekrona.example/host/lab/verdict"
	"ekrona.example/host/pcsc"
	"ekrona.example/host/pcsc/daemon"
)

// A card in a reader of a real daemon is judged and timed; one that is pulled out in the middle
// of a command ends the run, and what was found is kept.
func TestCardInReader(t *testing.T) {
	d := daemon.Start(t)
	for _, pulled := range []int{0, 40, 150} {
		in := d.Insert(0, managed(t, card.P71))
		c, err := d.System.Connect(d.Reader(0))
		require.NoError(t, err)
		s := subject(t, managed(t, card.P71))
		s.Card = conform.Card{Card: c.Unframed(), Bytes: c.TransmitBytes, Reset: c.Reset,
			ATR: c.ATR, Extended: c.ExtendedLength()}
		s.Virtual, s.Where, s.Now = false, d.Reader(0), nil
		if pulled > 0 {
			in.PullAt(pulled, daemon.AnswerLost)
		}
		r, err := verdict.Run(t.Context(), s)
		if pulled == 0 {
			require.NoError(t, err)
			assert.Empty(t, failures(r))
			require.NotNil(t, r.Timings[0].Measured)
			assert.Equal(t, 10, r.Timings[0].Measured.Times)
			assert.Positive(t, r.Timings[0].Measured.MedianUs)
			assert.NotEmpty(t, r.Timings[0].Model)
			require.NoError(t, c.Close())
			in.Pull()
			continue
		}
		require.ErrorIs(t, err, pcsc.ErrCardRemoved)
		require.ErrorIs(t, err, conform.ErrLost)
		assert.NotNil(t, r.Identity)
		assert.NotEmpty(t, r.Checks)
		assert.Contains(t, r.Verdict, "the card was taken away")
		var page bytes.Buffer
		require.NoError(t, r.HTML(&page))
		require.NoError(t, c.Close())
	}
}
