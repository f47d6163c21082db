package scp03

import (
	"testing"

	"github.com/stretchr/testify/require"

	"ekrona.example/apdu"
)

// A card that has authenticated its host refuses every command that was altered on the
// way, in header, data or MAC, of any length; and the host every such response.
func FuzzProtection(f *testing.F) {
	f.Add(byte(0x84), byte(0xF2), byte(0x80), byte(0x02), []byte{0x4F, 0x00}, false)
	f.Add(byte(0x84), byte(0xE6), byte(0x02), byte(0x00), make([]byte, 24), true)
	f.Add(byte(0x04), byte(0xA4), byte(0x04), byte(0x00), []byte{}, true)
	f.Fuzz(func(t *testing.T, cla, ins, p1, p2 byte, data []byte, answer bool) {
		p := &peer{keys: TestKeys(), sw: apdu.OK}
		ch, err := Open(t.Context(), p, Options{Keys: TestKeys(), Level: Full})
		require.NoError(t, err)
		if answer {
			p.tamper = func(r apdu.Response) apdu.Response {
				return apdu.Response{Data: data, SW: r.SW}
			}
			_, err := ch.Transmit(t.Context(),
				apdu.Command{CLA: 0x80, INS: 0xCA, P1: p1, P2: p2, Ne: apdu.MaxShortNe})
			require.Error(t, err, "an answer without the card's MAC")
			return
		}
		_, err = p.responder.Unwrap(apdu.Command{CLA: cla, INS: ins, P1: p1, P2: p2, Data: data})
		require.ErrorIs(t, err, ErrProtection, "a command without the host's MAC")
	})
}
