package vm_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"ekrona.example/emulator/api"
	"ekrona.example/emulator/cap"
	"ekrona.example/emulator/vm"
)

// noRuntime is a runtime environment that is never called.
type noRuntime struct{ api.Runtime }

// TestExceptionsNameTheSourceLine where the CAP file has debug information.
func TestExceptionsNameTheSourceLine(t *testing.T) {
	linked, err := api.Linked(&api.Product{})
	require.NoError(t, err)
	v, err := vm.New(vm.Config{API: linked, Host: noRuntime{}, Random: strings.NewReader("")})
	require.NoError(t, err)
	data, err := os.ReadFile(filepath.Join("..", "cap", "testdata", "debug.cap"))
	require.NoError(t, err)
	file, err := cap.Parse(data)
	require.NoError(t, err)
	pkg, err := v.Load(file)
	require.NoError(t, err)
	module := pkg.Applets()[0]
	install, err := v.InstallMethod(pkg, module)
	require.NoError(t, err)
	err = v.Enter(func(c *vm.Call) {
		c.InvokeAs(v.NewInstance(pkg, module), install, vm.RefValue(0), vm.ShortValue(0),
			vm.ShortValue(0))
	})
	require.EqualError(t, err, "javacard/framework/ISOException with reason 0x6985, thrown at "+
		"javacard/framework/ISOException.throwIt, called at debugged/Refuser.refuse "+
		"(Refuser.java:21)")
}
