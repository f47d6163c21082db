package attack

import (
	"bytes"
	"context"
	"slices"

	"ekrona.example/apdu/message"
	"ekrona.example/host/banking"
	"ekrona.example/host/session"
)

// Link is what happens to the reading of an honest device on its way to the intermediary. It
// attacks the device, which must receive an error and keep what it has.
type Link struct {
	Name    string
	Threat  string
	Defence string
	Clause  string
	// Answer is the correct error, a kind for errors.Is.
	Answer error
	// Alter changes the reading, which is a copy.
	Alter func(*session.Reading)
}

// Links returns all links.
func Links() []Link { return []Link{PayerSignatureCorrupted, PayerCertificateCorrupted} }

// PayerSignatureCorrupted corrupts the signature in the device's first record.
var PayerSignatureCorrupted = Link{
	Name:    "the payer's signature is corrupted",
	Threat:  "a payee is instructed to drop the only proof of a payment",
	Defence: "an unverifiable record is not acknowledged, and is read again",
	Clause:  "PROTOCOL.md §8, 8",
	Answer:  banking.ErrCorrupted,
	Alter:   func(r *session.Reading) { flipLast(r.Records[0]) },
}

// PayerCertificateCorrupted corrupts the certificate that proves who has paid.
var PayerCertificateCorrupted = Link{
	Name:    "the payer's certificate is corrupted",
	Threat:  "the only proof of a payment by a card that nobody registered is dropped",
	Defence: "an unverifiable record is not acknowledged, and is read again",
	Clause:  "PROTOCOL.md §8, 8",
	Answer:  banking.ErrCorrupted,
	Alter:   func(r *session.Reading) { flipLast(r.Certificates[0]) },
}

func flipLast(signed []byte) { signed[len(signed)-1] ^= 1 }

// Once returns a link on which that happens to the first reading only.
func (l Link) Once(link banking.Terminal) banking.Terminal { return &altering{link, l.Alter} }

type altering struct {
	banking.Terminal
	alter func(*session.Reading) // nil when it has happened
}

// Report implements session.Link.
func (a *altering) Report(
	ctx context.Context, device message.DeviceID, r session.Reading,
) (session.Answer, error) {
	if a.alter != nil {
		r = session.Reading{
			State: bytes.Clone(r.State), Records: deepCopy(r.Records),
			Certificates: deepCopy(r.Certificates),
		}
		a.alter(&r)
		a.alter = nil
	}
	return a.Terminal.Report(ctx, device, r)
}

func deepCopy(all [][]byte) [][]byte {
	own := slices.Clone(all)
	for n := range own {
		own[n] = bytes.Clone(own[n])
	}
	return own
}
