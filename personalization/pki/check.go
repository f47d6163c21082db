package pki

import (
	"context"
	"crypto/ecdsa"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"ekrona.example/apdu/message"
	"ekrona.example/personalization/pki/keys/secret"
)

// Finding is what a check found out about one certificate.
type Finding struct {
	Name    string `json:"name"`
	Role    string `json:"role"`
	Holder  string `json:"holder"`
	Issuer  string `json:"issuer"`
	Until   string `json:"until"` // last day
	Days    int    `json:"days"`  // until it ends; below 0 it has ended
	Key     Match  `json:"key"`
	Problem string `json:"problem,omitempty"` // none: it is good
}

// Match is the state of a certificate's key.
type Match string

// The matches.
const (
	Matches   Match = "matches"
	Elsewhere Match = "elsewhere" // the folder has no key of the name
	Unopened  Match = "protected" // not checked: its passphrase was not given
	Wrong     Match = "wrong"     // another key, or one that cannot be opened

	Uncertified Match = "alone" // a key without a certificate
)

// Check verifies the card-verifiable certificates of the folder at an instant: each
// leads to a root that is kept here, has not ended and is not revoked, and belongs to
// the key beside it; lists are not overdue.
func (f Folder) Check(ctx context.Context, now time.Time) ([]Finding, error) {
	store, err := f.Store()
	if err != nil {
		return nil, err
	}
	today := message.DateOf(now)
	var found []Finding
	for _, k := range store {
		c := k.Certificate
		chain, problem := store.Chain(c)
		problem = errors.Join(problem, validOn(today, c, chain))
		if k.List != nil {
			problem = errors.Join(problem, k.List.CheckTime(now))
		}
		key, keyProblem := f.Match(ctx, k.Name, c.PublicKey)
		found = append(found, Finding{
			Name: k.Name, Role: c.Role.String(), Holder: string(c.Holder),
			Issuer: string(c.Authority),
			Until:  c.Expiry.String(), Days: daysBetween(today, c.Expiry), Key: key,
			Problem: Problem(errors.Join(problem, keyProblem)),
		})
	}
	return found, nil
}

// Uncertified finds the keys of the folder that have neither a card-verifiable nor an
// X.509 certificate. One whose request waits is a problem; one without is good, as the key
// of an app or of a merchant, which is registered as it is.
func (f Folder) Uncertified() ([]Finding, error) {
	paths, err := filepath.Glob(f.Path("*", keyFile))
	if err != nil {
		return nil, err
	}
	var found []Finding
	for _, path := range paths {
		name := strings.TrimSuffix(filepath.Base(path), "."+keyFile)
		_, noCard := os.Lstat(f.Path(name, certificateFile))
		_, noServer := os.Lstat(f.Path(name, ServerCertificateFile))
		if noCard == nil || noServer == nil {
			continue
		}
		alone := Finding{Name: name, Key: Uncertified}
		for _, kind := range []string{requestFile, ServerRequestFile} {
			request := f.Path(name, kind)
			if _, none := os.Lstat(request); none == nil {
				alone.Problem = fmt.Sprintf("no certificate: have the request %s certified, and "+
					"import what comes back", request)
			}
		}
		found = append(found, alone)
	}
	return found, nil
}

func daysBetween(from, to message.Date) int {
	return int(to.Time().Sub(from.Time()) / (24 * time.Hour))
}

// Match reports whether the key of the name is the one of a public key; an error only
// comes with [Wrong].
func (f Folder) Match(ctx context.Context, name string, public *ecdsa.PublicKey) (Match, error) {
	path := f.Path(name, keyFile)
	if _, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) {
		return Elsewhere, nil
	}
	key, err := f.Existing(ctx, name)
	switch {
	case errors.Is(err, secret.ErrNone):
		return Unopened, nil
	case err != nil:
		return Wrong, err
	}
	is := public.Equal(key.Public())
	if err := key.Close(); err != nil {
		return Wrong, err
	}
	if !is {
		return Wrong, fmt.Errorf("the key %s is not the certificate's", path)
	}
	return Matches, nil
}

// Problem is an error in one line, nothing for none.
func Problem(err error) string {
	if err == nil {
		return ""
	}
	return strings.ReplaceAll(err.Error(), "\n", "; ")
}
