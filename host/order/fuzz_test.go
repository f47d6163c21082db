package order

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"testing"

	"github.com/stretchr/testify/require"

	"ekrona.example/apdu/message"
	"ekrona.example/apdu/money"
)

// An order counts as its customer's only with that customer's signature over all of it.
func FuzzVerify(f *testing.F) {
	app, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), append(make([]byte, 31), 9))
	require.NoError(f, err)
	good, err := New(Load, "SENORDIC00000001", 5000, zeros{}, app)
	require.NoError(f, err)
	f.Add(good.ID[:], byte(Load), string(good.Device), int64(5001), "", uint32(0), good.Signature)
	f.Add(good.ID[:], byte(Unload), string(good.Device), int64(5000), "", uint32(0), good.Signature)
	f.Add(good.ID[:], byte(Refund), string(good.Device), int64(5000), "SENORDIC00000002", uint32(1),
		good.Signature)
	f.Fuzz(func(t *testing.T, id []byte, kind byte, device string, amount int64, payer string,
		atc uint32, signature []byte) {
		s := Signed{Order{
			Kind: Kind(kind), Device: message.DeviceID(device), Amount: money.Ore(amount),
			Of: Payment{message.DeviceID(payer), atc},
		}, signature}
		copy(s.ID[:], id)
		if err := s.Verify(&app.PublicKey); err != nil {
			require.ErrorIs(t, err, ErrSignature)
			return
		}
		require.Equal(t, good.Digest(), s.Digest())
	})
}

// zeros is a source of randomness that repeats.
type zeros struct{}

func (zeros) Read(b []byte) (int, error) { clear(b); return len(b), nil }
