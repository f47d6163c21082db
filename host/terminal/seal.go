package terminal

import (
	"bytes"
	"context"
	"crypto/hkdf"
	"crypto/sha256"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"ekrona.example/host/seal"
	"ekrona.example/host/store"
)

// JournalKey is the AES-256 key that seals the journal. It is in its own file beside the database,
// or in the TPM.
type JournalKey [32]byte

// ErrJournal says that a journal row does not open under the terminal's key:
// it was altered, moved to another place, or the key is another one.
var ErrJournal = errors.New("terminal: a journal row does not open under this terminal's key: " +
	"restore the journal and its key together from their backup")

// ErrJournalKey says that the journal was sealed with another key than the given one.
var ErrJournalKey = errors.New("terminal: the journal was sealed with another key: restore the " +
	"journal and its key together from their backup")

// keyCheckLabel keeps what check derives apart from anything else that a journal key may give.
const keyCheckLabel = "e-krona terminal journal key check"

// tagLabel keeps the key of payers' tags apart, as keyCheckLabel does.
const tagLabel = "e-krona terminal payer tags"

// tagKey returns the key by which the journal tells payers apart.
func (k JournalKey) tagKey() ([]byte, error) {
	key, err := hkdf.Expand(sha256.New, k[:], tagLabel, sha256.Size)
	if err != nil {
		return nil, fmt.Errorf("terminal: journal key: %w", err)
	}
	return key, nil
}

// check returns a value by which a journal recognises its key, and which does not give it away:
// HKDF-Expand (RFC 5869 §2.3) with SHA-256.
func (k JournalKey) check() ([]byte, error) {
	value, err := hkdf.Expand(sha256.New, k[:], keyCheckLabel, sha256.Size)
	if err != nil {
		return nil, fmt.Errorf("terminal: journal key: %w", err)
	}
	return value, nil
}

// checkKey compares the check value of the given key with that of the journal. A journal from
// before there were any gets it, when the key opens what is sealed in it. Errors: [ErrJournalKey].
func (t *Terminal) checkKey(ctx context.Context, tx *sql.Tx, given []byte) error {
	var kept []byte
	begun, err := store.Get(ctx, tx, store.Into{&kept}, `SELECT key_check FROM terminal`)
	switch {
	case err != nil:
		return fmt.Errorf("terminal: journal: %w", err)
	case kept != nil && !bytes.Equal(kept, given):
		return ErrJournalKey
	case kept != nil || !begun:
		return nil
	}
	if err := t.opensRows(ctx, tx); err != nil {
		return err
	}
	if err := store.Exec(ctx, tx, `UPDATE terminal SET key_check = $1`, given); err != nil {
		return fmt.Errorf("terminal: journal: %w", err)
	}
	return nil
}

// opensRows opens one sealed row, if there is any. Errors: [ErrJournalKey].
func (t *Terminal) opensRows(ctx context.Context, tx *sql.Tx) error {
	for _, table := range []struct{ kind, oldest string }{
		{"request", `SELECT number, message FROM request ORDER BY made LIMIT 1`},
		{"record", `SELECT number, message FROM record ORDER BY number LIMIT 1`},
	} {
		var number uint32
		var sealed []byte
		found, err := store.Get(ctx, tx, store.Into{&number, &sealed}, table.oldest)
		if err != nil {
			return fmt.Errorf("terminal: journal: %w", err)
		}
		if !found {
			continue
		}
		if _, err := t.sealer.open(table.kind, number, sealed); err != nil {
			return fmt.Errorf("%w (%w)", ErrJournalKey, err)
		}
	}
	return nil
}

// sealer seals journal rows, bound to the place of the row: a row copied to another place does
// not open there.
type sealer struct{ rows seal.Sealer }

func newSealer(key JournalKey, random io.Reader) (sealer, error) {
	rows, err := seal.New(seal.Key(key), random)
	if err != nil {
		return sealer{}, fmt.Errorf("terminal: journal key: %w", err)
	}
	return sealer{rows}, nil
}

func (s sealer) seal(kind string, number uint32, plain []byte) ([]byte, error) {
	sealed, err := s.rows.Seal(rowLabel(kind, number), plain)
	if err != nil {
		return nil, fmt.Errorf("terminal: sealing a journal row: %w", err)
	}
	return sealed, nil
}

func (s sealer) open(kind string, number uint32, sealed []byte) ([]byte, error) {
	plain, err := s.rows.Open(rowLabel(kind, number), sealed)
	if err != nil {
		return nil, fmt.Errorf("%w (%s %d)", ErrJournal, kind, number)
	}
	return plain, nil
}

func rowLabel(kind string, number uint32) []byte {
	return binary.BigEndian.AppendUint32([]byte(kind+"\x00"), number)
}
