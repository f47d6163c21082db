package batch

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"ekrona.example/apdu/entropy"
	"ekrona.example/apdu/message"
	"ekrona.example/apdu/pin"
	"ekrona.example/host/durable"
	"ekrona.example/personalization"
)

// secrets are what is drawn for one order.
type secrets struct {
	token  pin.Token
	digits personalization.Digits
}

// String shows nothing.
func (secrets) String() string { return "secrets of an order" }

// GoString shows nothing.
func (s secrets) GoString() string { return s.String() }

// sealKey seals secrets for one folder by AES-256-GCM, bound to their device.
type sealKey [32]byte

// String shows nothing.
func (sealKey) String() string { return "key of a job's folder" }

// openSealKey reads the folder's key, or draws it if it may.
func openSealKey(path string, mayDraw bool, random io.Reader) (sealKey, error) {
	var k sealKey
	text, err := durable.Read(path)
	if errors.Is(err, fs.ErrNotExist) && mayDraw {
		if err := entropy.Fill(random, k[:]); err != nil {
			return k, err
		}
		return k, durable.Create(path, []byte(hex.EncodeToString(k[:])+"\n"), durable.OwnerOnly)
	}
	if err != nil {
		return k, fmt.Errorf("the key that seals the journal: %w: restore it from its backup; "+
			"without it give up the orders that are started, for good", err)
	}
	defer clear(text)
	if len(text) != 2*len(k)+1 {
		return k, fmt.Errorf("%s is not the key that seals a journal: restore it from its backup",
			path)
	}
	if _, err := hex.Decode(k[:], text[:2*len(k)]); err != nil {
		return k, fmt.Errorf("%s is not the key that seals a journal: restore it from its backup",
			path)
	}
	return k, nil
}

func (k sealKey) cipher() (cipher.AEAD, error) {
	block, err := aes.NewCipher(k[:])
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

// seal returns nonce, ciphertext and tag over token, PIN and PUK.
func (k sealKey) seal(device message.DeviceID, s secrets, random io.Reader) ([]byte, error) {
	gcm, err := k.cipher()
	if err != nil {
		return nil, err
	}
	nonce := make([]byte, gcm.NonceSize())
	if err := entropy.Fill(random, nonce); err != nil {
		return nil, err
	}
	clearText := append(append(append([]byte{}, s.token[:]...), s.digits.PIN...), s.digits.PUK...)
	defer clear(clearText)
	return gcm.Seal(nonce, nonce, clearText, []byte(device)), nil
}

// open is the reverse of seal.
func (k sealKey) open(device message.DeviceID, sealed []byte) (secrets, error) {
	var s secrets
	gcm, err := k.cipher()
	if err != nil {
		return s, err
	}
	wrong := fmt.Errorf("the sealed secrets of %s do not open: the folder's key is another's, or "+
		"the journal was changed: restore both from one backup", device)
	if len(sealed) < gcm.NonceSize() {
		return s, wrong
	}
	clearText, err := gcm.Open(nil, sealed[:gcm.NonceSize()], sealed[gcm.NonceSize():],
		[]byte(device))
	if err != nil || len(clearText) != len(
		s.token)+personalization.PINDigits+personalization.PUKDigits {
		return s, wrong
	}
	defer clear(clearText)
	n := copy(s.token[:], clearText)
	puk := n + personalization.PINDigits
	s.digits = personalization.Digits{PIN: string(clearText[n:puk]), PUK: string(clearText[puk:])}
	return s, nil
}
