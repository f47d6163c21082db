package card_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/emulator/api"
	"ekrona.example/emulator/card"
	"ekrona.example/emulator/vm"
)

func link(t *testing.T, name string) card.Link {
	t.Helper()
	l, err := card.LinkNamed(name)
	require.NoError(t, err)
	return l
}

// The model gives the measured times for single operations.
func TestEstimateOfMeasuredOperations(t *testing.T) {
	crypto := func(kind string, size int) vm.CryptoCount {
		return vm.CryptoCount{CryptoOp: vm.CryptoOp{Kind: kind, Size: size}, Count: 1}
	}
	rows := []struct {
		name string
		ops  []vm.CryptoCount
		ms   float64 // shared facts on the P71
	}{
		{"ECDSA with SHA-1 of 256 bytes, sign",
			[]vm.CryptoCount{crypto(api.KindECDSASign, 256), crypto(api.KindDigest+"SHA-1", 256)},
			32.0},
		{"ECDSA with SHA-1 of 16 bytes, sign",
			[]vm.CryptoCount{crypto(api.KindECDSASign, 256), crypto(api.KindDigest+"SHA-1", 16)},
			28.2},
		{"ECDSA with SHA-1 of 256 bytes, verify",
			[]vm.CryptoCount{crypto(api.KindECDSAVerify, 256), crypto(api.KindDigest+"SHA-1", 256)},
			30.2},
		{"P-256 signature init", []vm.CryptoCount{crypto(api.KindSignatureInit, 256)}, 8.1},
		{"AES MAC init", []vm.CryptoCount{crypto(api.KindSignatureInit, 128)}, 6.1},
		{"ECDH", []vm.CryptoCount{crypto(api.KindAgreement, 256)}, 20.0},
		{"key pair", []vm.CryptoCount{crypto(api.KindECKeyPair, 256)}, 26.8},
		{"SHA-256 of 256 bytes", []vm.CryptoCount{crypto(api.KindDigest+"SHA-256", 256)}, 7.9},
		{"SHA-256 of 32 bytes", []vm.CryptoCount{crypto(api.KindDigest+"SHA-256", 32)}, 2.6},
		{"AES-128 CBC", []vm.CryptoCount{crypto(api.KindCipher+"AES", 256)}, 1.9},
		{"AES init", []vm.CryptoCount{crypto(api.KindCipherInit+"AES", 128)}, 6.1},
		{"setKey", []vm.CryptoCount{crypto(api.KindSetKey, 16)}, 3.2},
		{"random", []vm.CryptoCount{crypto(api.KindRandom, 32)}, 1.2},
	}
	for _, r := range rows {
		cost, err := card.Estimate(card.Stats{Crypto: r.ops}, link(t, "contactless-424"))
		require.NoError(t, err, r.name)
		assert.InDelta(t, r.ms, float64(cost.Of())/float64(time.Millisecond), 0.5, r.name)
	}
}

func TestEstimateOfWritesAndWire(t *testing.T) {
	cost, err := card.Estimate(card.Stats{Writes: 10, CommandBytes: 253, ResponseBytes: 254,
		Bytecodes: 149}, link(t, "contactless-424"))
	require.NoError(t, err)
	assert.Equal(t, 28600*time.Microsecond, cost.Of(card.CostWrites))
	assert.InDelta(t, 1450*time.Microsecond, cost.Of(card.CostBytecode), float64(time.Microsecond))
	// 256 bytes of 9 bits, then 254 and 6 in two frames, and 2.5 ms for each of three frames.
	assert.InDelta(t, 7_500_000+(256+260)*9*1e9/424e3, cost.Of(card.CostWire), 2)
	assert.Equal(t, cost.Of(), cost.Of(card.CostWrites, card.CostBytecode, card.CostWire))
	for _, item := range cost {
		assert.NotEmpty(t, item.Source)
	}
	own, err := card.Estimate(card.Stats{Writes: 10, OwnWrites: 4}, link(t, "contactless-424"))
	require.NoError(t, err)
	assert.Equal(t, 17160*time.Microsecond, own.Of(), "in the time of what made them")
	_, err = card.LinkNamed("telepathy")
	assert.ErrorContains(t, err, "contactless-424")
}

// Whatever the natives count has a price.
func TestEveryOperationOfTheTestAppletHasAPrice(t *testing.T) {
	b := newProbe(t, card.P71)
	var tap card.Stats
	for which := byte(0); which <= 9; which++ {
		b.send(insCrypto, which, 0, make([]byte, 32)...)
		tap = tap.Add(b.LastCommand())
	}
	cost, err := card.Estimate(tap, link(t, "contact-115200"))
	require.NoError(t, err)
	signed := 0
	for _, op := range tap.Crypto {
		if op.Kind == api.KindECDSASign {
			signed += op.Count
		}
	}
	assert.Equal(t, 2, signed, "once by itself and once to verify")
	assert.Positive(t, tap.OwnWrites, "of keys that were set")
	assert.Greater(t, tap.Writes, tap.OwnWrites)
	assert.Greater(t, cost.Of(card.CostCrypto), 150*time.Millisecond)

	_, err = card.Estimate(
		card.Stats{Crypto: []vm.CryptoCount{{CryptoOp: vm.CryptoOp{Kind: "alchemy"}, Count: 1}}},
		link(t, "contact-115200"))
	assert.ErrorContains(t, err, "alchemy")
}

func BenchmarkInterpreter(b *testing.B) {
	for _, work := range []struct {
		name    string
		command []byte
	}{
		{"loops", command(insCollatz, 0, 0, 0, 1, 0x2F, 0x67)},
		{"recursion", command(insFibonacci, 0, 18)},
		{"arrays", command(insCRC, 0, 0, make([]byte, 255)...)},
	} {
		b.Run(work.name, func(b *testing.B) {
			probe := newProbe(b, card.Unlimited)
			bytecodes := 0
			for b.Loop() {
				probe.exchange(work.command)
				bytecodes += probe.LastCommand().Bytecodes
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(bytecodes), "ns/bytecode")
			b.ReportMetric(float64(bytecodes)/float64(b.N), "bytecodes/op")
		})
	}
}
