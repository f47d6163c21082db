package wallet

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/apdu/cvc"
	"ekrona.example/apdu/message"
	"ekrona.example/apdu/money"
	"ekrona.example/apdu/signature"
	"ekrona.example/apdu/spec"
	"ekrona.example/host/banking"
	"ekrona.example/host/envelope"
	"ekrona.example/host/notary"
	"ekrona.example/host/order"
	"ekrona.example/host/store"
	"ekrona.example/host/store/storetest"
	"ekrona.example/personalization/pki"
	"ekrona.example/personalization/pki/keys"
)

// fakeIntermediary is an intermediary with configured answers.
type fakeIntermediary struct {
	banking.Wallet
	answers []notary.Answer
	err     error
	seen    [][]byte
	orders  []order.Signed
}

func TestMain(m *testing.M) { os.Exit(storetest.Run(m)) }

func (c *fakeIntermediary) HandOver(_ context.Context, messages [][]byte) ([]notary.Answer, error) {
	c.seen = messages
	return c.answers, c.err
}

func (c *fakeIntermediary) PlaceLoad(_ context.Context, o order.Signed) error {
	c.orders = append(c.orders, o)
	return c.err
}

type phone struct {
	*Wallet
	t            *testing.T
	ctx          context.Context
	intermediary *fakeIntermediary
	config       Config
	own          pki.Identity // the owner's card
	payee        pki.Identity // another card
	ca           pki.Identity
	number       uint32
}

func newPhone(t *testing.T) *phone {
	t.Helper()
	random := rand.NewChaCha8([32]byte{1})
	p := &phone{t: t, ctx: context.Background(), intermediary: &fakeIntermediary{}}
	folder := pki.Open(t.TempDir(), random)
	root, err := folder.Root("root", subject(t, "SERIKSBK00001", spec.RoleRoot))
	require.NoError(t, err)
	p.ca, err = folder.Certified("ca", subject(t, "SENORDIC00001", spec.RoleIntermediary), root)
	require.NoError(t, err)
	p.own, err = folder.Certified("card", subject(t, "SENORDIC00000001", spec.RoleCard), p.ca)
	require.NoError(t, err)
	p.payee, err = folder.Certified("payee", subject(t, "SENORDIC00000002", spec.RoleCard), p.ca)
	require.NoError(t, err)
	point, err := signature.Point(p.own.Certificate.PublicKey)
	require.NoError(t, err)
	app, err := keys.Generate(random)
	require.NoError(t, err)
	schema, err := Schema()
	require.NoError(t, err)
	db, err := store.Open(p.ctx, storetest.New(t, schema), schema)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	p.config = Config{
		DB: db, Random: random, App: app, Device: "SENORDIC00000001", Certificate: p.own.Encoded,
		CA:       p.ca.Encoded,
		PINPoint: point, Intermediary: p.intermediary,
	}
	p.Wallet, err = New(p.ctx, p.config)
	require.NoError(t, err)
	return p
}

func subject(t *testing.T, holder cvc.Holder, role spec.Role) pki.Subject {
	t.Helper()
	day, err := message.ParseDate("2026-11-22")
	require.NoError(t, err)
	return pki.Subject{Holder: holder, Role: role, Effective: day, Expiry: day.AddDays(1000)}
}

func (p *phone) sealed(m message.Message, by pki.Identity) envelope.Envelope {
	p.t.Helper()
	signed, err := envelope.Sign(m, by.Signer)
	require.NoError(p.t, err)
	return envelope.Envelope{Message: signed, Certificate: by.Encoded, Authority: p.ca.Encoded}
}

// outgoing returns a Request to the owner's card, its Payment and its Receipt.
func (p *phone) outgoing() (request, payment, receipt envelope.Envelope) {
	return p.conversation(p.payee, p.own)
}

// incoming returns a Request of the owner's card, its Payment by another card and its Receipt.
func (p *phone) incoming() (request, payment, receipt envelope.Envelope) {
	return p.conversation(p.own, p.payee)
}

func (p *phone) conversation(
	payee, payer pki.Identity,
) (requested, paid, receipt envelope.Envelope) {
	p.t.Helper()
	p.number++
	request := &message.Request{Payee: payee.Certificate.Device(), Number: p.number, Amount: 100}
	requested = p.sealed(request, payee)
	payment := &message.Payment{Payer: payer.Certificate.Device(), ATC: p.number, Request: *request}
	paid = p.sealed(payment, payer)
	identity, err := message.Identity(payment)
	require.NoError(p.t, err)
	return requested, paid,
		p.sealed(&message.Receipt{Payee: request.Payee, ATC: 1, Payer: payment.Payer,
			Number: p.number, Payment: identity}, payee)
}

