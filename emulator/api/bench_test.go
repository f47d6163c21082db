package api

import (
	"strings"
	"testing"

	"ekrona.example/emulator/vm"
)

// The natives that an applet calls most, each through the machine's call. They must
// not allocate: the numbers are printed by -benchmem.
func BenchmarkHotNatives(b *testing.B) {
	for _, v := range []struct {
		name, class, method string
		arguments           func(from, to vm.Ref) []vm.Value
	}{
		{"getShort", utilClass, "getShort([BS)S",
			func(from, _ vm.Ref) []vm.Value { return []vm.Value{vm.RefValue(from), 3} }},
		{"setShort", utilClass, "setShort([BSS)S",
			func(_, to vm.Ref) []vm.Value { return []vm.Value{vm.RefValue(to), 3, 7} }},
		{"arrayCopy", utilClass, "arrayCopy([BS[BSS)S", func(from, to vm.Ref) []vm.Value {
			return []vm.Value{vm.RefValue(from), 0, vm.RefValue(to), 0, 64}
		}},
		{"arrayFill", utilClass, "arrayFillNonAtomic([BSSB)S",
			func(_, to vm.Ref) []vm.Value { return []vm.Value{vm.RefValue(to), 0, 100, 0} }},
		{"arrayCompare", utilClass, "arrayCompare([BS[BSS)B", func(from, to vm.Ref) []vm.Value {
			return []vm.Value{vm.RefValue(from), 0, vm.RefValue(to), 0, 64}
		}},
	} {
		b.Run(v.name, func(b *testing.B) {
			k := newBench(b)
			m, err := k.machine.Method(v.class,
				strings.TrimSuffix(v.method, descriptorOf(v.method)), descriptorOf(v.method))
			if err != nil {
				b.Fatal(err)
			}
			k.run(func() {
				arguments := v.arguments(k.c.NewByteArray(256, vm.ClearOnReset),
					k.c.NewByteArray(256, vm.ClearOnReset))
				b.ReportAllocs()
				for b.Loop() {
					k.c.Invoke(m, 0, arguments...)
				}
			})
		})
	}
}

// A signature and a verification on the card, to be set against those of the engine
// (BenchmarkSignP256, BenchmarkVerifyP256 in emulator/engine).
func BenchmarkSignatureOfACard(b *testing.B) {
	for _, mode := range []string{"sign", "verify"} {
		b.Run(mode, func(b *testing.B) {
			k := newBench(b)
			k.run(func() {
				_, public, private := k.p256Pair()
				signer, verifier := k.signature(ecdsaSHA256), k.signature(ecdsaSHA256)
				data, out := k.c.NewByteArray(200, vm.ClearOnReset),
					k.c.NewByteArray(80, vm.ClearOnReset)
				k.initSignature(signer, private, modeSign)
				k.initSignature(verifier, public, modeVerify)
				sign := func() vm.Value {
					return k.call(signatureClass, "sign([BSS[BS)S", signer, vm.RefValue(data), 0,
						200, vm.RefValue(out), 0)
				}
				n := sign()
				b.ReportAllocs()
				for b.Loop() {
					if mode == "sign" {
						sign()
					} else if k.call(signatureClass, "verify([BSS[BSS)Z", verifier,
						vm.RefValue(data), 0, 200, vm.RefValue(out), 0, n) != 1 {
						b.Fatal("a good signature was refused")
					}
				}
			})
		})
	}
}
