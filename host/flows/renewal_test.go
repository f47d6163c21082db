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
	"ekrona.example/apdu/thorough"
	"ekrona.example/applet/attack"
	"ekrona.example/applet/client"
	"ekrona.example/host/wallet"
	"ekrona.example/personalization/pki"
)

// TestExpiredCardIsRenewedAndPaysAgain: the date that an Instruction gives the card ends its
// certificate. It still synchronises and unloads, but does not pay or request.
func TestExpiredCardIsRenewedAndPaysAgain(t *testing.T) {
	w, anna, merchant := annaAndMerchant(t)
	w.clock.At = w.clock.At.AddDate(3, 0, 10)
	bertil := w.addPerson("bertil", "SEFJORDB", "00000002", 0) // with a certificate of these days
	w.sync(anna)
	w.audit("the card knows the date")

	asked, err := bertil.phone.Request(w.ctx, bertil.tap(t), 80*money.Krona, "")
	require.NoError(t, err)
	_, err = anna.phone.Pay(w.ctx, anna.tap(t), asked)
	require.True(t, client.Is(err, spec.SWExpired), err)
	_, err = anna.phone.Request(w.ctx, anna.tap(t), money.Krona, "")
	require.True(t, client.Is(err, spec.SWExpired), err)
	sale, err := merchant.Ask(w.ctx, 45*money.Krona)
	require.NoError(t, err)
	_, err = merchant.Take(w.ctx, sale.Number, anna.reader(), block(t, rightPIN))
	require.True(t, client.Is(err, spec.SWExpired), err)
	_, err = anna.phone.Unload(w.ctx, anna.tap(t), 20*money.Krona)
	require.NoError(t, err)
	w.audit("unloaded, expired")

	issuer := w.issuer(anna.bank)
	renewed, err := issuer.Renew(w.ctx, anna.device.ID)
	require.NoError(t, err)
	again, err := issuer.Renew(w.ctx, anna.device.ID)
	require.NoError(t, err)
	require.Equal(t, renewed, again, "renewed once")
	require.NotEqual(t, anna.device.Certificate, renewed.Certificate)

	deaf := attack.CertificateNotStored.Holding(anna.reader())
	err = anna.phone.Renew(w.ctx, wallet.Tap{Card: deaf}, renewed.Certificate)
	require.ErrorIs(t, err, wallet.ErrAltered, "the card has never had it")
	err = anna.phone.Renew(w.ctx, wallet.Tap{Card: losing(anna, spec.PutData)}, renewed.Certificate)
	require.True(t, client.IsLost(err), "the card has it, and the phone does not know: %v", err)
	for range 2 {
		require.NoError(t, anna.phone.Renew(w.ctx, wallet.Tap{Card: anna.reader()},
			renewed.Certificate), "no PIN is asked")
	}
	w.startPhone(anna) // set up with the certificate of the card's first days
	require.ErrorIs(t, anna.phone.Renew(w.ctx, anna.tap(t), anna.device.Certificate),
		wallet.ErrNotLater)
	require.ErrorIs(t, anna.phone.Renew(w.ctx, anna.tap(t), bertil.device.Certificate),
		wallet.ErrNotLater)
	w.audit("renewed")

	payment, err := anna.phone.Pay(w.ctx, anna.tap(t), asked)
	require.NoError(t, err)
	assert.Equal(t, renewed.Certificate, payment.Certificate)
	_, err = bertil.phone.Accept(w.ctx, bertil.tap(t), payment)
	require.NoError(t, err)
	_, err = merchant.Take(w.ctx, sale.Number, anna.reader(), block(t, rightPIN))
	require.NoError(t, err)
	w.audit("paid")
	w.agree()
	assert.Equal(t, 55*money.Krona, w.offline(anna))
	assert.Equal(t, 80*money.Krona, w.offline(bertil))
	assert.Equal(t, 45*money.Krona, w.taken())
}

