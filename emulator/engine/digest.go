package engine

import (
	"crypto"
	_ "crypto/md5" // registers crypto.MD5
	"crypto/sha1"
	"crypto/sha256"
	_ "crypto/sha3" // registers the SHA-3 family
	"crypto/sha512"
	"encoding"
	"encoding/binary"
	"hash"
)

// ResumeDigest returns a digest that stands where a digest of h stood after length
// bytes had gone in, given the intermediate value it had then (FIPS 180-4 §6: the
// chaining words, big-endian). length must be a whole number of blocks.
// The SHA-1 and SHA-2 families are supported; SHA-224 takes the 32 bytes of all
// eight words, SHA-384 the 64 bytes.
func ResumeDigest(h crypto.Hash, state []byte, length uint64) (hash.Hash, error) {
	var fresh hash.Hash
	switch h {
	case crypto.SHA1:
		fresh = sha1.New()
	case crypto.SHA224:
		fresh = sha256.New224()
	case crypto.SHA256:
		fresh = sha256.New()
	case crypto.SHA384:
		fresh = sha512.New384()
	case crypto.SHA512:
		fresh = sha512.New()
	default:
		return nil, ErrParameter
	}
	if length == 0 || length%uint64(fresh.BlockSize()) != 0 {
		return nil, ErrLength
	}
	marshaler, canSave := fresh.(encoding.BinaryMarshaler)
	unmarshaler, canRestore := fresh.(encoding.BinaryUnmarshaler)
	if !canSave || !canRestore {
		return nil, ErrParameter
	}
	// Go's saved form is: a magic of four bytes, the chaining words, a block of
	// buffered input (empty here), the length in bytes as eight.
	saved, err := marshaler.MarshalBinary()
	if err != nil {
		return nil, ErrParameter
	}
	const magicLength = 4
	if len(saved) != magicLength+len(state)+fresh.BlockSize()+8 {
		return nil, ErrLength
	}
	copy(saved[magicLength:], state)
	binary.BigEndian.PutUint64(saved[len(saved)-8:], length)
	if err := unmarshaler.UnmarshalBinary(saved); err != nil {
		return nil, ErrParameter
	}
	return fresh, nil
}
