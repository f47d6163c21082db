package batch

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"ekrona/apdu/message"
	"ekrona/apdu/pin"
	"ekrona/apdu/spec"
	"ekrona/host/durable"
	"ekrona/personalization"
)

// Digits of what is drawn for a card.
const (
	pinDigits = 4
	pukDigits = spec.PUKDigits
)

// secrets are what is drawn for one order.
type secrets struct {
	token    pin.Token
	pin, puk string
}

// String shows nothing.
func (secrets) String() string { return "secrets of an order" }

// GoString shows nothing.
func (s secrets) GoString() string { return s.String() }

// blocks are PIN and PUK as they go to the card.
func (s secrets) blocks() (personalization.Secrets, error) {
	var out personalization.Secrets
	var err error
	if out.PIN, err = pin.NewBlock(s.pin); err == nil {
		out.PUK, err = pin.NewPUKBlock(s.puk)
	}
	return out, err
}

// drawSecrets draws PIN and PUK; the token comes with the order.
func drawSecrets(random io.Reader) (secrets, error) {
	var s secrets
	var err error
	if s.pin, err = pin.Digits(random, pinDigits); err == nil {
		s.puk, err = pin.Digits(random, pukDigits)
	}
	return s, err
}

// sealKey seals secrets for one folder by AES-256-GCM, bound to their device.
type sealKey [32]byte

// String shows nothing.
func (sealKey) String() string { return "key of a job's folder" }

// openSealKey reads the folder's key, or draws it if it may.
func openSealKey(path string, mayDraw bool, random io.Reader) (sealKey, error) {
	var k sealKey
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) && mayDraw {
		if _, err := io.ReadFull(random, k[:]); err != nil {
			return k, fmt.Errorf("the source of randomness failed: %w", err)
		}
		return k, durable.Create(path, []byte(hex.EncodeToString(k[:])+"\n"), durable.OwnerOnly)
	}
	if err != nil {
		return k, fmt.Errorf("the key that seals the journal: %w: restore it from its backup; without it give up the orders that are begun", err)
	}
	defer clear(text)
	if len(text) != 2*len(k)+1 {
		return k, fmt.Errorf("%s is not the key that seals a journal: restore it from its backup", path)
	}
	if _, err := hex.Decode(k[:], text[:2*len(k)]); err != nil {
		return k, fmt.Errorf("%s is not the key that seals a journal: restore it from its backup", path)
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

// seal gives nonce, ciphertext and tag over token, PIN and PUK.
func (k sealKey) seal(device message.DeviceID, s secrets, random io.Reader) ([]byte, error) {
	gcm, err := k.cipher()
	if err != nil {
		return nil, err
	}
	nonce := make([]byte, gcm.NonceSize())
	if _, err := io.ReadFull(random, nonce); err != nil {
		return nil, fmt.Errorf("the source of randomness failed: %w", err)
	}
	clearText := append(append(append([]byte{}, s.token[:]...), s.pin...), s.puk...)
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
	wrong := fmt.Errorf("the sealed secrets of %s do not open: the folder's key is another's, or the journal was changed: restore both from one backup", device)
	if len(sealed) < gcm.NonceSize() {
		return s, wrong
	}
	clearText, err := gcm.Open(nil, sealed[:gcm.NonceSize()], sealed[gcm.NonceSize():], []byte(device))
	if err != nil || len(clearText) != len(s.token)+pinDigits+pukDigits {
		return s, wrong
	}
	defer clear(clearText)
	n := copy(s.token[:], clearText)
	s.pin, s.puk = string(clearText[n:n+pinDigits]), string(clearText[n+pinDigits:])
	return s, nil
}
