package api

import (
	"crypto"
	"fmt"
	"hash"

	"ekrona.example/emulator/engine"
	"ekrona.example/emulator/vm"
)

// digests are the algorithms of MessageDigest, by ALG_... constant.
var digests = map[int8]crypto.Hash{
	1: crypto.SHA1, 2: crypto.MD5, 4: crypto.SHA256, 5: crypto.SHA384, 6: crypto.SHA512,
	7: crypto.SHA224,
	8: crypto.SHA3_224, 9: crypto.SHA3_256, 10: crypto.SHA3_384, 11: crypto.SHA3_512,
}

// Hidden field of MessageDigest, RandomData, Checksum, KeyAgreement, Signature and Cipher.
const engineAlgorithm = 0

const resumableDigestClass = "javacard/security/InitializedMessageDigest"

// digesting is a message digest in progress.
type digesting struct {
	hash.Hash
	length int // bytes since the start, for the statistics
}

// Copy implements [vm.Copier].
func (d *digesting) Copy() (any, error) {
	cloner, ok := d.Hash.(hash.Cloner)
	if !ok {
		return nil, fmt.Errorf("the state of %T cannot be copied", d.Hash)
	}
	same, err := cloner.Clone()
	return &digesting{same, d.length}, err
}

// digestNatives are the functions of MessageDigest and InitializedMessageDigest.
// Every instance is of the second, which extends the first.
func digestNatives(product *Product) map[string]vm.Native {
	all := bind("javacard/security/MessageDigest", map[string]vm.Native{
		"<init>()V": nothing,
		"getInstance(BZ)Ljavacard/security/MessageDigest;": func(c *vm.Call) vm.Value {
			return newEngine(c, resumableDigestClass, vm.Value(offeredDigest(c, product)))
		},
		"getInitializedMessageDigestInstance(BZ)" +
			"Ljavacard/security/InitializedMessageDigest;": func(c *vm.Call) vm.Value {
			return newEngine(c, resumableDigestClass, vm.Value(resumableDigest(c, product)))
		},
		"getAlgorithm()B": algorithmOf,
		"getLength()B":    func(c *vm.Call) vm.Value { return vm.Value(digestOf(c).Size()) },
		"reset()V": func(c *vm.Call) vm.Value {
			c.SetVolatile(c.This(), nil)
			return vm.Void
		},
		"update([BSS)V": func(c *vm.Call) vm.Value {
			digestInProgress(c, digestOf(c)).feed(c)
			return vm.Void
		},
		"doFinal([BSS[BS)S": func(c *vm.Call) vm.Value {
			h := digestOf(c)
			d, size := digestInProgress(c, h), h.Size()
			// the room is checked before anything is taken in
			c.Bytes(c.Ref(3), int(c.Short(4)), size)
			d.feed(c)
			var room [64]byte
			c.PutBytes(c.Ref(3), int(c.Short(4)), d.finish(c, h, room[:0]))
			return vm.ShortValue(int16(size))
		},
	})
	all[resumableDigestClass+".<init>()V"] = nothing
	all[resumableDigestClass+".setInitialDigest([BSS[BSS)V"] = func(c *vm.Call) vm.Value {
		c.SetVolatile(c.This(), resumeDigest(c, digestOf(c)))
		return vm.Void
	}
	return all
}

// offeredDigest returns the algorithm in argument 0 if the card has it.
func offeredDigest(c *vm.Call, product *Product) int8 {
	algorithm := c.Byte(0)
	if _, known := digests[algorithm]; !known || product.lacks(OfDigest, int(algorithm)) {
		throwCrypto(c, cryptoNoSuchAlgorithm)
	}
	return algorithm
}

// resumableDigest is offeredDigest for one that can go on from an intermediate digest.
func resumableDigest(c *vm.Call, product *Product) int8 {
	algorithm := offeredDigest(c, product)
	if h := digests[algorithm]; h == crypto.MD5 || h >= crypto.SHA3_224 && h <= crypto.SHA3_512 {
		throwCrypto(c, cryptoNoSuchAlgorithm)
	}
	return algorithm
}

// newEngine makes an engine object of the caller's with its algorithm.
func newEngine(c *vm.Call, class string, algorithm vm.Value) vm.Value {
	object := c.NewEngine(class, algorithm)
	c.SetField(object, engineAlgorithm, algorithm)
	return vm.RefValue(object)
}

func algorithmOf(c *vm.Call) vm.Value { return c.Field(c.This(), engineAlgorithm) }

func digestOf(c *vm.Call) crypto.Hash {
	h, known := digests[int8(algorithmOf(c))]
	if !known {
		notMade(c)
	}
	return h
}

// notMade stops the card: the receiver is an instance of an API class that the API did
// not make, which only hostile bytecode can create.
func notMade(c *vm.Call) { c.Fault("an engine or a key that getInstance or buildKey did not make") }

// numberedAlgorithm returns the entry of a list whose place, counted from 1, is the receiver's
// algorithm.
func numberedAlgorithm[T any](c *vm.Call, list []T) *T {
	place := int(algorithmOf(c))
	if place < 1 || place > len(list) {
		notMade(c)
	}
	return &list[place-1]
}

// digestInProgress returns the receiver's digest, a new one if none is in progress.
func digestInProgress(c *vm.Call, h crypto.Hash) *digesting {
	d, busy := c.Volatile(c.This()).(*digesting)
	if !busy {
		d = &digesting{Hash: h.New()}
		c.SetVolatile(c.This(), d)
	}
	return d
}

// feed takes in the bytes that arguments 0 to 2 name.
func (d *digesting) feed(c *vm.Call) {
	n := int(c.Short(2))
	d.Write(c.Bytes(c.Ref(0), int(c.Short(1)), n))
	d.length += n
}

// finish appends the digest to out, counts it and starts anew.
func (d *digesting) finish(c *vm.Call, h crypto.Hash, out []byte) []byte {
	count(c, digestKinds[h], d.length)
	out = d.Sum(out)
	d.Reset()
	d.length = 0
	return out
}

// digestKinds are the statistics' kinds, made once.
var digestKinds = func() map[crypto.Hash]string {
	kinds := map[crypto.Hash]string{}
	for _, h := range digests {
		kinds[h] = KindDigest + h.String()
	}
	return kinds
}()

// resumeDigest reads the arguments of setInitialDigest: an intermediate digest and
// the number of bytes that went into it, big-endian.
func resumeDigest(c *vm.Call, h crypto.Hash) *digesting {
	state := c.Bytes(c.Ref(0), int(c.Short(1)), int(c.Short(2)))
	counted := c.Bytes(c.Ref(3), int(c.Short(4)), int(c.Short(5)))
	length := uint64(0)
	for _, b := range counted {
		if length >= 1<<48 {
			throwCrypto(c, cryptoIllegalValue)
		}
		length = length<<8 | uint64(b)
	}
	resumed, err := engine.ResumeDigest(h, state, length)
	if err != nil {
		throwCrypto(c, cryptoIllegalValue)
	}
	return &digesting{Hash: resumed}
}
