package transport

import (
	"context"
	"errors"
	"time"

	"ekrona.example/personalization/pki"
)

// Check verifies the X.509 certificates of the folder at an instant, as pki.Folder.Check
// does the card-verifiable ones.
func Check(ctx context.Context, f pki.Folder, now time.Time) ([]pki.Finding, error) {
	all, err := store(f)
	if err != nil {
		return nil, err
	}
	var found []pki.Finding
	for _, k := range all {
		problem := verify(all, k.Certificate, now)
		if k.list != nil {
			problem = errors.Join(problem, k.list.CheckTime(now))
		}
		public, err := publicKey(k.Certificate)
		if err != nil {
			return nil, err
		}
		match, matchProblem := f.Match(ctx, k.name, public)
		found = append(found, pki.Finding{
			Name: k.name, Role: string(k.subject.Role), Holder: k.subject.Name,
			Issuer: k.Issuer.CommonName,
			Until:  k.NotAfter.Format(time.DateOnly),
			Days:   int(k.NotAfter.Sub(now) / (24 * time.Hour)), Key: match,
			Problem: pki.Problem(errors.Join(problem, matchProblem)),
		})
	}
	return found, nil
}
