package terminal

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"ekrona/apdu/entropy"
)

// JournalKey is the AES-256 key that seals the journal. It is in its own file beside the database,
// or in the TPM.
type JournalKey [32]byte

// ErrJournal says that a journal row does not open under the terminal's key:
// it was altered, moved to another place, or the key is another one.
var ErrJournal = errors.New("terminal: a journal row does not open under this terminal's key: " +
	"restore the journal and its key together from their backup")

// sealer enciphers journal rows with AES-GCM (NIST SP 800-38D), a fresh random
// nonce for each row, bound to the place of the row: a row copied to another
// place does not open there.
type sealer struct {
	aead   cipher.AEAD
	random io.Reader
}

func newSealer(key JournalKey, random io.Reader) (sealer, error) {
	block, err := aes.NewCipher(key[:])
	if err != nil {
		return sealer{}, fmt.Errorf("terminal: journal key: %w", err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return sealer{}, fmt.Errorf("terminal: journal key: %w", err)
	}
	return sealer{aead, random}, nil
}

// seal returns nonce || ciphertext || tag.
func (s sealer) seal(kind string, number uint32, plain []byte) ([]byte, error) {
	nonce := make([]byte, s.aead.NonceSize(), s.aead.NonceSize()+len(plain)+s.aead.Overhead())
	if err := entropy.Fill(s.random, nonce); err != nil {
		return nil, fmt.Errorf("terminal: sealing a journal row: %w", err)
	}
	return s.aead.Seal(nonce, nonce, plain, rowLabel(kind, number)), nil
}

func (s sealer) open(kind string, number uint32, sealed []byte) ([]byte, error) {
	if len(sealed) < s.aead.NonceSize() {
		return nil, fmt.Errorf("%w (%s %d)", ErrJournal, kind, number)
	}
	nonce, rest := sealed[:s.aead.NonceSize()], sealed[s.aead.NonceSize():]
	plain, err := s.aead.Open(nil, nonce, rest, rowLabel(kind, number))
	if err != nil {
		return nil, fmt.Errorf("%w (%s %d)", ErrJournal, kind, number)
	}
	return plain, nil
}

func rowLabel(kind string, number uint32) []byte {
	return binary.BigEndian.AppendUint32([]byte(kind+"\x00"), number)
}
