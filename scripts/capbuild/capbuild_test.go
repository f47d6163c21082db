package capbuild

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const root = "../.."

// probes are the test applets; the applet has a test beside it that does the same.
func probes() []Package {
	return slices.DeleteFunc(Packages(),
		func(p Package) bool { return !strings.HasPrefix(p.Name, "probe.") })
}

func TestCommittedFilesFitTheirManifests(t *testing.T) {
	for _, p := range probes() {
		t.Run(p.Name, func(t *testing.T) {
			m, err := ReadManifest(root, p)
			require.NoError(t, err)
			assert.NoError(t, m.Check(root, p))
		})
	}
}

// With a kit at hand, what is committed must be what the sources give.
func TestRebuildGivesTheCommittedComponents(t *testing.T) {
	if os.Getenv("JC_HOME") == "" {
		t.Skip("JC_HOME is not set")
	}
	tools, err := FindTools(context.Background())
	require.NoError(t, err)
	fresh, err := Build(context.Background(), tools, root, t.TempDir(), probes())
	require.NoError(t, err)
	for i, p := range probes() {
		committed, err := ReadManifest(root, p)
		require.NoError(t, err)
		assert.NoError(t, committed.CompareComponents(fresh[i]))
		assert.Equal(t, committed.CAP, fresh[i].CAP, "the archive around the same components")
	}
}

// copyPackage lays a package out in a folder of its own.
func copyPackage(t *testing.T, p Package) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{p.Sources, p.CAP, p.ManifestFile()} {
		from, to := filepath.Join(root, name), filepath.Join(dir, name)
		if name == p.Sources {
			require.NoError(t, os.CopyFS(to, os.DirFS(from)))
			continue
		}
		content, err := os.ReadFile(from)
		require.NoError(t, err)
		require.NoError(t, writeFile(to, content))
	}
	return dir
}

func TestCheckNoticesEveryChange(t *testing.T) {
	p, err := Named("probe.vault")
	require.NoError(t, err)
	source := filepath.Join(p[0].Sources, "Vault.java")
	change := func(path string, how func([]byte) []byte) func(*testing.T, string, *Package) {
		return func(t *testing.T, dir string, _ *Package) {
			content, err := os.ReadFile(filepath.Join(dir, path))
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(filepath.Join(dir, path), how(content), 0o644))
		}
	}
	cases := []struct {
		name   string
		change func(t *testing.T, dir string, p *Package)
		says   string
	}{
		{"source changed", change(source, func(b []byte) []byte { return append(b, '\n') }),
			"source vault/Vault.java has changed"},
		{"source new", func(t *testing.T, dir string, p *Package) {
			require.NoError(t, os.WriteFile(filepath.Join(dir, p.Sources, "New.java"), nil, 0o644))
		}, "source vault/New.java is new"},
		{"source gone", func(t *testing.T, dir string, p *Package) {
			require.NoError(t, os.Remove(filepath.Join(dir, source)))
		}, "source vault/Vault.java is missing"},
		{"CAP of other components", func(t *testing.T, dir string, p *Package) {
			content, err := os.ReadFile(filepath.Join(root, "emulator/testdata/probe/guest.cap"))
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(filepath.Join(dir, p.CAP), content, 0o644))
		}, "component Method.cap has changed"},
		{"CAP gone", func(t *testing.T, dir string, p *Package) {
			require.NoError(t, os.Remove(filepath.Join(dir, p.CAP)))
		}, "CAP file of probe.vault"},
		{"CAP cut short", change(p[0].CAP, func(b []byte) []byte { return b[:len(b)/2] }),
			"not a CAP file"},
		{"manifest gone", func(t *testing.T, dir string, p *Package) {
			require.NoError(t, os.Remove(filepath.Join(dir, p.ManifestFile())))
		}, "manifest of probe.vault"},
		{"manifest that was written by hand", change(p[0].ManifestFile(), func(b []byte) []byte {
			return append([]byte(`{"extra": 1,`), b[1:]...)
		}), "unknown field"},
		{"other AID", func(_ *testing.T, _ string, p *Package) { p.AID = "F050524F4299" },
			"was built as"},
		{"other options", func(_ *testing.T, _ string, p *Package) { p.Ints = false },
			"the options are"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			p, dir := p[0], copyPackage(t, p[0])
			m, err := ReadManifest(dir, p)
			require.NoError(t, err)
			require.NoError(t, m.Check(dir, p), "before the change")
			c.change(t, dir, &p)
			if m, err = ReadManifest(dir, p); err == nil {
				err = m.Check(dir, p)
			}
			require.ErrorIs(t, err, ErrStale)
			assert.ErrorContains(t, err, c.says)
		})
	}
}

func TestArchiveIsWrittenTheSameWayAlways(t *testing.T) {
	file, err := os.ReadFile(filepath.Join(root, "emulator/testdata/probe/core.cap"))
	require.NoError(t, err)
	archive, err := ReadArchive(file)
	require.NoError(t, err)
	assert.Equal(t, "Header.cap", archive.Components[0].Name)
	assert.Equal(t, []byte{0x01, 0x00, 0x10, 0xDE, 0xCA, 0xFF, 0xED},
		archive.Components[0].Content[:7], "JCVM 3.0.5 §6.4")
	again, err := archive.Bytes()
	require.NoError(t, err)
	assert.Equal(t, file, again)
}

func TestWithoutDates(t *testing.T) {
	assert.Equal(t, "Manifest-Version: 1.0\r\nSealed: true\r\n", string(withoutDates([]byte(
		"Manifest-Version: 1.0\r\nCreated-By: 17.0.15\r\nJava-Card-CAP-Creation-Time: today\r\n"+
			"Sealed: true\r\n"))))
}

func TestNoKitIsOneClearLine(t *testing.T) {
	t.Setenv("JC_HOME", filepath.Join(t.TempDir(), "nothing"))
	_, err := FindTools(context.Background())
	require.ErrorIs(t, err, ErrNoTools)
	assert.ErrorContains(t, err,
		"set JC_HOME to Oracle kit 3.2 or run scripts/build-applet --fetch")
	assert.NotContains(t, err.Error(), "\n")
}

func TestNamed(t *testing.T) {
	_, err := Named("probe.nobody")
	assert.ErrorContains(t, err, "probe.lib, probe.core")
	found, err := Named("probe.guest", "probe.lib")
	require.NoError(t, err)
	require.Len(t, found, 2)
	assert.Equal(t, "probe.lib", found[0].Name, "in the order in which they are built")
	assert.Len(t, withImports(found[1:]), 3, "guest, vault and lib")
}
