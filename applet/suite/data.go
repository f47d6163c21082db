package suite

import (
	"bytes"
	"crypto/aes"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/sha256"
	"encoding/binary"

	"ekrona.example/apdu/cmac"
	"ekrona.example/apdu/entropy"
	"ekrona.example/apdu/message"
	"ekrona.example/apdu/money"
	"ekrona.example/apdu/pin"
	"ekrona.example/apdu/spec"
	"ekrona.example/apdu/tlv"
)

// object is one data object.
func (c *caseRun) object(tag spec.Tag, value []byte) []byte {
	encoded, err := tlv.Append(nil, tag, value)
	c.must(err)
	return encoded
}

// policy is the content of CB.
func (c *caseRun) policy(p message.Policy) []byte {
	encoded, err := p.Bytes()
	c.must(err)
	return encoded
}

// asking is the data of REQUEST; payer may be empty.
func (c *caseRun) asking(amount money.Ore, currency uint16, payer message.DeviceID) []byte {
	data := append(
		c.object(spec.TagAmount, binary.BigEndian.AppendUint32(nil, uint32(amount))),
		c.object(spec.TagCurrency, binary.BigEndian.AppendUint16(nil, currency))...)
	if payer != "" {
		data = append(data, c.object(spec.TagDevice, []byte(payer))...)
	}
	return data
}

// number is the data of REFUSE.
func (c *caseRun) number(n uint32) []byte {
	return c.object(spec.TagNumber, binary.BigEndian.AppendUint32(nil, n))
}

// block is the PIN block of a PIN or PUK.
func (c *caseRun) block(digits string) []byte {
	if c.digits != nil {
		digits = c.digits(digits)
	}
	b, err := pin.NewBlock(digits)
	c.must(err)
	c.watchSecret("a PIN block", b[:], 1) // in its OwnerPIN
	return b[:]
}

// firstPIN is the data of PUT DATA first PIN, of any two blocks.
func (s *subject) firstPIN(first, second []byte) []byte {
	var iv [spec.IVLength]byte
	s.c.must(entropy.Fill(s.c.source(), iv[:]))
	data, err := pin.Token(s.parameters.Token).FirstPIN(iv, pin.Block(first), pin.Block(second),
		s.lowestOrder, s.group)
	s.c.must(err)
	return data
}

// batchKey is the data of PUT DATA batch key.
func (s *subject) batchKey(key *ecdsa.PrivateKey) []byte {
	var iv [spec.IVLength]byte
	s.c.must(entropy.Fill(s.c.source(), iv[:]))
	scalar, err := key.Bytes()
	s.c.must(err)
	s.c.watchSecret("the batch key", scalar, 1)
	data, err := pin.Token(s.parameters.Token).BatchKey(iv, key)
	s.c.must(err)
	return data
}

// nextNonce asks for the session's next nonce.
func (s *subject) nextNonce() message.Nonce {
	s.c.Helper()
	return message.Nonce(s.succeeds(spec.GetChallenge.Only()))
}

// enciphered is the data of an enciphered PIN command with that nonce.
func (s *subject) enciphered(nonce message.Nonce, blocks ...[]byte) []byte {
	typed := make([]pin.Block, len(blocks))
	for i, b := range blocks {
		typed[i] = pin.Block(b)
	}
	scalar := make([]byte, spec.ScalarLength)
	s.c.must(entropy.Fill(s.c.source(), scalar))
	s.agreed(scalar)
	data, err := pin.Encipher(bytes.NewReader(scalar), s.pinKey, nonce, typed...)
	s.c.must(err)
	return data
}

// agreed is what the card agrees on with an ephemeral key, and the keys derived of
// it.
func (s *subject) agreed(scalar []byte) (macKey, encryptionKey []byte) {
	key, err := ecdh.P256().NewPrivateKey(scalar)
	s.c.must(err)
	peer, err := s.pinKey.ECDH()
	s.c.must(err)
	z, err := key.ECDH(peer)
	s.c.must(err)
	derived := func(label string) []byte {
		sum := sha256.Sum256(append(bytes.Clone(z), label...))
		return sum[:aes.BlockSize]
	}
	macKey, encryptionKey = derived(spec.PINLabelMAC), derived(spec.PINLabelENC)
	s.c.watchSecret("a shared secret", z, 0)
	s.c.watchSecret("a key for the MAC of a PIN", macKey, 0)
	s.c.watchSecret("a key that enciphers a PIN", encryptionKey, 0)
	return macKey, encryptionKey
}

// theToken is the name of the personalization token among the secrets.
const theToken = "the personalization token"

// keepToken keeps the token, and the keys derived of it.
func (c *caseRun) keepToken(token pin.Token) {
	c.watchSecret(theToken, token[:], 1)
	for _, label := range []string{spec.TokenLabelMAC, spec.TokenLabelENC} {
		key, err := cmac.Sum(token[:], []byte(label))
		c.must(err)
		c.watchSecret("a key of the personalization token", key[:], 0)
	}
}
