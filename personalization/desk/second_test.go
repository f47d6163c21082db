package desk_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/apdu/message"
	"ekrona.example/host/banking"
)

// withFirst is a place whose owner has an active card, and a blank one on the desk.
func withFirst(t *testing.T) (p *place, first message.DeviceID) {
	t.Helper()
	p = newPlace(t)
	device, err := p.issue(t)
	require.NoError(t, err)
	p.card = p.house.Blank(t)
	p.letter = filepath.Join(t.TempDir(), "second.txt")
	p.bank.calls = 0
	return p, device.ID
}

// A second card is made on request only; otherwise nothing is reserved, kept or
// foretold.
func TestSecondCardIsAskedFor(t *testing.T) {
	p, first := withFirst(t)
	look, err := p.Look(t.Context(), p.onDesk())
	require.NoError(t, err)
	_, err = p.Plan(t.Context(), look, p.order())
	require.ErrorIs(t, err, banking.ErrHasCard)
	_, err = p.issue(t)
	require.ErrorIs(t, err, banking.ErrHasCard)
	require.ErrorContains(t, err, string(first))
	assert.Len(t, p.bank.reserved, 1)
	assert.NoFileExists(t, p.letter+".order")

	p.replaces = "SENORDICC0000099"
	_, err = p.issue(t)
	require.ErrorIs(t, err, banking.ErrNoDevice)
	assert.NoFileExists(t, p.letter+".order")

	p.replaces, p.second = first, true
	_, err = p.issue(t)
	require.ErrorIs(t, err, banking.ErrMalformed)
	p.second, p.bank.lost = false, []message.DeviceID{first}
	_, err = p.issue(t)
	require.ErrorIs(t, err, banking.ErrOutOfUse)
	assert.NoFileExists(t, p.letter+".order")

	p.replaces, p.second, p.bank.lost = "", true, nil
	require.NoError(t, p.card.Reset())
	look, err = p.Look(t.Context(), p.onDesk())
	require.NoError(t, err)
	_, err = p.Plan(t.Context(), look, p.order())
	require.NoError(t, err)
	_, err = p.issue(t)
	require.NoError(t, err)
	assert.Empty(t, p.bank.lost)
}

// A card that is replaced is reported lost when the new one is active, and not before; cut
// off at whatever the bank is asked, the same call goes on to the same end.
func TestReplacedCardIsReportedLost(t *testing.T) {
	whole, first := withFirst(t)
	whole.replaces = first
	_, err := whole.issue(t)
	require.NoError(t, err)
	require.Equal(t, []message.DeviceID{first}, whole.bank.lost)
	for cut := 1; cut <= whole.bank.calls; cut++ {
		p, first := withFirst(t)
		p.replaces, p.bank.cut = first, cut
		_, err := p.issue(t)
		require.ErrorIs(t, err, errCut, cut)
		_, err = os.Stat(p.letter)
		require.ErrorIs(t, err, os.ErrNotExist, "the order is open: %d", cut)
		device, err := p.issue(t)
		require.NoError(t, err, cut)
		assert.Equal(t, []message.DeviceID{first}, p.bank.lost, cut)
		assert.Len(t, p.bank.reserved, 2, cut)
		assert.NotEqual(t, first, device.ID)
		assert.FileExists(t, p.letter)
	}
	// Pulled before it is active, the new card leaves the old one in use.
	p, first := withFirst(t)
	p.replaces = first
	p.at = whole.sent / 2
	_, err = p.issue(t)
	require.ErrorIs(t, err, errWithdrawn)
	assert.Empty(t, p.bank.lost)
}
