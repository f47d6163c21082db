package suite

import (
	"context"
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
	classes, err := jcardsim.Build(t.Context(), filepath.Join("..", "jcsim"), t.TempDir())
	jcardsim.SkipWithoutTools(t, err)
	require.NoError(t, err)
	return classes
}

func TestOnJCardSim(t *testing.T) {
	Run(t, startJCardSim(t, buildJCardSim(t)))
}
