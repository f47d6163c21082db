package flows

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/apdu"
	"ekrona.example/apdu/money"
	"ekrona.example/apdu/spec"
	"ekrona.example/applet/client"
	"ekrona.example/host/store"
	"ekrona.example/host/wallet"
)

// bare is the card held to its owner's phone, without the PIN.
func (p *person) bare() wallet.Tap { return wallet.Tap{Card: p.reader()} }

// pair pairs the phone of a person with the card.
func (w *world) pair(p *person) {
	w.t.Helper()
	require.NoError(w.t, p.phone.Pair(w.ctx, p.tap(w.t)))
}

// anotherPhone gives the person a phone that knows nothing.
func (w *world) anotherPhone(p *person, name string) {
	w.t.Helper()
	p.journal = w.open(p.name+"'s "+name, walletSchema(w.t))
	w.startPhone(p)
}

// TestPairedPhoneReadsAndReceivesWithoutThePIN: balance, log, asking, accepting and refusing; a
// payment asks for the PIN.
func TestPairedPhoneReadsAndReceivesWithoutThePIN(t *testing.T) {
	w, anna, bertil := annaAndBertil(t)
	_, err := bertil.phone.Holdings(w.ctx, bertil.bare())
	require.ErrorIs(t, err, wallet.ErrPINNeeded)
	require.NotErrorIs(t, err, wallet.ErrNotPaired)
	w.pair(bertil)
	w.pair(bertil)

	asked, err := bertil.phone.Request(w.ctx, bertil.bare(), 80*money.Krona, anna.device.ID)
	require.NoError(t, err)
	closed, err := bertil.phone.Request(w.ctx, bertil.bare(), 10*money.Krona, "")
	require.NoError(t, err)
	_, err = bertil.phone.Refuse(w.ctx, bertil.bare(), closed)
	require.NoError(t, err)
	payment, err := anna.phone.Pay(w.ctx, anna.tap(t), asked)
	require.NoError(t, err)
	_, err = bertil.phone.Accept(w.ctx, bertil.bare(), payment)
	require.NoError(t, err)
	holdings, err := bertil.phone.Holdings(w.ctx, bertil.bare())
	require.NoError(t, err)
	assert.Equal(t, 80*money.Krona, holdings.Balance)
	assert.EqualValues(t, 2, holdings.Counters.ATC)

	back, err := anna.phone.Request(w.ctx, anna.tap(t), 10*money.Krona, "")
	require.NoError(t, err)
	_, err = bertil.phone.Pay(w.ctx, bertil.bare(), back)
	require.ErrorIs(t, err, wallet.ErrPINNeeded)
	w.sync(bertil)
	w.sync(anna)
	w.agree()
}

// TestTornPairIsFoundAgain: whatever the cut leaves, the next tap finds out without the PIN, or
// PAIR is repeated with the same point.
func TestTornPairIsFoundAgain(t *testing.T) {
	w := newWorld(t)
	anna := w.addPerson("anna", "SENORDIC", "00000001", 500*money.Krona)
	w.pair(anna)
	former := anna.phone
	w.anotherPhone(anna, "next")
	err := anna.phone.Pair(w.ctx,
		wallet.Tap{Card: losing(anna, spec.Pair), PIN: block(t, rightPIN)})
	require.True(t, client.IsLost(err), err)
	w.startPhone(anna)
	_, err = anna.phone.Holdings(w.ctx, anna.bare())
	require.NoError(t, err, "the card has carried it out")
	_, err = former.Holdings(w.ctx, anna.bare())
	require.ErrorIs(t, err, wallet.ErrNotPaired)
	require.ErrorIs(t, err, wallet.ErrPINNeeded)

	refused := apdu.CardFunc(func(ctx context.Context, c apdu.Command) (apdu.Response, error) {
		if c.INS == spec.Pair.INS {
			return apdu.Response{}, errLost // before the card has it
		}
		return anna.card.Transmit(ctx, c)
	})
	w.anotherPhone(anna, "last")
	err = anna.phone.Pair(w.ctx, wallet.Tap{Card: refused, PIN: block(t, rightPIN)})
	require.True(t, client.IsLost(err), err)
	_, err = anna.phone.Holdings(w.ctx, anna.bare())
	require.ErrorIs(t, err, wallet.ErrNotPaired)
	begun, err := store.Column[[]byte](w.ctx, anna.journal, `SELECT begun FROM pair`)
	require.NoError(t, err)
	require.Len(t, begun, 1)
	require.NotNil(t, begun[0])
	w.startPhone(anna)
	w.pair(anna)
	_, err = anna.phone.Holdings(w.ctx, anna.bare())
	require.NoError(t, err)
}