func TestRenewalMayBeCutAtEveryWriteOfTheCard(t *testing.T) {
	run := func(cut int) (writes int) {
		w, anna, _ := annaAndBertil(t)
		w.clock.At = w.clock.At.AddDate(0, 1, 0)
		renewed, err := w.issuer(anna.bank).Renew(w.ctx, anna.device.ID)
		require.NoError(t, err)
		anna.writes, anna.cut = 0, cut
		err = anna.phone.Renew(w.ctx, anna.tap(t), renewed.Certificate)
		writes, anna.cut = anna.writes, 0
		if cut > 0 {
			require.True(t, client.IsLost(err), "write %d: %v", cut, err)
			require.NoError(t, anna.phone.Renew(w.ctx, anna.tap(t), renewed.Certificate),
				"write %d", cut)
		} else {
			require.NoError(t, err)
		}
		w.agree()
		return writes
	}
	writes := run(0)
	require.Positive(t, writes)
	for n := range writes {
		if thorough.Tries(n, 3) {
			run(n + 1)
		}
	}
}

// TestRenewedBatchCertificateReachesTheCard: the CA has got a later last day, and so has the batch
// key of its cards. A card gets the certificate when its phone synchronises; terminals go on
// enciphering PINs to the key after the first certificate has ended.
func TestRenewedBatchCertificateReachesTheCard(t *testing.T) {
	w := newWorld(t)
	w.addBank("SEKORTCA", w.today().AddDays(60))
	b := w.banks["SEKORTCA"]
	w.cardDays = 60
	anna := w.addPerson("anna", "SEKORTCA", "00000001", 500*money.Krona)
	bertil := w.addPerson("bertil", "SEKORTCA", "00000002", 500*money.Krona)
	w.load(anna, 100*money.Krona)
	w.load(bertil, 100*money.Krona)
	certificate := func(p *person) (batch message.DeviceID, encoded []byte) {
		t.Helper()
		anybody := client.New(p.reader())
		fci, err := anybody.Select(w.ctx)
		require.NoError(t, err)
		encoded, err = anybody.BatchCertificate(w.ctx)
		require.NoError(t, err)
		return fci.Batch, encoded
	}
	batch, first := certificate(anna)

	longer := pki.Subject{Holder: b.ca.Certificate.Holder, Role: spec.RoleIntermediary,
		Effective: b.ca.Certificate.Effective, Expiry: w.today().AddDays(3000)}
	renewed, err := w.root.Certify(longer, b.ca.Certificate.PublicKey)
	require.NoError(t, err)
	w.trusts(b)
	_, err = b.pki.Import(w.ctx, "ca", renewed)
	require.NoError(t, err)
	w.reopens("SEKORTCA", "instruction")
	key, err := b.pki.Batches(b.ca).BatchKey(w.ctx, batch)
	require.NoError(t, err)
	require.NotEqual(t, first, key.Encoded)

	_, err = anna.phone.Synchronise(w.ctx, wallet.Tap{Card: losing(anna, spec.PutData)})
	require.True(t, client.IsLost(err), "the card has it, and the phone does not know: %v", err)
	w.sync(anna)
	_, has := certificate(anna)
	assert.Equal(t, key.Encoded, has)
	w.startPhone(anna)
	_, err = anna.phone.Synchronise(w.ctx, wallet.Tap{Card: never(t, anna, spec.PutData)})
	require.NoError(t, err, "the phone knows that the card has it")

	// Bertil's card learns the day first, on which its CA has ended as far as it knows.
	b.withholdsBatch = true
	w.clock.At = w.clock.At.AddDate(0, 0, 70)
	w.sync(bertil)
	_, has = certificate(bertil)
	assert.Equal(t, first, has)
	b.withholdsBatch = false
	w.sync(bertil)
	_, has = certificate(bertil)
	assert.Equal(t, key.Encoded, has)
	w.audit("renewed")
}

// never is a person's card to which a command must not be given.
func never(t *testing.T, p *person, command *spec.Command) apdu.Card {
	whole := p.reader()
	return apdu.CardFunc(func(ctx context.Context, c apdu.Command) (apdu.Response, error) {
		if found, ok := spec.Find(c.CLA, c.INS, c.P1, c.P2); ok && found.Command == command {
			t.Errorf("the card was given %s", command.Name)
		}
		return whole.Transmit(ctx, c)
	})
}
