package lab

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/emulator/api"
	"ekrona.example/emulator/inspect"
	"ekrona.example/emulator/vm"
)

// TestEnginesAreOfNoAccount: what init writes to an engine is the API's own, of every class that
// keeps a key, and of no class of an applet's with such a name.
func TestEnginesAreOfNoAccount(t *testing.T) {
	packages, err := api.Packages()
	require.NoError(t, err)
	classes := map[string]vm.NativeClass{}
	for _, p := range packages {
		for _, c := range p.Classes {
			classes[c.Name] = c
		}
	}
	keepsKey := func(name string) bool {
		for c, found := classes[name]; found; c, found = classes[c.Super] {
			if slices.ContainsFunc(c.Fields, func(f vm.NativeField) bool {
				return f.Ref && f.Name == "key"
			}) {
				return true
			}
		}
		return false
	}
	r, engines := &Rules{}, 0
	for name, c := range classes {
		isLent := slices.ContainsFunc(c.Fields, func(f vm.NativeField) bool {
			return f.Name == "borrower"
		})
		if !keepsKey(name) || isLent { // which is in RAM
			continue
		}
		engines++
		change := inspect.Change{Object: "Purse.engine", Class: inspect.Short(name), Field: "mode"}
		assert.True(t, r.allows(change, nil), name)
	}
	assert.Equal(t, 5, engines)
	for _, class := range []string{"TextSignature", "WeakCipher"} {
		assert.False(t, r.allows(inspect.Change{Object: "Purse.engine", Class: class,
			Field: "mode"}, &inspect.Image{}), class)
	}
}
