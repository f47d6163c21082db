package message

import (
	"testing"

	"github.com/stretchr/testify/require"

	"ekrona.example/apdu/layout"
	"ekrona.example/apdu/spec"
)

// What a card answers beside messages: it reads exactly, or not at all, and a
// policy, a date and an id are written back as they were.
func FuzzAnswers(f *testing.F) {
	counters := []byte{0x9F, 0x36, 4, 0, 0, 0, 9}
	f.Add([]byte(spec.PilotPolicy))
	f.Add(counters)
	f.Add([]byte("2026-11-22"))
	f.Add([]byte("SENORDIC00000001"))
	f.Add(append([]byte{byte(spec.TagFCI), 0x1E, byte(spec.TagDFName), byte(len(spec.AppletAID))},
		spec.AppletAID...))
	f.Fuzz(func(t *testing.T, b []byte) {
		if p, err := ParsePolicy(b); err == nil {
			wire, err := p.Bytes()
			require.NoError(t, err)
			require.Equal(t, b, wire)
		}
		if d, err := ParseDate(string(b)); err == nil {
			require.Equal(t, string(b), d.String())
		}
		if id, err := ParseDeviceID(string(b)); err == nil {
			require.Equal(t, string(b), string(id))
		}
		for _, read := range []func() (any, error){
			func() (any, error) { v, err := ParseFCI(b); return v, err },
			func() (any, error) { v, err := ParseCounters(b); return v, err },
			func() (any, error) { v, err := ParseKeyAnswer(b); return v, err },
		} {
			if _, err := read(); err != nil {
				require.ErrorIs(t, err, layout.ErrMalformed)
			}
		}
	})
}
