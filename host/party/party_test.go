package party

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/host/lockfile"
	"ekrona.example/host/store"
)

// A folder that another program has open is waited for a bounded number of times.
func TestLockedFolderIsWaitedForNotLong(t *testing.T) {
	path := t.TempDir()
	release, err := lockfile.Take(filepath.Join(path, "lock"))
	require.NoError(t, err)
	pauses := 0
	e := Environment{Pause: func(context.Context, time.Duration) error { pauses++; return nil }}
	_, err = Enter(t.Context(), path, e)
	require.ErrorIs(t, err, lockfile.ErrTaken)
	require.ErrorContains(t, err, path)
	assert.Equal(t, lockTries-1, pauses)

	stopped := errors.New("the user gave up")
	ctx, stop := context.WithCancelCause(t.Context())
	stop(stopped)
	_, err = Enter(ctx, path, Environment{})
	require.ErrorIs(t, err, stopped)

	pauses = 0
	e.Pause = func(context.Context, time.Duration) error {
		if pauses++; pauses == 3 {
			return release()
		}
		return nil
	}
	f, err := Enter(t.Context(), path, e)
	require.NoError(t, err)
	assert.Equal(t, 3, pauses)
	require.NoError(t, f.Close())
}

// Settings that lack their kind or a field are said to be damaged, with the name of both.
func TestDamagedSettingsAreNamed(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, SettingsFile)
	kind, err := KindOf(folder)
	require.NoError(t, err)
	assert.Empty(t, kind, "no settings: no party's folder")
	for _, c := range []struct{ content, want string }{
		{"", "party"},
		{"{}", "party"},
		{"owner: anna", "party"},
		{"party: phone", "owner"},
		{"party: phone\nowner: anna\n", "list"},
	} {
		require.NoError(t, os.WriteFile(path, []byte(c.content), 0o600))
		var settings struct {
			Party Kind     `yaml:"party"`
			Owner string   `yaml:"owner"`
			List  []string `yaml:"list"`
			Years int      `yaml:"years"`
		}
		err := Peek(folder).Read(Phone, &settings)
		require.ErrorContains(t, err, path+": "+c.want+": missing or empty", c.content)
		if c.want == "party" {
			_, err := KindOf(folder)
			require.ErrorContains(t, err, path+": party: missing or empty", c.content)
		}
	}
}

// Settings that cannot be read are named with the line, and without a type of ours.
func TestUnreadableSettingsAreNamed(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, SettingsFile)
	for content, want := range map[string]string{
		"party: [":                     "line 1: did not find expected node content",
		"party: phone\nparty: phone\n": `line 2: mapping key "party" already defined at line 1`,
		"party: phone\ncolor: blue\n":  "line 2: field color not found",
		"party: phone\nyears: four\n": "line 2: years: not what belongs here `four`: " +
			"give a whole number",
		"party: phone\nyears: [4]\na: b": "line 2: years: not what belongs here: " +
			"give a whole number",
		"just text": "line 1: not what belongs here `just text`: " +
			"give keys with their values",
	} {
		require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
		var settings struct {
			Party Kind `yaml:"party"`
			Years int  `yaml:"years"`
		}
		err := Peek(folder).Read(Phone, &settings)
		require.EqualError(t, err, "settings "+path+": "+want+
			": correct the file, or restore it from its backup")
	}
}

// A file that was emptied or damaged is named, with what to do: nothing is begun anew.
func TestEmptiedAndDamagedFilesAreNamed(t *testing.T) {
	schema := store.Schema{Name: "boxes", Files: fstest.MapFS{"00001_first.sql": {
		Data: []byte("-- +goose Up\nCREATE TABLE box (id BIGINT PRIMARY KEY);\n")}}}
	folder := t.TempDir()
	f, err := Enter(t.Context(), folder, Environment{})
	require.NoError(t, err)
	defer func() { assert.NoError(t, f.Close()) }()
	require.NoError(t, f.MakeDatabase(t.Context(), "box.db", schema))
	_, err = f.Database(t.Context(), "box.db", schema)
	require.NoError(t, err)

	require.NoError(t, os.WriteFile(f.Path("emptied.db"), nil, 0o600))
	_, err = f.Database(t.Context(), "emptied.db", schema)
	require.ErrorIs(t, err, store.ErrEmpty)
	require.ErrorContains(t, err, f.Path("emptied.db"))

	for _, content := range []string{"", "junk"} {
		require.NoError(t, os.WriteFile(f.Path("root.cvc"), []byte(content), 0o600))
		_, err = f.Trusted("root", "root.cvc")
		require.ErrorContains(t, err, "root: "+f.Path("root.cvc"), content)
		require.ErrorContains(t, err, "restore it from its backup", content)
	}
}
