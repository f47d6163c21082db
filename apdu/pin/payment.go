package pin

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/subtle"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"ekrona.example/apdu"
	"ekrona.example/apdu/layout"
	"ekrona.example/apdu/message"
	"ekrona.example/apdu/spec"
	"ekrona.example/apdu/tlv"
)

// ErrPaymentAnswer says that the answer of an enciphered PAY is not by the card that agreed
// with this side, or was altered on its way.
var ErrPaymentAnswer = errors.New("pin: the answer is not by the card that was paid with, or was " +
	"altered on its way")

// DrawPoint draws a private key whose public point serves one Request, or one tap.
func DrawPoint(random io.Reader) (*ecdh.PrivateKey, error) { return drawKey(random) }

// RandomOf is the random number of the Request for which a point was made: the first bytes of
// its X coordinate.
func RandomOf(point *ecdh.PublicKey) (r message.Random) {
	copy(r[:], point.Bytes()[1:])
	return r
}

// Agreement is what one side and a card share for one enciphered PAY: keys by ECDH between
// its point and the card's PIN key or batch key, and the session's nonce.
type Agreement struct {
	point       []byte
	z           []byte
	application message.FCI
}

// Agree agrees with a card by its PIN key or its batch key, and by what it answered to SELECT.
func Agree(
	own *ecdh.PrivateKey, card *ecdsa.PublicKey, application message.FCI,
) (*Agreement, error) {
	z, err := Secret(own, card)
	if err != nil {
		return nil, fmt.Errorf("pin: %w", err)
	}
	return &Agreement{own.PublicKey().Bytes(), z, application}, nil
}

// hash is SHA-256 of the shared secret, a label and what is tied to it.
func (a *Agreement) hash(label string, parts ...[]byte) []byte {
	return Hash(a.z, label, parts...)
}

// key is the key of the PIN and of the answer. It is tied to the Request, and to what SELECT has
// answered but for the batch, which goes with the PIN.
func (a *Agreement) key(request *message.Request) (cipher.Block, error) {
	body, err := message.Body(request)
	if err != nil {
		return nil, fmt.Errorf("pin: %w", err)
	}
	var told [4]byte
	binary.BigEndian.PutUint16(told[:], a.application.SpecVersion)
	told[2], told[3] = a.application.Capabilities, byte(a.application.LifeCycle)
	sum := a.hash(spec.PayLabelKeys, told[:], a.application.Nonce[:], body)
	block, err := aes.NewCipher(sum[:aes.BlockSize])
	if err != nil {
		return nil, fmt.Errorf("pin: %w", err)
	}
	return block, nil
}

// Resend is the data with which the card gives its last Payment again.
func (a *Agreement) Resend() ([]byte, error) {
	return layout.Append(nil, spec.PayPIN[:1], []layout.Value{layout.Bytes(a.point)})
}

// PIN is the data that carry the PIN for one Request. It is deciphered, since the card enciphers
// both ways. The batch comes first: who has two PINs enciphered by one key, having answered to
// SELECT in a card's place, sees whether they are the same, and not where they differ.
func (a *Agreement) PIN(block Block, request *message.Request) ([]byte, error) {
	key, err := a.key(request)
	if err != nil {
		return nil, err
	}
	plain := make([]byte, 0, 2*aes.BlockSize)
	plain = append(append(append(plain, a.application.Batch...), block[:]...),
		a.application.Nonce[:]...)
	if len(plain) != 2*aes.BlockSize {
		return nil, errors.New("pin: the card names no batch: it is not activated")
	}
	cryptogram := make([]byte, len(plain))
	key.Decrypt(cryptogram, plain[:aes.BlockSize])
	key.Decrypt(cryptogram[aes.BlockSize:], plain[aes.BlockSize:])
	subtle.XORBytes(cryptogram[aes.BlockSize:], cryptogram[aes.BlockSize:], plain)
	return layout.Append(nil, spec.PayPIN, []layout.Value{layout.Bytes(a.point),
		layout.Bytes(cryptogram)})
}

// PaymentAnswer is what a card has answered to an enciphered PAY.
type PaymentAnswer struct {
	Refused     apdu.StatusWord // 0 when it has paid
	Payment     []byte          // signed
	Certificate []byte          // the card's, 7F21
}

// Open deciphers an answer for a Request. It verifies a refusal: only the card that took the
// PIN can have made it. Payment and certificate are to be verified by the caller. Errors:
// [ErrPaymentAnswer].
func (a *Agreement) Open(enciphered []byte, request *message.Request) (PaymentAnswer, error) {
	none := PaymentAnswer{}
	object, err := tlv.NewReader(enciphered).Expect(spec.TagCryptogram)
	if err != nil || len(object.Raw) != len(enciphered) || len(object.Value) == 0 ||
		len(object.Value)%aes.BlockSize != 0 {
		return none, ErrPaymentAnswer
	}
	key, err := a.key(request)
	if err != nil {
		return none, err
	}
	plain := make([]byte, len(object.Value))
	cipher.NewCBCDecrypter(key, make([]byte, aes.BlockSize)).CryptBlocks(plain, object.Value)
	end := bytes.LastIndexByte(plain, padding)
	if end < len(plain)-aes.BlockSize || len(bytes.Trim(plain[end+1:], "\x00")) > 0 {
		return none, ErrPaymentAnswer
	}
	if _, paid := spec.SizeOf(spec.PayPaid); end == paid {
		return readPaid(plain[:end], request)
	}
	return a.refused(plain[:end], request)
}

// padding is the first byte after what is enciphered, zeros behind it.
const padding = 0x80

// Seal enciphers what a card answers to a Request, as a card does and whoever has its key.
func (a *Agreement) Seal(plain []byte, request *message.Request) ([]byte, error) {
	key, err := a.key(request)
	if err != nil {
		return nil, err
	}
	padded := append(bytes.Clone(plain), padding)
	for len(padded)%aes.BlockSize != 0 {
		padded = append(padded, 0)
	}
	cipher.NewCBCEncrypter(key, make([]byte, aes.BlockSize)).CryptBlocks(padded, padded)
	return tlv.Append(nil, spec.TagCryptogram, padded)
}

func (a *Agreement) refused(plain []byte, request *message.Request) (PaymentAnswer, error) {
	var status [2]byte
	var mac [spec.PINMACLength]byte
	err := layout.ReadExactly(plain, spec.PayRefused, []layout.Value{layout.Group{
		layout.Bytes(status[:]), layout.Bytes(mac[:])}})
	if err != nil {
		return PaymentAnswer{}, ErrPaymentAnswer
	}
	body, err := message.Body(request)
	if err != nil {
		return PaymentAnswer{}, fmt.Errorf("pin: %w", err)
	}
	right := a.hash(spec.PayLabelRefused, a.application.Nonce[:], status[:], body)
	sw := apdu.StatusWord(binary.BigEndian.Uint16(status[:]))
	if subtle.ConstantTimeCompare(mac[:], right[:len(mac)]) == 0 || sw == 0 || sw == apdu.OK {
		return PaymentAnswer{}, ErrPaymentAnswer
	}
	return PaymentAnswer{Refused: sw}, nil
}
