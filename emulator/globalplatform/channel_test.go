package globalplatform

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/apdu"
	client "ekrona.example/apdu/globalplatform"
	"ekrona.example/apdu/gpc"
	"ekrona.example/apdu/scp03"
	"ekrona.example/emulator/card"
)

// What needs an authenticated host is refused without one, at every instruction,
// and after a failed one too.
func TestStrangersManageNothing(t *testing.T) {
	b := newBench(t)
	for ins := range handlers {
		for _, class := range []byte{0x80, 0x84} {
			assert.Equal(t, "6982", b.exchange(fmt.Sprintf("%02X%02X000000", class, ins)))
		}
	}
	assert.Equal(t, "6D00", b.exchange("80B0000000"))
	assert.Equal(t, "6985", b.send("84820100", "00000000000000000000000000000000"),
		"no INITIALIZE UPDATE")
	assert.Equal(t, "6700", b.send("80500000", "01020304050607"))
	assert.Equal(t, "6A88", b.send("80501100", "0102030405060708"))
	assert.Equal(t, "6A86", b.send("80500002", "0102030405060708"))
	assert.Equal(t, "6881", b.exchange("81CA006600"))
	assert.Equal(t, "6E00", b.exchange("FFCA006600"))
	assert.Equal(t, "6700", b.exchange("80CA"))
}

// A command that does not come up to the session's level ends it (Amd D §5.6).
func TestUnprotectedCommandsEndTheSession(t *testing.T) {
	b := newBench(t)
	c := b.open(scp03.Options{Level: scp03.CMAC})
	assert.Equal(t, "6982", b.exchange("80F28002024F0000"))
	_, err := c.List(t.Context())
	assert.ErrorIs(t, err, apdu.SWSecurity)
	assert.Equal(t, "6982", b.exchange("80CA006600"), "not even what needs no session")
	_, err = b.open(scp03.Options{Level: scp03.CMAC}).List(t.Context())
	assert.NoError(t, err)
}

// wrongTry is a host that sends EXTERNAL AUTHENTICATE without knowing the keys.
func wrongTry(b *bench) string {
	b.send("80500000", "0102030405060708")
	return b.send("84820100", "00112233445566778899AABBCCDDEEFF")
}

// Wrong keys block the key set for good; a right one in time gives all tries back;
// neither restart nor loss of power does.
func TestWrongKeysBlock(t *testing.T) {
	b := newBench(t)
	for range maxTries - 1 {
		require.Equal(t, "6300", wrongTry(b))
	}
	b.reopen()
	b.open(scp03.Options{})
	for range maxTries {
		require.Equal(t, "6300", wrongTry(b))
		b.reopen()
	}
	assert.Equal(t, "6983", b.send("80500000", "0102030405060708"))
	_, err := b.tryOpen(scp03.Options{})
	assert.ErrorIs(t, err, apdu.SWBlocked)
}

// Pulling the card saves no try: it is taken before the card looks at the
// cryptogram, and without that there is no answer.
func TestCutsSaveNoTry(t *testing.T) {
	b := newBench(t)
	wrong := unhex("848201001000112233445566778899AABBCCDDEEFF")
	b.send("80500000", "0102030405060708")
	b.CutBefore(1)
	_, err := b.TransmitBytes(wrong)
	require.ErrorIs(t, err, card.ErrPowerLost)
	require.NoError(t, b.Reset())
	assert.EqualValues(t, maxTries, b.state.set(gpc.InitialKeySet).tries)
	require.Equal(t, "6300", wrongTry(b))
	require.NoError(t, b.Reset())
	assert.EqualValues(t, maxTries-1, b.state.set(gpc.InitialKeySet).tries)
}

