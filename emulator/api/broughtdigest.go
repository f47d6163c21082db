package api

import (
	"crypto"

	"ekrona.example/emulator/vm"
)

// broughtDigest is the message of a Signature without a digest of its own, in parts:
// a digest that the applet has made itself.
type broughtDigest []byte

// digestOfLength returns the SHA algorithm that gives so many bytes, 0 if none does.
// The nonce of a signature is derived with it.
func digestOfLength(length int) crypto.Hash {
	for _, h := range []crypto.Hash{crypto.SHA1, crypto.SHA224, crypto.SHA256, crypto.SHA384,
		crypto.SHA512} {
		if h.Size() == length {
			return h
		}
	}
	return 0
}

// feedBroughtDigest takes in the bytes that arguments 0 to 2 name.
func feedBroughtDigest(c *vm.Call) {
	message, _ := c.Volatile(c.This()).(broughtDigest)
	message = append(message, c.Bytes(c.Ref(0), int(c.Short(1)), int(c.Short(2)))...)
	if len(message) > crypto.SHA512.Size() {
		c.SetVolatile(c.This(), nil)
		throwCrypto(c, cryptoIllegalUse)
	}
	c.SetVolatile(c.This(), message)
}

// endBroughtDigest returns the digest and starts anew. It throws ILLEGAL_USE when the
// length is that of none.
func endBroughtDigest(c *vm.Call) []byte {
	message, _ := c.Volatile(c.This()).(broughtDigest)
	c.SetVolatile(c.This(), nil)
	if digestOfLength(len(message)) == 0 {
		throwCrypto(c, cryptoIllegalUse)
	}
	return message
}
