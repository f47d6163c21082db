package simulator

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/apdu/spec"
)

// TestPhonesOfEverySecondWorldArePaired: their commands are under secure messaging, and what the
// card of a paired phone receives and reads takes no PIN.
func TestPhonesOfEverySecondWorldArePaired(t *testing.T) {
	for seed, want := range map[uint64]bool{8: true, 9: false} {
		s := Generate(seed, 60)
		require.Equal(t, want, s.Paired)
		w, err := newWorld(context.Background(), s, Options{})
		require.NoError(t, err)
		for _, step := range s.Steps {
			w.beginStep(step)
			w.noteError(w.act(step))
		}
		require.NoError(t, w.failure)
		secured := map[byte]bool{}
		for _, raw := range w.seenCommands {
			if raw[0]&spec.ClassSecured != 0 {
				secured[raw[1]] = true
			}
		}
		for _, c := range []*spec.Command{spec.RequestPayment, spec.Accept, spec.GetState,
			spec.ReadRecord} {
			assert.Equal(t, want, secured[c.INS], "seed %d, %s", seed, c.Name)
		}
		require.NoError(t, w.close())
	}
}
