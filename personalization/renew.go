package personalization

import (
	"context"
	"fmt"

	"ekrona.example/apdu/cvc"
	"ekrona.example/apdu/message"
	"ekrona.example/host/banking"
	"ekrona.example/personalization/pki"
)

// Renew issues a later certificate for a device: the same key, id and role, valid
// until Expiry. It goes onto the card at any tap; see wallet.Renew.
//
//  1. The certificate is signed. A cut leaves nothing.
//  2. It is kept and registered at the notary, and replaces the former. A cut
//     after the first of the two: the same call registers what is kept.
//
// A device whose certificate ends no earlier than Expiry keeps it: renewed again,
// it is the same. Errors: banking.ErrNoDevice, an [*IssuerFault] where Expiry is
// after the CA's, those of AddDevice.
func (i Issuer) Renew(ctx context.Context, id message.DeviceID) (banking.Device, error) {
	device, err := i.Registry.Device(ctx, id)
	if err != nil {
		return device, err
	}
	former, err := cvc.Parse(device.Certificate)
	if err != nil {
		return device, fmt.Errorf("renewal of %s: certificate kept: %w", id, err)
	}
	if i.Expiry.After(former.Expiry) {
		subject := pki.Subject{Holder: former.Holder, Role: former.Role, Effective: i.Effective,
			Expiry: i.Expiry}
		if device.Certificate, err = i.CA.Certify(subject, former.PublicKey); err != nil {
			return device, &IssuerFault{fmt.Errorf("renewal of %s: %w", id, err)}
		}
	}
	return device, i.Registry.AddDevice(ctx, device)
}
