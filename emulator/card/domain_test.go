package card_test

import (
	"bytes"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/emulator/cap"
	"ekrona.example/emulator/card"
)

// The record is in the card's file with everything else, and a write of it that is
// cut leaves the old one.
func TestRecordOutlivesTheCard(t *testing.T) {
	path := filepath.Join(t.TempDir(), "card")
	c, err := card.Open(card.Options{Profile: card.P71}, path)
	require.NoError(t, err)
	_, err = c.Record()
	require.ErrorIs(t, err, card.ErrNoRecord)
	first, second := bytes.Repeat([]byte{1}, card.MaxRecord), []byte{2, 3}
	require.NoError(t, c.SetRecord(first))
	c.CutBefore(1)
	require.ErrorIs(t, c.SetRecord(second), card.ErrPowerLost)
	c.Reset()
	kept, err := c.Record()
	require.NoError(t, err)
	assert.Equal(t, first, kept)
	require.NoError(t, c.SetRecord(second))
	again, err := card.Open(card.Options{Profile: card.P71}, path)
	require.NoError(t, err)
	kept, err = again.Record()
	require.NoError(t, err)
	assert.Equal(t, second, kept)
	for _, wrong := range [][]byte{nil, make([]byte, card.MaxRecord+1)} {
		assert.ErrorIs(t, again.SetRecord(wrong), card.ErrRefused)
	}
}

func TestRecordNeedsMemory(t *testing.T) {
	c, err := card.New(card.Options{Profile: card.Profile{NVMBytes: 1000, RAMBytes: 1000,
		CommitBytes: 100, APDUBuffer: 261}})
	require.NoError(t, err)
	require.ErrorIs(t, c.SetRecord([]byte{1}), card.ErrRefused)
	_, err = c.Record()
	assert.ErrorIs(t, err, card.ErrNoRecord)
}

// A load file data block gives the same package as the CAP file it is from, and an
// applet of it can be selected by the card itself.
func TestLoadBlockAndSelect(t *testing.T) {
	file, err := cap.Parse(readCAP(t, "core"))
	require.NoError(t, err)
	c := newBench(t, card.P71)
	c.load("lib")
	p, err := c.LoadBlock(file.LoadFile())
	require.NoError(t, err)
	assert.Contains(t, p.Modules, coreModule)
	_, err = c.LoadBlock(file.LoadFile()[:20])
	require.ErrorIs(t, err, card.ErrRefused)

	aid, err := c.Install(coreModule, coreInstance, nil)
	require.NoError(t, err)
	assert.Nil(t, c.Selected())
	willing, err := c.Select(aid)
	require.NoError(t, err)
	assert.True(t, willing)
	assert.Equal(t, aid, c.Selected())
	found, ok := c.Find(0, aid[:len(aid)-1])
	assert.True(t, ok)
	assert.Equal(t, aid, found)
	require.NoError(t, c.Deselect())
	assert.Nil(t, c.Selected())
	willing, err = c.Select(card.AID{0xA0, 0, 0, 0, 0})
	require.NoError(t, err)
	assert.False(t, willing)
}
