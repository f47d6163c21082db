package pin

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdsa"
	"errors"
	"fmt"
	"slices"

	"ekrona.example/apdu/cmac"
	"ekrona.example/apdu/layout"
	"ekrona.example/apdu/message"
	"ekrona.example/apdu/signature"
	"ekrona.example/apdu/spec"
)

// Token is the personalization token that a card is installed with. It is random,
// used for one card, and erased by ACTIVATE.
type Token [spec.TokenLength]byte

// String shows nothing.
func (Token) String() string { return "personalization token" }

// Format shows nothing, whatever the verb.
func (t Token) Format(s fmt.State, _ rune) { _, _ = s.Write([]byte(t.String())) }

// ErrKeyAnswer reports that a card's keys are not those of the card installed.
var ErrKeyAnswer = errors.New("pin: MAC of the card's keys is wrong; another card answered, or " +
	"it was installed with another token")

func (t Token) macKey() (k [cmac.Size]byte, err error) {
	return cmac.Sum(t[:], []byte(spec.TokenLabelMAC))
}

func (t Token) encryptionKey() (k [cmac.Size]byte, err error) {
	return cmac.Sum(t[:], []byte(spec.TokenLabelENC))
}

// Keys are what a new card proves to have made.
type Keys struct {
	Signing *ecdsa.PublicKey
	PIN     *ecdsa.PublicKey // PINs are enciphered to it
}

// VerifyKeyAnswer parses the answer of GENERATE ASYMMETRIC KEY PAIR and checks
// its MAC, which ties the keys to the device installed with the token.
func (t Token) VerifyKeyAnswer(device message.DeviceID, answer []byte) (Keys, error) {
	a, err := message.ParseKeyAnswer(answer)
	if err != nil {
		return Keys{}, err
	}
	key, err := t.macKey()
	if err != nil {
		return Keys{}, err
	}
	if !cmac.Verify(key[:], a.MAC[:], []byte(device), a.SigningPoint[:], a.PINPoint[:]) {
		return Keys{}, ErrKeyAnswer
	}
	signing, err := signature.ParsePoint(a.SigningPoint[:])
	if err != nil {
		return Keys{}, err
	}
	pinKey, err := signature.ParsePoint(a.PINPoint[:])
	if err != nil {
		return Keys{}, err
	}
	return Keys{Signing: signing, PIN: pinKey}, nil
}

// FirstPIN makes the data of PUT DATA first PIN: PIN and PUK enciphered, and authenticated
// under the token with the lowest number of a crisis order that the card takes and the group
// of its owner. iv is random and never used twice with a token.
func (t Token) FirstPIN(
	iv [spec.IVLength]byte, pin, puk Block, lowestOrder uint32, group uint8,
) ([]byte, error) {
	key, err := t.encryptionKey()
	if err != nil {
		return nil, err
	}
	cryptogram, err := encrypt(key[:], iv[:], pin[:], puk[:])
	if err != nil {
		return nil, err
	}
	macKey, err := t.macKey()
	if err != nil {
		return nil, err
	}
	return authenticated(spec.PINLoad, macKey[:], spec.MACLength, layout.Bytes(iv[:]),
		layout.Bytes(cryptogram), (*layout.Uint32)(&lowestOrder), layout.Bytes{group})
}

// BatchKey makes the data of PUT DATA batch key: the private half enciphered, and both
// halves authenticated, under the token. iv is random and never used twice with a token.
func (t Token) BatchKey(iv [spec.IVLength]byte, key *ecdsa.PrivateKey) ([]byte, error) {
	own, err := key.Bytes()
	if err != nil {
		return nil, fmt.Errorf("pin: batch key: %w", err)
	}
	scalar := slices.Clone(own) // what Bytes returns is the key itself, for all who use it
	defer clear(scalar)
	point, err := signature.Point(&key.PublicKey)
	if err != nil {
		return nil, err
	}
	encryptionKey, err := t.encryptionKey()
	if err != nil {
		return nil, err
	}
	cryptogram, err := encrypt(encryptionKey[:], iv[:], scalar)
	if err != nil {
		return nil, err
	}
	macKey, err := t.macKey()
	if err != nil {
		return nil, err
	}
	return authenticated(spec.BatchLoad, macKey[:], spec.MACLength, layout.Bytes(iv[:]),
		layout.Bytes(point), layout.Bytes(cryptogram))
}

// encrypt is AES-CBC of the parts, joined, which are whole blocks.
func encrypt(key, iv []byte, parts ...[]byte) ([]byte, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("pin: %w", err)
	}
	var out []byte
	for _, p := range parts {
		out = append(out, p...)
	}
	if len(out)%aes.BlockSize != 0 {
		return nil, fmt.Errorf("pin: %d bytes are not whole blocks of %d", len(out), aes.BlockSize)
	}
	cipher.NewCBCEncrypter(block, iv).CryptBlocks(out, out)
	return out, nil
}

// authenticated encodes the values in all of the rows but the last, which is the
// CMAC over them, cut to macLength.
func authenticated(
	rows []spec.Field, macKey []byte, macLength int, values ...layout.Value,
) ([]byte, error) {
	last := len(rows) - 1
	head, err := layout.Append(nil, rows[:last], values)
	if err != nil {
		return nil, err
	}
	mac, err := cmac.Sum(macKey, head)
	if err != nil {
		return nil, err
	}
	return layout.Append(head, rows[last:], []layout.Value{layout.Bytes(mac[:macLength])})
}
