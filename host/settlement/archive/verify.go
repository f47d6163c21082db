package archive

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"database/sql"
	"errors"
	"fmt"

	"ekrona.example/apdu/message"
	"ekrona.example/apdu/signature"
	"ekrona.example/host/store"
)

// Errors of Verify and Find.
var (
	// ErrUnknown says that the database knows no archive with such a file, or no such payment.
	ErrUnknown = errors.New("the database does not know it")
	// ErrProof says that a body is not the one that stood in the database.
	ErrProof = errors.New("this is not the body that was archived")
)

// Verify proves every body of a file against what has stayed in the database: the file's hash; the
// identity, number and amount of each payment; and its signatures, by the registered keys of payer
// and payee. Errors: [ErrFile], [ErrUnknown], [ErrProof].
func Verify(ctx context.Context, db *sql.DB, file string) (Result, error) {
	r := Result{File: file}
	v := &verifier{ctx: ctx, db: db, keys: map[message.DeviceID]*ecdsa.PublicKey{}}
	c, err := read(file, func(e *Entry) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		r.add(e)
		_, err := v.entry(e)
		return err
	})
	if err != nil {
		return r, err
	}
	r.Before, r.SHA256 = c.before, fmt.Sprintf("%x", c.sum)
	known, err := store.Number(ctx, db, `SELECT count(*) FROM archive_written WHERE sha256 = $1`,
		c.sum)
	if err == nil && known == 0 {
		err = fmt.Errorf("archive with SHA-256 %s: %w", r.SHA256, ErrUnknown)
	}
	return r, err
}

// verifier proves entries against a database.
type verifier struct {
	ctx  context.Context // of the one call
	db   *sql.DB
	keys map[message.DeviceID]*ecdsa.PublicKey
}

// key returns a device's registered key.
func (v *verifier) key(id message.DeviceID) (*ecdsa.PublicKey, error) {
	if known := v.keys[id]; known != nil {
		return known, nil
	}
	var point []byte
	if err := store.Must(v.ctx, v.db, store.Into{&point},
		`SELECT public_key FROM device WHERE id = $1`, string(id)); err != nil {
		return nil, fmt.Errorf("device %s: %w", id, err)
	}
	key, err := signature.ParsePoint(point)
	v.keys[id] = key
	return key, err
}

// entry proves one entry, and returns its Payment.
func (v *verifier) entry(e *Entry) (*message.Payment, error) {
	p, err := message.Parse[message.Payment](e.Payment)
	if err != nil {
		return nil, fmt.Errorf("payment %s/%d: %w: %w", e.Payer, e.ATC, ErrProof, err)
	}
	receipt, err := message.Parse[message.Receipt](e.Receipt)
	if err != nil {
		return nil, fmt.Errorf("receipt for payment %s/%d: %w: %w", e.Payer, e.ATC, ErrProof, err)
	}
	wrong := func(what string) error {
		return fmt.Errorf("payment %s/%d: %w: %s", e.Payer, e.ATC, ErrProof, what)
	}
	identity, err := message.Identity(p)
	if err != nil {
		return nil, err
	}
	accepted, err := message.Identity(receipt)
	if err != nil {
		return nil, err
	}
	switch {
	case p.Payer != e.Payer || p.ATC != e.ATC:
		return nil, wrong("another number")
	case !bytes.Equal(identity[:], e.Identity) || !bytes.Equal(accepted[:], e.Answer):
		return nil, wrong("the hash does not fit")
	case receipt.Payment != identity:
		return nil, wrong("the receipt is for another one")
	}
	var amount int64
	found, err := store.Get(v.ctx, v.db, store.Into{&amount}, `SELECT p.amount FROM payment p
		JOIN payee_answer a ON a.payee = p.payee AND a.request = p.request
			AND a.payment = p.identity
		WHERE p.payee = $1 AND p.request = $2 AND p.identity = $3 AND p.payer = $4 AND p.atc = $5
			AND a.identity = $6`, string(p.Request.Payee), p.Request.Number, e.Identity,
		string(e.Payer), e.ATC, e.Answer)
	if err != nil {
		return nil, err
	}
	if !found || amount != int64(p.Request.Amount) {
		return nil, wrong("the database has no such row")
	}
	payer, err := v.key(p.Payer)
	if err != nil {
		return nil, err
	}
	payee, err := v.key(receipt.Payee)
	if err != nil {
		return nil, err
	}
	if message.VerifyAs(p, 0, payer) != nil || message.VerifyAs(&p.Request, 0, payee) != nil ||
		message.VerifyAs(receipt, 0, payee) != nil {
		return nil, wrong("a signature does not hold")
	}
	return p, nil
}

