package terminal

import (
	"context"
	"crypto/ecdh"
	"crypto/ecdsa"
	"errors"
	"fmt"

	"ekrona.example/apdu/cvc"
	"ekrona.example/apdu/message"
	"ekrona.example/apdu/spec"
	"ekrona.example/applet/client"
	"ekrona.example/host/store"
)

// ErrBatch says that a card names no batch, or shows a certificate that is not its batch's: no PIN
// is enciphered to it.
var ErrBatch = errors.New("terminal: the card does not show a valid batch certificate: ask for " +
	"another card, or have it looked at by its bank")

// batchKey returns the key of the batch that a card belongs to. The certificate is read from the
// card when the terminal meets the batch for the first time, or when the one that it has has ended.
// met reports whether it has met the batch before.
func (t *Terminal) batchKey(
	ctx context.Context, applet *client.Client, batch message.DeviceID,
) (key *ecdsa.PublicKey, met bool, err error) {
	var kept []byte
	met, err = store.Get(ctx, t.db, store.Into{&kept},
		`SELECT certificate FROM batch WHERE id = $1`, string(batch))
	if err != nil {
		return nil, false, fmt.Errorf("terminal: journal: batch %s: %w", batch, err)
	}
	if met {
		if certificate, err := t.verifyBatch(batch, kept); err == nil {
			return certificate.PublicKey, met, nil
		}
	}
	encoded, err := applet.BatchCertificate(ctx)
	if err != nil {
		return nil, false, err
	}
	certificate, err := t.verifyBatch(batch, encoded)
	if err != nil {
		return nil, false, err
	}
	if err := store.Exec(ctx, t.db, `INSERT INTO batch (id, certificate) VALUES ($1, $2)
		ON CONFLICT (id) DO UPDATE SET certificate = excluded.certificate`, string(batch),
		encoded); err != nil {
		return nil, false, fmt.Errorf("terminal: journal: batch %s: %w", batch, err)
	}
	return certificate.PublicKey, met, nil
}

// introduce presents the terminal's CA to a card, before PAY: one of another intermediary and of a
// batch that the terminal has never met will hardly know it, and a PAY that is refused for that
// costs a third of what the CA's certificate does. Of a batch that was met PAY finds it out. A
// refusal is told by PAY, too.
func (t *Terminal) introduce(
	ctx context.Context, applet *client.Client, batch message.DeviceID,
) error {
	if batch.Name() == t.id.Name() {
		return nil
	}
	err := applet.VerifyCertificate(ctx, t.ca)
	var refused *client.Refusal
	if errors.As(err, &refused) {
		return nil
	}
	return err
}

func (t *Terminal) verifyBatch(batch message.DeviceID, encoded []byte) (*cvc.Certificate, error) {
	certificate, err := cvc.Parse(encoded)
	switch {
	case err != nil:
		return nil, fmt.Errorf("%w (%w)", ErrBatch, err)
	case certificate.Role != spec.RoleBatch || string(certificate.Holder) != string(batch):
		return nil, fmt.Errorf("%w (it is that of the %v %s)", ErrBatch, certificate.Role,
			certificate.Holder)
	}
	authority, err := t.authorityOf(certificate)
	if err != nil {
		return nil, err
	}
	if err := t.roots.VerifyDevice(t.today(), certificate, authority); err != nil {
		return nil, fmt.Errorf("%w (%w)", ErrBatch, err)
	}
	return certificate, nil
}

// sealKey seals the private half of a Request's point.
func (t *Terminal) sealKey(number uint32, key *ecdh.PrivateKey) ([]byte, error) {
	scalar := key.Bytes()
	defer clear(scalar)
	return t.sealer.seal("key", number, scalar)
}

// openKey opens the private half of an open sale's point.
func (t *Terminal) openKey(ctx context.Context, number uint32) (*ecdh.PrivateKey, error) {
	var sealed []byte
	if err := store.Must(ctx, t.db, store.Into{&sealed},
		`SELECT key FROM request WHERE number = $1`, number); err != nil {
		return nil, fmt.Errorf("terminal: journal: sale %d: %w", number, err)
	}
	scalar, err := t.sealer.open("key", number, sealed)
	if err != nil {
		return nil, err
	}
	defer clear(scalar)
	key, err := ecdh.P256().NewPrivateKey(scalar)
	if err != nil {
		return nil, fmt.Errorf("%w (key of sale %d)", ErrJournal, number)
	}
	return key, nil
}
