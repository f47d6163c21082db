package card_test

import (
	"encoding/hex"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/emulator/card"
)

// What Recovery.java does by P1.
const (
	recoverModulus = iota
	recoverPrivate
	recoverPublic
	recoverMake
	recoverInitSign
	recoverInitVerify
	recoverUpdate
	recoverPlainSign
	recoverPlainVerify
	recoverSign
	recoverBegin
	recoverVerify
	recoverInitIV
	recoverInitialDigest
	recoverSignHash
	recoverVerifyHash
	recoverLength
	recoverClear
	recoverNoRoom
	recoverCast
	recoverLend
	recoverLendPlain
)

// iso9796Vector is a row of the engine's vectors of a key of 1,024 bits.
type iso9796Vector struct {
	message   []byte
	recovered int
	signature string
}

// iso9796Card is a card with the key of the vectors.
func iso9796Card(t *testing.T, profile card.Profile) (bench, []iso9796Vector) {
	t.Helper()
	file, err := os.ReadFile("../engine/testdata/vectors/iso9796_2_sha1.txt")
	require.NoError(t, err)
	b := newNewer(t, profile)
	var all []iso9796Vector
	for line := range strings.Lines(string(file)) {
		words := strings.Fields(line)
		switch {
		case words[0] == "key":
			all = nil
			if words[1] == "1024" {
				private := strings.Repeat("0", len(words[4])%2) + words[4]
				run(t, b, []row{
					{"", insRecovery, recoverModulus, 0, words[2], "9000"},
					{"", insRecovery, recoverPrivate, 0, private, "9000"},
					{"", insRecovery, recoverPublic, 0, "010001", "9000"},
				})
			}
		case words[0] != "#":
			var v iso9796Vector
			var length int
			_, err := fmt.Sscan(line, &length, &v.recovered, new(bool), &v.signature)
			require.NoError(t, err)
			for i := range length {
				v.message = append(v.message, byte(7*i+length))
			}
			all = append(all, v)
		}
	}
	assert.Equal(t, "0001091e0b9000", b.send(insRecovery, recoverMake, 0))
	return b, all
}

// feed sends all of a message but its last part, which it returns.
func (v iso9796Vector) feed(t *testing.T, b bench, which byte, from, part int) []byte {
	t.Helper()
	rest := v.message[from:]
	for ; len(rest) > part; rest = rest[part:] {
		require.Equal(t, "9000", b.send(insRecovery, recoverUpdate, which, rest[:part]...))
	}
	return rest
}

// Java Card API 3.0.5, SignatureMessageRecovery, from bytecode: messages in any parts have the
// signatures of another implementation, which give back what they hold.
func TestSignaturesWithRecovery(t *testing.T) {
	b, vectors := iso9796Card(t, card.P71)
	require.Len(t, vectors, 8)
	for i, v := range vectors {
		what := fmt.Sprintf("%d bytes", len(v.message))
		part := []int{127, 1, 64, 50, 107, 106, 53, 100}[i]
		for which := range byte(2) {
			require.Equal(t, "9000", b.send(insRecovery, recoverInitSign, which))
			sign, want := byte(recoverPlainSign), v.signature+"9000"
			if which == 1 {
				sign, want = recoverSign, fmt.Sprintf("%s%04x9000", v.signature, v.recovered)
			}
			for range 2 { // and again, after the first
				rest := v.feed(t, b, which, 0, part)
				assert.Equal(t, want, b.send(insRecovery, sign, which, rest...), what)
			}
		}

		require.Equal(t, "9000", b.send(insRecovery, recoverInitVerify, 1))
		held := v.message[:v.recovered]
		for _, ending := range []string{"", "00"} {
			assert.Equal(t, hex.EncodeToString(held)+"9000",
				b.send(insRecovery, recoverBegin, 0, unhex(t, v.signature)...), what)
			rest := v.feed(t, b, 1, v.recovered, part)
			rest = append(append([]byte{}, rest...), unhex(t, ending)...)
			assert.Equal(t, map[bool]string{true: "019000", false: "009000"}[ending == ""],
				b.send(insRecovery, recoverVerify, 0, rest...), "%s and %q", what, ending)
		}

		require.Equal(t, "9000", b.send(insRecovery, recoverInitVerify, 0))
		for _, c := range []struct {
			change int // of the signature's last byte
			ending string
			want   string
		}{{0, "", "019000"}, {1, "", "009000"}, {0, "00", "009000"}} {
			rest := v.feed(t, b, 0, 0, 100)
			data := append(unhex(t, v.signature), rest...)
			data[127] ^= byte(c.change)
			data = append(data, unhex(t, c.ending)...)
			assert.Equal(t, c.want, b.send(insRecovery, recoverPlainVerify, 0, data...), "%s: %+v",
				what, c)
		}
	}
}

