package suite

import (
	"crypto/ecdsa"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/apdu/spec"
	"ekrona.example/applet/jcardsim"
)

func startJCardSim(t *testing.T, classes jcardsim.Classes) *JCardSim {
	t.Helper()
	simulator, err := StartJCardSim(classes)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, simulator.Close()) })
	return simulator
}

func buildJCardSim(t *testing.T) jcardsim.Classes {
	t.Helper()
	return jcardsim.BuildForTests(t, filepath.Join("..", "jcsim"))
}

func TestOnJCardSim(t *testing.T) {
	RunSome(t, startJCardSim(t, buildJCardSim(t)), 3)
}

// TestJCardSimIsRandom shows that the bridge has set jCardSim's randomness to
// secure: by default every run draws the same numbers, and two signatures with
// the same nonce give the private key away.
func TestJCardSimIsRandom(t *testing.T) {
	classes := buildJCardSim(t)
	drawn := make(map[string]string)
	draw := func(what string, b []byte) {
		if before, again := drawn[string(b)]; again {
			t.Errorf("%s: drawn before as %s: %X", what, before, b)
		}
		drawn[string(b)] = what
	}
	for _, run := range []string{"first run", "second run"} {
		c := &caseRun{ctx: t.Context(), target: startJCardSim(t, classes), coverage: newCoverage()}
		failures := attempt(c, testCase{run, func(c *caseRun) {
			s := c.active()
			for what, key := range map[string]*ecdsa.PublicKey{"signing key": s.public,
				"PIN key": s.pinKey} {
				point, err := key.Bytes()
				c.must(err)
				draw(run+": "+what, point)
			}
			for range 8 {
				challenge := s.nextNonce()
				draw(run+": card challenge", challenge[:])
			}
			asked := c.encode(s.challenge())
			for range 8 {
				answer := s.succeeds(spec.GetState.Only(), asked)
				r := answer[len(answer)-spec.SignatureLength:][:spec.ScalarLength]
				draw(run+": r of a signature", r)
			}
		}}, new(*cardScheme))
		assert.Empty(t, failures)
	}
}
