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
	at, all, err := ReadPackage(filepath.Join(folder, "hello.json"))
	require.NoError(t, err)
	require.Len(t, all, 1)
	p := all[0]
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

// What a build file imports comes before it, each once, with paths from the file's own folder.
func TestReadPackageWithImports(t *testing.T) {
	top := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(top, filepath.FromSlash(name))
		require.NoError(t, os.MkdirAll(filepath.Join(filepath.Dir(path), "src"), 0o700))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		return path
	}
	file := func(name, imports string) string {
		return `{"name":"own.` + name + `","aid":"F0F0F0F0F0","version":"1.0","sources":"src",` +
			`"cap":"` + name + `.cap","imports":[` + imports + `]}`
	}
	write("base/base.json", file("base", ""))
	write("left/left.json", file("left", `"../base/base.json"`))
	write("right/right.json", file("right", `"../base/base.json"`))
	path := write("app/app.json", file("app", `"../left/left.json","../right/right.json"`))
	root, all, err := ReadPackage(path)
	require.NoError(t, err)
	assert.Equal(t, filepath.Join(top, "app"), root)
	got := map[string][]string{}
	var order []string
	for _, p := range all {
		order = append(order, p.Name)
		got[p.Name] = append([]string{p.Sources, p.CAP}, p.Imports...)
	}
	assert.Equal(t, []string{"own.base", "own.left", "own.right", "own.app"}, order)
	assert.Equal(t, map[string][]string{
		"own.base":  {"../base/src", "../base/base.cap"},
		"own.left":  {"../left/src", "../left/left.cap", "own.base"},
		"own.right": {"../right/src", "../right/right.cap", "own.base"},
		"own.app":   {"src", "app.cap", "own.left", "own.right"},
	}, got)
	assert.Equal(t, all, withImports(all))

	for text, want := range map[string]string{
		file("app", `"app.json"`):                "it imports itself",
		file("app", `"../none.json"`):            "imports: build file",
		file("base", `"../base/base.json"`):      "another package of its own name, own.base",
		`{"name":"own.app","imports":["../cap"]`: "unexpected EOF",
	} {
		_, _, err := ReadPackage(write("app/app.json", text))
		assert.ErrorContains(t, err, want, text)
	}
}

// TestReadPackageWithLibraries: packages of others are named by their classes and export files,
// and both are there.
func TestReadPackageWithLibraries(t *testing.T) {
	folder := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(folder, filepath.FromSlash(name))
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
		return path
	}
	file := write("a.json", `{"name": "a", "aid": "F000000001", "version": "1.0", "cap": "a.cap",
		"libraries": [{"jar": "lib/math.jar", "exports": "lib"}]}`)
	write("a/A.java", "class A {}")
	_, _, err := ReadPackage(file)
	require.ErrorContains(t, err, "libraries: ")
	write("lib/math.jar", "")
	_, _, err = ReadPackage(file)
	require.ErrorContains(t, err, "there is no file NAME.exp in ")
	write("lib/of/math/javacard/math.exp", "")
	root, all, err := ReadPackage(file)
	require.NoError(t, err)
	assert.Equal(t, []Library{{JAR: "lib/math.jar", Exports: "lib"}}, all[0].Libraries)
	exports, err := all[0].Libraries[0].exportFiles(root)
	require.NoError(t, err)
	assert.Len(t, exports, 1)
}

// Of a folder with the sources of more packages those of one's own are compiled, and what they use.
func TestOwnFiles(t *testing.T) {
	top := t.TempDir()
	for _, name := range []string{"own/applet/Own.java", "own/other/Other.java", "Flat.java"} {
		path := filepath.Join(top, filepath.FromSlash(name))
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
		require.NoError(t, os.WriteFile(path, nil, 0o600))
	}
	assert.Equal(t, "own/applet/*.java", ownFiles(top, "own.applet"))
	assert.Empty(t, ownFiles(top, "own"), "in no folder of its own: all of them")
	assert.Empty(t, ownFiles(top, "flat"))
}