func TestKeysAreReplaced(t *testing.T) {
	b := newBench(t)
	first, second, long := otherKeys(0x10, 16), otherKeys(0x20, 16), otherKeys(0x30, 32)
	require.NoError(t, b.open(scp03.Options{Level: scp03.CMACEncryption}).PutKeys(t.Context(), 1,
		first, 0))
	b.reopen()
	_, err := b.tryOpen(scp03.Options{KeyVersion: gpc.InitialKeySet})
	assert.ErrorIs(t, err, apdu.SWNotFound, "the initial keys are gone")
	_, err = b.tryOpen(scp03.Options{})
	assert.ErrorIs(t, err, scp03.ErrWrongKeys)
	assert.EqualValues(t, maxTries, b.state.set(1).tries, "and that cost no try")

	c := b.open(scp03.Options{Keys: first, Level: scp03.Full})
	assert.ErrorIs(t, c.PutKeys(t.Context(), 1, second, 0), apdu.SWWrongData, "version 1 is there")
	assert.ErrorIs(t, c.PutKeys(t.Context(), 2, second, 3), apdu.SWNotFound)
	assert.ErrorIs(t, c.PutKeys(t.Context(), 1, long, 1), apdu.SWWrongData, "other length")
	require.NoError(t, c.PutKeys(t.Context(), 1, second, 1))
	require.NoError(t, c.PutKeys(t.Context(), 2, long, 0),
		"the session's Key-DEK lasts as long as the session")
	require.NoError(t, b.Reset())
	b.open(scp03.Options{Keys: second, KeyVersion: 1})
	b.open(scp03.Options{Keys: long, KeyVersion: 2, Level: scp03.Full, S16: true})

	answer := b.exchange("00A4040000")
	require.Equal(t, "9000", answer[len(answer)-4:])
	template, err := b.dataObject(gpc.TagKeyTemplate)
	require.NoError(t, err)
	keys, err := gpc.ParseKeyTemplate(template)
	require.NoError(t, err)
	assert.Len(t, keys, 6)
	assert.Contains(t, keys, gpc.KeyInfo{ID: 3, Version: 2, Type: gpc.KeyTypeAES, Length: 32})

	b.open(scp03.Options{Keys: second, KeyVersion: 1})
	assert.Equal(t, "6A88", b.send("80E40000", "D20109"))
	assert.Equal(t, "009000", b.send("80E40000", "D20102"))
	assert.Equal(t, "6985", b.send("80E40000", "D20101"), "the last key set stays")
	assert.Equal(t, "6985", b.send("80E40000", "D00101"), "and stays complete")
}

// A cut in PUT KEY leaves the old keys or the new ones, and one of them opens.
func TestCutInPutKey(t *testing.T) {
	b := newBench(t)
	c := b.open(scp03.Options{Level: scp03.CMAC})
	b.CutBefore(1)
	require.ErrorIs(t, c.PutKeys(t.Context(), 1, otherKeys(1, 16), 0), card.ErrPowerLost)
	_, err := b.tryOpen(scp03.Options{})
	require.ErrorIs(t, err, card.ErrPowerLost)
	require.NoError(t, b.Reset())
	require.NoError(t, b.open(scp03.Options{Level: scp03.CMAC}).PutKeys(t.Context(), 1,
		otherKeys(1, 16), 0))
	b.reopen()
	b.open(scp03.Options{Keys: otherKeys(1, 16)})
}

func TestPutKeyRefuses(t *testing.T) {
	b := plain(t)
	for name, data := range map[string]string{
		"nothing": "", "no key": "01", "version 0": "00",
		"DES key":           "0180100000000000000000000000000000000000",
		"wrong check value": "0188111000112233445566778899AABBCCDDEEFF03000000",
		"short block":       "01880F10112233445566778899AABBCCDDEE00",
		"long check value":  "0188111000112233445566778899AABBCCDDEEFF0400000000",
	} {
		command := "80D80001"
		if data != "" {
			command += fmt.Sprintf("%02X", len(data)/2) + data
		}
		assert.Equal(t, "6A80", b.exchange(command), name)
	}
	assert.Len(t, b.state.keys, 3)
}

// A command in parts is protected as a whole (GPC §11.1.5.1).
func TestCommandsInParts(t *testing.T) {
	for _, level := range []scp03.Level{scp03.Plain, scp03.CMAC, scp03.Full} {
		b := newBench(t)
		c := b.open(scp03.Options{Level: level})
		loadProbe(t, c)
		// More parameters than an applet's install method takes: it is the whole that is judged.
		f := gpc.ForInstall{LoadFile: corePackage, Module: coreModule, Instance: coreInstance,
			Parameters: make([]byte, 300)}
		assert.ErrorIs(t, c.Install(t.Context(), f), apdu.SWWrongData, level)
		f.Parameters = nil
		require.NoError(t, c.Install(t.Context(), f), level)
	}
	b := plain(t)
	assert.Equal(t, "9000", b.send("80E48000", "4F06F050"))
	assert.Equal(t, "6A88", b.send("80E40000", "524F4201"))
	assert.Equal(t, "9000", b.send("80E48000", "4F06F050"))
	assert.Equal(t, "6985", b.exchange("80F28002024F0000"), "something else in between")
	assert.Equal(t, "6A80", b.send("80E40000", "524F4201"), "and the beginning is forgotten")
	for range maxChain / 255 {
		require.Equal(t, "9000", b.exchange("80E48000FF"+fmt.Sprintf("%0510d", 0)))
	}
	assert.Equal(t, "6A86", b.exchange("80E48000FF"+fmt.Sprintf("%0510d", 0)))
}

