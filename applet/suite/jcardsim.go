package suite

import (
	"context"

	"ekrona.example/apdu"
	"ekrona.example/apdu/spec"
	"ekrona.example/applet/attack"
	"ekrona.example/applet/jcardsim"
)

// appletClass is the applet in the sources that applet/jcsim compiles.
const appletClass = "ekrona.EkronaApplet"

// JCardSim is the applet's classes on jCardSim. It is no [Cutter]: jCardSim
// cannot lose power within a command, and undoes no transaction.
type JCardSim struct{ simulator *jcardsim.Simulator }

// StartJCardSim starts a Java virtual machine; Close ends it.
func StartJCardSim(classes jcardsim.Classes) (*JCardSim, error) {
	simulator, err := jcardsim.Start(classes, appletClass)
	if err != nil {
		return nil, err
	}
	return &JCardSim{simulator}, nil
}

// Close ends the Java virtual machine.
func (j *JCardSim) Close() error { return j.simulator.Close() }

// Install implements [Target].
func (j *JCardSim) Install(ctx context.Context, parameters []byte) (apdu.Card, error) {
	return j.simulator, j.simulator.Install(ctx, []byte(spec.AppletAID), parameters)
}

// Reset implements [Target].
func (j *JCardSim) Reset(ctx context.Context) error { return j.simulator.Reset(ctx) }

// Capabilities implements [Target].
func (j *JCardSim) Capabilities() Capabilities {
	return Capabilities{Divergences: jCardSimDivergences}
}

// jCardSimDivergences are the cases in which jCardSim is not like a card. No case
// depends on what it lacks beyond them: it never sees the CAP file, has no firewall and
// no limits of memory, loses no power within a command and undoes no transaction, so
// [RunTorn] and [RunLife] are not for it.
var jCardSimDivergences = map[string]string{
	caseOf(attack.PINToNoPoint):                                    unusualPoints,
	"attack: authority's certificate whose point is off the curve": unusualPoints,
	longName: "it breaks off at a name that is longer than any",
	nextApplication: "it does not look for the next application of a name, but asks the one that " +
		"is selected",
}

const unusualPoints = "it takes points that are not on the curve, and throws what Java Card does " +
	"not know for some that are none"
