package glitch

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/apdu/spec"
	"ekrona.example/emulator/fault"
)

// TestTwoFaultsAtAFactGainNothing: one fault where a command takes the number of a fact breaks the
// command off, and another one soon after skips what cleans up. Whatever the two leave, the PIN
// that came with the Request is of no use to another one.
func TestTwoFaultsAtAFactGainNothing(t *testing.T) {
	const named = "PAY own phone: one command pays, with the PIN in it"
	s, places := suiteOf(t, "")
	all, err := s.Traces(t.Context(), named, Secrets{})
	require.NoError(t, err)
	target := &Target{Case: named, Exchanges: map[int]int{}}
	for _, x := range all {
		if x.Command.INS == spec.Pay.INS {
			target.Exchanges[x.Exchange] = 0
		}
	}
	require.NotEmpty(t, target.Exchanges)
	b, err := s.Bench()
	require.NoError(t, err)
	first, second := modelsNamed(t, "zero", "skip=2", "read=FF"), modelsNamed(t, "skip", "call=00")
	struck := 0
	require.NoError(t, b.Run(t.Context(), target, func(_ int, e *fault.Experiment, o Oracle) error {
		for one := range e.Trace.Faults(first) {
			if places.Of(e.Trace.Steps[one.N]).Method != "Guard.next" {
				continue
			}
			for n := one.N + 1; n <= one.N+near; n++ {
				for _, m := range second {
					other := fault.Fault{Model: m, N: n}
					r, failed := e.Try(t.Context(), one, other)
					if e.Struck() == 2 {
						struck++
					}
					gains, err := o.Verdict(r, failed)
					if err != nil {
						return err
					}
					assert.Empty(t, gains, "%v, then %v", one, other)
				}
			}
		}
		return nil
	}))
	assert.Positive(t, struck)
}

func modelsNamed(t *testing.T, names ...string) (models []fault.Model) {
	t.Helper()
	for _, name := range names {
		model, err := fault.ModelNamed(name)
		require.NoError(t, err)
		models = append(models, model)
	}
	return models
}
