package settlementtest

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"fmt"

	"github.com/stretchr/testify/require"

	"ekrona.example/apdu/cvc"
	"ekrona.example/apdu/message"
	"ekrona.example/apdu/spec"
	"ekrona.example/host/notary"
)

// CrisisKey is a key that signs crisis orders first.
type CrisisKey struct {
	Reference   message.AuthorityRef
	Certificate []byte // 7F21 by the root

	key *ecdsa.PrivateKey
}

// Signer is its private key.
func (k *CrisisKey) Signer() crypto.Signer { return k.key }

// CrisisKey makes the n-th crisis key, whose certificate ends so many days after the first day.
func (w *World) CrisisKey(n, days int) *CrisisKey {
	k := &CrisisKey{Reference: message.AuthorityRef(fmt.Sprintf("SECRISIS%05d", n)),
		key: key(w.T, fmt.Sprintf("crisis %d", n))}
	c := &cvc.Certificate{Authority: message.AuthorityRef(w.root.Holder),
		PublicKey: &k.key.PublicKey, Holder: cvc.Holder(k.Reference), Role: spec.RoleCrisisKey,
		Effective: message.DateOf(firstDay), Expiry: message.DateOf(firstDay).AddDays(days)}
	require.NoError(w.T, c.Sign(w.rootKey))
	k.Certificate = encode(w.T, c)
	return k
}

// CrisisOrder returns an order from one day to another, counted from today, that lacks signatures.
func (w *World) CrisisOrder(
	k *CrisisKey, number uint32, from, until int, rows ...message.CrisisRow,
) *message.CrisisOrder {
	today := message.DateOf(w.Clock.At)
	return &message.CrisisOrder{CrisisKey: k.Reference, Notary: "SENOTARY00001", Number: number,
		From: today.AddDays(from), Until: today.AddDays(until), Rows: rows}
}

// SignCrisis signs an order with the crisis key, and has the notary sign it.
func (w *World) SignCrisis(k *CrisisKey, o *message.CrisisOrder) ([]byte, error) {
	require.NoError(w.T, message.SignAs(o, message.ByCrisisKey, k.key))
	return w.Notary.SignCrisisOrder(context.Background(),
		notary.CrisisSigning{Order: w.Encode(o), CrisisKey: k.Certificate, By: "eva"})
}
