package flows

import (
	"context"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/apdu"
	"ekrona.example/apdu/message"
	"ekrona.example/apdu/spec"
	"ekrona.example/host/envelope"
	"ekrona.example/host/wallet"
)

// TestCardMayLeaveWhileItsIntermediaryIsAsked: the phone has read the nonce, and the card is
// another's or in another session when its Challenge comes. One line says so, and the next tap
// goes on.
func TestCardMayLeaveWhileItsIntermediaryIsAsked(t *testing.T) {
	w, anna, _ := annaAndMerchant(t)
	for name, again := range map[string]bool{"lies there again": false, "selected again": true} {
		left := false
		card := anna.reader()
		leaving := apdu.CardFunc(func(ctx context.Context, c apdu.Command) (apdu.Response, error) {
			if c.INS == spec.GetState.INS && !left {
				left = true
				anna.card.Reset()
				if again {
					_, err := card.Transmit(ctx, spec.Select.Only().APDU([]byte(spec.AppletAID)))
					require.NoError(t, err)
				}
			}
			return card.Transmit(ctx, c)
		})
		_, err := anna.phone.Synchronise(w.ctx, wallet.Tap{Card: leaving})
		require.True(t, left, name)
		require.ErrorIs(t, err, wallet.ErrSessionEnded, name)
		assert.NotContains(t, err.Error(), "\n")
		assert.True(t, strings.HasPrefix(err.Error(), "wallet: the card left the reader"), err)
		_, err = anna.phone.Synchronise(w.ctx, wallet.Tap{Card: anna.reader()})
		require.NoError(t, err, name)
	}
	w.audit("synchronised")
}

// challenge is one that the notary does not know.
func (w *world) challenge(b *bank, device message.DeviceID, nonce message.Nonce) []byte {
	w.t.Helper()
	challenge := &message.Challenge{
		InstructionKey: message.AuthorityRef(b.instruction.Certificate.Holder), Device: device,
		Nonce: nonce}
	_, err := io.ReadFull(w.random("challenge"), challenge.Random[:])
	require.NoError(w.t, err)
	signed, err := envelope.Sign(challenge, b.instruction.Signer)
	require.NoError(w.t, err)
	return signed
}
