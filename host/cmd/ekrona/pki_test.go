package main

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"ekrona.example/personalization/pki/keys/tpm/tpmtest"
)

// runPKI runs "ekrona pki" and returns its output.
func runPKI(t *testing.T, line ...string) (string, error) {
	root := program{}.command()
	var out strings.Builder
	root.SetOut(&out)
	root.SetArgs(append([]string{"pki"}, line...))
	err := root.ExecuteContext(t.Context())
	return out.String(), err
}

// A command that was cut after any of the files that it writes is mended by the same
// command, and what was there stays.
func TestPKIMakeIsRepeatableFromEachCut(t *testing.T) {
	t.Chdir(t.TempDir())
	must := func(line ...string) string {
		t.Helper()
		out, err := runPKI(t, line...)
		require.NoError(t, err)
		return out
	}
	must("root", "bank/root", "--holder", "SERIKSBK00001", "--no-passphrase")
	must("root", "bank/servers", "--common-name", "Servers", "--no-passphrase")
	for name, row := range map[string]struct {
		line  []string
		files []string // in the order in which they are written
	}{
		"card-verifiable": {
			[]string{"make", "nordic/ca", "--role", "intermediary", "--holder", "SENORDIC00001",
				"--by", "bank/root", "--no-passphrase"},
			[]string{"nordic/SERIKSBK00001.cvc", "nordic/ca.key", "nordic/ca.req",
				"bank/root.issued/SENORDIC00001.point", "bank/root.issued/SENORDIC00001.*.cvc",
				"nordic/ca.cvc"},
		},
		"X.509": {
			[]string{"make", "nordic/web", "--role", "server", "--host", "nordic.example", "--by",
				"bank/servers", "--no-passphrase"},
			[]string{"nordic/servers.crt", "nordic/web.key", "nordic/web.csr",
				"bank/servers.issued/*.crt", "nordic/web.crt"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			made := must(row.line...)
			for kept := range len(row.files) + 1 {
				before := map[string]string{}
				for i, pattern := range row.files {
					found, err := filepath.Glob(pattern)
					require.NoError(t, err)
					require.Len(t, found, 1, pattern)
					if i >= kept {
						require.NoError(t, os.Remove(found[0]))
						continue
					}
					content, err := os.ReadFile(found[0])
					require.NoError(t, err)
					before[found[0]] = string(content)
				}
				again := must(row.line...)
				for path, content := range before {
					if filepath.Ext(path) == ".csr" { // signed again, with new randomness
						continue
					}
					is, err := os.ReadFile(path)
					require.NoError(t, err)
					require.Equal(t, content, string(is), "%s after a cut behind %d files", path,
						kept)
				}
				if kept == len(row.files) {
					require.Equal(t, made, again)
				}
				made = again
			}
		})
	}
	found, err := filepath.Glob("*/*")
	require.NoError(t, err)
	require.Len(t, found, 4+2+4+4, "what was written is what was cut: %q", found)
	must("check", "nordic")
}

// The keys of a party in a TPM, from the command line: made once, found after a power
// cut, under a passphrase, and never replaced.
func TestPKIWithATPM(t *testing.T) {
	m := tpmtest.New(t, t.TempDir())
	folder := t.TempDir()
	t.Chdir(folder)
	require.NoError(t, os.WriteFile("passphrase", []byte("a TPM's passphrase\n"), 0o600))
	do := func(line ...string) (string, error) { return runPKI(t, line...) }
	root := []string{"root", "bank/root", "--holder", "SERIKSBK00001", "--passphrase-file",
		"passphrase", "--key", "tpm:root.tpm?device=" + m.Socket}
	made, err := do(root...)
	require.NoError(t, err)
	wrapped, err := os.ReadFile("root.tpm")
	require.NoError(t, err)
	require.Contains(t, string(wrapped), "TSS2 PRIVATE KEY")

	m.Restart()
	again, err := do(root...)
	require.NoError(t, err)
	require.Equal(t, made, again)
	unchanged, err := os.ReadFile("root.tpm")
	require.NoError(t, err)
	require.Equal(t, wrapped, unchanged)

	_, err = do("make", "bank/notary", "--role", "notary", "--holder", "SENOTARY00001", "--by",
		"bank/root", "--passphrase-file", "passphrase", "--no-passphrase",
		"--key", "tpm:"+filepath.Join(folder, "bank", "notary.tpm")+"?device="+m.Socket)
	require.NoError(t, err)
	out, err := do("check", "bank", "--passphrase-file", "passphrase")
	require.NoError(t, err)
	require.Equal(t, 2, strings.Count(out, "matches  good"), out)
	_, err = do("root", "bank/servers", "--common-name", "Servers", "--key",
		"tpm:servers.tpm?device="+m.Socket, "--no-passphrase")
	require.NoError(t, err)
	_, err = do("make", "bank/web", "--role", "server", "--host", "notary.example", "--by",
		"bank/servers", "--no-passphrase")
	require.NoError(t, err)
	_, err = do("revoke", "bank/web.crt", "--by", "bank/servers")
	require.NoError(t, err)
}

// A sandbox whose notary and one intermediary have their keys in a TPM does all that a
// sandbox does, without knowing it.
func TestSandboxWithKeysInATPM(t *testing.T) {
	m := tpmtest.New(t, t.TempDir())
	folder := filepath.Join(t.TempDir(), "sandbox")
	for name, subject := range map[string][]string{
		"central-bank/keys/notary":     {"--role", "notary", "--holder", "SENOTARY00001"},
		"nordic-bank/keys/ca":          {"--role", "intermediary", "--holder", "SENORDIC00001"},
		"nordic-bank/keys/instruction": {"--role", "instruction-key", "--holder", "SENORDIC00002"},
	} {
		path := filepath.Join(folder, name)
		_, err := runPKI(t, append([]string{"request", path, "--authority", "SERIKSBK00001",
			"--no-passphrase", "--key", "tpm:" + path + ".tpm?device=" + m.Socket}, subject...)...)
		require.NoError(t, err)
	}
	for _, line := range [][]string{
		{"demo", "--state", folder, "--json"},
		{"wallet", "load", "anna", "50", "--state", folder},
		{"books", "--state", folder},
		{"pki", "check", filepath.Join(folder, "central-bank", "keys")},
	} {
		root := program{}.command()
		root.SetOut(io.Discard)
		root.SetArgs(line)
		require.NoError(t, root.ExecuteContext(t.Context()), line)
		m.Restart()
	}
	key, err := os.ReadFile(filepath.Join(folder, "nordic-bank", "keys", "ca.key"))
	require.NoError(t, err)
	require.True(t, strings.HasPrefix(string(key), "tpm:"))
}
