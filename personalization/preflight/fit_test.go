package preflight_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/apdu/spec"
	"ekrona.example/applet"
	"ekrona.example/emulator/card"
	"ekrona.example/personalization/preflight"
)

// transientLeft is what the applet leaves of the transient memory of every published
// product, in bytes; it cannot be installed where that is negative.
var transientLeft = map[string]int{
	"p71": 1556, "p71-short": 1556,
	"p71d600": 2097, "j3r180-8pin": 1622, "p71d321": 1622, "j2r180": 1462, "j3r180-6pin": 1462,
	"j3r180-3bfd": 1414, "j3r180-nfc": 1414, "j3r180-usb": 1414, "j3r180-2022": 1398,
	"j3r110": 1208, "j3r180-taxcore": 1204, "j3r180-cardlogix": 1158, "j3r180-feitian": 618,
	"j3r180-rsa4k": 616, "j3r452": 375, "p71d321-used": -940,
}

// TestProductsThatTheAppletFitsOn installs the applet on every profile. What it needs is
// what INSTALL then finds, and the profile that the project works with is among those that
// it fits on.
func TestProductsThatTheAppletFitsOn(t *testing.T) {
	var fits []preflight.Fit
	left := map[string]int{}
	var curveless []string
	for _, profile := range card.Profiles() {
		if profile.RAMBytes == 0 {
			continue
		}
		fit, err := preflight.FitOf(applet.CAP, spec.DefaultSlots, profile)
		require.NoError(t, err, profile.Name)
		if strings.HasPrefix(profile.Name, "j3r150") || strings.HasPrefix(profile.Name, "j3r200") {
			curveless = append(curveless, profile.Name)
			assert.ErrorContains(t, fit.Refusal, "CryptoException", "it has no elliptic curves")
			continue
		}
		assert.Equal(t, fit.TransientLeft() >= 0 && fit.PersistentLeft() >= 0, fit.Installs(),
			"%s: %v", profile.Name, fit.Refusal)
		if !fit.Installs() {
			assert.ErrorContains(t, fit.Refusal, "SystemException", profile.Name)
		}
		left[profile.Name] = fit.TransientLeft()
		fits = append(fits, fit)
	}
	assert.Equal(t, transientLeft, left)
	assert.Equal(t, []string{"j3r150", "j3r200", "j3r200-emv"}, curveless)
	assert.GreaterOrEqual(t, left[card.P71.Name], 0)
	assert.Equal(t, "j3r452", fits[preflight.Smallest(fits)].Profile.Name)
}

// TestNeedByKindIsTheNeed adds up what the kinds take.
func TestNeedByKindIsTheNeed(t *testing.T) {
	need, err := preflight.NeedOf(applet.CAP, spec.DefaultSlots)
	require.NoError(t, err)
	persistent, transient := 0, 0
	for _, kind := range need.ByKind {
		persistent += kind.NVM
		transient += kind.Transient
	}
	assert.Equal(t, need.Persistent, persistent)
	assert.Equal(t, need.Transient, transient)
}
