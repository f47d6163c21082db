package pin

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/subtle"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/apdu"
	"ekrona.example/apdu/cvc"
	"ekrona.example/apdu/message"
	"ekrona.example/apdu/spec"
	"ekrona.example/apdu/tlv"
)

// sides are both sides of an enciphered PAY.
func sides(t *testing.T) (here, card *Agreement, request *message.Request) {
	t.Helper()
	random := rand.NewChaCha8([32]byte{7})
	own, err := DrawPoint(random)
	require.NoError(t, err)
	key, err := DrawPoint(random)
	require.NoError(t, err)
	application := message.FCI{LifeCycle: spec.Active, SpecVersion: spec.Version, Capabilities: 7,
		Nonce: message.Nonce{1, 2, 3}, Batch: "SENORDICB0000001"}
	public := func(point []byte) *ecdsa.PublicKey {
		p, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), point)
		require.NoError(t, err)
		return p
	}
	here, err = Agree(own, public(key.PublicKey().Bytes()), application)
	require.NoError(t, err)
	card, err = Agree(key, public(own.PublicKey().Bytes()), application)
	require.NoError(t, err)
	request = &message.Request{Payee: "SENORDICT0000001", Number: 7, Amount: 4500,
		Random: RandomOf(own.PublicKey())}
	return here, card, request
}

// refusal is what a card answers that refuses.
func refusal(t *testing.T, card *Agreement, request *message.Request, sw apdu.StatusWord) []byte {
	t.Helper()
	body, err := message.Body(request)
	require.NoError(t, err)
	status := []byte{byte(sw >> 8), byte(sw)}
	mac := card.hash(spec.PayLabelRefused, card.application.Nonce[:], status, body)[:8]
	var content []byte
	for _, o := range []struct {
		tag   spec.Tag
		value []byte
	}{{spec.TagStatus, status}, {spec.TagMAC, mac}} {
		content, err = tlv.Append(content, o.tag, o.value)
		require.NoError(t, err)
	}
	plain, err := tlv.Append(nil, spec.TagRefused, content)
	require.NoError(t, err)
	sealed, err := card.Seal(plain, request)
	require.NoError(t, err)
	return sealed
}

func TestOnlyTheCardRefuses(t *testing.T) {
	here, card, request := sides(t)
	sealed := refusal(t, card, request, spec.SWFunds)
	opened, err := here.Open(sealed, request)
	require.NoError(t, err)
	assert.Equal(t, PaymentAnswer{Refused: spec.SWFunds}, opened)

	other := *request
	other.Amount++
	for name, forged := range map[string][]byte{
		"of another Request": refusal(t, card, &other, spec.SWFunds),
		"that says paid":     refusal(t, card, request, apdu.OK),
		"nothing":            nil,
		"in clear":           {0xEB, 0x04, 0xD9, 0x02, 0x94, 0x01},
		"cut short":          sealed[:len(sealed)-16],
		"one byte more":      append(bytes.Clone(sealed), 0),
	} {
		_, err := here.Open(forged, request)
		assert.ErrorIs(t, err, ErrPaymentAnswer, name)
	}
	for at := range sealed {
		altered := bytes.Clone(sealed)
		altered[at] ^= 1
		_, err := here.Open(altered, request)
		assert.ErrorIs(t, err, ErrPaymentAnswer, "byte %d", at)
	}
	card.application.Nonce[0] ^= 1
	_, err = here.Open(refusal(t, card, request, spec.SWFunds), request)
	assert.ErrorIs(t, err, ErrPaymentAnswer, "of another session")
}

// Who listens learns neither PIN nor card: what goes over the air differs in all of it between two
// sessions, and holds nothing that is known.
func TestAListenerLearnsNothing(t *testing.T) {
	here, card, request := sides(t)
	block, err := NewBlock("1234")
	require.NoError(t, err)
	data, err := here.PIN(block, request)
	require.NoError(t, err)
	assert.NotContains(t, string(data), string(block[:]))
	sealed := refusal(t, card, request, spec.SWPINWrong|2)
	for _, heard := range []*Agreement{here, card} {
		heard.application.Nonce[7] ^= 1
	}
	again, err := here.PIN(block, request)
	require.NoError(t, err)
	assert.NotEqual(t, data[69:], again[69:], "the PIN")
	assert.NotEqual(t, sealed[2:18], refusal(t, card, request, spec.SWPINWrong|2)[2:18])
}

// Who answers to SELECT in a card's place, twice with one nonce, has two PINs under one key: their
// difference does not come out of the cryptograms.
func TestTwoPINsUnderOneKeyHideTheirDifference(t *testing.T) {
	here, _, request := sides(t)
	var heard [2][]byte
	var blocks [2]Block
	for i, digits := range []string{"1234", "1943"} {
		var err error
		blocks[i], err = NewBlock(digits)
		require.NoError(t, err)
		data, err := here.PIN(blocks[i], request)
		require.NoError(t, err)
		heard[i] = data[len(data)-32:]
	}
	difference := make([]byte, 32)
	subtle.XORBytes(difference, heard[0], heard[1])
	pins := make([]byte, len(blocks[0]))
	subtle.XORBytes(pins, blocks[0][:], blocks[1][:])
	assert.NotContains(t, string(difference), string(pins))
}

// TestAPaymentIsPutTogether shows that the payee gets what the card signed, also over the other
// form of its signature, and that a Payment of another Request is none of this.
func TestAPaymentIsPutTogether(t *testing.T) {
	here, card, request := sides(t)
	payeeKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.NewChaCha8([32]byte{1}))
	require.NoError(t, err)
	payerKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.NewChaCha8([32]byte{2}))
	require.NoError(t, err)
	require.NoError(t, message.Sign(request, payeeKey))
	day, err := message.ParseDate("2027-01-31")
	require.NoError(t, err)
	certificate := &cvc.Certificate{Authority: "SENORDIC00001", PublicKey: &payerKey.PublicKey,
		Holder: "SENORDICC0000001", Role: spec.RoleCard, Effective: day, Expiry: day}
	require.NoError(t, certificate.Sign(payeeKey))
	encoded, err := certificate.Encode()
	require.NoError(t, err)

	malleated := *request
	malleated.Signature = request.Signature.Other()
	require.NotEqual(t, request.Signature, malleated.Signature)
	require.NoError(t, message.Verify(&malleated, &payeeKey.PublicKey))
	for name, asked := range map[string]*message.Request{"as sent": request, "other": &malleated} {
		payment := &message.Payment{Payer: "SENORDICC0000001", ATC: 5, Request: *asked}
		require.NoError(t, message.Sign(payment, payerKey))
		sealed, err := card.SealPaid(payment, certificate)
		require.NoError(t, err)
		opened, err := here.Open(sealed, request)
		require.NoError(t, err, name)
		want, err := message.Encode(payment)
		require.NoError(t, err)
		assert.Equal(t, PaymentAnswer{Payment: want, Certificate: encoded}, opened, name)
		for at := range sealed {
			altered := bytes.Clone(sealed)
			altered[at] ^= 1
			opened, err := here.Open(altered, request)
			if err == nil {
				assert.NotEqual(t, append(want, encoded...),
					append(opened.Payment, opened.Certificate...), "%s: byte %d", name, at)
			} else {
				assert.ErrorIs(t, err, ErrPaymentAnswer, "%s: byte %d", name, at)
			}
		}
		other := *request
		other.Amount++
		_, err = here.Open(sealed, &other)
		assert.ErrorIs(t, err, ErrPaymentAnswer, name)
	}
}
