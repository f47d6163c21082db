package scp03

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"ekrona.example/apdu"
	"ekrona.example/apdu/gpc"
)

// peer is a card that has only the protocol: it answers INITIALIZE UPDATE and
// EXTERNAL AUTHENTICATE, and echoes everything else with a status word.
type peer struct {
	keys   Keys
	sw     apdu.StatusWord
	tamper func(apdu.Response) apdu.Response // of protected responses

	responder *Responder
	seen      []byte // instructions
	got       apdu.Command
}

func (p *peer) Transmit(_ context.Context, c apdu.Command) (apdu.Response, error) {
	p.seen = append(p.seen, c.INS)
	switch c.INS {
	case gpc.InsInitializeUpdate:
		challenge := make([]byte, len(c.Data))
		_, _ = rand.Read(challenge)
		var err error
		if p.responder, err = NewResponder(p.keys, c.Data, challenge); err != nil {
			return apdu.Response{}, err
		}
		o := Offer{KeyVersion: 0x30, Parameter: 0x60, Challenge: challenge}
		if len(challenge) == 16 {
			o.Parameter |= bitS16
		}
		o.Cryptogram, err = p.responder.Cryptogram()
		return apdu.Response{Data: o.Encode(), SW: apdu.OK}, err
	case gpc.InsExternalAuthenticate:
		if p.responder.Authenticate(c) != nil {
			return apdu.Response{SW: apdu.SWNotAuthentic}, nil
		}
		return apdu.Response{SW: apdu.OK}, nil
	}
	plain, err := p.responder.Unwrap(c)
	if err != nil {
		return apdu.Response{SW: apdu.SWSecurity}, nil
	}
	p.got = plain
	r, err := p.responder.Wrap(apdu.Response{Data: plain.Data, SW: p.sw})
	if p.tamper != nil {
		r = p.tamper(r)
	}
	return r, err
}

func keysOf(n int) Keys {
	k := Keys{make([]byte, n), make([]byte, n), make([]byte, n)}
	for i, key := range k.List() {
		_, _ = rand.Read(key)
		key[0] = byte(i)
	}
	return k
}

var levels = []Level{Plain, CMAC, CMACEncryption, CMACRMAC, CMACEncryptionRMAC, Full}

// Whatever is sent arrives, and whatever is answered comes back, at every level,
// key length and cryptogram length; and the wire shows none of it when encrypted.
func TestBothSidesUnderstandEachOther(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := &peer{keys: keysOf(rapid.SampledFrom([]int{16, 24, 32}).Draw(t, "key")), sw: apdu.OK}
		level := rapid.SampledFrom(levels).Draw(t, "level")
		ch, err := Open(context.Background(), p,
			Options{Keys: p.keys, Level: level, S16: rapid.Bool().Draw(t, "S16")})
		require.NoError(t, err)
		for range rapid.IntRange(1, 5).Draw(t, "commands") {
			p.sw = rapid.SampledFrom([]apdu.StatusWord{apdu.OK, 0x6283, apdu.SWMoreAvailable,
				apdu.SWWrongData}).Draw(t, "sw")
			data := rapid.SliceOfN(rapid.Byte(), 0, ch.MaxData()).Draw(t, "data")
			c := apdu.Command{CLA: gpc.ClassPlain, INS: 0xE2, P1: rapid.Byte().Draw(t, "P1"),
				Data: data, Ne: 256}
			r, err := ch.Transmit(context.Background(), c)
			require.NoError(t, err)
			assert.Equal(t, c.String(), p.got.String())
			assert.Equal(t, p.sw, r.SW)
			if answers(p.sw) || level&bitRMAC == 0 {
				assert.True(t, bytes.Equal(data, r.Data))
			} else {
				assert.Empty(t, r.Data) // an error carries nothing under R-MAC
			}
		}
	})
}

