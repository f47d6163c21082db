// Package pairing is the cryptography of a card and its owner's phone: PAIR, which makes the
// pair key; MUTUAL AUTHENTICATE, which proves it; and secure messaging after BSI TR-03110-3
// appendix F with AES-128, in both directions, so that hosts, tests and the trace share it.
//
// Start at [New] for PAIR, at [Authenticate] for a session. It trusts nothing that comes over
// the wire: an answer that is wrong in anything is [ErrNotCard]. Keys print nothing.
package pairing

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"

	"ekrona.example/apdu/cmac"
	"ekrona.example/apdu/entropy"
	"ekrona.example/apdu/layout"
	"ekrona.example/apdu/message"
	"ekrona.example/apdu/pin"
	"ekrona.example/apdu/spec"
)

// ErrNotCard says that an answer is not by the card of the pair, or was altered on its way.
var ErrNotCard = errors.New("pairing: the answer is not by the card that this phone is paired " +
	"with, or was altered on its way: hold the card to the phone again")

// Key is the key of a card and its paired phone.
type Key [spec.PairKeyLength]byte

// String shows nothing.
func (Key) String() string { return "pair key" }

// Format shows nothing, whatever the verb.
func (k Key) Format(s fmt.State, _ rune) { _, _ = s.Write([]byte(k.String())) }

// Pairing is a phone's side of PAIR. The same private key gives the same pair key, however
// often PAIR is repeated: it is kept before the first, and until one is answered.
type Pairing struct {
	own []byte // the phone's point
	z   []byte // the shared secret
}

// New begins a pairing with the card whose PIN key this is, by the phone's private key.
func New(own *ecdh.PrivateKey, card *ecdsa.PublicKey) (*Pairing, error) {
	if own == nil || card == nil {
		return nil, errors.New("pairing: a private key and the card's PIN key are needed")
	}
	z, err := pin.Secret(own, card)
	if err != nil {
		return nil, fmt.Errorf("pairing: %w", err)
	}
	return &Pairing{own.PublicKey().Bytes(), z}, nil
}

// Key is the pair key.
func (p *Pairing) Key() (k Key) {
	copy(k[:], pin.Hash(p.z, spec.PairLabelKey))
	return k
}

// Command is the data of PAIR, with the PIN and the session's nonce: plaintext is block and
// nonce, AES-128-CBC with IV zero, then AES-CMAC, keys as in [pin.Encipher].
func (p *Pairing) Command(entered pin.Block, nonce message.Nonce) ([]byte, error) {
	key := pin.Hash(p.z, spec.PINLabelENC)[:aes.BlockSize]
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("pairing: %w", err)
	}
	cryptogram := append(entered[:], nonce[:]...)
	block.Encrypt(cryptogram, cryptogram) // one block: its own chain
	rows := spec.EncipheredPIN
	data, err := layout.Append(nil, rows[:2],
		[]layout.Value{layout.Bytes(p.own), layout.Bytes(cryptogram)})
	if err != nil {
		return nil, err
	}
	mac, err := cmac.Sum(pin.Hash(p.z, spec.PairLabelMAC)[:aes.BlockSize], data)
	if err != nil {
		return nil, err
	}
	return layout.Append(data, rows[2:], []layout.Value{layout.Bytes(mac[:spec.PINMACLength])})
}

// Verify verifies the answer to PAIR in the session of the nonce. Errors: [ErrNotCard].
func (p *Pairing) Verify(answer []byte, nonce message.Nonce) error {
	return verifyMAC(answer, spec.Pair.Only().Out, pin.Hash(p.z, spec.PairLabelProof, nonce[:]))
}

// verifyMAC requires an answer that is a MAC, the start of right.
func verifyMAC(answer []byte, rows []spec.Field, right []byte) error {
	var mac [spec.PINMACLength]byte
	if layout.ReadExactly(answer, rows, []layout.Value{layout.Bytes(mac[:])}) != nil ||
		subtle.ConstantTimeCompare(mac[:], right[:len(mac)]) == 0 {
		return ErrNotCard
	}
	return nil
}

// Authentication is a phone's side of MUTUAL AUTHENTICATE.
type Authentication struct {
	key         Key
	card, phone message.Nonce
}

// Authenticate begins a MUTUAL AUTHENTICATE in the session of the card's nonce.
func Authenticate(random io.Reader, key Key, nonce message.Nonce) (*Authentication, error) {
	a := &Authentication{key: key, card: nonce}
	if err := entropy.Fill(random, a.phone[:]); err != nil {
		return nil, fmt.Errorf("pairing: the phone's nonce: %w", err)
	}
	return a, nil
}

func (a *Authentication) hash(label string) []byte {
	return pin.Hash(a.key[:], label, a.card[:], a.phone[:])
}

// Command is the data of MUTUAL AUTHENTICATE.
func (a *Authentication) Command() ([]byte, error) {
	return layout.Append(nil, spec.MutualAuthenticate.Only().In, []layout.Value{&a.phone,
		layout.Bytes(a.hash(spec.MutualLabelPhone)[:spec.PINMACLength])})
}

// Open verifies the card's answer and opens secure messaging. Errors: [ErrNotCard].
func (a *Authentication) Open(answer []byte) (*Channel, error) {
	err := verifyMAC(answer, spec.MutualAuthenticate.Only().Out, a.hash(spec.MutualLabelCard))
	if err != nil {
		return nil, err
	}
	return a.Listen()
}

// Listen opens secure messaging for whoever has the pair key and hears both nonces.
func (a *Authentication) Listen() (*Channel, error) {
	keys := a.hash(spec.MutualLabelKeys)
	block, err := aes.NewCipher(keys[:aes.BlockSize])
	if err != nil {
		return nil, fmt.Errorf("pairing: %w", err)
	}
	return &Channel{encryption: block, mac: keys[aes.BlockSize:]}, nil
}

// Channel is an open secure messaging, with the counter of its last command or answer. It is
// not safe for concurrent use.
type Channel struct {
	encryption cipher.Block
	mac        []byte
	counter    uint64
}
