package pin

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"ekrona/apdu"
	"ekrona/apdu/cvc"
	"ekrona/apdu/layout"
	"ekrona/apdu/message"
	"ekrona/apdu/spec"
	"ekrona/apdu/tlv"
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
	peer, err := card.ECDH()
	if err != nil {
		return nil, fmt.Errorf("pin: the card's key: %w", err)
	}
	z, err := own.ECDH(peer)
	if err != nil {
		return nil, fmt.Errorf("pin: %w", err)
	}
	return &Agreement{own.PublicKey().Bytes(), z, application}, nil
}

// hash is SHA-256 of the shared secret, a label and what is tied to it.
func (a *Agreement) hash(label string, parts ...[]byte) []byte {
	h := sha256.New()
	for _, part := range append([][]byte{a.z, []byte(label)}, parts...) {
		h.Write(part)
	}
	return h.Sum(nil)
}

// keys are the key of the answer and what masks the PIN block.
func (a *Agreement) keys() (answer, mask []byte) {
	k := a.hash(spec.PayLabelKeys, a.application.Nonce[:])
	return k[:aes.BlockSize], k[aes.BlockSize : aes.BlockSize+spec.PINBlockLength]
}

// Resend is the data with which the card gives its last Payment again.
func (a *Agreement) Resend() ([]byte, error) {
	return layout.Append(nil, spec.PayPIN[:1], []layout.Value{layout.Bytes(a.point)})
}

// PIN is the data that carry the PIN for one Request.
func (a *Agreement) PIN(block Block, request *message.Request) ([]byte, error) {
	_, mask := a.keys()
	cryptogram := make([]byte, len(block))
	for i := range block {
		cryptogram[i] = block[i] ^ mask[i]
	}
	body, err := message.Body(request)
	if err != nil {
		return nil, fmt.Errorf("pin: %w", err)
	}
	selected, err := a.application.Encode()
	if err != nil {
		return nil, fmt.Errorf("pin: %w", err)
	}
	mac := a.hash(spec.PayLabelPIN, body, selected, cryptogram)[:spec.PINMACLength]
	return layout.Append(nil, spec.PayPIN, []layout.Value{layout.Bytes(a.point),
		layout.Bytes(cryptogram), layout.Bytes(mac)})
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
	key, _ := a.keys()
	block, err := aes.NewCipher(key)
	if err != nil {
		return none, fmt.Errorf("pin: %w", err)
	}
	plain := make([]byte, len(object.Value))
	cipher.NewCBCDecrypter(block, make([]byte, aes.BlockSize)).CryptBlocks(plain, object.Value)
	end := bytes.LastIndexByte(plain, 0x80)
	if end < len(plain)-aes.BlockSize || len(bytes.Trim(plain[end+1:], "\x00")) > 0 {
		return none, ErrPaymentAnswer
	}
	plain = plain[:end]
	r := tlv.NewReader(plain)
	if r.At(spec.TagRefused) {
		return a.refused(plain, request)
	}
	payment, err := message.Read[message.Payment](r)
	if err != nil {
		return none, fmt.Errorf("%w (%v)", ErrPaymentAnswer, err)
	}
	certificate, err := cvc.Read(r)
	if err == nil {
		err = layout.End(r)
	}
	if err != nil {
		return none, fmt.Errorf("%w (%v)", ErrPaymentAnswer, err)
	}
	var answer PaymentAnswer
	if answer.Payment, err = message.Encode(payment); err != nil {
		return none, err
	}
	answer.Certificate, err = certificate.Encode()
	return answer, err
}

// Seal enciphers what a card answers, as a card does and whoever has its key.
func (a *Agreement) Seal(plain []byte) ([]byte, error) {
	padded := append(bytes.Clone(plain), 0x80)
	for len(padded)%aes.BlockSize != 0 {
		padded = append(padded, 0)
	}
	key, _ := a.keys()
	enciphered, err := encrypt(key, make([]byte, aes.BlockSize), padded)
	if err != nil {
		return nil, err
	}
	return tlv.Append(nil, spec.TagCryptogram, enciphered)
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