func TestExtendedCommands(t *testing.T) {
	p := &peer{keys: keysOf(16), sw: apdu.OK}
	ch, err := Open(t.Context(), p, Options{Keys: p.keys, Level: Full})
	require.NoError(t, err)
	c := apdu.Command{CLA: gpc.ClassPlain, INS: 0xE8, Data: bytes.Repeat([]byte{7}, 1000),
		Ne: 65536, Extended: true}
	r, err := ch.Transmit(t.Context(), c)
	require.NoError(t, err)
	assert.Equal(t, c.Data, r.Data)
	assert.Equal(t, 239, ch.MaxData())
}

// A wrong key shows in the card's cryptogram, and nothing more is sent.
func TestWrongKeysStopBeforeExternalAuthenticate(t *testing.T) {
	for _, s16 := range []bool{false, true} {
		p := &peer{keys: keysOf(16)}
		_, err := Open(t.Context(), p, Options{Keys: keysOf(16), Level: CMAC, S16: s16})
		assert.ErrorIs(t, err, ErrWrongKeys)
		assert.Equal(t, []byte{gpc.InsInitializeUpdate}, p.seen)
	}
}

// Each bit of a protected response counts; after one wrong the channel is over.
func TestAlteredResponses(t *testing.T) {
	for _, level := range []Level{CMACRMAC, Full} {
		for bit := range 8 * (32 + 8 + 2) {
			p := &peer{keys: keysOf(16), sw: apdu.OK}
			p.tamper = func(r apdu.Response) apdu.Response {
				b := r.Bytes()
				if bit/8 < len(b) {
					b[bit/8] ^= 1 << (bit % 8)
				} else {
					b = b[1:]
				}
				return apdu.Response{Data: b[:len(b)-2],
					SW: apdu.StatusWord(uint16(b[len(b)-2])<<8 | uint16(b[len(b)-1]))}
			}
			ch, err := Open(t.Context(), p, Options{Keys: p.keys, Level: level})
			require.NoError(t, err)
			_, err = ch.Transmit(t.Context(),
				apdu.Command{CLA: 0x80, INS: 0xCA, Data: make([]byte, 20), Ne: 256})
			require.ErrorIs(t, err, ErrProtection, "%v bit %d", level, bit)
			_, err = ch.Transmit(t.Context(), apdu.Command{CLA: 0x80, INS: 0xCA})
			require.ErrorIs(t, err, ErrProtection)
		}
	}
}

// The card takes no command that was altered, repeated, left out or unprotected.
func TestAlteredCommands(t *testing.T) {
	for _, c := range []struct {
		name  string
		alter func(commands [][]byte) [][]byte
	}{
		{"header", func(c [][]byte) [][]byte { c[0][2] ^= 1; return c[:1] }},
		{"data", func(c [][]byte) [][]byte { c[0][5] ^= 1; return c[:1] }},
		{"MAC", func(c [][]byte) [][]byte { c[0][len(c[0])-2] ^= 1; return c[:1] }},
		{"repeated", func(c [][]byte) [][]byte { return [][]byte{c[0], c[0]} }},
		{"left out", func(c [][]byte) [][]byte { return c[1:] }},
		{"in the clear", func(c [][]byte) [][]byte { c[0][0] = 0x80; return c[:1] }},
		{"too short", func(c [][]byte) [][]byte {
			return [][]byte{{0x84, 0xCA, 0, 0x66, 2, 1,
				2}}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			keys := keysOf(16)
			p := &peer{keys: keys, sw: apdu.OK}
			var recorded [][]byte
			ch, err := Open(t.Context(), p, Options{Keys: keys, Level: CMACEncryption})
			require.NoError(t, err)
			ch.card = apdu.CardFunc(func(_ context.Context, c apdu.Command) (apdu.Response, error) {
				b, err := c.Bytes()
				recorded = append(recorded, b)
				return apdu.Response{SW: apdu.OK}, err
			})
			for i := range 2 {
				_, err = ch.Transmit(t.Context(),
					apdu.Command{CLA: 0x80, INS: 0xE2, P2: byte(i), Data: []byte("data"), Ne: 256})
				require.NoError(t, err)
			}
			commands := c.alter(recorded)
			for i, b := range commands {
				command, err := apdu.ParseCommand(b)
				require.NoError(t, err)
				_, err = p.responder.Unwrap(command)
				if i < len(commands)-1 {
					require.NoError(t, err)
				} else {
					assert.ErrorIs(t, err, ErrProtection)
				}
			}
		})
	}
}

