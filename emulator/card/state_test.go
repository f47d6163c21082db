package card_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/emulator/card"
)

func restore(t *testing.T, path string) (bench, error) {
	t.Helper()
	c, err := card.Restore(card.Options{Profile: card.P71, Random: card.SeededRandom(t.Name())},
		path)
	return bench{c, t}, err
}

func TestSaveAndRestore(t *testing.T) {
	path := filepath.Join(t.TempDir(), "card")
	b := newProbe(t, card.P71)
	b.send(insCrypto, 5, 0, 0) // a key pair
	require.Equal(t, "9000", b.send(insTransact, 0, 0x12))
	require.Equal(t, "9000", b.send(insChangeStatics, 2, 0))
	require.Equal(t, "9000", b.send(insFill, 9, 0))
	require.Equal(t, "11229000", b.send(insRing, 0, 0))
	require.Equal(t, "0002009000", b.send(insPIN, 0, 0, 9, 9, 9, 9))
	statics := b.send(insStatics, 0, 0)
	require.NoError(t, b.Save(path))
	memory, err := b.Memory()
	require.NoError(t, err)

	again, err := restore(t, path)
	require.NoError(t, err)
	assert.Equal(t, b.Applets(), again.Applets())
	assert.Equal(t, b.Packages(), again.Packages())
	assert.Equal(t, "6999", again.send(insMade, 0, 0), "nothing is selected, as after a reset")
	again.selectApplet(coreInstance)
	assert.Equal(t, state(0x12, 0), again.state())
	assert.Equal(t, statics, again.send(insStatics, 0, 0))
	assert.Equal(t, "11229000", again.send(insRing, 1, 0))
	assert.Equal(t, "0102009000", again.send(insPIN, 5, 0, 0), "tries are spent")
	assert.Equal(t, lower("00 0000 00 00 00 0000 9000"), again.send(insReadFilled, 0, 0),
		"RAM is zero")
	assert.Equal(t, "01009000", again.send(insCrypto, 7, 0, 1, 2, 3),
		"the key pair signs and verifies")
	kept, err := again.Memory()
	require.NoError(t, err)
	assert.Equal(t, memory.NVMFree, kept.NVMFree)
	assert.Equal(t, memory.ResetFree, kept.ResetFree)

	_, err = again.Install(coreModule, aid("F050524F42020B"), nil)
	require.NoError(t, err, "life goes on")
	require.ErrorContains(t, again.Delete(coreInstance), "static field",
		"which refers to an object of the applet")
	again.selectApplet(coreInstance)
	require.Equal(t, "9000", again.send(insChangeStatics, 2, 0))
	require.NoError(t, again.Delete(coreInstance))
}

// What is saved is the same whenever it is restored and saved again.
func TestSaveOfARestoredCardIsTheSame(t *testing.T) {
	folder := t.TempDir()
	b := newVault(t)
	first, second := filepath.Join(folder, "1"), filepath.Join(folder, "2")
	require.NoError(t, b.Save(first))
	again, err := restore(t, first)
	require.NoError(t, err)
	require.NoError(t, again.Save(second))
	one, err := os.ReadFile(first)
	require.NoError(t, err)
	two, err := os.ReadFile(second)
	require.NoError(t, err)
	assert.Equal(t, one, two)
	entries, err := os.ReadDir(folder)
	require.NoError(t, err)
	assert.Len(t, entries, 2, "nothing else is left in the folder")
}

