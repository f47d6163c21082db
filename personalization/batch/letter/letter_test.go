package letter

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"filippo.io/age"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestOnlyThePrinterReadsALetter(t *testing.T) {
	printer, err := age.GenerateX25519Identity()
	require.NoError(t, err)
	other, err := age.GenerateX25519Identity()
	require.NoError(t, err)
	recipient, err := Recipient(printer.Recipient().String())
	require.NoError(t, err)

	folder := filepath.Join(t.TempDir(), "letters")
	l := Letter{"SENORDICC0000012", "anna", "Anna Ström",
		[]string{"Storgatan 1", "111 22 Stockholm"}, "2468", "13572468"}
	for range 2 { // again after a cut
		require.NoError(t, Write(folder, l, []age.Recipient{recipient}))
	}
	entries, err := os.ReadDir(folder)
	require.NoError(t, err)
	require.Len(t, entries, 1)
	info, err := entries[0].Info()
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o600), info.Mode().Perm())

	content, err := os.ReadFile(Path(folder, l.Device))
	require.NoError(t, err)
	for _, secret := range []string{"2468", "13572468", "Anna"} {
		assert.NotContains(t, string(content), secret)
	}
	_, err = age.Decrypt(strings.NewReader(string(content)), other)
	assert.Error(t, err)
	plain, err := age.Decrypt(strings.NewReader(string(content)), printer)
	require.NoError(t, err)
	text, err := io.ReadAll(plain)
	require.NoError(t, err)
	assert.Contains(t, string(text), "Anna Ström\nStorgatan 1\n111 22 Stockholm\n\n")
	assert.Contains(t, string(text), "PIN       2468\nPUK       13572468\n")

	require.NoError(t, Remove(folder, l.Device))
	require.NoError(t, Remove(folder, l.Device))
	exists, err := Exists(folder, l.Device)
	require.NoError(t, err)
	assert.False(t, exists)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		assert.Equal(t, "PIN letter of SENORDICC0000012", fmt.Sprintf(verb, l))
	}
}

func TestRecipients(t *testing.T) {
	hybrid, err := age.GenerateHybridIdentity()
	require.NoError(t, err)
	_, err = Recipient(hybrid.Recipient().String())
	require.NoError(t, err)
	for _, wrong := range []string{"", "age1", "AGE-SECRET-KEY-1",
		"age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8x"} {
		_, err := Recipient(wrong)
		assert.ErrorContains(t, err, "age-keygen", wrong)
	}
}

func TestLinesPrint(t *testing.T) {
	assert.True(t, Line("Åsa-Karin von 'Öst' (c/o)"))
	for _, wrong := range []string{"a\nb", "\x1b[2J", "a\u0085b", "\u2028", "\x7f"} {
		assert.False(t, Line(wrong), "%q", wrong)
	}
}

func TestClearLettersAreReadAgain(t *testing.T) {
	for _, l := range []Letter{
		{"SENORDICC0000012", "anna", "Anna Ström", []string{"Storgatan 1", "111 22 Stockholm"},
			"2468", "13572468"},
		{"SENORDICC0000012", "anna", "anna", nil, "2468", "13572468"},
		{"SENORDICC0000012", "anna", "Card", []string{"PIN 12", "Customer bo"}, "2468", "13572468"},
	} {
		text := l.Clear()
		read, ok := ParseClear(text)
		require.True(t, ok)
		assert.Equal(t, l, read)
		for _, other := range [][]byte{nil, []byte("\n"), text[1:], text[:len(text)-1],
			[]byte(strings.Replace(string(text), "SENORDICC", "SENORDICX", 1))} {
			if read, ok := ParseClear(other); ok {
				assert.Equal(t, string(other), string(read.Clear()))
				assert.NotEqual(t, l, read)
			}
		}
		_, ok = ParseClear(text[:len(text)-1])
		assert.False(t, ok)
	}
}