// TestPairEnds: by the next phone, by a new PIN of another program, and by an Instruction.
func TestPairEnds(t *testing.T) {
	w := newWorld(t)
	anna := w.addPerson("anna", "SENORDIC", "00000001", 500*money.Krona)
	bertil := w.addPerson("bertil", "SENORDIC", "00000002", 500*money.Krona)
	w.pair(anna)
	require.NoError(t, anna.phone.ChangePIN(w.ctx, anna.tap(t), block(t, "2468")))
	_, err := anna.phone.Holdings(w.ctx, anna.bare())
	require.NoError(t, err, "paired again by the new PIN")
	require.NoError(t, anna.phone.UnblockPIN(w.ctx, anna.bare(), block(t, "87654321"),
		block(t, rightPIN)))
	_, err = anna.phone.Holdings(w.ctx, anna.bare())
	require.NoError(t, err)

	_, err = anna.phone.Holdings(w.ctx, bertil.bare())
	require.ErrorIs(t, err, wallet.ErrNotPaired)
	err = anna.phone.Pair(w.ctx, bertil.tap(t))
	require.ErrorIs(t, err, wallet.ErrAnotherCard)
	_, err = anna.phone.Holdings(w.ctx, anna.bare())
	require.NoError(t, err, "what was begun with another card changes nothing")

	require.NoError(t, anna.bank.Unpair(w.ctx, anna.device.ID))
	w.sync(anna)
	_, err = anna.phone.Holdings(w.ctx, anna.bare())
	require.ErrorIs(t, err, wallet.ErrNotPaired)
	w.pair(anna)
	w.sync(anna)
	_, err = anna.phone.Holdings(w.ctx, anna.bare())
	require.NoError(t, err, "once")

	require.NoError(t, anna.bank.ReportLost(w.ctx, anna.device.ID))
	w.sync(anna)
	_, err = anna.phone.Holdings(w.ctx, anna.bare())
	require.ErrorIs(t, err, wallet.ErrNotPaired)
}

// TestPairKeyIsSealed: who copies the journal has no pair key.
func TestPairKeyIsSealed(t *testing.T) {
	w := newWorld(t)
	anna := w.addPerson("anna", "SENORDIC", "00000001", 500*money.Krona)
	w.pair(anna)
	config := wallet.Config{
		DB: anna.journal, Random: w.random("thief"), App: anna.app.Signer, Device: anna.device.ID,
		Certificate: anna.device.Certificate, CA: anna.bank.ca.Encoded,
		PINPoint: anna.device.PINPoint, Authorities: w.authorities(),
	}
	config.PairSeal[0] = 1
	thief, err := wallet.New(w.ctx, config)
	require.NoError(t, err)
	_, err = thief.Holdings(w.ctx, anna.bare())
	require.ErrorContains(t, err, "pair key")
}

// TestSynchronisationOfAPairedCardIsSecured: who listens hears SELECT and MUTUAL AUTHENTICATE, and
// of State, records, Instruction and Confirmation nothing; an Instruction that ends the pair is
// followed by commands in clear.
func TestSynchronisationOfAPairedCardIsSecured(t *testing.T) {
	w, anna, bertil := annaAndBertil(t)
	w.pair(anna)
	heard := func() (clear []string) {
		card := anna.reader()
		listener := apdu.CardFunc(func(ctx context.Context, c apdu.Command) (apdu.Response, error) {
			if v, known := spec.Find(c.CLA, c.INS, c.P1, c.P2); known {
				clear = append(clear, v.Command.Name)
			}
			return card.Transmit(ctx, c)
		})
		_, err := anna.phone.Synchronise(w.ctx, wallet.Tap{Card: listener})
		require.NoError(t, err)
		return clear
	}
	w.cardToCard(anna, bertil, 5*money.Krona)
	assert.Equal(t, []string{"SELECT", "MUTUAL AUTHENTICATE"}, heard())
	w.cardToCard(anna, bertil, 5*money.Krona)
	require.NoError(t, anna.bank.Unpair(w.ctx, anna.device.ID))
	assert.Contains(t, heard(), "GET STATE", "the next round, after the pair was ended")
	paired, err := anna.phone.IsPairedWith(w.ctx, anna.bare())
	require.NoError(t, err)
	assert.False(t, paired)
	w.audit("synchronised")
}
