package keys

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/personalization/pki/keys/pkcs11"
	"ekrona.example/personalization/pki/keys/tpm"
	"ekrona.example/personalization/pki/keys/tpm/tpmtest"
)

func TestReferences(t *testing.T) {
	for text, want := range map[string]Reference{
		"file:root.key": {File: "root.key"},
		"tpm:root.tpm?device=localhost:2321": {TPM: &tpm.Reference{Blob: "root.tpm",
			Device: "localhost:2321"}},
		"pkcs11:token=T;object=root?module-path=/lib/a.so": {HSM: &pkcs11.URI{Token: "T",
			Object: "root", ModulePath: "/lib/a.so"}},
	} {
		got, err := ParseReference(text)
		require.NoError(t, err)
		assert.Equal(t, want, got)
		assert.Equal(t, text, got.String())
	}
	for _, text := range []string{"", "root.key", "file:", "file:a\nb", "tpm:", "pkcs11:", "FILE:a",
		"http://a"} {
		_, err := ParseReference(text)
		assert.ErrorIs(t, err, ErrReference, "%q", text)
	}
}

func TestRelativePathsBeginAtTheFolderOfTheFile(t *testing.T) {
	for text, want := range map[string]string{
		"file:root.key":   "file:/bank/root.key",
		"file:/root.key":  "file:/root.key",
		"tpm:../root.tpm": "tpm:/root.tpm",
		"pkcs11:token=T;object=root?module-path=/lib/a.so": "pkcs11:token=T;object=root?mod" +
			"ule-path=/lib/a.so",
	} {
		r, err := ParseReference(text)
		require.NoError(t, err)
		assert.Equal(t, want, r.From("/bank").String())
		assert.Equal(t, text, r.String(), "the reference itself stays")
	}
}

func TestKeyFileWithAReference(t *testing.T) {
	folder := t.TempDir()
	m := tpmtest.New(t, t.TempDir())
	made, err := Create(t.Context(), "tpm:"+filepath.Join(folder, "root.tpm")+"?device="+m.Socket,
		Options{Unprotected: true})
	require.NoError(t, err)
	path := filepath.Join(folder, "root.key")
	require.NoError(t, os.WriteFile(path, []byte("tpm:root.tpm?device="+m.Socket+"\n"), 0o600))
	found, err := OpenAt(t.Context(), path, Options{})
	require.NoError(t, err)
	requireSigns(t, found)
	assert.Equal(t, made.Public(), found.Public())
	require.NoError(t, found.Close())

	for name, content := range map[string]string{"two lines": "tpm:a\ntpm:b\n",
		"no reference": "d00d secret", "nothing": ""} {
		t.Run(name, func(t *testing.T) {
			require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
			_, err := OpenAt(t.Context(), path, Options{})
			require.ErrorContains(t, err, "neither a PEM key nor")
			assert.NotContains(t, err.Error(), "secret")
		})
	}
}

// FuzzParseReference: whatever parses names the same key when it is written again.
func FuzzParseReference(f *testing.F) {
	f.Add("file:root.key")
	f.Add("tpm:root.tpm?device=localhost:2321&parent=0x81000001")
	f.Add("pkcs11:token=T;object=root?module-path=/lib/a.so&pin-source=file:p")
	f.Fuzz(func(t *testing.T, text string) {
		r, err := ParseReference(text)
		if err != nil {
			return
		}
		again, err := ParseReference(r.String())
		require.NoError(t, err)
		require.Equal(t, r, again)
	})
}

// openSSLKey was made by "openssl pkcs8 -topk8 -scrypt" for this test alone.
const openSSLKey = `-----BEGIN ENCRYPTED PRIVATE KEY-----
MIHkME8GCSqGSIb3DQEFDTBCMCEGCSsGAQQB2kcECzAUBAh/1AhSd3Qs5wICQAAC
AQgCAQEwHQYJYIZIAWUDBAEqBBAXsomhV4hhOfO1G6oVK4d4BIGQGl5UUulk45BJ
veHcIbPmFFhxpsHJR0+DLsBLSqIcjrYSwI2/8odnaFzR3/f3GoqJFM8eA7VPga+H
1buOBMsrfMoOskhRJlojUZQISB0pigdlFLOBbUzv4WD+N7zyWX9y/dYmmfnQhRko
poQ9A67DUZhd0ZjOa8TOFIw+xCzzpwMvQe9a+ntO0xCpaLwHPK+q
-----END ENCRYPTED PRIVATE KEY-----
`

// FuzzKeyFile: no content of a key file panics, costs more than the bounds, or opens
// without its passphrase.
func FuzzKeyFile(f *testing.F) {
	f.Add([]byte(openSSLKey))
	f.Fuzz(func(t *testing.T, text []byte) {
		key, err := parseFile(t.Context(), "fuzz.key", text, nil)
		if err == nil {
			requireSigns(t, key)
		}
	})
}
