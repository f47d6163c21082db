package town

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona/emulator/card"
)

// open opens a town whose run repeats.
func open(t *testing.T, folder string) *Town {
	t.Helper()
	opened, err := Open(context.Background(), folder, Options{
		Plan: Pilot(), Clock: FixedClock(time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)), Random: card.SeededRandom(t.Name()),
	})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, opened.Close()) })
	return opened
}

func TestFoundedTownIsFoundAgain(t *testing.T) {
	folder := t.TempDir()
	founded := open(t, folder)
	first, err := founded.Person("anna")
	require.NoError(t, err)
	letter := first.Letter
	require.NoError(t, founded.Close())

	again := open(t, folder)
	anna, err := again.Person("anna")
	require.NoError(t, err)
	assert.Equal(t, letter, anna.Letter)
	_, err = again.Person("dora")
	assert.ErrorIs(t, err, ErrUnknown)
}
