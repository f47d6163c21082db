package scp03

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/subtle"
	"encoding/binary"
	"errors"
	"fmt"

	"ekrona.example/apdu"
	"ekrona.example/apdu/cmac"
	"ekrona.example/apdu/gpc"
)

// Level is the security of a session, P1 of EXTERNAL AUTHENTICATE (Amd D table 7-3).
type Level byte

// The levels.
const (
	Plain                 Level = 0x00 // authenticated, commands in the clear
	CMAC                  Level = 0x01
	CMACEncryption        Level = 0x03
	CMACRMAC              Level = 0x11
	CMACEncryptionRMAC    Level = 0x13
	Full                  Level = 0x33 // all of C-MAC, C-ENC, R-MAC, R-ENC
	bitCMAC               Level = 0x01
	bitCommandEncryption  Level = 0x02
	bitRMAC               Level = 0x10
	bitResponseEncryption Level = 0x20
)

// Valid reports whether the level is one of the table.
func (l Level) Valid() bool {
	switch l {
	case Plain, CMAC, CMACEncryption, CMACRMAC, CMACEncryptionRMAC, Full:
		return true
	}
	return false
}

// String names what the level has.
func (l Level) String() string {
	var name string
	for _, bit := range []struct {
		bit  Level
		name string
	}{{bitCMAC, "C-MAC"}, {bitCommandEncryption, "C-ENC"}, {bitRMAC, "R-MAC"},
		{bitResponseEncryption, "R-ENC"}} {
		if l&bit.bit == 0 {
			continue
		}
		if name != "" {
			name += "+"
		}
		name += bit.name
	}
	if name == "" {
		return "authentication only"
	}
	return name
}

// ErrProtection reports that a message's MAC, padding or form is wrong: it was changed
// on the way, or the two sides are out of step. The session is over.
var ErrProtection = errors.New("scp03: secure messaging is wrong; open the channel anew")

// session is what both sides know once the challenges are exchanged.
type session struct {
	enc, mac, rmac []byte
	context        []byte // host challenge, card challenge
	size           int    // bytes of cryptograms and MACs, 8 or 16
	level          Level
	chain          [cmac.Size]byte // MAC chaining value (Amd D §6.2.3)
	counter        uint64          // of commands, for the encryption's initial value (§6.2.6)
}