func TestHostsThatDoNotKnowTheKeys(t *testing.T) {
	keys, host, card := keysOf(16), make([]byte, 8), make([]byte, 8)
	for name, command := range map[string]apdu.Command{
		"no MAC":        {CLA: 0x84, INS: 0x82, P1: 1, Data: make([]byte, 8)},
		"wrong MAC":     {CLA: 0x84, INS: 0x82, P1: 1, Data: make([]byte, 16)},
		"no such level": {CLA: 0x84, INS: 0x82, P1: 2, Data: make([]byte, 16)},
	} {
		r, err := NewResponder(keys, host, card)
		require.NoError(t, err)
		assert.Error(t, r.Authenticate(command), name)
		assert.False(t, r.Authenticated(), name)
	}
	// A right MAC over a wrong cryptogram.
	s, err := newSession(keys, host, card)
	require.NoError(t, err)
	command, err := s.protect(apdu.Command{CLA: 0x80, INS: 0x82, P1: 1, Data: make([]byte, 8)})
	require.NoError(t, err)
	r, err := NewResponder(keys, host, card)
	require.NoError(t, err)
	assert.ErrorIs(t, r.Authenticate(command), ErrWrongCryptogram)
}

func TestCardChallenge(t *testing.T) {
	// By Amd D §6.2.2.1, with this package's KDF, which the vectors prove: the
	// counter and the AID both matter, and the short one is not a prefix.
	keys, aid := TestKeys(), []byte{0xA0, 0, 0, 1, 0x51, 0, 0, 0}
	one, err := CardChallenge(keys, [3]byte{0, 0, 1}, aid, 8)
	require.NoError(t, err)
	two, err := CardChallenge(keys, [3]byte{0, 0, 2}, aid, 8)
	require.NoError(t, err)
	long, err := CardChallenge(keys, [3]byte{0, 0, 1}, aid, 16)
	require.NoError(t, err)
	assert.NotEqual(t, one, two)
	assert.NotEqual(t, one, long[:8])
}

func TestKeySetsAreChecked(t *testing.T) {
	for _, k := range []Keys{{}, {make([]byte, 16), make([]byte, 16), make([]byte, 24)},
		{make([]byte, 8), make([]byte, 8), make([]byte, 8)}} {
		assert.Error(t, k.Check())
		_, err := Open(t.Context(), &peer{keys: keysOf(16)}, Options{Keys: k})
		assert.Error(t, err)
	}
	_, err := Master(make([]byte, 10)).Diversify([10]byte{})
	assert.Error(t, err)
}

func TestKeysDoNotPrint(t *testing.T) {
	k := TestKeys()
	for _, text := range []string{k.String(), fmt.Sprintf("%v %+v %#v", k, k, k),
		fmt.Sprintf("%v %#v", Master(k.ENC), Master(k.ENC))} {
		assert.NotContains(t, text, "64")
		assert.NotContains(t, text, "0x40")
	}
}

func TestEncryptKeyPads(t *testing.T) {
	dek := keysOf(32).DEK
	for _, n := range []int{16, 24, 32} {
		key := keysOf(n).ENC
		sent, err := EncryptKey(dek, key, rand.Reader)
		require.NoError(t, err)
		assert.Zero(t, len(sent)%16)
		back, err := DecryptKey(dek, sent)
		require.NoError(t, err)
		assert.Equal(t, key, back[:n])
	}
}

func FuzzOffer(f *testing.F) {
	f.Add([]byte{})
	f.Add(Offer{KeyVersion: 1, Parameter: 0x70, Challenge: make([]byte, 8),
		Cryptogram: make([]byte, 8), Sequence: make([]byte, 3)}.Encode())
	f.Add(Offer{KeyVersion: 1, Parameter: 0x61, Challenge: make([]byte, 16),
		Cryptogram: make([]byte, 16)}.Encode())
	f.Fuzz(func(t *testing.T, b []byte) {
		if o, err := ParseOffer(b); err == nil {
			assert.Equal(t, b, o.Encode())
		}
	})
}
