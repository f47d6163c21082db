package order

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/apdu/money"
)

func appKey(t *testing.T, scalar byte) *ecdsa.PrivateKey {
	t.Helper()
	raw := make([]byte, 32)
	raw[31] = scalar
	key, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), raw)
	require.NoError(t, err)
	return key
}

func TestSignedOrderStandsForItsWholeContentOnly(t *testing.T) {
	app := appKey(t, 5)
	signed, err := New(Load, "SENORDIC00000001", 20000, rand.NewChaCha8([32]byte{1}), app)
	require.NoError(t, err)
	require.NoError(t, signed.Verify(&app.PublicKey))

	changes := map[string]func(*Signed){
		"id":        func(s *Signed) { s.ID[0] ^= 1 },
		"kind":      func(s *Signed) { s.Kind = Unload },
		"device":    func(s *Signed) { s.Device = "SENORDIC00000002" },
		"amount":    func(s *Signed) { s.Amount++ },
		"signature": func(s *Signed) { s.Signature = s.Signature[:len(s.Signature)-1] },
	}
	for name, change := range changes {
		t.Run(name, func(t *testing.T) {
			altered := signed
			change(&altered)
			assert.ErrorIs(t, altered.Verify(&app.PublicKey), ErrSignature)
		})
	}
	assert.ErrorIs(t, signed.Verify(&appKey(t, 6).PublicKey), ErrSignature,
		"another customer's app")
}

func TestSignedRefundStandsForItsPaymentToo(t *testing.T) {
	app := appKey(t, 5)
	signed, err := NewRefund("SEFJORDBTILL0001", Payment{"SENORDIC00000001", 7}, 4500,
		rand.NewChaCha8([32]byte{1}), app)
	require.NoError(t, err)
	require.NoError(t, signed.Verify(&app.PublicKey))

	changes := map[string]func(*Signed){
		"payer":    func(s *Signed) { s.Of.Payer = "SENORDIC00000002" },
		"atc":      func(s *Signed) { s.Of.ATC++ },
		"terminal": func(s *Signed) { s.Device = "SEFJORDBTILL0002" },
		"amount":   func(s *Signed) { s.Amount++ },
		"kind":     func(s *Signed) { s.Kind = Unload },
	}
	for name, change := range changes {
		t.Run(name, func(t *testing.T) {
			altered := signed
			change(&altered)
			assert.ErrorIs(t, altered.Verify(&app.PublicKey), ErrSignature)
		})
	}
}

func TestOrdersOfTheSameContentHaveIDsOfTheirOwn(t *testing.T) {
	random := rand.NewChaCha8([32]byte{1})
	first, err := New(Unload, "SENORDIC00000001", 1, random, appKey(t, 5))
	require.NoError(t, err)
	second, err := New(Unload, "SENORDIC00000001", 1, random, appKey(t, 5))
	require.NoError(t, err)
	assert.NotEqual(t, first.Key(), second.Key())
}

func TestOrderOfNothingIsRefused(t *testing.T) {
	for _, amount := range []money.Ore{0, -1} {
		_, err := New(Load, "SENORDIC00000001", amount, rand.NewChaCha8([32]byte{1}), appKey(t, 5))
		assert.Error(t, err, amount)
	}
}

// TestNamedOrderHasTheIDOfItsName: at every phone, whatever its key, and no other name, kind or
// device has it.
func TestNamedOrderHasTheIDOfItsName(t *testing.T) {
	rent := Order{Kind: Load, Device: "SENORDIC00000001", Amount: 20000}
	named := func(o Order, name string, scalar byte) Signed {
		app := appKey(t, scalar)
		signed, err := Named(o, name, app)
		require.NoError(t, err)
		require.NoError(t, signed.Verify(&app.PublicKey))
		return signed
	}
	first := named(rent, "rent", 5)
	require.Equal(t, first.Order, named(rent, "rent", 6).Order)
	more, unload, another := rent, rent, rent
	more.Amount, unload.Kind, another.Device = 1, Unload, "SENORDIC00000002"
	require.Equal(t, first.ID, named(more, "rent", 5).ID, "the bank tells them apart, and refuses")
	ids := map[ID]bool{first.ID: true}
	for _, other := range []Signed{named(unload, "rent", 5), named(another, "rent", 5),
		named(rent, "rent 2", 5), named(rent, "Rent", 5)} {
		require.False(t, ids[other.ID])
		ids[other.ID] = true
	}
	rent.Amount = 0
	_, err := Named(rent, "rent", appKey(t, 5))
	require.Error(t, err)
}
