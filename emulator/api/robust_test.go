package api

import (
	"bytes"
	"errors"
	"sort"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"ekrona.example/emulator/vm"
)

// Whatever an applet calls with whatever arguments, on objects in whatever state, is
// answered, refused by a Java exception, or a card fault: never a bug of ours.
func TestNoArgumentsBreakANative(t *testing.T) {
	bound, err := Natives(&Product{})
	require.NoError(t, err)
	names := make([]string, 0, len(bound))
	for name := range bound {
		names = append(names, name)
	}
	sort.Strings(names)
	listed := map[string]vm.NativeClass{}
	packages, err := Packages()
	require.NoError(t, err)
	for _, p := range packages {
		for _, class := range p.Classes {
			listed[class.Name] = class
		}
	}
	numbers := []int{-32768, -129, -128, -2, -1, 0, 1, 2, 3, 4, 5, 6, 7, 8, 12, 13, 15, 16, 17, 20,
		31, 32, 33, 49, 64, 65, 127, 128, 192, 255, 256, 257, 512, 1000, 32767}

	rapid.Check(t, func(t *rapid.T) {
		b := newBench(t)
		var pool []vm.Ref
		b.run(func() {
			CreateAPDU(b.c, 261)
			_, apdu := BeginExchange(b.c, Command{Data: numbered(20), Ne: 256})
			pair, public, private := b.p256Pair()
			aes, des, hmac := b.buildKey(15, 128), b.buildKey(3, 128), b.buildKey(21, 64)
			secret := b.array(numbered(40))
			b.call("javacard/security/AESKey", "setKey([BS)V", aes, vm.RefValue(secret), 0)
			b.call("javacard/security/DESKey", "setKey([BS)V", des, vm.RefValue(secret), 0)
			b.call("javacard/security/HMACKey", "setKey([BSS)V", hmac, vm.RefValue(secret), 0, 20)
			pin := b.c.NewObject(pinClass)
			b.call(pinClass, "<init>(BB)V", pin, 3, 8)
			signer, mac, hashMAC := b.signature(ecdsaSHA256), b.signature(3), b.signature(25)
			b.initSignature(signer, private, modeSign)
			b.initSignature(mac, des, modeSign)
			b.initSignature(hashMAC, hmac, modeVerify)
			pool = append(pool, 0, apdu, pair, public, private, aes, des, hmac, secret, pin, signer,
				mac, hashMAC,
				b.buildKey(4, 512), b.buildKey(5, 512), b.buildKey(6, 512), b.buildKey(13, 256),
				NewAID(b.c, numbered(7)),
				b.array(nil), b.c.NewByteArray(100, vm.ClearOnReset),
				b.c.NewByteArray(300, vm.ClearOnDeselect),
				b.c.NewArray(vm.ShortArray, 10, vm.Persistent),
				b.c.NewRefArray("java/lang/Object", 3, vm.Persistent))
			for _, code := range []int8{13, 24, 15, -13, -12} {
				pool = append(pool, b.call(cipherClass, "getInstance(BZ)Ljavacardx/crypto/Cipher;",
					0, vm.Value(code), 0).Ref())
			}
			// a key of exponent 1: what it makes is what it gets
			open, closed := b.buildKey(4, 512), b.buildKey(5, 512)
			for _, key := range []vm.Ref{open, closed} {
				class := map[vm.Ref]string{open: "RSAPublicKey", closed: "RSAPrivateKey"}[key]
				b.call("javacard/security/"+class, "setModulus([BSS)V", key,
					vm.RefValue(b.array(bytes.Repeat([]byte{0xFF}, 64))), 0, 64)
				b.call("javacard/security/"+class, "setExponent([BSS)V", key,
					vm.RefValue(b.array([]byte{1})), 0, 1)
			}
			for _, code := range []int8{9, 30} {
				signs, verifies := b.signature(code), b.signature(code)
				b.initSignature(signs, closed, modeSign)
				b.initSignature(verifies, open, modeVerify)
				pool = append(pool, signs, verifies)
			}
			form := append(append([]byte{0x6A}, numbered(62)...), 0xBC) // a signature by that key
			pool = append(pool, open, closed, b.array(form))
		})
		for range rapid.IntRange(1, 20).Draw(t, "calls") {
			name := rapid.SampledFrom(names).Draw(t, "native")
			class, method, _ := strings.Cut(name, ".")
			if strings.HasPrefix(method, "genKeyPair") &&
				rapid.IntRange(0, 9).Draw(t, "skip a slow one") > 0 {
				continue
			}
			err := b.try(func() {
				description, isMethod := methodOf(listed, class, method)
				if !isMethod {
					return
				}
				var this vm.Ref
				if !description.Static {
					this = b.receiver(t, listed[class], pool)
				}
				b.call(class, method, this, b.arguments(t, method, pool, numbers)...)
			})
			var javaException *vm.JavaException
			var fault *vm.CardFault
			if err != nil && !errors.As(err, &javaException) && !errors.As(err, &fault) {
				t.Fatalf("%s: %v", name, err)
			}
			if fault != nil {
				b.machine.Reset()
			}
		}
	})
}

func methodOf(listed map[string]vm.NativeClass, class, method string) (vm.NativeMethod, bool) {
	for _, m := range listed[class].Methods {
		if m.Name+m.Descriptor == method {
			return m, true
		}
	}
	return vm.NativeMethod{}, false
}

// receiver is an object of the class from the pool, or a new one on which no
// constructor ran.
func (b *bench) receiver(t *rapid.T, class vm.NativeClass, pool []vm.Ref) vm.Ref {
	var fitting []vm.Ref
	for _, r := range pool {
		if b.c.InstanceOf(r, class.Name) {
			fitting = append(fitting, r)
		}
	}
	if len(fitting) > 0 && rapid.IntRange(0, 9).Draw(t, "receiver") > 0 {
		return rapid.SampledFrom(fitting).Draw(t, "from the pool")
	}
	return b.c.NewObject(class.Name)
}

// arguments draws one argument for each parameter of a descriptor.
func (b *bench) arguments(t *rapid.T, method string, pool []vm.Ref, numbers []int) []vm.Value {
	var arguments []vm.Value
	rest := descriptorOf(method)[1:]
	for rest[0] != ')' {
		kind := rest[0]
		for rest[0] == '[' {
			rest = rest[1:]
		}
		if rest[0] == 'L' {
			rest = rest[strings.IndexByte(rest, ';'):]
		}
		rest = rest[1:]
		if kind == '[' || kind == 'L' {
			arguments = append(arguments, vm.RefValue(rapid.SampledFrom(pool).Draw(t, "reference")))
			continue
		}
		n := rapid.SampledFrom(numbers).Draw(t, "number")
		switch kind {
		case 'B':
			n = int(int8(n))
		case 'Z':
			n &= 1
		}
		arguments = append(arguments, vm.Value(n))
	}
	return arguments
}
