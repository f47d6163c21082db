package flows

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona/apdu/money"
	"ekrona/apdu/pin"
	"ekrona/apdu/spec"
	"ekrona/host/order"
	"ekrona/host/terminal"
)

// TestTerminalTakesNothingFromALostCard: the loss report reaches a terminal of the other
// intermediary when it synchronises. What the terminal had accepted before settles.
func TestTerminalTakesNothingFromALostCard(t *testing.T) {
	w := newWorld(t)
	anna := w.addPerson("anna", "SENORDIC", "00000001", 500*money.Krona)
	bertil := w.addPerson("bertil", "SEFJORDB", "00000002", 500*money.Krona)
	w.load(anna, 200*money.Krona)
	w.load(bertil, 100*money.Krona)
	pos := w.addTerminal("SEFJORDB")
	require.NoError(t, anna.bank.ReportLost(w.ctx, anna.device.ID))

	early, err := pos.Ask(w.ctx, 40*money.Krona)
	require.NoError(t, err)
	_, err = pos.Take(w.ctx, early.Number, anna.reader(), block(t, rightPIN))
	require.NoError(t, err, "the terminal does not know it yet")
	torn, err := pos.Ask(w.ctx, 30*money.Krona)
	require.NoError(t, err)
	_, err = pos.Take(w.ctx, torn.Number, losing(anna, spec.Pay), block(t, rightPIN))
	var tap *terminal.TornTap
	require.ErrorAs(t, err, &tap)

	_, err = pos.Synchronise(w.ctx)
	require.NoError(t, err)
	w.audit("the terminal knows")
	_, err = pos.Take(w.ctx, torn.Number, anna.reader(), pin.Block{})
	require.ErrorIs(t, err, terminal.ErrRevoked, "what it has paid comes back to its owner")
	_, err = pos.Take(w.ctx, torn.Number, bertil.reader(), block(t, rightPIN))
	require.ErrorIs(t, err, terminal.ErrRefused)
	later, err := pos.Ask(w.ctx, 20*money.Krona)
	require.NoError(t, err)
	_, err = pos.Take(w.ctx, later.Number, anna.reader(), block(t, rightPIN))
	require.ErrorIs(t, err, terminal.ErrRevoked)
	assert.Equal(t, 110*money.Krona, w.offline(anna), "who it is shows in its answer only")
	w.restartTerminal()
	last, err := pos.Ask(w.ctx, 20*money.Krona)
	require.NoError(t, err)
	_, err = pos.Take(w.ctx, last.Number, anna.reader(), block(t, rightPIN))
	require.ErrorIs(t, err, terminal.ErrRevoked, "the list survives")
	good, err := pos.Ask(w.ctx, 20*money.Krona)
	require.NoError(t, err)
	_, err = pos.Take(w.ctx, good.Number, bertil.reader(), block(t, rightPIN))
	require.NoError(t, err)
	w.audit("refused")
	w.agree()
	assert.Equal(t, 60*money.Krona, w.taken())
}

// TestLoadOfACardThatNeverComesAgainComesBack: the central bank has ended it, and nobody
// synchronises it.
func TestLoadOfACardThatNeverComesAgainComesBack(t *testing.T) {
	w := newWorld(t)
	anna := w.addPerson("anna", "SENORDIC", "00000001", 500*money.Krona)
	w.load(anna, 200*money.Krona)
	placed, err := order.New(order.Load, anna.device.ID, 50*money.Krona, w.random("order"),
		anna.app.Signer)
	require.NoError(t, err)
	require.NoError(t, anna.bank.PlaceLoad(w.ctx, placed))
	anna.lost = true
	require.NoError(t, anna.bank.ReportLost(w.ctx, anna.device.ID))
	assert.Equal(t, 250*money.Krona, w.online(anna), "it may be found again")
	w.clock.At = w.clock.At.Add(honour)
	_, err = w.bank.EndDue(w.ctx)
	require.NoError(t, err)
	assert.Equal(t, 500*money.Krona, w.online(anna))
	w.audit("ended")
	w.agree()
}
