package suite

import (
	"context"
	"crypto/ecdsa"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona/apdu"
	"ekrona/apdu/spec"
	"ekrona/applet/jcardsim"
)

// appletClass is the applet in the sources that applet/jcsim compiles.
const appletClass = "ekrona.EkronaApplet"

// onJCardSim is the applet's classes on jCardSim.
type onJCardSim struct{ *jcardsim.Simulator }

func (j onJCardSim) Install(ctx context.Context, parameters []byte) (apdu.Card, error) {
	return j.Simulator, j.Simulator.Install(ctx, []byte(spec.AppletAID), parameters)
}

func (onJCardSim) Capabilities() Capabilities { return Capabilities{Divergences: jCardSimDivergences} }

// jCardSimDivergences are the cases in which jCardSim is not like a card.
var jCardSimDivergences = map[string]string{
	"VERIFY enciphered: a point that is none costs no try":                strangePoints,
	"CHANGE REFERENCE DATA enciphered: a point that is none costs no try": strangePoints,
	"RESET RETRY COUNTER enciphered: a point that is none costs no try":   strangePoints,
}

const strangePoints = "its KeyAgreement computes with points off the curve, and throws what Java Card does not know for other forms"

func startJCardSim(t testing.TB, classes jcardsim.Classes) onJCardSim {
	t.Helper()
	simulator, err := jcardsim.Start(classes, appletClass)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, simulator.Close()) })
	return onJCardSim{simulator}
}

func buildJCardSim(t testing.TB) jcardsim.Classes {
	t.Helper()
	return jcardsim.BuildForTests(t, filepath.Join("..", "jcsim"))
}

func TestOnJCardSim(t *testing.T) {
	Run(t, startJCardSim(t, buildJCardSim(t)))
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
			for what, key := range map[string]*ecdsa.PublicKey{"signing key": s.public, "PIN key": s.pinKey} {
				point, err := key.Bytes()
				c.must(err)
				draw(run+": "+what, point)
			}
			for range 8 {
				challenge := s.cardChallenge()
				draw(run+": card challenge", challenge[:])
			}
			asked := c.encode(s.challenge())
			for range 8 {
				answer := s.succeeds(spec.GetState.Only(), asked)
				r := answer[len(answer)-spec.SignatureLength:][:spec.ScalarLength]
				draw(run+": r of a signature", r)
			}
		}}, new(*country))
		assert.Empty(t, failures)
	}
}
