package pin

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"ekrona/apdu"
	"ekrona/apdu/cmac"
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

// RandomOf is the random number of the Request for which a point was made.
func RandomOf(point *ecdh.PublicKey) message.Random {
	sum := sha256.Sum256(point.Bytes())
	return message.Random(sum[:len(message.Random{})])
}

// Agreement is what one side and a card share for one enciphered PAY: keys by ECDH between
// its point and the card's PIN key or batch key, and the session's nonce.
type Agreement struct {
	point               []byte
	answer, mac, pinPad []byte
	fci                 []byte
}

// Agree agrees with a card by its PIN key or its batch key, and by what it answered to SELECT.
func Agree(own *ecdh.PrivateKey, card *ecdsa.PublicKey, application message.FCI) (*Agreement, error) {
	peer, err := card.ECDH()
	if err != nil {
		return nil, fmt.Errorf("pin: the card's key: %w", err)
	}
	z, err := own.ECDH(peer)
	if err != nil {
		return nil, fmt.Errorf("pin: %w", err)
	}
	defer clear(z)
	hash := func(counter string) []byte {
		sum := sha256.Sum256(bytes.Join([][]byte{z, []byte(counter), application.Nonce[:]}, nil))
		return sum[:]
	}
	first := hash(spec.PINLabelENC)
	a := &Agreement{point: own.PublicKey().Bytes(), answer: first[:aes.BlockSize],
		mac: first[aes.BlockSize:], pinPad: hash(spec.PINLabelMAC)[:spec.PINBlockLength]}
	a.fci, err = application.Encode()
	return a, err
}

// Resend is the data with which the card gives its last Payment again.
func (a *Agreement) Resend() ([]byte, error) {
	return layout.Append(nil, spec.PayPIN[:1], []layout.Value{layout.Bytes(a.point)})
}

// PIN is the data that carry the PIN for one Request.
func (a *Agreement) PIN(block Block, request message.Hash) ([]byte, error) {
	cryptogram := make([]byte, len(block))
	for i := range block {
		cryptogram[i] = block[i] ^ a.pinPad[i]
	}
	mac, err := cmac.Sum(a.mac, request[:], a.fci, cryptogram)
	if err != nil {
		return nil, err
	}
	return layout.Append(nil, spec.PayPIN, []layout.Value{layout.Bytes(a.point),
		layout.Bytes(cryptogram), layout.Bytes(mac[:spec.PINMACLength])})
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
func (a *Agreement) Open(enciphered []byte, request message.Hash) (PaymentAnswer, error) {
	none := PaymentAnswer{}
	object, err := tlv.NewReader(enciphered).Expect(spec.TagCryptogram)
	if err != nil || len(object.Raw) != len(enciphered) || len(object.Value) == 0 ||
		len(object.Value)%aes.BlockSize != 0 {
		return none, ErrPaymentAnswer
	}
	block, err := aes.NewCipher(a.answer)
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

func (a *Agreement) refused(plain []byte, request message.Hash) (PaymentAnswer, error) {
	var status, mac [spec.PINMACLength]byte
	err := layout.ReadExactly(plain, spec.PayRefused, []layout.Value{layout.Group{
		layout.Bytes(status[:2]), layout.Bytes(mac[:])}})
	if err != nil || !cmac.Verify(a.mac, mac[:], []byte{byte(spec.TagRefused)}, status[:2],
		request[:]) {
		return PaymentAnswer{}, ErrPaymentAnswer
	}
	sw := apdu.StatusWord(binary.BigEndian.Uint16(status[:2]))
	if sw == 0 || sw == apdu.OK {
		return PaymentAnswer{}, ErrPaymentAnswer
	}
	return PaymentAnswer{Refused: sw}, nil
}
