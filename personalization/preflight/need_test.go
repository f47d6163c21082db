package preflight

import (
	"testing"

	"github.com/stretchr/testify/require"

	"ekrona.example/apdu/spec"
	"ekrona.example/applet"
	"ekrona.example/emulator/card"
)

// TestAsManySlotsAsAreNamedFit: on a product that is too small for the default log, the number that
// the page names installs, and one more does not.
func TestAsManySlotsAsAreNamedFit(t *testing.T) {
	tooSmall := 0
	for _, profile := range card.Profiles() {
		if profile.RAMBytes == 0 {
			continue
		}
		need, err := NeedOn(applet.CAP, spec.DefaultSlots, profile)
		if err != nil || need.Persistent <= profile.NVMBytes {
			continue // it has no P-256, or room
		}
		most := need.SlotsIn(profile.NVMBytes)
		if most == 0 {
			continue
		}
		tooSmall++
		t.Run(profile.Name, func(t *testing.T) {
			for slots, fits := range map[uint8]bool{most: true, most + 1: false} {
				fit, err := FitOf(applet.CAP, slots, profile)
				require.NoError(t, err)
				require.Equal(t, fits, fit.PersistentLeft() >= 0, "%d slots", slots)
			}
		})
	}
	require.NotZero(t, tooSmall)
	all := Need{Persistent: 1000, Slots: spec.DefaultSlots, PerSlot: 10}
	require.EqualValues(t, spec.DefaultSlots, all.SlotsIn(1000))
	require.Zero(t, all.SlotsIn(-200), "not even the fewest")
}