func TestRestoreRefuses(t *testing.T) {
	path := filepath.Join(t.TempDir(), "card")
	b := newProbe(t, card.P71)
	require.NoError(t, b.Save(path))
	whole, err := os.ReadFile(path)
	require.NoError(t, err)
	refused := func(content []byte, what string, at int) {
		t.Helper()
		require.NoError(t, os.WriteFile(path, content, 0o600))
		_, err := restore(t, path)
		require.Error(t, err, "%s at %d", what, at)
	}
	for n := 0; n < len(whole); n += 1 + n/7 {
		refused(whole[:n], "cut short", n)
		altered := append([]byte{}, whole...)
		altered[n] ^= 0x20
		refused(altered, "altered", n)
	}
	refused(append(whole, 0), "longer", len(whole))

	require.NoError(t, os.WriteFile(path, whole, 0o600))
	small := card.P71
	small.NVMBytes = 1000
	_, err = card.Restore(card.Options{Profile: small}, path)
	require.ErrorContains(t, err, "1000", "it does not fit the profile")
	_, err = restore(t, path)
	require.NoError(t, err)
}

func TestSaveNeedsACardAtRest(t *testing.T) {
	path := filepath.Join(t.TempDir(), "card")
	b := newProbe(t, card.P71)
	b.CutBefore(3)
	_, err := b.TransmitBytes(command(insTransact, 0, 1))
	require.ErrorIs(t, err, card.ErrPowerLost)
	require.ErrorContains(t, b.Save(path), "reset")
	b.Reset()
	require.NoError(t, b.Save(path))
	assert.ErrorContains(t, b.Save(filepath.Join(path, "card")), "save card")
}

func open(t *testing.T, path string) bench {
	t.Helper()
	c, err := card.Open(card.Options{Profile: card.P71}, path)
	require.NoError(t, err)
	return bench{c, t}
}

// A card that lives in a file is in it after every answer: another one that opens
// the file, as after the death of the program, finds what was acknowledged, and
// after a cut what the card itself finds.
func TestOpenKeepsWhatWasAcknowledged(t *testing.T) {
	path := filepath.Join(t.TempDir(), "card")
	b := open(t, path)
	b.load("lib", "core")
	_, err := b.Install(coreModule, coreInstance, nil)
	require.NoError(t, err)
	b.selectApplet(coreInstance)
	for value := byte(1); value < 6; value++ {
		require.Equal(t, "9000", b.send(insTransact, 0, value))
		other := open(t, path)
		other.selectApplet(coreInstance)
		require.Equal(t, state(value, 0), other.state())
	}

	b.CutBefore(4)
	_, err = b.TransmitBytes(command(insTransact, 8, 0x12))
	require.ErrorIs(t, err, card.ErrPowerLost)
	before := open(t, path)
	before.selectApplet(coreInstance)
	assert.Equal(t, state(5, 0), before.state(), "the program died with the card")
	b.Reset()
	b.selectApplet(coreInstance)
	after := open(t, path)
	after.selectApplet(coreInstance)
	assert.Equal(t, b.state(), after.state(), "the card was reset")
	assert.NotEqual(t, state(5, 0), after.state())

	require.NoError(t, b.Delete(coreInstance))
	assert.Empty(t, open(t, path).Applets())
}

// A command whose effect cannot be kept is not acknowledged, and the card waits
// until it can be.
func TestOpenWithoutAFolder(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "cards")
	require.NoError(t, os.Mkdir(folder, 0o700))
	b := open(t, filepath.Join(folder, "card"))
	require.NoError(t, os.RemoveAll(folder))
	require.NoError(t, os.WriteFile(folder, nil, 0o600), "in the way of the folder")
	_, err := b.Load(readCAP(t, "lib"))
	require.ErrorIs(t, err, card.ErrNotKept)
	_, err = b.TransmitBytes(command(insMade, 0, 0))
	require.ErrorIs(t, err, card.ErrNotKept, "nothing more until it is kept")
	b.Reset()
	_, err = b.TransmitBytes(command(insMade, 0, 0))
	require.ErrorIs(t, err, card.ErrNotKept)
	require.NoError(t, os.Remove(folder))
	b.Reset()
	assert.Equal(t, "6999", b.send(insMade, 0, 0))
	assert.Len(t, open(t, filepath.Join(folder, "card")).Packages(), 1)
	_, err = card.Open(card.Options{Profile: card.P71}, filepath.Join(folder, "card", "card"))
	require.Error(t, err, "a file is in the way")
}
