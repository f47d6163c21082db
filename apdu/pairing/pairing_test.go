package pairing

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"encoding/hex"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"ekrona.example/apdu"
	"ekrona.example/apdu/message"
	"ekrona.example/apdu/pin"
	"ekrona.example/apdu/spec"
	"ekrona.example/apdu/tlv"
)

// channels are the two ends of one secure messaging.
func channels(t require.TestingT) (phone, card *Channel) {
	random := rand.NewChaCha8([32]byte{1})
	a, err := Authenticate(random, Key{7}, message.Nonce{1})
	require.NoError(t, err)
	phone, err = a.Listen()
	require.NoError(t, err)
	card, err = a.Listen()
	require.NoError(t, err)
	return phone, card
}

var genCommand = rapid.Custom(func(t *rapid.T) apdu.Command {
	return apdu.Command{
		CLA: rapid.SampledFrom([]byte{0x00, 0x80}).Draw(t, "CLA"),
		INS: rapid.Byte().Draw(t, "INS"), P1: rapid.Byte().Draw(t, "P1"),
		P2:   rapid.Byte().Draw(t, "P2"),
		Data: rapid.SliceOfN(rapid.Byte(), 1, 500).Draw(t, "data"),
		Ne:   rapid.SampledFrom([]int{0, 1, 255, 256, 257, 65535, 65536}).Draw(t, "Ne"),
	}
})

// What one end wraps the other opens, in turn, and nothing else opens: altered in any bit, again,
// or before its turn.
func TestSecureMessagingIsWhole(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		phone, card := channels(t)
		ahead, _ := channels(t)
		ahead.Pass()
		command := genCommand.Draw(t, "command")
		secured, err := phone.Wrap(command)
		require.NoError(t, err)
		assert.Equal(t, command.CLA|spec.ClassSecured, secured.CLA)

		_, err = ahead.Open(secured)
		require.ErrorIs(t, err, ErrNotCard, "out of turn")
		altered := secured
		altered.Data = append([]byte{}, secured.Data...)
		at := rapid.IntRange(0, len(altered.Data)-1).Draw(t, "byte")
		altered.Data[at] ^= 1 << rapid.IntRange(0, 7).Draw(t, "bit")
		_, other := channels(t)
		_, err = other.Open(altered)
		require.ErrorIs(t, err, ErrNotCard, "one bit")

		opened, err := card.Open(secured)
		require.NoError(t, err)
		assert.Equal(t, command, opened)
		_, err = card.Open(secured)
		require.ErrorIs(t, err, ErrNotCard, "again")
	})
}

// answered is an answer as a card secures it.
func answered(t require.TestingT, card *Channel, response apdu.Response) apdu.Response {
	card.counter++
	var objects []byte
	var err error
	if len(response.Data) > 0 {
		objects, err = tlv.Append(nil, spec.TagCryptogram, []byte{padded},
			card.encrypt(pad(response.Data)))
		require.NoError(t, err)
	}
	objects, err = tlv.Append(objects, spec.TagProcessingStatus,
		[]byte{byte(response.SW >> 8), byte(response.SW)})
	require.NoError(t, err)
	mac, err := card.macOf(nil, objects)
	require.NoError(t, err)
	objects, err = tlv.Append(objects, spec.TagMAC, mac)
	require.NoError(t, err)
	return apdu.Response{Data: objects, SW: apdu.OK}
}

func TestAnswerIsTheCardsOrNone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		_, card := channels(t)
		response := apdu.Response{
			SW:   rapid.SampledFrom([]apdu.StatusWord{apdu.OK, spec.SWSecurity}).Draw(t, "SW"),
			Data: rapid.SliceOfN(rapid.Byte(), 1, 500).Draw(t, "data"),
		}
		whole := answered(t, card, response)
		phone, _ := channels(t)
		got, err := phone.Unwrap(whole)
		require.NoError(t, err)
		assert.Equal(t, response, got)
		_, err = phone.Unwrap(whole)
		require.ErrorIs(t, err, ErrNotCard, "again")

		at := rapid.IntRange(0, len(whole.Data)-1).Draw(t, "byte")
		whole.Data[at] ^= 1 << rapid.IntRange(0, 7).Draw(t, "bit")
		phone, _ = channels(t)
		_, err = phone.Unwrap(whole)
		require.ErrorIs(t, err, ErrNotCard)
		assert.True(t, IsEnded(err))
	})
	phone, _ := channels(t)
	_, err := phone.Unwrap(apdu.Response{SW: spec.SWMACWrong})
	var ended *Ended
	require.ErrorAs(t, err, &ended)
	assert.Equal(t, spec.SWMACWrong, ended.SW)
	assert.True(t, IsEnded(err))
}