// Whatever an authenticated host sends, a command after the other, each after its
// length in one byte: the card answers within bounds, its record can be read after a
// loss of power, and it still has a key set.
func FuzzCommands(f *testing.F) {
	for _, seed := range [][]string{
		{"00A4040000", "80CA9F7F00", "80F24002024F0000"},
		{"80E602001306F050524F420108A00000015151000000000000", "80E8800004C4020102"},
		{"80E48000044F06F050", "80E4000004524F4201", "80E4000003D201FF"},
		{"80E290000742050102030405", "80F0800700", "80CA004200"},
		{"80D80081" + "14" + "018811100011223344556677889900112233445503" + "000000"},
		{"80500000080102030405060708", "848201001000112233445566778899AABBCCDDEEFF"},
		{"80F080FF00", "80F0800F00", "80E6040000"},
	} {
		var input []byte
		for _, text := range seed {
			command := unhex(text)
			input = append(append(input, byte(len(command))), command...)
		}
		f.Add(input)
	}
	f.Fuzz(func(t *testing.T, input []byte) {
		b := plain(t)
		for range 16 {
			if len(input) == 0 || len(input)-1 < int(input[0]) {
				break
			}
			n := int(input[0])
			command := input[1 : 1+n]
			input = input[1+n:]
			answer, err := b.TransmitBytes(command)
			require.NoError(t, err)
			response, err := apdu.ParseResponse(answer)
			require.NoError(t, err)
			require.LessOrEqual(t, len(response.Data), apdu.MaxShortNe)
		}
		life := b.state.life
		require.NoError(t, b.Reset())
		require.Equal(t, life, b.state.life)
		_, _, ok := b.state.keySetOf(gpc.DefaultKeyFirst)
		require.True(t, ok)
	})
}

// onChannel is a card with all commands on a logical channel from 1 to 3, as a host sends them that
// has computed their MAC over the class of the basic channel.
func (b *bench) onChannel(n byte) apdu.Card {
	return apdu.CardFunc(func(ctx context.Context, c apdu.Command) (apdu.Response, error) {
		c.CLA |= n
		return b.Transmit(ctx, c)
	})
}

// Each logical channel has its own selection and its own secure channel, which what is done on
// another does not end; closing one ends its own.
func TestSessionsOfChannels(t *testing.T) {
	b := newBench(t)
	basic := b.open(scp03.Options{Level: scp03.CMAC})
	assert.Equal(t, "019000", b.exchange("0070000001"))
	assert.Contains(t, b.exchange("81CA006600"), "9000", "the security domain is selected there")
	second, err := client.Open(t.Context(), b.onChannel(1), nil, scp03.Options{
		Keys: scp03.TestKeys(), Level: scp03.Full})
	require.NoError(t, err)
	for range 2 {
		_, err = basic.List(t.Context())
		require.NoError(t, err)
		_, err = second.List(t.Context())
		require.NoError(t, err)
	}
	loadProbe(t, second)
	instance := gpc.ForInstall{LoadFile: corePackage, Module: coreModule, Instance: coreInstance}
	require.NoError(t, basic.Install(t.Context(), instance))
	s, err := b.Snapshot()
	require.NoError(t, err)
	chosen := fmt.Sprintf("A40400%02X%X", len(coreInstance), []byte(coreInstance))
	assert.Equal(t, "9000", b.exchange("01"+chosen))
	assert.Equal(t, "6E00", b.exchange("81CA006600"), "the applet's")
	_, err = second.List(t.Context())
	assert.Error(t, err, "its secure channel ended with the selection")
	require.NoError(t, b.RestoreSnapshot(s))
	assert.Equal(t, "6982", b.exchange("81CA006600"), "as it was: the session is there again")
	require.NoError(t, b.RestoreSnapshot(s))
	assert.Equal(t, "9000", b.exchange("00708001"))
	assert.Equal(t, "6881", b.exchange("81CA006600"))
	_, err = basic.List(t.Context())
	require.NoError(t, err)
	assert.Equal(t, "019000", b.exchange("0070000001"))
	_, err = second.List(t.Context())
	assert.Error(t, err, "a channel that is opened anew has no session")
}
