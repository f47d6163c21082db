package personalization

import (
	"context"
	"fmt"

	"ekrona.example/apdu/entropy"
	"ekrona.example/apdu/message"
	"ekrona.example/apdu/spec"
	"ekrona.example/applet/client"
	"ekrona.example/host/banking"
	"ekrona.example/personalization/pki"
)

// DefaultBatchSize is how many cards have the same batch key unless their issuer chooses
// otherwise. The more, the less a stranger learns from the batch, and the more is uncovered
// by one card that somebody opens.
const DefaultBatchSize = 10_000

// BatchKeys gives the keys of batches, each made and certified when it is first asked for.
// Several goroutines may use it.
type BatchKeys interface {
	BatchKey(ctx context.Context, batch message.DeviceID) (pki.BatchKey, error)
}

// batchOf is the batch of an order's card: the one that it names, or by the number in its
// device id, which are given out in turn. So it is known without counting cards, and the
// same however often the making of the card is cut off.
func (i Issuer) batchOf(o Order) message.DeviceID {
	if o.Batch != "" {
		return o.Batch
	}
	size := i.BatchSize
	if size == 0 {
		size = DefaultBatchSize
	}
	// An id of another form is none that an intermediary of ours gives out.
	number, _ := banking.NumberOf(o.Device, banking.KindCard)
	return banking.DeviceIDOf(o.Device.Name(), banking.KindBatch, (max(number, 1)-1)/size+1)
}

// putBatchKey stores the batch key and its certificate on the card. Before activation any
// key of the issuer's may take the place of another.
func (i Issuer) putBatchKey(ctx context.Context, applet *client.Client, o Order) error {
	key, err := i.Batches.BatchKey(ctx, i.batchOf(o))
	if err != nil {
		return &IssuerFault{fmt.Errorf("personalization of %s: %w", o.Device, err)}
	}
	var iv [spec.IVLength]byte
	if err := entropy.Fill(i.Random, iv[:]); err != nil {
		return fmt.Errorf("personalization: %w", err)
	}
	enciphered, err := o.Token.BatchKey(iv, key.Private)
	if err != nil {
		return fmt.Errorf("personalization of %s: %w", o.Device, err)
	}
	if err := applet.PutBatchKey(ctx, enciphered); err != nil {
		return err
	}
	return applet.PutCertificate(ctx, key.Encoded)
}
