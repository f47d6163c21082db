package pki

import (
	"context"
	"errors"
	"time"

	"ekrona.example/apdu/cvc"
	"ekrona.example/host/durable"
	"ekrona.example/personalization/pki/revocation"
)

// Revoke puts certificates on the list of the identity of the name, which signed them,
// or makes a new list of the same when there are none. The list is NAME.crl.
func (f Folder) Revoke(
	ctx context.Context, name string, revoked []*cvc.Certificate, reason revocation.Reason,
	now, next time.Time,
) (_ *revocation.List, err error) {
	issuer, err := f.Identity(ctx, name)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, issuer.Close()) }()
	var entries []revocation.Entry
	for _, c := range revoked {
		if err := c.VerifyBy(issuer.Certificate); err != nil {
			return nil, err
		}
		serial, err := revocation.CardSerial(c)
		if err != nil {
			return nil, err
		}
		entries = append(entries, revocation.Entry{Serial: serial, Reason: reason})
	}
	path := f.Path(name, listFile)
	former, err := readCardList(path, issuer.Certificate)
	if err != nil {
		return nil, err
	}
	signer, err := revocation.Card(issuer.Certificate)
	if err != nil {
		return nil, err
	}
	list, err := revocation.Extend(former, entries, signer, issuer.Signer, now, next)
	if err != nil {
		return nil, err
	}
	return list, durable.Replace(path, list.Encoded, durable.Everyone)
}
