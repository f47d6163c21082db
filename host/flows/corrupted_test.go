package flows

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/apdu"
	"ekrona.example/apdu/message"
	"ekrona.example/apdu/money"
	"ekrona.example/apdu/spec"
	"ekrona.example/applet/attack"
	hostattack "ekrona.example/host/attack"
	"ekrona.example/host/banking"
	"ekrona.example/host/envelope"
	"ekrona.example/host/ledger"
	"ekrona.example/host/session"
	"ekrona.example/host/wallet"
	"ekrona.example/personalization/pki"
)

// unregisteredPayer returns a key that an intermediary has certified without a card.
func (w *world) unregisteredPayer(b *bank) pki.Identity {
	w.t.Helper()
	identity, err := b.pki.Certified("unregistered",
		w.subject(string(b.ca.Certificate.Holder.Name())+"STRAY001", spec.RoleCard), b.ca)
	require.NoError(w.t, err)
	return identity
}

// stolen gives an attacker a key with its certificate.
func stolen(i pki.Identity) attack.Identity {
	return attack.Identity{Signer: i.Signer, Certificate: i.Certificate, Encoded: i.Encoded}
}

// paidBy returns a Payment of a Request that no card has made.
func (w *world) paidBy(
	b *bank, payer pki.Identity, asked envelope.Envelope, atc uint32,
) envelope.Envelope {
	w.t.Helper()
	request, err := message.Parse[message.Request](asked.Message)
	require.NoError(w.t, err)
	blow, err := attack.StolenCA.Ways[0].Make(&attack.Setup{
		Own: attack.Intermediary{CA: stolen(b.ca)}, Asked: request, ATC: atc,
		Certify: func(attack.Identity, attack.Subject) (attack.Identity,
			error) {
			return stolen(payer), nil
		},
		NextID: func(attack.Intermediary) message.DeviceID { return payer.Certificate.Device() },
	})
	require.NoError(w.t, err)
	return envelope.Envelope{Message: blow.Data[0], Certificate: blow.Data[1],
		Authority: b.ca.Encoded}
}

// TestTerminalResendsWhatWasCorrupted: a payee that is instructed to drop a Payment by a key that
// nobody registered drops the only proof of it.
func TestTerminalResendsWhatWasCorrupted(t *testing.T) {
	for _, altered := range hostattack.Links() {
		t.Run(altered.Name, func(t *testing.T) {
			w, _, merchant := annaAndMerchant(t)
			b := w.banks["SENORDIC"]
			merchant.config.Link = altered.Once(merchant.bank)
			w.restartTerminal()
			sale, err := merchant.Ask(w.ctx, 45*money.Krona)
			require.NoError(t, err)
			require.NoError(t, merchant.Answer(w.ctx,
				w.paidBy(b, w.unregisteredPayer(b), sale.Request, 1)))

			_, err = merchant.Synchronise(w.ctx)
			require.ErrorIs(t, err, altered.Answer)
			w.audit("corrupted")
			w.syncTerminal()
			assert.Equal(t, 45*money.Krona, w.taken())
			w.agree()
			require.NoError(t, b.PullStatement(w.ctx))
			own, err := ledger.Balance(w.ctx, b.db, ledger.Account{Kind: ledger.OwnFunds})
			require.NoError(t, err)
			assert.Equal(t, (10_000-500-45)*money.Krona, own)
		})
	}
}

// TestPayerOfACAThatNeverJoinedStopsNobody: nobody can verify its certificate; the device that took
// its Payment is acknowledged all the same.
func TestPayerOfACAThatNeverJoinedStopsNobody(t *testing.T) {
	w, _, merchant := annaAndMerchant(t)
	b := &bank{pki: pki.Open(t.TempDir(), w.random("never joined"))}
	var err error
	b.ca, err = b.pki.Certified("ca", w.subject("SENEVERJ00001", spec.RoleIntermediary), w.root)
	require.NoError(t, err)
	sale, err := merchant.Ask(w.ctx, 45*money.Krona)
	require.NoError(t, err)
	require.NoError(t, merchant.Answer(w.ctx, w.paidBy(b, w.unregisteredPayer(b), sale.Request, 1)))
	w.syncTerminal()
	w.audit("acknowledged")
	reading, err := merchant.Read(w.ctx, w.challenge(merchant.bank, merchant.ID(), message.Nonce{}),
		session.Trust{InstructionKey: merchant.bank.instruction.Encoded, Notary: w.notary.Encoded})
	require.NoError(t, err)
	assert.Empty(t, reading.Records)
}