// started keeps a Request and returns its identity.
func (p *phone) started(request envelope.Envelope) message.Hash {
	p.t.Helper()
	t, err := p.storeRequestOnce(p.ctx, request)
	require.NoError(p.t, err)
	return t.identity
}

func (p *phone) waiting() [][]byte {
	p.t.Helper()
	waiting, err := store.Column[[]byte](p.ctx, p.db,
		`SELECT message FROM outbox ORDER BY position`)
	require.NoError(p.t, err)
	return waiting
}

func TestMessagesAreForgottenOnlyWhenTheNotaryHoldsThemOrNeverWill(t *testing.T) {
	p := newPhone(t)
	request, payment, receipt := p.outgoing()
	identity := p.started(request)
	for range 2 {
		require.NoError(t, p.storePayment(p.ctx, identity, payment))
		require.NoError(t, p.TakeAnswer(p.ctx, receipt))
	}
	both := [][]byte{payment.Message, receipt.Message}
	require.Equal(t, both, p.waiting())

	p.intermediary.err = errors.New("the link is down")
	require.ErrorIs(t, p.handOver(p.ctx), p.intermediary.err)
	p.intermediary.err = nil
	require.Error(t, p.handOver(p.ctx), "fewer answers than messages are no answers")
	p.intermediary.answers = []notary.Answer{{Err: notary.Unknown}, {Err: io.ErrUnexpectedEOF}}
	require.NoError(t, p.handOver(p.ctx))
	require.Equal(t, both, p.waiting(), "neither held nor hopeless")
	p.intermediary.answers = []notary.Answer{{Held: true}, {Err: notary.Unknown}}
	require.NoError(t, p.handOver(p.ctx))
	require.Equal(t, both[1:], p.waiting())
	p.intermediary.answers = []notary.Answer{{Err: notary.Signature}}
	require.NoError(t, p.handOver(p.ctx))
	require.Empty(t, p.waiting())
}

func TestKeptPaymentAndReceiptAreTheAnswerWithoutACard(t *testing.T) {
	p := newPhone(t)
	request, payment, receipt := p.outgoing()
	require.NoError(t, p.storePayment(p.ctx, p.started(request), payment))
	again, err := p.Pay(p.ctx, Tap{}, request)
	require.NoError(t, err)
	assert.Equal(t, payment, again)

	open, err := p.Unfinished(p.ctx)
	require.NoError(t, err)
	require.Len(t, open, 1)
	require.NoError(t, p.TakeAnswer(p.ctx, receipt))
	request, payment, receipt = p.incoming()
	require.NoError(t, p.storePayeeAnswer(p.ctx, p.started(request), receipt))
	given, err := p.Accept(p.ctx, Tap{}, payment)
	require.NoError(t, err)
	assert.Equal(t, receipt, given)
	open, err = p.Unfinished(p.ctx)
	require.NoError(t, err)
	assert.Empty(t, open)
}

// TestOwnRequestIsNotPaid: the Payment that is kept of it is the payer's, and no answer for its
// payee.
func TestOwnRequestIsNotPaid(t *testing.T) {
	p := newPhone(t)
	request, payment, _ := p.incoming()
	p.started(request)
	_, err := p.receivePayment(p.ctx, payment)
	require.NoError(t, err)
	_, err = p.Pay(p.ctx, Tap{}, request)
	require.ErrorIs(t, err, ErrOwnRequest)
}

func TestPaymentOfAnotherCardDoesNotBlockTheGoodOne(t *testing.T) {
	p := newPhone(t)
	request, payment, receipt := p.incoming()
	p.started(request)
	junk := payment
	junk.Message = append([]byte{}, payment.Message...)
	junk.Message[len(junk.Message)-1] ^= 1
	for _, given := range []envelope.Envelope{junk, payment} {
		kept, err := p.receivePayment(p.ctx, given)
		require.NoError(t, err)
		assert.Equal(t, given, *kept.payment)
	}
	require.NoError(t, p.TakeAnswer(p.ctx, receipt))
	kept, err := p.receivePayment(p.ctx, junk)
	require.NoError(t, err)
	assert.Equal(t, payment, *kept.payment, "what was answered stays")
}

// TestPaymentOfAnotherIsNotTakenForTheOwners: Pay returns the Payment that is kept.
func TestPaymentOfAnotherIsNotTakenForTheOwners(t *testing.T) {
	p := newPhone(t)
	request := &message.Request{Payee: p.payee.Certificate.Device(), Number: 1, Amount: 100,
		Payer: p.device}
	identity := p.started(p.sealed(request, p.payee))
	by := func(payer message.DeviceID, signer pki.Identity) error {
		_, err := p.receivePayment(p.ctx,
			p.sealed(&message.Payment{Payer: payer, ATC: 1, Request: *request}, signer))
		return err
	}
	require.ErrorIs(t, by(p.payee.Certificate.Device(), p.payee), ErrNotRequested)
	require.ErrorIs(t, by(p.device, p.payee), ErrAltered)
	kept, err := p.transfer(p.ctx, identity)
	require.NoError(t, err)
	assert.Nil(t, kept.payment)
	require.NoError(t, by(p.device, p.own))
}

