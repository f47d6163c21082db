package terminal

import (
	"context"
	"database/sql"
	"fmt"

	"ekrona.example/apdu/cvc"
	"ekrona.example/apdu/message"
	"ekrona.example/apdu/spec"
	"ekrona.example/host/session"
	"ekrona.example/host/store"
)

// readTrust reads the roots that were learned, and the later certificate of the terminal's CA.
func (t *Terminal) readTrust(ctx context.Context, q store.Queryer) error {
	links, err := store.Column[[]byte](ctx, q,
		`SELECT certificate FROM root_link ORDER BY position`)
	if err != nil {
		return fmt.Errorf("terminal: journal: %w", err)
	}
	for _, link := range links {
		if _, err := t.follow(link); err != nil {
			return err
		}
	}
	var ca []byte
	if err := store.Must(ctx, q, store.Into{&ca}, `SELECT ca FROM terminal`); err != nil {
		return fmt.Errorf("terminal: journal: %w", err)
	}
	if ca != nil {
		t.useCA(ca)
	}
	authorities, err := store.Column[[]byte](ctx, q, `SELECT certificate FROM authority`)
	if err != nil {
		return fmt.Errorf("terminal: journal: %w", err)
	}
	for _, encoded := range authorities {
		t.useAuthority(encoded)
	}
	return nil
}

// learnTrust learns the next root by the link that the one before has signed, once and for good,
// and then the certificate of the terminal's CA by a later root, and those of other intermediaries'
// CAs. Errors: [cvc.ErrIssuer], [cvc.ErrSignature].
func (t *Terminal) learnTrust(ctx context.Context, trust session.Trust) error {
	news := false
	for _, link := range trust.Links {
		learned, err := t.follow(link)
		if err != nil {
			return err
		}
		news = news || learned
	}
	if trust.CA != nil && t.useCA(trust.CA) {
		news = true
	}
	var taken []*cvc.Certificate
	for _, encoded := range trust.Authorities {
		if authority := t.useAuthority(encoded); authority != nil {
			taken = append(taken, authority)
		}
	}
	if !news && len(taken) == 0 {
		return nil
	}
	return store.InTx(ctx, t.db, func(tx *sql.Tx) error {
		for _, authority := range taken {
			encoded, err := authority.Encode()
			if err != nil {
				return fmt.Errorf("terminal: CA %s: %w", authority.Holder, err)
			}
			if err := store.Exec(ctx, tx, `INSERT INTO authority (reference, certificate) VALUES
				($1, $2) ON CONFLICT (reference) DO UPDATE SET certificate = excluded.certificate`,
				string(authority.Holder), encoded); err != nil {
				return fmt.Errorf("terminal: journal: CA %s: %w", authority.Holder, err)
			}
		}
		for n, link := range t.links {
			if err := store.Exec(ctx, tx, `INSERT INTO root_link (position, certificate) VALUES
				($1, $2) ON CONFLICT DO NOTHING`, n+1, link); err != nil {
				return fmt.Errorf("terminal: journal: %w", err)
			}
		}
		if err := store.Exec(ctx, tx, `UPDATE terminal SET ca = $1`, t.ca); err != nil {
			return fmt.Errorf("terminal: journal: %w", err)
		}
		return nil
	})
}

func (t *Terminal) follow(link []byte) (learned bool, err error) {
	roots, learned, err := t.roots.Follow(link)
	if err != nil {
		return false, fmt.Errorf("terminal: %w", err)
	}
	if learned {
		t.roots, t.links = roots, append(t.links[:len(t.links):len(t.links)], link)
	}
	return learned, nil
}

// useCA takes a certificate of the terminal's CA that takes the place of the one that it has, and
// reports whether it did.
func (t *Terminal) useCA(encoded []byte) bool {
	later, err := cvc.Parse(encoded)
	if err != nil || t.roots.Verify(later) != nil {
		return false
	}
	former, err := cvc.Parse(t.ca)
	if err != nil || !later.Renews(former) {
		return false
	}
	t.ca = encoded
	t.authorities[message.AuthorityRef(later.Holder)] = later
	if t.expiry = t.own.Expiry; later.Expiry.Before(t.expiry) {
		t.expiry = later.Expiry
	}
	return true
}

// useAuthority takes the certificate of an intermediary's CA that a root which the terminal trusts
// has issued, where it is new or takes the place of the one that it has; nil for another.
func (t *Terminal) useAuthority(encoded []byte) *cvc.Certificate {
	authority, err := cvc.Parse(encoded)
	if err != nil || authority.Role != spec.RoleIntermediary || t.roots.Verify(authority) != nil {
		return nil
	}
	reference := message.AuthorityRef(authority.Holder)
	if former := t.authorities[reference]; former != nil && !authority.Renews(former) {
		return nil
	}
	t.authorities[reference] = authority
	return authority
}