// TestRecordThatWasCorruptedAtThePhoneIsReadAgain: the phone has the Payment and its proof, and
// does not rely on the corrupted record from its reader.
func TestRecordThatWasCorruptedAtThePhoneIsReadAgain(t *testing.T) {
	w, anna, _ := annaAndBertil(t)
	b := w.banks["SENORDIC"]
	asked, err := anna.phone.Request(w.ctx, anna.tap(t), 30*money.Krona, "")
	require.NoError(t, err)
	_, err = anna.phone.Accept(w.ctx, anna.tap(t), w.paidBy(b, w.unregisteredPayer(b), asked, 2))
	require.NoError(t, err)

	tap := anna.tap(t)
	tap.Card = attack.RecordAltered.Holding(tap.Card)
	_, err = anna.phone.Synchronise(w.ctx, tap)
	require.ErrorIs(t, err, banking.ErrCorrupted)
	w.sync(anna)
	w.agree()
}

// TestAnswerToAnotherQuestionIsNotTaken: the card's answer to a command that its reader has altered
// is signed, but does not answer the phone's command.
func TestAnswerToAnotherQuestionIsNotTaken(t *testing.T) {
	w, anna, bertil := annaAndBertil(t)
	altered := func(r attack.Reader) wallet.Tap {
		tap := bertil.tap(t)
		tap.Card = r.Holding(tap.Card)
		return tap
	}
	unfinished := func() (all []envelope.Envelope) {
		all, err := bertil.phone.Unfinished(w.ctx)
		require.NoError(t, err)
		return all
	}
	_, err := bertil.phone.Request(w.ctx, altered(attack.RequestOfMore), 10*money.Krona, "")
	require.ErrorIs(t, err, wallet.ErrAltered)
	require.Empty(t, unfinished())
	w.sync(bertil)
	payer := unfinished()
	require.Len(t, payer, 1, "the card has asked for something, and its owner can close it")

	second, err := bertil.phone.Request(w.ctx, bertil.tap(t), 10*money.Krona, "")
	require.NoError(t, err)
	_, err = bertil.phone.Refuse(w.ctx, altered(attack.RefuseOfAnother), second)
	require.ErrorIs(t, err, wallet.ErrAltered)
	require.Len(t, unfinished(), 2)
	w.sync(bertil)
	require.Equal(t, []envelope.Envelope{second}, unfinished(),
		"the record says what the card has refused")

	payment, err := anna.phone.Pay(w.ctx, anna.tap(t), second)
	require.NoError(t, err)
	var accepted []byte
	tap := bertil.tap(t)
	tap.Card = apdu.Recorder{Card: tap.Card, Sink: func(e apdu.Exchange) {
		if e.Command.INS == spec.Accept.INS {
			accepted = e.Command.Data
		}
	}}
	_, err = bertil.phone.Accept(w.ctx, tap, payment)
	require.NoError(t, err)
	third, err := bertil.phone.Request(w.ctx, bertil.tap(t), 20*money.Krona, "")
	require.NoError(t, err)
	payment, err = anna.phone.Pay(w.ctx, anna.tap(t), third)
	require.NoError(t, err)
	_, err = bertil.phone.Accept(w.ctx, altered(attack.AnotherAccept(accepted)), payment)
	require.ErrorIs(t, err, wallet.ErrAltered, "a Receipt of another Payment")
	require.Equal(t, []envelope.Envelope{third}, unfinished())
	_, err = bertil.phone.Accept(w.ctx, bertil.tap(t), payment)
	require.NoError(t, err)
	require.Empty(t, unfinished())
	w.sync(bertil)
	w.sync(anna)
	w.agree()
}
