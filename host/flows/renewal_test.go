package flows

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona/apdu/money"
	"ekrona/apdu/spec"
	"ekrona/applet/attack"
	"ekrona/applet/client"
	"ekrona/host/wallet"
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
	for cut := 1; cut <= writes; cut++ {
		run(cut)
	}
}