// What the API says is refused, and that what was refused changes nothing.
func TestRefusalsOfRecovery(t *testing.T) {
	b, vectors := iso9796Card(t, card.P71)
	const plain, recovering = 0, 1
	signature := vectors[6].signature
	wrong := "00" + signature[2:]
	data := strings.Repeat("00", 40)
	run(t, b, []row{
		{"before init: INVALID_INIT", insRecovery, recoverUpdate, recovering, "00", "6F14"},
		{"", insRecovery, recoverSign, 0, "00", "6F14"},
		{"", insRecovery, recoverBegin, 0, signature, "6F14"},
		{"", insRecovery, recoverVerify, 0, "", "6F14"},
		{"", insRecovery, recoverLength, 0, "", "6F14"},
		{"methods without recovery: ILLEGAL_USE", insRecovery, recoverPlainSign, recovering, "00",
			"6F15"},
		{"", insRecovery, recoverPlainVerify, recovering, signature, "6F15"},
		{"", insRecovery, recoverInitIV, recovering, data, "6F15"},
		{"of the plain one: ILLEGAL_VALUE", insRecovery, recoverInitIV, plain, data, "6F11"},
		{"", insRecovery, recoverInitSign, plain, "", "9000"},
		{"", insRecovery, recoverInitSign, recovering, "", "9000"},
		{"a digest that the applet brings: ILLEGAL_USE", insRecovery, recoverInitialDigest, plain,
			data, "6F15"},
		{"", insRecovery, recoverInitialDigest, recovering, data, "6F15"},
		{"", insRecovery, recoverSignHash, plain, data, "6F15"},
		{"", insRecovery, recoverSignHash, recovering, data, "6F15"},
		{"begin while it signs: ILLEGAL_USE", insRecovery, recoverBegin, 0, signature, "6F15"},
		{"verify while it signs: INVALID_INIT", insRecovery, recoverVerify, 0, "", "6F14"},
		{"the length of a signature", insRecovery, recoverLength, 0, "", "0080 9000"},
		{"no room for the length: nothing is taken in", insRecovery, recoverNoRoom, 0, "5555",
			"6F03"},
		{"", insRecovery, recoverSign, 0, hex.EncodeToString(vectors[0].message),
			vectors[0].signature + "0001 9000"},
		{"", insRecovery, recoverInitVerify, plain, "", "9000"},
		{"", insRecovery, recoverVerifyHash, plain, strings.Repeat("00", 128), "6F15"},
		{"", insRecovery, recoverInitVerify, recovering, "", "9000"},
		{"sign while it verifies: INVALID_INIT", insRecovery, recoverSign, 0, "00", "6F14"},
		{"before beginVerify: ILLEGAL_USE", insRecovery, recoverUpdate, recovering, "00", "6F15"},
		{"", insRecovery, recoverVerify, 0, "", "6F15"},
		{"a signature of another length", insRecovery, recoverBegin, 0, signature[2:], "6F15"},
		{"no signature", insRecovery, recoverBegin, 0, wrong, "6F15"},
		{"", insRecovery, recoverVerify, 0, "", "6F15"},
		{"the plain one has no recovery", insRecovery, recoverCast, 0, signature, "6F02"},
		{"nor has an engine that is lent", insRecovery, recoverLend, 0, "", "6F13"},
		{"without recovery one is", insRecovery, recoverLendPlain, 0,
			hex.EncodeToString(vectors[0].message), vectors[0].signature + "9000"},
	})
	held := hex.EncodeToString(vectors[6].message[:vectors[6].recovered])
	rest := hex.EncodeToString(vectors[6].message[vectors[6].recovered:])
	run(t, b, []row{{"", insRecovery, recoverBegin, 0, signature, held + "9000"}})
	snapshot, err := b.Snapshot()
	require.NoError(t, err)
	for range 2 {
		run(t, b, []row{
			{"a message in progress goes on", insRecovery, recoverVerify, 0, rest, "01 9000"},
			{"and is over", insRecovery, recoverVerify, 0, rest, "6F15"},
		})
		require.NoError(t, b.RestoreSnapshot(snapshot))
	}
	b.Reset()
	b.selectApplet(newerInstance)
	run(t, b, []row{
		{"a reset ends it, and not init", insRecovery, recoverVerify, 0, rest, "6F15"},
		{"", insRecovery, recoverBegin, 0, signature, held + "9000"},
		{"a key that is cleared: UNINITIALIZED_KEY", insRecovery, recoverClear, 0, "", "9000"},
		{"", insRecovery, recoverVerify, 0, rest, "6F12"},
		{"", insRecovery, recoverInitSign, recovering, "", "6F12"},
	})
}

// What the two objects take of transient memory.
func TestRecoveryTakesMemory(t *testing.T) {
	b := newNewer(t, card.P71)
	before, err := b.Memory()
	require.NoError(t, err)
	assert.Equal(t, "0001091e0b9000", b.send(insRecovery, recoverMake, 0))
	after, err := b.Memory()
	require.NoError(t, err)
	assert.Equal(t, 608+640, before.ResetFree-after.ResetFree)
}
