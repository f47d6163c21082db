package transport

import (
	"context"
	"time"

	"ekrona.example/personalization/pki"
)

// Certify gives a name of a folder, which trusts the CA's root, a certificate by the CA of another
// folder's name, from an hour ago on: [Request], [Issue] and [Import] where one hand has both.
func Certify(
	ctx context.Context, f pki.Folder, name string, s Subject, of pki.Folder, ca string,
	now, until time.Time,
) error {
	request, err := Request(ctx, f, name, s)
	if err != nil {
		return err
	}
	public, s, err := ParseRequest(request)
	if err != nil {
		return err
	}
	text, err := Issue(ctx, of, ca, public, s, now.Add(-time.Hour), until)
	if err != nil {
		return err
	}
	_, err = Import(ctx, f, name, text, now)
	return err
}
