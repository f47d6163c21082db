package wallet

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"

	"ekrona.example/apdu/cvc"
	"ekrona.example/apdu/message"
	"ekrona.example/apdu/spec"
	"ekrona.example/applet/client"
	"ekrona.example/host/session"
	"ekrona.example/host/store"
)

// readTrust reads the links from root to root, and the later certificate of the CA.
func (w *Wallet) readTrust(ctx context.Context, q store.Queryer) error {
	var ca []byte
	if err := store.Must(ctx, q, store.Into{&w.root, &ca, &w.batch},
		`SELECT root, ca, batch FROM phone`); err != nil {
		return fmt.Errorf("wallet: journal: %w", err)
	}
	links, err := store.Column[[]byte](ctx, q,
		`SELECT certificate FROM root_link ORDER BY position`)
	if err != nil {
		return fmt.Errorf("wallet: journal: %w", err)
	}
	w.links = links
	if ca != nil && w.isLaterCA(ca) {
		w.useCA(ca)
	}
	authorities, err := store.Column[[]byte](ctx, q, `SELECT certificate FROM authority`)
	if err != nil {
		return fmt.Errorf("wallet: journal: %w", err)
	}
	for _, encoded := range authorities {
		w.useAuthority(encoded)
	}
	return nil
}

// learnTrust keeps what the intermediary says of roots and of CAs, its own and others'. A phone
// verifies none of it: cards do.
func (w *Wallet) learnTrust(ctx context.Context, trust session.Trust) error {
	if w.isLaterCA(trust.CA) {
		if err := store.Exec(ctx, w.db, `UPDATE phone SET ca = $1`, trust.CA); err != nil {
			return fmt.Errorf("wallet: journal: %w", err)
		}
		w.useCA(trust.CA)
	}
	for _, encoded := range trust.Authorities {
		reference := w.useAuthority(encoded)
		if reference == "" {
			continue
		}
		if err := store.Exec(ctx, w.db, `INSERT INTO authority (reference, certificate) VALUES
			($1, $2) ON CONFLICT (reference) DO UPDATE SET certificate = excluded.certificate`,
			string(reference), encoded); err != nil {
			return fmt.Errorf("wallet: journal: CA %s: %w", reference, err)
		}
	}
	if !slices.ContainsFunc(trust.Links, func(link []byte) bool { return !w.hasLink(link) }) {
		return nil
	}
	return store.InTx(ctx, w.db, func(tx *sql.Tx) error {
		for _, link := range trust.Links {
			if err := store.Exec(ctx, tx, `INSERT INTO root_link (position, certificate) VALUES
				((SELECT coalesce(max(position), 0) + 1 FROM root_link), $1)
				ON CONFLICT (certificate) DO NOTHING`, link); err != nil {
				return fmt.Errorf("wallet: journal: %w", err)
			}
		}
		return w.readTrust(ctx, tx)
	})
}

func (w *Wallet) hasLink(link []byte) bool {
	return slices.ContainsFunc(w.links, func(l []byte) bool { return bytes.Equal(l, link) })
}

// isLaterCA reports whether a certificate takes the place of the CA's.
func (w *Wallet) isLaterCA(encoded []byte) bool {
	later, err := cvc.Parse(encoded)
	if err != nil {
		return false
	}
	own, err := cvc.Parse(w.ca)
	return err == nil && later.Renews(own)
}

func (w *Wallet) useCA(encoded []byte) {
	w.ca = encoded
	own, err := cvc.Parse(encoded)
	if err == nil {
		w.authorities[message.AuthorityRef(own.Holder)] = encoded
	}
}

// useAuthority takes the certificate of an intermediary's CA that is new, or takes the place of the
// one that the phone has, and returns its reference; "" for another.
func (w *Wallet) useAuthority(encoded []byte) message.AuthorityRef {
	authority, err := cvc.Parse(encoded)
	if err != nil || authority.Role != spec.RoleIntermediary {
		return ""
	}
	reference := message.AuthorityRef(authority.Holder)
	if kept, known := w.authorities[reference]; known {
		if former, err := cvc.Parse(kept); err != nil || !authority.Renews(former) {
			return ""
		}
	}
	w.authorities[reference] = encoded
	return reference
}

// followRoots lets the owner's card know the last root. A card that refuses synchronises all the
// same, and is shown the links again the next time.
func (h *cardSession) followRoots(ctx context.Context) error {
	w := h.wallet
	h.Links = w.links
	if len(w.links) == 0 {
		return nil
	}
	last := w.links[len(w.links)-1]
	if bytes.Equal(last, w.root) {
		return nil
	}
	err := h.FollowRoots(ctx)
	var refused *client.Refusal
	if errors.As(err, &refused) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := store.Exec(ctx, w.db, `UPDATE phone SET root = $1`, last); err != nil {
		return fmt.Errorf("wallet: journal: %w", err)
	}
	w.root = last
	return nil
}
