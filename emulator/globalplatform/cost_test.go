package globalplatform

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/apdu/gpc"
	"ekrona.example/apdu/scp03"
	"ekrona.example/emulator/card"
)

// A command of the card manager is accounted for and priced: by what others measured,
// or by what it writes and sends.
func TestAccountOfACommand(t *testing.T) {
	b := plain(t)
	link, err := card.LinkNamed("contact-115200")
	require.NoError(t, err)
	b.exchange("80CA00E000")
	account := b.LastCommand()
	assert.Equal(t, byte(gpc.InsGetData), account.Manager)
	assert.Equal(t, 5, account.CommandBytes)
	assert.Equal(t, 22, account.ResponseBytes)
	cost, err := Estimate(account, link)
	require.NoError(t, err)
	assert.Equal(t, 13*time.Millisecond, cost.Of(CostManager))

	client := b.open(scp03.Options{})
	require.NoError(t, client.SetCardStatus(t.Context(), gpc.Initialized))
	account = b.LastCommand()
	assert.Positive(t, account.Writes)
	cost, err = Estimate(account, link)
	require.NoError(t, err)
	assert.Positive(t, cost.Of(card.CostWrites))
	assert.Positive(t, cost.Of(card.CostWire))
	assert.Zero(t, cost.Of(CostManager))

	b.exchange("00A4040005A0000000FF00")
	assert.Zero(t, b.LastCommand().Writes, "each command has its own account")
}
