package apdu

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// TestNearest finds what was meant, and nothing where nothing is near.
func TestNearest(t *testing.T) {
	names := []string{"PurseApplet.credit", "PurseApplet.debit", "PurseApplet.process", "Pin.check"}
	for name, want := range map[string][]string{
		"PurseApplet.credti": {"PurseApplet.credit"},
		"purseapplet.credit": {"PurseApplet.credit"},
		"proces":             {"PurseApplet.process"},
		"chekc":              {"Pin.check"},
		"Purse":              {"PurseApplet.debit", "PurseApplet.process", "PurseApplet.credit"},
		"unrelated":          nil,
		"":                   nil,
	} {
		assert.Equal(t, want, Nearest(name, names), name)
	}
	assert.Equal(t, "; nearest: p71", Unknown("p17", []string{"p71", "j3r180-8pin"}))
	assert.Equal(t, "; nearest: j3r180-nfc, j3r180-8pin, j2r180", Unknown("J3R180",
		[]string{"j2r180", "j3r110", "j3r180-8pin", "j3r150", "j3r180-nfc"}))
	assert.Equal(t, "; there are: one, two", Unknown("zebra", []string{"one", "two"}))
	assert.Empty(t, Unknown("zebra", nil))
}
