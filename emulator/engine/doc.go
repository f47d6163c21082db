// Package engine is the crypto of the emulated card: digests, block ciphers,
// MACs, RSA and elliptic curves over F(p), in the shapes that the Java Card API
// needs and on top of Go's own implementations.
//
// It knows nothing of the virtual machine. Keys arrive as byte strings, big-endian
// and unsigned as the Java Card API holds them; randomness is an [io.Reader] that
// the caller injects, so that a seeded run repeats: nothing here reads the system's
// randomness, and ECDSA nonces follow RFC 6979.
//
// It trusts nothing from its caller but the injected reader: wrong lengths, parameters
// and paddings are errors ([ErrLength], [ErrParameter], [ErrPadding]). It is written
// for an emulator: only what Go's standard library does in constant time is
// constant-time; RSA and curves outside the NIST set are not, and keys held by it must
// not be worth attacking.
//
// Start with [Curve] for elliptic curves, [BlockCipher] and [MAC] for symmetric
// work, [RSAPrivateKey] for RSA.
package engine