// Found is where a payment's body is.
type Found struct {
	Entry

	Archive string `json:"archive"` // name of the file; empty while it is in the database
	Amount  int64  `json:"amount_ore"`
	Payee   string `json:"payee"`
}

// errNoFile says that a payment is in an archive's file, which was not named.
var errNoFile = errors.New("name the file in which it is")

// Where returns the name of the archive's file in which a payment is, by its payer and its number
// there; empty while its body is in the database. Errors: [ErrUnknown].
func Where(
	ctx context.Context, db *sql.DB, payer message.DeviceID, atc uint32,
) (name string, err error) {
	var in *string
	found, err := store.Get(ctx, db, store.Into{&in}, `SELECT b.name FROM payment p
		LEFT JOIN archive_begun b ON b.n = p.archive
		WHERE p.payer = $1 AND p.atc = $2 AND p.signature = 0`, string(payer), atc)
	switch {
	case err != nil:
		return "", err
	case !found:
		return "", fmt.Errorf("payment %s/%d: %w", payer, atc, ErrUnknown)
	case in == nil:
		return "", nil
	}
	return *in, nil
}

// Find returns a payment with its bodies: from the database, or proven from the file in which it
// is. Errors: [ErrUnknown], [ErrFile], [ErrProof].
func Find(
	ctx context.Context, db *sql.DB, payer message.DeviceID, atc uint32, file string,
) (f Found, err error) {
	if f.Archive, err = Where(ctx, db, payer, atc); err != nil {
		return f, err
	}
	v := &verifier{ctx: ctx, db: db, keys: map[message.DeviceID]*ecdsa.PublicKey{}}
	take := func(e *Entry) error {
		p, err := v.entry(e)
		if err == nil {
			f.Entry, f.Amount, f.Payee = *e, int64(p.Request.Amount), string(p.Request.Payee)
		}
		return err
	}
	if f.Archive == "" {
		e := &Entry{Payer: payer, ATC: atc}
		found, err := store.Get(ctx, db, store.Into{&e.Identity, &e.Payment, &e.Answer,
			&e.Receipt}, `SELECT p.identity, p.bytes, a.identity, a.bytes FROM payment p
				JOIN payee_answer a ON a.payee = p.payee AND a.request = p.request
					AND a.payment = p.identity
				WHERE p.payer = $1 AND p.atc = $2 AND p.signature = 0`, string(payer), atc)
		if err != nil {
			return f, err
		}
		if !found {
			return f, fmt.Errorf("payment %s/%d has no Receipt: %w", payer, atc, ErrUnknown)
		}
		return f, take(e)
	}
	if file == "" {
		return f, fmt.Errorf("payment %s/%d is in archive %s: %w", payer, atc, f.Archive,
			errNoFile)
	}
	_, err = read(file, func(e *Entry) error {
		if e.Payer != payer || e.ATC != atc {
			return nil
		}
		return take(e)
	})
	if err == nil && f.Payment == nil {
		err = fmt.Errorf("payment %s/%d is in archive %s, not in %s: %w", payer, atc, f.Archive,
			file, errNoFile)
	}
	return f, err
}
