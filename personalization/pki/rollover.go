package pki

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"

	"ekrona.example/apdu/cvc"
	"ekrona.example/apdu/message"
	"ekrona.example/apdu/spec"
	"ekrona.example/host/durable"
)

// Rollover introduces the next root, both of this folder, and returns what the parties need, the
// link certificate first:
//
//  1. The former root signs the link to the next one, which has the same name and a higher number.
//  2. The next root certifies again what the former one has: every notary and instruction key, also
//     one whose last day is past, since an Instruction that is outstanding names its keys for ever;
//     of CAs those that are still good on the day. Each keeps holder, key, first and last day. What
//     is revoked is left out, and a key of any other role.
//
// Others are certificates (7F21) of the former root that its archive lacks. Everything is kept as
// by [Folder.Issue], so that a cut leaves some of it, and the same call does the rest and returns
// the same certificates. Errors: [ErrForward], those of [Folder.Issue].
func (f Folder) Rollover(
	ctx context.Context, name, next string, others [][]byte, today message.Date,
) (again []Entry, err error) {
	former, err := f.Identity(ctx, name)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, former.Close()) }()
	root, err := f.Identity(ctx, next)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, root.Close()) }()
	keys, err := f.livingKeys(former, others, today)
	if err != nil {
		return nil, err
	}
	link := Subject{Holder: root.Certificate.Holder, Role: spec.RoleRoot,
		Effective: root.Certificate.Effective, Expiry: root.Certificate.Expiry}
	if err := f.checkIssue(name, former.Certificate, root.Certificate, link); err != nil {
		return nil, err
	}
	for _, c := range keys { // before anything is signed
		if err := subjectOf(c).checkExpiry(root.Certificate); err != nil {
			return nil, err
		}
	}
	encoded, err := former.issue(link, root.Certificate.PublicKey)
	if err != nil {
		return nil, err
	}
	issued := [][]byte{encoded}
	for _, c := range keys {
		if encoded, err = root.issue(subjectOf(c), c.PublicKey); err != nil {
			return nil, err
		}
		issued = append(issued, encoded)
	}
	for _, encoded := range issued {
		c, err := cvc.Parse(encoded)
		if err != nil {
			return nil, err
		}
		again = append(again, Entry{Name: string(c.Holder), Certificate: c, Encoded: encoded})
	}
	return again, nil
}

func subjectOf(c *cvc.Certificate) Subject {
	return Subject{Holder: c.Holder, Role: c.Role, Effective: c.Effective, Expiry: c.Expiry}
}

// livingKeys returns what a root has certified and the next one is to certify again, by holder,
// each with the last day that it ever had.
func (f Folder) livingKeys(
	root Identity, others [][]byte, today message.Date,
) (keys []*cvc.Certificate, err error) {
	known, err := readArchive(filepath.Join(root.archive, "*."+certificateFile))
	if err != nil {
		return nil, err
	}
	for _, encoded := range others {
		c, err := cvc.Parse(encoded)
		if err == nil {
			err = c.VerifyBy(root.Certificate)
		}
		if err != nil {
			return nil, fmt.Errorf("certificate to be certified again: %w", err)
		}
		known = append(known, Entry{Certificate: c})
	}
	store, err := f.Store()
	if err != nil {
		return nil, err
	}
	latest := map[cvc.Holder]*cvc.Certificate{}
	for _, k := range known {
		c := k.Certificate
		isCA := c.Role == spec.RoleIntermediary && !c.Expiry.Before(today)
		if !isCA && !isNamed(c.Role) || store.checkRevoked(c) != nil {
			continue
		}
		if had := latest[c.Holder]; had == nil || c.Expiry.After(had.Expiry) {
			latest[c.Holder] = c
		}
	}
	for _, c := range latest {
		keys = append(keys, c)
	}
	slices.SortFunc(keys, func(a, b *cvc.Certificate) int {
		return cmp.Compare(a.Holder, b.Holder)
	})
	return keys, nil
}

// Follow takes from what [Folder.Rollover] has returned what concerns this folder: the link, under
// its holder's name, and then every certificate that takes the place of one that is kept here. It
// returns the names. A cut leaves some of them, and the same call takes the rest. Errors: those of
// [Folder.Import].
func (f Folder) Follow(ctx context.Context, certificates [][]byte) (names []string, err error) {
	for _, links := range []bool{true, false} {
		for _, encoded := range certificates {
			c, err := cvc.Parse(encoded)
			if err != nil {
				return names, fmt.Errorf("certificate: %w", err)
			}
			if c.IsLink() != links {
				continue
			}
			taken, err := f.take(ctx, c, encoded)
			if err != nil {
				return names, err
			}
			names = append(names, taken...)
		}
	}
	return names, nil
}

func (f Folder) take(
	ctx context.Context, c *cvc.Certificate, encoded []byte,
) (names []string, err error) {
	store, err := f.Store()
	if err != nil {
		return nil, err
	}
	if c.IsLink() {
		for _, k := range store {
			if bytes.Equal(k.Encoded, encoded) {
				return nil, nil
			}
		}
		_, err := f.Import(ctx, string(c.Holder), encoded)
		return []string{string(c.Holder)}, err
	}
	for _, k := range store {
		if !c.Renews(k.Certificate) {
			continue
		}
		if _, err := f.Import(ctx, k.Name, encoded); err != nil {
			return names, err
		}
		names = append(names, k.Name)
	}
	return names, nil
}

// Links returns the link certificates (7F21) that lead on from a root, the earliest first.
func (s Store) Links(root *cvc.Certificate) (links [][]byte) {
	var found []Entry
	for _, k := range s {
		if k.Certificate.IsLink() {
			found = append(found, k)
		}
	}
	slices.SortFunc(found, func(a, b Entry) int {
		return cmp.Compare(a.Certificate.Holder, b.Certificate.Holder)
	})
	roots := cvc.Roots{root}
	for _, k := range found {
		next, learned, err := roots.Follow(k.Encoded)
		if err == nil && learned {
			roots, links = next, append(links, k.Encoded)
		}
	}
	return links
}

// Of returns the certificates (7F21) of a role and a name.
func (s Store) Of(role spec.Role, name message.Name) (all [][]byte) {
	for _, k := range s {
		if k.Certificate.Role == role && k.Certificate.Holder.Name() == name {
			all = append(all, k.Encoded)
		}
	}
	return all
}

// Keep keeps certificates in a folder of the file system, each under its holder's name: what goes
// to the parties.
func Keep(folder string, certificates []Entry) error {
	for _, k := range certificates {
		path := filepath.Join(folder, string(k.Certificate.Holder)+"."+certificateFile)
		if err := durable.Replace(path, k.Encoded, durable.Everyone); err != nil {
			return err
		}
	}
	return nil
}