// TestProofGoesToTheNotary: only the certificate proves a Payment by a card that nobody has
// registered.
func TestProofGoesToTheNotary(t *testing.T) {
	p := newPhone(t)
	request, payment, receipt := p.incoming()
	identity := p.started(request)
	_, err := p.receivePayment(p.ctx, payment)
	require.NoError(t, err)
	proof, err := p.storeRecord(p.ctx, payment.Message)
	require.NoError(t, err)
	require.Nil(t, proof, "another's Payment alone is no record of this card")
	record := append(bytes.Clone(receipt.Message), payment.Message...)
	for range 2 { // the answer of ACCEPT was lost: it is in the records
		proof, err := p.storeRecord(p.ctx, record)
		require.NoError(t, err)
		require.Equal(t, payment.Certificate, proof)
	}
	all := [][]byte{payment.Message, payment.Certificate, receipt.Message}
	require.Equal(t, all, p.waiting())
	require.NoError(t, p.storePayeeAnswer(p.ctx, identity, receipt, payment.Certificate))
	require.Equal(t, all, p.waiting(), "once")
	unfinished, err := p.Unfinished(p.ctx)
	require.NoError(t, err)
	require.Empty(t, unfinished)
	p.intermediary.answers = []notary.Answer{{Err: notary.Signature}, {Err: notary.Malformed},
		{Held: true}}
	require.NoError(t, p.handOver(p.ctx))
	require.Equal(t, all[1:2], p.waiting(), "it was altered on its way")
	p.intermediary.answers = []notary.Answer{{Held: true}}
	require.NoError(t, p.handOver(p.ctx))
	require.Empty(t, p.waiting())

	junk := payment
	junk.Certificate = p.own.Encoded
	request, payment, receipt = p.incoming()
	p.started(request)
	junk.Message = payment.Message
	_, err = p.receivePayment(p.ctx, junk)
	require.NoError(t, err)
	proof, err = p.storeRecord(p.ctx, append(bytes.Clone(receipt.Message), payment.Message...))
	require.NoError(t, err)
	assert.Nil(t, proof, "another card's certificate proves nothing")
}

func TestOrderIsKeptBeforeItIsSentAndSentAgainUntilItIsAnswered(t *testing.T) {
	p := newPhone(t)
	p.intermediary.err = errors.New("the link is down")
	for range 2 {
		_, err := p.Load(p.ctx, Tap{}, 100*money.Krona)
		require.ErrorIs(t, err, p.intermediary.err)
	}
	require.Len(t, p.intermediary.orders, 2)
	assert.Equal(t, p.intermediary.orders[0], p.intermediary.orders[1])

	p.intermediary.err = &order.Refused{Reason: errors.New("no money")}
	_, err := p.Load(p.ctx, Tap{}, 100*money.Krona)
	require.ErrorContains(t, err, "no money")
	_, err = p.Load(p.ctx, Tap{}, 100*money.Krona)
	require.ErrorContains(t, err, "no money")
	assert.Equal(t, p.intermediary.orders[0], p.intermediary.orders[2])
	assert.NotEqual(t, p.intermediary.orders[0].ID, p.intermediary.orders[3].ID,
		"a refused order is done with")
}

func TestJournalBelongsToOneOwner(t *testing.T) {
	p := newPhone(t)
	_, err := New(p.ctx, p.config)
	require.NoError(t, err, "started again")
	config := p.config
	config.Device, config.Certificate = "SENORDIC00000002", p.payee.Encoded
	_, err = New(p.ctx, config)
	require.ErrorContains(t, err, "a journal of its own")
	config.Certificate = p.config.Certificate
	_, err = New(p.ctx, config)
	require.ErrorContains(t, err, "issued for this card")
}

