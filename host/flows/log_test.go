package flows

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/apdu"
	"ekrona.example/apdu/message"
	"ekrona.example/apdu/money"
	"ekrona.example/apdu/spec"
	"ekrona.example/applet/attack"
	"ekrona.example/host/banking"
	"ekrona.example/host/wallet"
)

// recordReader holds the person's card to a reader, from which it is taken at a READ RECORD of the
// log: before it gets the command, or before its answer is read. read has the numbers that came
// through.
type recordReader struct {
	apdu.Card
	left     int // records until then; below 0 for never
	answered bool
	gone     bool
	read     *[]byte
}

func (r *recordReader) Transmit(ctx context.Context, c apdu.Command) (apdu.Response, error) {
	found, known := spec.Find(c.CLA&^spec.ClassSecured, c.INS, c.P1, c.P2)
	inLog := known && found.Command == spec.ReadRecord && found.Name == "log"
	if inLog && r.left == 0 {
		r.gone = true
		if r.answered {
			_, _ = r.Card.Transmit(ctx, c)
		}
	}
	if r.gone {
		return apdu.Response{}, errLost
	}
	response, err := r.Card.Transmit(ctx, c)
	if inLog && err == nil && response.SW == apdu.OK {
		r.left--
		*r.read = append(*r.read, c.P1)
	}
	return response, err
}

// withFullLog gives anna a card whose log is full: refusals, and payments of one krona.
func withFullLog(t *testing.T) (w *world, anna *person, paid money.Ore) {
	t.Helper()
	w, anna, merchant := annaAndMerchant(t)
	for key, order := range map[string]banking.PolicyOrder{
		"cards": {Policy: message.Policy{MaxBalance: 2000 * money.Krona,
			MaxTransactions: spec.CeilingMaxTransactions, MaxPayment: 500 * money.Krona,
			MaxSpent: 2000 * money.Krona}, Devices: []message.DeviceID{anna.device.ID}},
		"terminal": {Policy: message.Policy{MaxBalance: 20_000 * money.Krona,
			MaxTransactions: spec.DefaultSlots, MaxPayment: 500 * money.Krona,
			MaxSpent: 2000 * money.Krona}, Devices: []message.DeviceID{merchant.ID()}},
	} {
		order.Key, order.By = key, "eva"
		b := anna.bank
		if key == "terminal" {
			b = merchant.bank
		}
		_, err := b.SetPolicy(w.ctx, order)
		require.NoError(t, err)
	}
	w.agree()
	for n := range spec.DefaultSlots {
		if n < spec.DefaultSlots-spec.CeilingMaxTransactions {
			asked, err := anna.phone.Request(w.ctx, anna.tap(t), money.Krona, "")
			require.NoError(t, err)
			_, err = anna.phone.Refuse(w.ctx, anna.tap(t), asked)
			require.NoError(t, err)
			continue
		}
		sale, err := merchant.Ask(w.ctx, money.Krona)
		require.NoError(t, err)
		_, err = merchant.Take(w.ctx, sale.Number, anna.reader(), block(t, rightPIN))
		require.NoError(t, err)
		paid += money.Krona
	}
	state := w.state(anna).State
	require.EqualValues(t, spec.DefaultSlots, state.ATC-state.AckedATC)
	return w, anna, paid
}

// TestTornSynchronisationGoesOn: the card is taken from the phone at each record of a full log, by
// turns before it gets the command and before its answer is read. Each tap goes on behind what the
// former ones have read, also on a phone that was started anew, and the last one ends it.
func TestTornSynchronisationGoesOn(t *testing.T) {
	w, anna, paid := withFullLog(t)
	var read []byte
	for n := range spec.DefaultSlots {
		left := 1
		if n == 0 {
			left = 0
		}
		_, err := anna.phone.Synchronise(w.ctx, wallet.Tap{Card: &recordReader{Card: anna.reader(),
			left: left, answered: n%2 == 1, read: &read}})
		require.ErrorIs(t, err, errLost, n)
		require.Len(t, read, n, "a tap makes progress")
		if n%16 == 0 {
			w.startPhone(anna)
		}
	}
	w.audit("torn at every record")
	_, err := anna.phone.Synchronise(w.ctx, wallet.Tap{Card: &recordReader{Card: anna.reader(),
		left: -1, read: &read}})
	require.NoError(t, err)
	require.Len(t, read, spec.DefaultSlots, "none is read twice")
	for n, number := range read {
		require.EqualValues(t, n+1, number)
	}
	state := w.state(anna).State
	assert.Equal(t, state.ATC, state.AckedATC)
	w.agree()
	assert.Equal(t, paid, w.taken())
	assert.Equal(t, 200*money.Krona-paid, w.offline(anna))
}

// TestTornSynchronisationKeepsNothingAltered: what a reader alters is not kept as read, nor what
// the intermediary does not take.
func TestTornSynchronisationKeepsNothingAltered(t *testing.T) {
	w, anna, _ := annaAndBertil(t)
	bertil := w.people[1]
	w.cardToCard(anna, bertil, 30*money.Krona)
	w.cardToCard(anna, bertil, 20*money.Krona)
	w.startPhone(bertil)
	var read []byte
	torn := &recordReader{Card: bertil.reader(), left: 1, read: &read}
	_, err := bertil.phone.Synchronise(w.ctx,
		wallet.Tap{Card: attack.RecordAltered.Holding(torn)})
	require.ErrorIs(t, err, errLost)
	w.audit("altered, and torn")
	for range 2 { // the first may be refused for what was altered
		_, err = bertil.phone.Synchronise(w.ctx, bertil.tap(t))
	}
	require.NoError(t, err)
	w.agree()
	assert.Equal(t, 50*money.Krona, w.offline(bertil))
}
