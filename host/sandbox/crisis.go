package sandbox

import (
	"context"
	"errors"

	"ekrona.example/host/crisis"
	"ekrona.example/host/notary"
	"ekrona.example/personalization/pki"
)

// CrisisCertificate reads the certificate of the newest crisis key (7F21). Its key stays where it
// is.
func (s *Sandbox) CrisisCertificate() ([]byte, error) {
	name, err := s.crisisKey()
	if err != nil {
		return nil, err
	}
	i, err := pki.Open(s.path(crisisFolder), s.options.Random).ReadCertificate(name)
	return i.Encoded, err
}

// OrderCrisis drafts a crisis order, signs it with the crisis key and has the notary sign it: both
// rooms of the central bank at once. by is who orders it. The draft's certificate is filled in.
// Errors: as notary.Operator's SignCrisisOrder.
func (s *Sandbox) OrderCrisis(
	ctx context.Context, d notary.CrisisDraft, by string,
) (_ crisis.Carried, err error) {
	c, err := s.CentralBank(ctx)
	if err != nil {
		return crisis.Carried{}, err
	}
	name, err := s.crisisKey()
	if err != nil {
		return crisis.Carried{}, err
	}
	key, err := pki.Open(s.path(crisisFolder), s.options.Random).Identity(ctx, name)
	if err != nil {
		return crisis.Carried{}, err
	}
	defer func() { err = errors.Join(err, key.Close()) }()
	d.CrisisKey = key.Encoded
	return notary.IssueCrisis(ctx, c, key.Signer, d, by)
}
