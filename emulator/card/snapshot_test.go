package card_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/emulator/card"
)

// saved is what the card would keep without power.
func (b bench) saved() []byte {
	path := filepath.Join(b.t.TempDir(), "card")
	require.NoError(b.t, b.Save(path))
	content, err := os.ReadFile(path)
	require.NoError(b.t, err)
	return content
}

// A card is set back to its place in a session, RAM and a validated PIN too, whatever
// happened to it since, and as often as one likes.
func TestSnapshotComesBack(t *testing.T) {
	b := newProbe(t, card.P71)
	require.Equal(t, "9000", b.send(insTransact, 0, 0x12))
	require.Equal(t, "9000", b.send(insChangeStatics, 2, 0))
	require.Equal(t, "9000", b.send(insFill, 9, 0))
	require.Equal(t, "0103019000", b.send(insPIN, 0, 0, 1, 2, 3, 4))
	b.send(insCrypto, 5, 0, 0) // a key pair
	signed := b.send(insCrypto, 7, 0, 1, 2, 3)
	statics, filled := b.send(insStatics, 0, 0), b.send(insReadFilled, 0, 0)
	applets, packages, before := b.Applets(), b.Packages(), b.saved()
	memory, err := b.Memory()
	require.NoError(t, err)
	snapshot, err := b.Snapshot()
	require.NoError(t, err)
	random := b.send(insCrypto, 8, 0, make([]byte, 16)...)

	for name, disturb := range map[string]func(){
		"nothing": func() {},
		"other values": func() {
			require.Equal(t, "9000", b.send(insTransact, 0, 0x35))
			require.Equal(t, "9000", b.send(insFill, 3, 0))
			require.Equal(t, "0002009000", b.send(insPIN, 0, 0, 9, 9, 9, 9))
			b.send(insCrypto, 5, 0, 0)
			b.send(insGarbage, 0, 0)
		},
		"a cut in a transaction": func() {
			b.CutBefore(3)
			_, err := b.TransmitBytes(command(insTransact, 0, 1))
			require.ErrorIs(t, err, card.ErrPowerLost)
		},
		"a reset":    b.Reset,
		"more on it": func() { b.load("vault") },
		"nothing left": func() {
			require.Equal(t, "9000", b.send(insChangeStatics, 2, 0))
			require.NoError(t, b.Delete(coreInstance))
		},
	} {
		disturb()
		require.NoError(t, b.RestoreSnapshot(snapshot), name)
		assert.Equal(t, applets, b.Applets(), name)
		assert.Equal(t, packages, b.Packages(), name)
		assert.Equal(t, filled, b.send(insReadFilled, 0, 0), name)
		assert.Equal(t, "0103019000", b.send(insPIN, 5, 0, 0), name)
		assert.Equal(t, statics, b.send(insStatics, 0, 0), name)
		assert.Equal(t, state(0x12, 0), b.state(), name)
		assert.Equal(t, signed, b.send(insCrypto, 7, 0, 1, 2, 3), "%s: its key pair", name)
		now, err := b.Memory()
		require.NoError(t, err)
		assert.Equal(t, memory, now, name)
		require.NoError(t, b.RestoreSnapshot(snapshot), name)
		assert.Equal(t, random, b.send(insCrypto, 8, 0, make([]byte, 16)...), name)
		require.NoError(t, b.RestoreSnapshot(snapshot), name)
		assert.Equal(t, before, b.saved(), name)
	}
}

func TestSnapshotRefuses(t *testing.T) {
	b := newProbe(t, card.P71)
	snapshot, err := b.Snapshot()
	require.NoError(t, err)
	other := newProbe(t, card.P71)
	require.ErrorContains(t, other.RestoreSnapshot(snapshot), "on the machine that it was taken of")
	b.CutBefore(3)
	_, err = b.TransmitBytes(command(insTransact, 0, 1))
	require.ErrorIs(t, err, card.ErrPowerLost)
	_, err = b.Snapshot()
	require.ErrorContains(t, err, "reset it first")
}

// A card that lives in a file is there as the snapshot has it.
func TestSnapshotOfACardInAFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "card")
	b := open(t, path)
	b.load("lib", "core")
	_, err := b.Install(coreModule, coreInstance, nil)
	require.NoError(t, err)
	snapshot, err := b.Snapshot()
	require.NoError(t, err)
	require.NoError(t, b.Delete(coreInstance))
	require.NoError(t, b.RestoreSnapshot(snapshot))
	assert.Equal(t, b.Applets(), open(t, path).Applets())
	assert.Len(t, b.Applets(), 1)
}

func BenchmarkSnapshot(b *testing.B) {
	c := newProbe(b, card.P71)
	b.Run("take", func(b *testing.B) {
		for b.Loop() {
			_, err := c.Snapshot()
			require.NoError(b, err)
		}
	})
	s, err := c.Snapshot()
	require.NoError(b, err)
	b.Run("restore", func(b *testing.B) {
		for b.Loop() {
			require.NoError(b, c.RestoreSnapshot(s))
		}
	})
}

// A snapshot with the randomness of another is as it was, but for what is drawn next.
func TestSnapshotWithOtherRandomness(t *testing.T) {
	b := newProbe(t, card.P71)
	draw := func() string { return b.send(insCrypto, 8, 0, make([]byte, 16)...) }
	before, err := b.Snapshot()
	require.NoError(t, err)
	first := draw()
	require.Equal(t, "9000", b.send(insFill, 9, 0))
	after, err := b.Snapshot()
	require.NoError(t, err)
	filled := b.send(insReadFilled, 0, 0)
	second := draw()

	require.NoError(t, b.RestoreSnapshot(before.WithRandom(after)))
	assert.Equal(t, second, draw())
	assert.NotEqual(t, filled, b.send(insReadFilled, 0, 0))
	require.NoError(t, b.RestoreSnapshot(before))
	assert.Equal(t, first, draw())
}
