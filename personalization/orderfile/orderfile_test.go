package orderfile

import (
	"crypto/rand"
	"encoding/base64"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/apdu/message"
	"ekrona.example/apdu/spec"
	"ekrona.example/personalization"
)

var limits = personalization.DefaultLimits()

func TestAnOrderIsFoundAgainUntilItIsDone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "anna.txt")
	day, err := message.ParseDate("2026-11-22")
	require.NoError(t, err)
	f, err := Open(path, "SENORDIC", "anna", limits, day, rand.Reader)
	require.NoError(t, err)
	require.NoFileExists(t, path+extension, "it is not kept yet")
	require.NoError(t, f.Discard())
	require.NoError(t, f.Keep())
	intent := f.Intent()
	require.NoError(t, f.Assign("SENORDICC0000007"))
	order, secrets, err := f.Order()
	require.NoError(t, err)

	again, err := Open(path, "SENORDIC", "anna", limits, day.AddDays(3), rand.Reader)
	require.NoError(t, err)
	assert.Equal(t, intent, again.Intent())
	same, sameSecrets, err := again.Order()
	require.NoError(t, err)
	assert.Equal(t, order, same)
	assert.Equal(t, secrets, sameSecrets)
	info, err := os.Stat(path + extension)
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	_, err = Open(path, "SENORDIC", "bertil", limits, day, rand.Reader)
	assert.ErrorContains(t, err, "it is for anna at SENORDIC")
	few := limits
	few.Slots--
	_, err = Open(path, "SENORDIC", "anna", few, day, rand.Reader)
	assert.ErrorContains(t, err, "it has other ceilings or slots")
	few.Slots = uint8(few.Ceilings.MaxTransactions) - 1
	_, err = Open(path, "SENORDIC", "anna", few, day, rand.Reader)
	assert.ErrorContains(t, err, "a ceiling of 120 transactions: the log has 119 slots")

	require.NoError(t, again.Finish())
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Contains(t, string(text), "PIN       "+again.kept.PIN)
	assert.Contains(t, string(text), "SENORDICC0000007")
	info, err = os.Stat(path)
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	assert.NoFileExists(t, path+extension)
	_, err = Open(path, "SENORDIC", "anna", limits, day, rand.Reader)
	assert.ErrorIs(t, err, ErrDone)
}

// A killed program leaves secrets under temporary names: the next one removes those of its
// order and letter, and nothing that is another's.
func TestWhatAKilledProgramLeftIsRemoved(t *testing.T) {
	folder := t.TempDir()
	for _, name := range []string{".anna.txt.order.12", ".anna.txt.3", ".bo.txt.order.12"} {
		require.NoError(t, os.WriteFile(filepath.Join(folder, name), []byte("PIN"), 0o600))
	}
	day, err := message.ParseDate("2026-11-22")
	require.NoError(t, err)
	_, err = Open(filepath.Join(folder, "anna.txt"), "SENORDIC", "anna",
		personalization.DefaultLimits(), day, rand.Reader)
	require.NoError(t, err)
	entries, err := os.ReadDir(folder)
	require.NoError(t, err)
	require.Len(t, entries, 1)
	assert.Equal(t, ".bo.txt.order.12", entries[0].Name())
}

func TestMadeReadsTheLetterOfAFinishedOrder(t *testing.T) {
	path := filepath.Join(t.TempDir(), "anna.txt")
	made := func(owner string) bool {
		_, _, ok, err := Made(path, owner)
		require.NoError(t, err)
		return ok
	}
	assert.False(t, made("anna"), "there is none")
	day, err := message.ParseDate("2026-11-22")
	require.NoError(t, err)
	f, err := Open(path, "SENORDIC", "anna",
		personalization.DefaultLimits(), day, rand.Reader)
	require.NoError(t, err)
	require.NoError(t, f.Assign("SENORDICC0000007"))
	_, secrets, err := f.Order()
	require.NoError(t, err)
	order, err := os.ReadFile(path + extension)
	require.NoError(t, err)
	require.NoError(t, f.Finish())
	found, foundSecrets, ok, err := Made(path, "anna")
	require.NoError(t, err)
	require.True(t, ok)
	assert.Equal(t, message.DeviceID("SENORDICC0000007"), found.Device)
	assert.Equal(t, "anna", found.Owner)
	assert.Equal(t, secrets, foundSecrets)
	assert.False(t, made("bertil"))
	require.NoError(t, os.WriteFile(path+extension, order, 0o600))
	assert.False(t, made("anna"), "a cut left the order")
	require.NoError(t, os.Remove(path+extension))
	require.NoError(t, os.WriteFile(path, []byte("Card games\n"), 0o600))
	assert.False(t, made("anna"), "a text of somebody's")
}

func TestDamagedOrders(t *testing.T) {
	day, err := message.ParseDate("2026-11-22")
	require.NoError(t, err)
	for name, content := range map[string]string{
		"no JSON": "{",
		"token": `{"bank":"SENORDIC","owner":"anna","date":"2026-11-22","token":"00",` +
			`"pin":"1234","puk":"12345678"}`,
		"date": `{"bank":"SENORDIC","owner":"anna","date":"soon"}`,
		"PIN": `{"bank":"SENORDIC","owner":"anna","date":"2026-11-22",` +
			`"token":"00112233445566778899AABBCCDDEEFF","pin":"x","puk":"12345678"}`,
	} {
		path := filepath.Join(t.TempDir(), "anna.txt")
		content = strings.Replace(content, `"owner"`, `"ceilings":"`+
			base64.StdEncoding.EncodeToString([]byte(spec.DefaultCeilings))+
			`","slots":128,"max_attacks":10,"owner"`, 1)
		require.NoError(t, os.WriteFile(path+extension, []byte(content), 0o600))
		f, err := Open(path, "SENORDIC", "anna", limits, day, rand.Reader)
		if err == nil {
			_, _, err = f.Order()
		}
		assert.ErrorContains(t, err, "it is damaged", name)
	}
}