func newSession(keys Keys, host, card []byte) (*session, error) {
	if err := keys.Check(); err != nil {
		return nil, err
	}
	if len(host) != 8 && len(host) != 16 || len(card) != len(host) {
		return nil, fmt.Errorf("scp03: challenges have 8 or 16 bytes both, these have %d and %d",
			len(host), len(card))
	}
	s := &session{context: append(bytes.Clone(host), card...), size: len(host)}
	for _, d := range []struct {
		to       *[]byte
		from     []byte
		constant byte
	}{{&s.enc, keys.ENC, constantENC}, {&s.mac, keys.MAC, constantMAC},
		{&s.rmac, keys.MAC, constantRMAC}} {
		var err error
		if *d.to, err = derive(d.from, d.constant, len(d.from), s.context); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// cryptogram proves knowledge of the session keys (Amd D §6.2.2).
func (s *session) cryptogram(constant byte) ([]byte, error) {
	return derive(s.mac, constant, s.size, s.context)
}

// header is what the C-MAC covers before the data (Amd D §6.2.4): the chaining value
// and the header with the length of data and MAC, in the form of the command that
// goes out.
func (s *session) header(c apdu.Command, extended bool) []byte {
	h := append(s.chain[:len(s.chain):len(s.chain)], c.CLA, c.INS, c.P1, c.P2)
	n := len(c.Data) + s.size
	if extended {
		return append(h, 0, byte(n>>8), byte(n))
	}
	return append(h, byte(n))
}

// protect puts C-MAC and encryption on a command that leaves. After an error the
// session is over.
func (s *session) protect(c apdu.Command) (apdu.Command, error) {
	if c.CLA&^0x80 != 0 {
		return c, fmt.Errorf(
			"scp03: class %02X cannot go over the channel; use 00 or 80 on the basic channel",
			c.CLA)
	}
	data, err := s.commandData(c.Data, s.encipher)
	if err != nil {
		return c, err
	}
	c.Data = data
	c.CLA |= gpc.SecureBit
	withMAC := c
	withMAC.Data = append(bytes.Clone(c.Data), make([]byte, s.size)...)
	extended := withMAC.IsExtended()
	mac, err := cmac.Sum(s.mac, s.header(c, extended), c.Data)
	if err != nil {
		return c, err
	}
	s.chain = mac
	copy(withMAC.Data[len(c.Data):], mac[:])
	if s.level&bitRMAC != 0 && withMAC.Ne == 0 {
		withMAC.Ne = apdu.MaxShortNe // there is always an R-MAC to answer with
		if extended {
			withMAC.Ne = apdu.MaxExtendedNe
		}
	}
	return withMAC, nil
}

// unprotect checks and strips what protect put on. The chaining value moves only
// when the MAC is right.
func (s *session) unprotect(c apdu.Command) (apdu.Command, error) {
	if c.CLA&^0x80 != gpc.SecureBit || len(c.Data) < s.size {
		return c, ErrProtection
	}
	extended := c.IsExtended()
	mac := c.Data[len(c.Data)-s.size:]
	c.Data = c.Data[:len(c.Data)-s.size]
	sum, err := cmac.Sum(s.mac, s.header(c, extended), c.Data)
	if err != nil {
		return c, err
	}
	if subtle.ConstantTimeCompare(sum[:s.size], mac) != 1 {
		return c, ErrProtection
	}
	s.chain = sum
	c.CLA &^= gpc.SecureBit
	data, err := s.commandData(c.Data, s.decipher)
	if err != nil {
		return c, err
	}
	c.Data = data
	return c, nil
}

// answers reports whether a response with this status word is protected: all but errors
// are (Amd D §6.2.5).
func answers(sw apdu.StatusWord) bool { return sw == apdu.OK || sw.Is(apdu.ErrWarning) }

// seal protects a response that leaves the card.
func (s *session) seal(r apdu.Response) (apdu.Response, error) {
	if s.level&bitRMAC == 0 {
		return r, nil
	}
	if !answers(r.SW) {
		return apdu.Response{SW: r.SW}, nil
	}
	data, err := s.responseData(r.Data, s.encipher)
	if err != nil {
		return r, err
	}
	mac, err := s.responseMAC(data, r.SW)
	if err != nil {
		return r, err
	}
	r.Data = append(bytes.Clone(data), mac...)
	return r, nil
}

// unseal checks and strips what seal put on.
func (s *session) unseal(r apdu.Response) (apdu.Response, error) {
	if s.level&bitRMAC == 0 {
		return r, nil
	}
	if !answers(r.SW) {
		if len(r.Data) > 0 {
			return r, ErrProtection
		}
		return r, nil
	}
	if len(r.Data) < s.size {
		return r, ErrProtection
	}
	data, mac := r.Data[:len(r.Data)-s.size], r.Data[len(r.Data)-s.size:]
	want, err := s.responseMAC(data, r.SW)
	if err != nil {
		return r, err
	}
	if subtle.ConstantTimeCompare(want, mac) != 1 {
		return r, ErrProtection
	}
	if data, err = s.responseData(data, s.decipher); err != nil {
		return r, err
	}
	return apdu.Response{Data: data, SW: r.SW}, nil
}

func (s *session) responseMAC(data []byte, sw apdu.StatusWord) ([]byte, error) {
	sum, err := cmac.Sum(s.rmac, s.chain[:], data, []byte{byte(sw >> 8), byte(sw)})
	return sum[:s.size], err
}

// ciphering is encipher or decipher.
type ciphering func(iv, data []byte) ([]byte, error)

// commandData is a command's data, enciphered or deciphered if the level has that. Commands
// without data count too (Amd D §6.2.6).
func (s *session) commandData(data []byte, by ciphering) ([]byte, error) {
	if s.level&bitCommandEncryption == 0 {
		return data, nil
	}
	s.counter++
	return s.ciphered(data, false, by)
}

// responseData is a response's data in the same way, under the counter of its command (§6.2.7).
func (s *session) responseData(data []byte, by ciphering) ([]byte, error) {
	if s.level&bitResponseEncryption == 0 {
		return data, nil
	}
	return s.ciphered(data, true, by)
}

func (s *session) ciphered(data []byte, response bool, by ciphering) ([]byte, error) {
	if len(data) == 0 {
		return data, nil
	}
	iv, err := s.initialValue(response)
	if err != nil {
		return nil, err
	}
	return by(iv, data)
}

// initialValue is the enciphered counter; for responses its first bit is set (Amd D
// §6.2.6, §6.2.7).
func (s *session) initialValue(response bool) ([]byte, error) {
	block := make([]byte, aes.BlockSize)
	binary.BigEndian.PutUint64(block[8:], s.counter)
	if response {
		block[0] = 0x80
	}
	return cbc(s.enc, nil, block, cipher.NewCBCEncrypter)
}

// encipher pads too (Amd D §4.1.4).
func (s *session) encipher(iv, data []byte) ([]byte, error) {
	return cbc(s.enc, iv, pad(data), cipher.NewCBCEncrypter)
}

// decipher removes the padding too (Amd D §4.1.4), also where it is longer than
// necessary, as in the recorded sessions of OpenSCP-Java. Altered data does not pass
// the MAC, so that a refusal reveals nothing to an attacker.
func (s *session) decipher(iv, data []byte) ([]byte, error) {
	if len(data)%aes.BlockSize != 0 {
		return nil, ErrProtection
	}
	plain, err := cbc(s.enc, iv, data, cipher.NewCBCDecrypter)
	if err != nil {
		return nil, err
	}
	end := len(bytes.TrimRight(plain, "\x00")) - 1
	if end < 0 || plain[end] != 0x80 {
		return nil, ErrProtection
	}
	return plain[:end], nil
}

func pad(data []byte) []byte {
	padded := make([]byte, (len(data)/aes.BlockSize+1)*aes.BlockSize)
	padded[copy(padded, data)] = 0x80
	return padded
}
