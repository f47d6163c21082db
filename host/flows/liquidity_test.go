package flows

import (
	"bytes"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/apdu/money"
	"ekrona.example/host/envelope"
	"ekrona.example/host/notary"
	"ekrona.example/host/wallet"
)

// figure9 returns the world of the pilot's Figure 9 with phones that hand over provenance: anna has
// paid bertil 80 kr of 200, and nobody has synchronised.
func figure9(t *testing.T) (w *world, anna, bertil, cecilia *person) {
	t.Helper()
	w = newWorld(t)
	w.provenance = true
	anna = w.addPerson("anna", "SENORDIC", "00000001", 500*money.Krona)
	bertil = w.addPerson("bertil", "SEFJORDB", "00000002", 0)
	cecilia = w.addPerson("cecilia", "SENORDIC", "00000003", 0)
	w.load(anna, 200*money.Krona)
	w.cardToCard(anna, bertil, 80*money.Krona)
	return w, anna, bertil, cecilia
}

// byText hands a payment from phone to phone as text, with what is beside it.
func (w *world) byText(
	payer, payee *person, amount money.Ore, change func(*envelope.Envelope),
) (payment envelope.Envelope) {
	w.t.Helper()
	request, err := payee.phone.Request(w.ctx, payee.tap(w.t), amount, "")
	require.NoError(w.t, err)
	payment, err = payer.phone.Pay(w.ctx, payer.tap(w.t), request)
	require.NoError(w.t, err)
	again, err := payer.phone.Pay(w.ctx, wallet.Tap{}, request)
	require.NoError(w.t, err)
	require.Equal(w.t, payment.Provenance, again.Provenance)
	change(&payment)
	read, err := envelope.ParseText(payment.Text())
	require.NoError(w.t, err)
	require.Equal(w.t, payment.Provenance, read.Provenance)
	_, err = payee.phone.Accept(w.ctx, payee.tap(w.t), read)
	require.NoError(w.t, err)
	return payment
}

func (w *world) verdict(payer *person, atc uint32) notary.Verdict {
	w.t.Helper()
	p, err := w.bank.Payment(w.ctx, payer.device.ID, atc)
	require.NoError(w.t, err)
	return p.Verdict
}

// TestFigure9SettlesByProvenance: the last payee synchronises first, and brings the whole chain.
func TestFigure9SettlesByProvenance(t *testing.T) {
	w, anna, bertil, cecilia := figure9(t)
	payment := w.byText(bertil, cecilia, 50*money.Krona, func(*envelope.Envelope) {})
	require.Len(t, payment.Provenance, 1, "by which bertil was paid")
	w.audit("paid on")
	w.sync(cecilia)
	w.audit("cecilia synchronised")
	assert.Equal(t, notary.Settled, w.verdict(anna, 1))
	assert.Equal(t, notary.Settled, w.verdict(bertil, 2))
	records, err := cecilia.phone.Provenance(w.ctx)
	require.NoError(t, err)
	assert.Empty(t, records, "the notary holds them all")
	w.agree()
	assert.Equal(t, 30*money.Krona, w.offline(bertil))
}

// TestProvenanceGoesAlongTheChain: each phone passes on what it was given, and the phone of a payer
// gives it to a terminal, which synchronises first.
func TestProvenanceGoesAlongTheChain(t *testing.T) {
	w, anna, bertil, cecilia := figure9(t)
	terminal := w.addTerminal("SEFJORDB")
	w.byText(bertil, cecilia, 50*money.Krona, func(*envelope.Envelope) {})
	sale, err := terminal.Ask(w.ctx, 40*money.Krona)
	require.NoError(t, err)
	_, err = terminal.Take(w.ctx, sale.Number, cecilia.reader(), block(t, rightPIN))
	require.NoError(t, err)
	records, err := cecilia.phone.Provenance(w.ctx)
	require.NoError(t, err)
	require.Len(t, records, 2)
	for range 2 { // the first answer counts
		require.NoError(t, terminal.TakeProvenance(w.ctx, sale.Number, records))
	}
	assert.Error(t, terminal.TakeProvenance(w.ctx, sale.Number+1, records), "no such sale")
	w.restartTerminal()
	_, err = terminal.Synchronise(w.ctx)
	require.NoError(t, err)
	w.audit("the terminal synchronised")
	assert.Equal(t, 40*money.Krona, w.taken())
	for payer, atc := range map[*person]uint32{anna: 1, bertil: 2, cecilia: 2} {
		assert.Equal(t, notary.Settled, w.verdict(payer, atc), payer.name)
	}
	w.agree()
}

// TestWhatIsBesideAPaymentStopsNothing: records that nobody made, others' records, too many of
// them.
func TestWhatIsBesideAPaymentStopsNothing(t *testing.T) {
	for name, change := range map[string]func(*envelope.Envelope){
		"none": func(e *envelope.Envelope) { e.Provenance = nil },
		"the same": func(e *envelope.Envelope) {
			e.Provenance = append(e.Provenance, e.Provenance...)
		},
		"another signature": func(e *envelope.Envelope) {
			altered := bytes.Clone(e.Provenance[0])
			altered[len(altered)-1] ^= 1
			e.Provenance = [][]byte{altered}
		},
		"full": func(e *envelope.Envelope) {
			e.Provenance = slices.Repeat(e.Provenance, envelope.MaxProvenance)
		},
	} {
		t.Run(name, func(t *testing.T) {
			w, _, bertil, cecilia := figure9(t)
			w.byText(bertil, cecilia, 50*money.Krona, change)
			w.sync(cecilia)
			w.audit("cecilia synchronised")
			records, err := cecilia.phone.Provenance(w.ctx)
			require.NoError(t, err)
			assert.Empty(t, records)
			w.agree()
		})
	}
}

// TestProvenanceIsHandedOverWhereItIsConfigured and not by others; what is given is taken by all.
func TestProvenanceIsHandedOverWhereItIsConfigured(t *testing.T) {
	w, anna, bertil, cecilia := figure9(t)
	w.provenance = false
	w.startPhone(bertil)
	w.startPhone(cecilia)
	payment := w.byText(bertil, cecilia, 50*money.Krona, func(*envelope.Envelope) {})
	assert.Empty(t, payment.Provenance)
	w.sync(cecilia)
	assert.Equal(t, notary.Waiting, w.verdict(bertil, 2))
	w.provenance = true
	w.startPhone(bertil)
	payment = w.byText(bertil, cecilia, 10*money.Krona, func(*envelope.Envelope) {})
	assert.Len(t, payment.Provenance, 1)
	w.sync(cecilia)
	assert.Equal(t, notary.Settled, w.verdict(bertil, 2))
	assert.Equal(t, notary.Settled, w.verdict(anna, 1))
	w.agree()
}
