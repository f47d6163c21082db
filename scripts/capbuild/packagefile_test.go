package capbuild

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestReadPackage(t *testing.T) {
	folder := filepath.Join(root, "emulator", "examples", "hello")
	at, p, err := ReadPackage(filepath.Join(folder, "hello.json"))
	require.NoError(t, err)
	want, err := filepath.Abs(folder)
	require.NoError(t, err)
	assert.Equal(t, want, at)
	assert.Equal(t, Package{Name: "hello", AID: "F048454C4C4F", Version: "1.0", Lines: true,
		Imports: []string{}, Target: target, Sources: "src", CAP: "hello.cap",
		Applets: []Applet{{Class: "hello.Hello", AID: "F048454C4C4F01"}}}, p)

	// A package that no project package is like comes last; one of the same name takes its place.
	assert.Equal(t, []Package{p}, withImports([]Package{p}))
	p.Name = "ekrona"
	assert.Equal(t, []Package{p}, withImports([]Package{p}))

	for text, want := range map[string]string{
		"{":                         "unexpected EOF",
		`{"nane":"x"}`:              "unknown field",
		`{"version":"1","cap":"x"}`: `"name" is missing`,
		`{"name":"x","version":"1","cap":"x","aid":"F0"}`: "is no AID",
		`{"name":"x","version":"1","cap":"x","aid":"F0F0F0F0F0",
			"applets":[{"aid":"F0F0F0F0F001"}]}`: `no "class"`,
		`{"name":"x","version":"1","cap":"x","aid":"F0F0F0F0F0","sources":"nowhere"}`: "nowhere",
	} {
		file := filepath.Join(t.TempDir(), "build.json")
		require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
		_, _, err := ReadPackage(file)
		assert.ErrorContains(t, err, want, text)
	}
	_, _, err = ReadPackage("nowhere.json")
	assert.ErrorContains(t, err, "build file")
}