// The same private key gives the same pair key whatever the session; another one, or another card,
// gives another.
func TestPairKeyIsThatOfTheAgreement(t *testing.T) {
	random := rand.NewChaCha8([32]byte{2})
	draw := func() *Pairing {
		own, err := pin.DrawPoint(random)
		require.NoError(t, err)
		p, err := New(own, cardKey(t, random))
		require.NoError(t, err)
		return p
	}
	one, other := draw(), draw()
	assert.NotEqual(t, one.Key(), other.Key())
	block, err := pin.NewBlock("1234")
	require.NoError(t, err)
	first, err := one.Command(block, message.Nonce{1})
	require.NoError(t, err)
	again, err := one.Command(block, message.Nonce{1})
	require.NoError(t, err)
	assert.Equal(t, first, again)
	next, err := one.Command(block, message.Nonce{2})
	require.NoError(t, err)
	assert.NotEqual(t, first[2+spec.PointLength:], next[2+spec.PointLength:])

	proof := pin.Hash(one.z, spec.PairLabelProof, []byte{1, 0, 0, 0, 0, 0, 0, 0})
	answer, err := tlv.Append(nil, spec.TagMAC, proof[:spec.PINMACLength])
	require.NoError(t, err)
	require.NoError(t, one.Verify(answer, message.Nonce{1}))
	require.ErrorIs(t, one.Verify(answer, message.Nonce{2}), ErrNotCard)
	require.ErrorIs(t, other.Verify(answer, message.Nonce{1}), ErrNotCard)
	require.ErrorIs(t, one.Verify(answer[:9], message.Nonce{1}), ErrNotCard)
	_, err = New(nil, nil)
	require.Error(t, err)
}

func cardKey(t *testing.T, random *rand.ChaCha8) *ecdsa.PublicKey {
	t.Helper()
	own, err := pin.DrawPoint(random)
	require.NoError(t, err)
	public, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), own.PublicKey().Bytes())
	require.NoError(t, err)
	return public
}

// A vector of this implementation's own, so that no later one is another.
func TestVector(t *testing.T) {
	phone, _ := channels(t)
	secured, err := phone.Wrap(apdu.Command{INS: 0xCA, P2: 0xC4, Ne: 256})
	require.NoError(t, err)
	assert.Equal(t, "9701008e085dc3fe46111c6d51", hex.EncodeToString(secured.Data))
	assert.Equal(t, "pair key", Key{1}.String())
}

// FuzzSecured: whatever a card answers, it is taken only when it is the card's.
func FuzzSecured(f *testing.F) {
	_, card := channels(f)
	f.Add(answered(f, card, apdu.Response{Data: []byte{1, 2, 3}, SW: apdu.OK}).Data)
	f.Add([]byte{0x99, 2, 0x90, 0, 0x8E, 8, 1, 2, 3, 4, 5, 6, 7, 8})
	f.Fuzz(func(t *testing.T, data []byte) {
		_, genuine := channels(t)
		whole := answered(t, genuine, apdu.Response{Data: []byte{1, 2, 3}, SW: apdu.OK})
		phone, _ := channels(t)
		if _, err := phone.Unwrap(apdu.Response{Data: data, SW: apdu.OK}); err == nil {
			require.Equal(t, whole.Data, data)
		}
		_, card := channels(t)
		_, err := card.Open(apdu.Command{CLA: 0x0C, Data: data})
		require.ErrorIs(t, err, ErrNotCard)
	})
}
