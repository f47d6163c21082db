// Package applet holds the Java Card applet, its CAP file and the test that ties
// the two together.
package applet

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/scripts/capbuild"
)

const root = ".."

func ekrona(t *testing.T) (capbuild.Package, *capbuild.Manifest) {
	t.Helper()
	packages, err := capbuild.Named("ekrona")
	require.NoError(t, err)
	m, err := capbuild.ReadManifest(root, packages[0])
	require.NoError(t, err)
	return packages[0], m
}

// Without a kit: the committed CAP file is the one that was built, from the sources as
// they are, with the options in Packages.
func TestManifestFitsSourcesAndCAP(t *testing.T) {
	p, m := ekrona(t)
	require.NoError(t, m.Check(root, p))
	assert.Equal(t, capbuild.Options{Target: "3.0.4"}, m.Options,
		"Java Card 3.0.4, without int, without debug components")
}

// With a kit: the sources give the same components again.
func TestRebuildGivesTheCommittedCAP(t *testing.T) {
	if os.Getenv("JC_HOME") == "" {
		t.Skip("JC_HOME is not set")
	}
	p, m := ekrona(t)
	tools, err := capbuild.FindTools(context.Background())
	require.NoError(t, err)
	out := t.TempDir()
	fresh, err := capbuild.Build(context.Background(), tools, root, out, []capbuild.Package{p})
	require.NoError(t, err)
	require.NoError(t, m.CompareComponents(fresh[0]))
	assert.Equal(t, m.CAP, fresh[0].CAP)
	var lines [2][]byte
	for i, dir := range []string{root, out} {
		lines[i], err = os.ReadFile(filepath.Join(dir, filepath.FromSlash(p.LinesFile())))
		require.NoError(t, err)
	}
	assert.Equal(t, string(lines[0]), string(lines[1]), "the table of source lines")
}
