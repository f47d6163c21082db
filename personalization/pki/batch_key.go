package pki

import (
	"context"
	"crypto/ecdsa"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"sync"

	"ekrona.example/apdu/cvc"
	"ekrona.example/apdu/message"
	"ekrona.example/apdu/spec"
	"ekrona.example/host/durable"
	"ekrona.example/personalization/pki/keys"
)

// BatchKey is the key pair that the cards of a batch share, and its certificate. Its private
// half is in each of them: whoever opens one can read what the others and their payees say
// to each other, and can neither pay nor sign.
type BatchKey struct {
	Private *ecdsa.PrivateKey
	Encoded []byte // the certificate, 7F21
}

// CertifyBatch makes the batch key of a private key. Its certificate ends with the CA's: cards
// of a batch are issued for as long.
func (i Identity) CertifyBatch(
	batch message.DeviceID, private *ecdsa.PrivateKey,
) (BatchKey, error) {
	encoded, err := i.Certify(i.batch(batch), &private.PublicKey)
	return BatchKey{private, encoded}, err
}

func (i Identity) batch(batch message.DeviceID) Subject {
	return Subject{Holder: cvc.Holder(batch), Role: spec.RoleBatch,
		Effective: i.Certificate.Effective, Expiry: i.Certificate.Expiry}
}

// Batches are the batch keys of an intermediary, in its folder. Several goroutines may use
// them.
type Batches struct {
	folder Folder
	ca     Identity

	mu   sync.Mutex
	open map[message.DeviceID]BatchKey
}

// Batches are the batch keys in the folder, certified by the CA.
func (f Folder) Batches(ca Identity) *Batches {
	return &Batches{folder: f, ca: ca, open: map[message.DeviceID]BatchKey{}}
}

// BatchKey opens the key of a batch, or makes and certifies it:
//
//  1. The key is made. A cut leaves it without a certificate.
//  2. It is certified, or certified anew if the CA has got a later last day since.
//
// A cut after either is repaired by the same call. The key is in a file: one that cannot
// leave its TPM or HSM cannot go into cards either.
func (b *Batches) BatchKey(ctx context.Context, batch message.DeviceID) (BatchKey, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if known, is := b.open[batch]; is {
		return known, nil
	}
	key, err := b.read(ctx, batch)
	if err != nil {
		return BatchKey{}, fmt.Errorf("batch key %s: %w", batch, err)
	}
	b.open[batch] = key
	return key, nil
}

func (b *Batches) read(ctx context.Context, batch message.DeviceID) (key BatchKey, err error) {
	if ca := b.ca.Certificate.Holder; batch.Name() != ca.Name() {
		return key, fmt.Errorf("%w: it is not of %s", cvc.ErrIssuer, ca.Name())
	}
	name := batchName(batch)
	i, err := b.folder.Certified(name, b.ca.batch(batch), b.ca)
	if err != nil {
		return key, err
	}
	defer func() { err = errors.Join(err, i.Close()) }()
	if key.Private, err = keys.Private(i.Signer); err != nil {
		return key, fmt.Errorf("%s: %w", b.folder.Path(name, keyFile), err)
	}
	if key.Encoded = i.Encoded; !i.Certificate.Expiry.Before(b.ca.Certificate.Expiry) {
		return key, nil
	}
	if key, err = b.ca.CertifyBatch(batch, key.Private); err != nil {
		return key, err
	}
	return key, durable.Replace(b.folder.Path(name, certificateFile), key.Encoded, durable.Everyone)
}

// Renew certifies anew every batch key of the folder whose certificate ends before the CA's, and
// returns their batches. A cut leaves some of them, and the same call does the rest.
func (b *Batches) Renew(ctx context.Context) (renewed []message.DeviceID, err error) {
	store, err := b.folder.Store()
	if err != nil {
		return nil, err
	}
	for _, k := range store {
		c := k.Certificate
		if c.Role != spec.RoleBatch || !c.Expiry.Before(b.ca.Certificate.Expiry) {
			continue
		}
		batch := message.DeviceID(c.Holder)
		if _, err := b.BatchKey(ctx, batch); err != nil {
			return renewed, err
		}
		renewed = append(renewed, batch)
	}
	return renewed, nil
}

// BatchCertificate reads the certificate (7F21) of a batch key; nil where there is none.
func (f Folder) BatchCertificate(batch message.DeviceID) ([]byte, error) {
	i, err := f.ReadCertificate(batchName(batch))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err == nil && i.Certificate.Holder != cvc.Holder(batch) {
		err = misplaced(f.Path(batchName(batch), certificateFile), i.Certificate)
	}
	return i.Encoded, err
}

// batchName is the name of a batch's files.
func batchName(batch message.DeviceID) string {
	return "batch-" + strings.ToLower(strings.TrimPrefix(string(batch), string(batch.Name())))
}