// TestWhatIsAlteredIsNotKept: a journal that had kept it could not be read any more.
func TestWhatIsAlteredIsNotKept(t *testing.T) {
	p := newPhone(t)
	request, payment, receipt := p.outgoing()
	altered := func(e envelope.Envelope) envelope.Envelope {
		e.Certificate = append([]byte{e.Certificate[0] ^ 0x40}, e.Certificate[1:]...)
		return e
	}
	_, err := p.storeRequestOnce(p.ctx, altered(request))
	require.ErrorIs(t, err, ErrAltered)
	stored, err := p.storeRequestOnce(p.ctx, request)
	require.NoError(t, err)
	require.ErrorIs(t, p.storePayment(p.ctx, stored.identity, altered(payment)), ErrAltered)
	require.NoError(t, p.storePayment(p.ctx, stored.identity, payment),
		"the true one is kept afterwards")
	require.ErrorIs(t, p.storePayeeAnswer(p.ctx, stored.identity, altered(receipt)), ErrAltered)
	kept, err := p.transfer(p.ctx, stored.identity)
	require.NoError(t, err)
	assert.Equal(t, payment.Message, kept.payment.Message)
	assert.Nil(t, kept.answer)
	assert.True(t, pays(payment.Message, stored.identity))
	assert.False(t, pays(receipt.Message, stored.identity))
	for _, sent := range []struct {
		signed []byte
		by     pki.Identity
		other  pki.Identity
	}{{request.Message, p.payee, p.own}, {payment.Message, p.own, p.payee},
		{receipt.Message, p.payee, p.own}} {
		assert.True(t, signedBy(sent.signed, sent.by.Encoded))
		assert.False(t, signedBy(sent.signed, sent.other.Encoded))
		corrupted := bytes.Clone(sent.signed)
		corrupted[len(corrupted)-1] ^= 1
		assert.False(t, signedBy(corrupted, sent.by.Encoded))
	}
	assert.False(t, signedBy(p.own.Encoded, p.own.Encoded))

	_, err = p.storeRecord(p.ctx, request.Message)
	require.Error(t, err)
	request, payment, _ = p.outgoing()
	identity := p.started(request)
	spoiled := bytes.Clone(payment.Message)
	spoiled[len(spoiled)-1] ^= 1
	for n, record := range [][]byte{spoiled, payment.Message} {
		_, err = p.storeRecord(p.ctx, record)
		require.NoError(t, err)
		kept, err := p.transfer(p.ctx, identity)
		require.NoError(t, err)
		assert.Equal(t, n == 1, kept.payment != nil, "the true one comes with the next reading")
	}
}

// TestLastGivenRequestCounts: a Request that was altered on its way does not block the true one.
func TestLastGivenRequestCounts(t *testing.T) {
	p := newPhone(t)
	request, payment, _ := p.outgoing()
	corrupted := request
	corrupted.Certificate = bytes.Clone(request.Certificate)
	// of the signature, which no phone verifies
	corrupted.Certificate[len(corrupted.Certificate)-1] ^= 1
	identity := p.started(corrupted)
	for _, last := range []envelope.Envelope{request, corrupted, request} {
		kept, err := p.storeRequestOnce(p.ctx, last)
		require.NoError(t, err)
		assert.Equal(t, last, kept.request)
	}
	require.NoError(t, p.storePayment(p.ctx, identity, payment))
	kept, err := p.storeRequestOnce(p.ctx, corrupted)
	require.NoError(t, err)
	assert.Equal(t, request, kept.request, "what was paid stays")

	corrupted.Certificate = p.own.Encoded
	_, err = p.storeRequestOnce(p.ctx, corrupted)
	require.ErrorIs(t, err, ErrAltered, "another's certificate")
	own, _, _ := p.incoming()
	corrupted.Message = own.Message
	corrupted.Certificate = request.Certificate
	kept, err = p.storeRequestOnce(p.ctx, corrupted)
	require.NoError(t, err)
	assert.Equal(t, own, kept.request, "the phone knows its own card's certificate")
}

// TestOnlyThePayeesAnswerIsTaken: a phone that took another's answer would never ask for the true
// one, and could not close an open Request of its own card.
func TestOnlyThePayeesAnswerIsTaken(t *testing.T) {
	p := newPhone(t)
	requested, _, _ := p.incoming()
	identity := p.started(requested)
	request, err := message.Parse[message.Request](requested.Message)
	require.NoError(t, err)
	refusal := &message.Refusal{Payee: request.Payee, ATC: 1, Number: request.Number,
		Request: identity}
	require.ErrorIs(t, p.TakeAnswer(p.ctx, p.sealed(refusal, p.payee)), ErrAltered)
	require.Empty(t, p.waiting())
	unfinished, err := p.Unfinished(p.ctx)
	require.NoError(t, err)
	require.Len(t, unfinished, 1)
	require.NoError(t, p.TakeAnswer(p.ctx, p.sealed(refusal, p.own)))
	unfinished, err = p.Unfinished(p.ctx)
	require.NoError(t, err)
	assert.Empty(t, unfinished)
}

func TestQRCodeOfAnUnknownCAIsNotCompleted(t *testing.T) {
	p := newPhone(t)
	whole, _, _ := p.outgoing()
	completed, err := p.Complete(whole.Compact())
	require.NoError(t, err)
	assert.Equal(t, whole, completed)
	p.Wallet.authorities = nil
	_, err = p.Complete(whole.Compact())
	require.ErrorIs(t, err, ErrIssuer)
	require.ErrorContains(t, err, "or take the message as a file or text")
	completed, err = p.Complete(whole)
	require.NoError(t, err)
	assert.Equal(t, whole, completed)
}
