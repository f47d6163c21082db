package engine

import (
	"bytes"
	"crypto"
)

// The first byte of what is signed by ISO/IEC 9796-2:2010 scheme 1: the bits 01, the bit that says
// that the signature holds a part of the message alone, and padding, whose last half byte is A.
const (
	isoHeader      = 0x40
	isoPartial     = 0x20
	isoPadding     = 0x0B
	isoLastPadding = 0x0A
	isoTrailer     = 0xBC // the digest is known to both sides
)

// ISO9796Capacity is how many bytes of a message a signature of so many bytes holds; negative if
// there is no room for the digest.
func ISO9796Capacity(size int, h crypto.Hash) int { return size - h.Size() - 2 }

// RecoverableMessage is what a signature with message recovery holds: the first bytes of the
// message, or all of them, and the digest of the whole message.
type RecoverableMessage struct {
	First  []byte
	Whole  bool // First is the whole message
	Digest []byte
}

// SignISO9796 signs a message by ISO/IEC 9796-2:2010 scheme 1 with the trailer BC, as EMV Book 2
// §A2.1 and ICAO Doc 9303-11 §6.1 do. What the signature holds of it, First, is the whole message
// or as many bytes as [ISO9796Capacity] says. Errors: [ErrLength].
func (k *RSAPrivateKey) SignISO9796(h crypto.Hash, message RecoverableMessage) ([]byte, error) {
	capacity := ISO9796Capacity(k.Size(), h)
	missing := capacity - len(message.First)
	if len(message.Digest) != h.Size() || missing < 0 || !message.Whole && missing > 0 {
		return nil, ErrLength
	}
	block := bytes.Repeat([]byte{isoPadding<<4 | isoPadding}, missing+1)
	block[0] = isoHeader | isoPadding
	block[missing] = block[missing]&0xF0 | isoLastPadding
	if !message.Whole {
		block[0] |= isoPartial
	}
	block = append(append(block, message.First...), message.Digest...)
	return k.Apply(append(block, isoTrailer))
}

// RecoverISO9796 returns what a signature of SignISO9796 holds. Whether the digest is that of the
// message is for the caller to see. Errors: [ErrLength], [ErrPadding].
func (k *RSAPublicKey) RecoverISO9796(
	h crypto.Hash, signature []byte,
) (message RecoverableMessage, err error) {
	if len(signature) != k.Size() || ISO9796Capacity(k.Size(), h) < 0 {
		return message, ErrLength
	}
	block, err := k.Apply(signature)
	if err != nil {
		return message, err
	}
	header, end := block[0], len(block)-h.Size()-1
	if header&^(isoPartial|0x0F) != isoHeader || block[len(block)-1] != isoTrailer {
		return message, ErrPadding
	}
	start, padding := 1, header&0x0F
	for ; padding == isoPadding && start < end; start++ {
		if block[start]>>4 != isoPadding {
			return message, ErrPadding
		}
		padding = block[start] & 0x0F
	}
	if padding != isoLastPadding {
		return message, ErrPadding
	}
	return RecoverableMessage{First: block[start:end], Whole: header&isoPartial == 0,
		Digest: block[end : len(block)-1]}, nil
}
