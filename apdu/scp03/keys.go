package scp03

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"fmt"
	"io"

	"ekrona.example/apdu/entropy"
)

// Keys is a static key set: three AES keys of one length, 16, 24 or 32 bytes (Amd D
// §6.1).
type Keys struct {
	ENC []byte // Key-ENC, from which S-ENC comes
	MAC []byte // Key-MAC, from which S-MAC and S-RMAC come
	DEK []byte // Key-DEK, under which keys travel in PUT KEY
}

// TestKeys are the published keys of a blank card: 40 to 4F, three times.
func TestKeys() Keys {
	key := make([]byte, 16)
	for i := range key {
		key[i] = 0x40 + byte(i)
	}
	return Keys{ENC: key, MAC: bytes.Clone(key), DEK: bytes.Clone(key)}
}

// Check fails unless the keys are three AES keys of one length.
func (k Keys) Check() error {
	n := len(k.ENC)
	if n != 16 && n != 24 && n != 32 || len(k.MAC) != n || len(k.DEK) != n {
		return fmt.Errorf("scp03: a key set is three AES keys of one length, 16, 24 or 32 bytes; "+
			"these have %d, %d and %d",
			len(k.ENC), len(k.MAC), len(k.DEK))
	}
	return nil
}

// String hides the keys.
func (k Keys) String() string { return fmt.Sprintf("AES-%d key set", 8*len(k.ENC)) }

// GoString hides the keys.
func (k Keys) GoString() string { return k.String() }

// List is the keys in the order of their identifiers: ENC, MAC, DEK.
func (k Keys) List() [3][]byte { return [3][]byte{k.ENC, k.MAC, k.DEK} }

// For makes a key set a KeySource for every card.
func (k Keys) For(Offer) (Keys, error) { return k, k.Check() }

// KeySource finds the keys of the card that made an offer.
type KeySource interface {
	For(offer Offer) (Keys, error)
}

// Master is a key from which each card's keys come by its diversification data:
// the counter KDF of NIST SP 800-108 §5.1 with AES-CMAC over counter (1 byte),
// label 00 00 00 and the key's number 1, 2 or 3 (ENC, MAC, DEK), separator 00, and
// the 10 bytes of INITIALIZE UPDATE. It is the scheme that card tools name "KDF3".
type Master []byte

// For gives the keys of the card, as long as the master key.
func (m Master) For(offer Offer) (Keys, error) { return m.Diversify(offer.Diversification) }

// Diversify gives the keys of the card with this diversification data.
func (m Master) Diversify(data [10]byte) (Keys, error) {
	var k Keys
	for i, key := range []*[]byte{&k.ENC, &k.MAC, &k.DEK} {
		var err error
		if *key, err = counterKDF(m, len(m), nil,
			append([]byte{0, 0, 0, byte(i + 1), 0}, data[:]...)); err != nil {
			return Keys{}, fmt.Errorf("scp03: master key: %w", err)
		}
	}
	return k, nil
}

// String hides the key.
func (m Master) String() string { return fmt.Sprintf("AES-%d master key", 8*len(m)) }

// GoString hides the key.
func (m Master) GoString() string { return m.String() }

// CheckValue is a key's check value (Amd D §7.2.2): three bytes of the encryption
// of a block of ones, 01 01 ...
func CheckValue(key []byte) ([3]byte, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return [3]byte{}, wrongKeyLength(len(key))
	}
	out := bytes.Repeat([]byte{1}, aes.BlockSize)
	block.Encrypt(out, out)
	return [3]byte(out), nil
}

// EncryptKey enciphers a key for PUT KEY under Key-DEK (Amd D §6.2.8), padded with
// random bytes to whole blocks.
func EncryptKey(dek, key []byte, random io.Reader) ([]byte, error) {
	padded := bytes.Clone(key)
	if over := len(key) % aes.BlockSize; over != 0 {
		padded = append(padded, make([]byte, aes.BlockSize-over)...)
		if err := entropy.Fill(random, padded[len(key):]); err != nil {
			return nil, fmt.Errorf("scp03: %w", err)
		}
	}
	return cbc(dek, nil, padded, cipher.NewCBCEncrypter)
}

// DecryptKey is the card's side of EncryptKey; it leaves the padding.
func DecryptKey(dek, data []byte) ([]byte, error) {
	return cbc(dek, nil, data, cipher.NewCBCDecrypter)
}

// cbc runs whole blocks; an iv of nil is zero.
func cbc(key, iv, data []byte, mode func(cipher.Block, []byte) cipher.BlockMode) ([]byte, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, wrongKeyLength(len(key))
	}
	if len(data)%aes.BlockSize != 0 {
		return nil, fmt.Errorf("scp03: %d enciphered bytes are not whole blocks of %d", len(data),
			aes.BlockSize)
	}
	if iv == nil {
		iv = make([]byte, aes.BlockSize)
	}
	out := make([]byte, len(data))
	mode(block, iv).CryptBlocks(out, data)
	return out, nil
}

func wrongKeyLength(n int) error {
	return fmt.Errorf("scp03: an AES key has 16, 24 or 32 bytes, this has %d", n)
}
