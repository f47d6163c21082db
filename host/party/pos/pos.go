// Package pos starts a point of sale from its folder: the terminal with its key, its sealed
// journal, and the CAs whose cards it takes. It needs no other party to sell. The key with which
// the merchant orders refunds is in the folder too.
//
// Start at [Found], once, and [Open].
package pos

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"ekrona.example/apdu/cvc"
	"ekrona.example/apdu/message"
	"ekrona.example/apdu/signature"
	"ekrona.example/apdu/spec"
	"ekrona.example/host/banking"
	"ekrona.example/host/party"
	"ekrona.example/host/seal"
	"ekrona.example/host/service/link"
	"ekrona.example/host/terminal"
	"ekrona.example/personalization/pki"
)

// Settings are those of a terminal. File names are relative to its folder.
type Settings struct {
	Party    party.Kind `yaml:"party"` // "terminal"
	Merchant string     `yaml:"merchant"`
	Database string     `yaml:"database"` // the journal
	Keys     string     `yaml:"keys"`     // folder of the keys
	// name of the terminal's key and certificate in it
	Terminal     string   `yaml:"terminal"`
	Owner        string   `yaml:"owner"`           // of the key that signs the merchant's orders
	JournalKey   string   `yaml:"journal_key"`     // file with the key that seals the journal
	Root         string   `yaml:"root"`            // certificate
	Links        []string `yaml:"links,omitempty"` // certificates that lead on from it, in order
	CA           string   `yaml:"ca"`              // certificate of the intermediary's CA
	Authorities  []string `yaml:"authorities"`     // certificates of the CAs whose cards are taken
	Notary       string   `yaml:"notary"`          // certificate
	Intermediary string   `yaml:"intermediary"`    // folder or URL of the merchant's bank
	// Former are the merchant's terminals in whose place this one came, the earliest first.
	Former []message.DeviceID `yaml:"former,omitempty"`
}

// Check implements [party.Checked].
func (s Settings) Check() error {
	for n, id := range s.Former {
		if _, err := message.ParseDeviceID(string(id)); err != nil {
			return party.Wrong(fmt.Sprintf("former[%d]", n), strconv.Quote(string(id)),
				fmt.Sprintf("%d capital letters and digits", spec.DeviceIDLength))
		}
	}
	return party.First(
		party.Text("merchant", s.Merchant),
		party.File("database", s.Database),
		party.File("keys", s.Keys),
		party.KeyName("terminal", s.Terminal),
		party.KeyName("owner", s.Owner),
		party.File("journal_key", s.JournalKey),
		party.File("root", s.Root),
		party.Files("links", s.Links),
		party.File("ca", s.CA),
		party.Files("authorities", s.Authorities),
		party.File("notary", s.Notary),
		party.Reached("intermediary", s.Intermediary))
}

// Terminal is an opened point of sale.
type Terminal struct {
	*terminal.Terminal
	Settings Settings
	Owner    crypto.Signer
	Bank     banking.Merchant // where the owner's orders go

	folder *party.Folder
}

// Trust is what a terminal receives at its founding.
type Trust struct {
	Root        []byte            // 7F21, as the others
	Links       [][]byte          // from it on, the earliest first
	Authorities map[string][]byte // of all CAs whose cards are taken, by holder
	Notary      []byte            // which signs crisis orders
}

// Certify has an intermediary's CA certify a terminal's key.
type Certify func(keys pki.Folder, name string) (pki.Identity, error)

// Known has the merchant's bank register owner and terminal.
type Known func(owner *ecdsa.PublicKey, certificate []byte) error

// Found makes the folder of a terminal. Repeated after a cut, it goes on from there,
// and calls certify and known again with the same keys. The settings need Merchant and
// Intermediary; the rest is Found's.
func Found(
	ctx context.Context, path string, s Settings, trust Trust, certify Certify, known Known,
	e party.Environment,
) (err error) {
	f, err := party.Make(ctx, path, e)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	e = e.Complete()
	s.Party, s.Database, s.Keys, s.Terminal, s.Owner = party.Terminal, "journal.db", "keys",
		"terminal", "owner"
	s.JournalKey, s.Root, s.Notary = "keys/journal.key", "keys/root.cvc", "keys/notary.cvc"
	keys := pki.Open(f.Path(s.Keys), e.Random)
	own, err := certify(keys, s.Terminal)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, own.Close()) }()
	owner, err := ownerKey(ctx, keys, s.Owner)
	if err != nil {
		return err
	}
	if err := seal.CreateKey(f.Path(s.JournalKey), e.Random); err != nil {
		return err
	}
	if err := known(owner, own.Encoded); err != nil {
		return err
	}
	if s.Authorities, err = f.KeepAll("keys", trust.Authorities); err != nil {
		return err
	}
	s.Links = nil
	for n, link := range trust.Links {
		name := fmt.Sprintf("keys/link-%d.cvc", n+1)
		if err := f.Keep(name, link); err != nil {
			return err
		}
		s.Links = append(s.Links, name)
	}
	s.CA = "keys/" + string(own.Certificate.Authority) + ".cvc"
	if _, listed := trust.Authorities[string(own.Certificate.Authority)]; !listed {
		return fmt.Errorf("terminal %s: the certificate of its own CA %s is missing",
			own.Certificate.Holder, own.Certificate.Authority)
	}
	schema, err := terminal.Schema()
	if err = errors.Join(err, f.Keep(s.Root, trust.Root),
		f.Keep(s.Notary, trust.Notary)); err != nil {
		return err
	}
	if err := f.MakeDatabase(ctx, s.Database, schema); err != nil {
		return err
	}
	return f.Write(s)
}

// Open starts the terminal of a folder. dial returns the link to its intermediary.
func Open(
	ctx context.Context, path string, dial party.Dial, e party.Environment,
) (_ *Terminal, err error) {
	f, err := party.Enter(ctx, path, e)
	if err != nil {
		return nil, fmt.Errorf("terminal: %w", err)
	}
	defer f.CloseAfter(&err, "terminal")
	e = e.Complete()
	t := &Terminal{folder: f}
	if err := f.Read(party.Terminal, &t.Settings); err != nil {
		return nil, err
	}
	s := t.Settings
	c := terminal.Config{Clock: e.Clock, Random: e.Random, Policy: terminal.DefaultPolicy()}
	if c.Root, err = f.Trusted("root", s.Root); err != nil {
		return nil, err
	}
	if c.Links, err = f.AllTrusted("links", s.Links); err != nil {
		return nil, err
	}
	if c.CA, err = f.Trusted("ca", s.CA); err != nil {
		return nil, err
	}
	if c.Authorities, err = f.AllTrusted("authorities", s.Authorities); err != nil {
		return nil, err
	}
	if c.Notary, err = f.Trusted("notary", s.Notary); err != nil {
		return nil, err
	}
	keys := pki.Open(f.Path(s.Keys), e.Random)
	followed, err := followedLinks(keys, c.Root, c.Links)
	if err != nil {
		return nil, err
	}
	c.Links = append(c.Links, followed...)
	own, err := keys.Identity(ctx, s.Terminal)
	if err != nil {
		return nil, err
	}
	f.OnClose(own.Close)
	owner, err := keys.Existing(ctx, s.Owner)
	if err != nil {
		return nil, err
	}
	f.OnClose(owner.Close)
	c.Signer, c.Certificate, t.Owner = own.Signer, own.Encoded, owner
	bank := dial(f.Address(s.Intermediary), party.Caller{Trust: keys,
		Signer: link.Signer{Key: link.Key{Device: own.Certificate.Device()}, Signer: own.Signer}})
	t.Bank, c.Link = banking.NewMerchant(bank), banking.NewTerminal(bank)
	if c.JournalKey, err = readJournalKey(f.Path(s.JournalKey)); err != nil {
		return nil, err
	}
	schema, err := terminal.Schema()
	if err != nil {
		return nil, err
	}
	if c.DB, err = f.Database(ctx, s.Database, schema); err != nil {
		return nil, err
	}
	if t.Terminal, err = terminal.New(ctx, c); errors.Is(err, terminal.ErrJournalKey) {
		err = fmt.Errorf("journal key %s: %w", f.Path(s.JournalKey), err)
	}
	return t, err
}

// followedLinks returns the link certificates that "ekrona pki follow" has put beside the keys,
// from the last known root on: the CAs that it has taken with them are by the root that they lead
// to.
func followedLinks(keys pki.Folder, root []byte, links [][]byte) ([][]byte, error) {
	if len(links) > 0 {
		root = links[len(links)-1]
	}
	last, err := cvc.Parse(root)
	if err != nil {
		return nil, fmt.Errorf("terminal: root: %w", err)
	}
	store, err := keys.Store()
	if err != nil {
		return nil, err
	}
	return store.Links(last), nil
}

// ChangeOwner gives the owner of a terminal that is not started another key. known has the
// merchant's bank register it in place of the former one, which signs nothing more from then on.
//
//  1. The next key is made. A cut leaves it unused, and the same call takes it.
//  2. The bank registers it. A cut: the same call registers it again.
//  3. The settings name it, and the former key's file is removed.
func ChangeOwner(
	ctx context.Context, path string, known func(owner *ecdsa.PublicKey) error,
	e party.Environment,
) (err error) {
	f, err := party.Enter(ctx, path, e)
	if err != nil {
		return fmt.Errorf("terminal: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	var s Settings
	if err := f.Read(party.Terminal, &s); err != nil {
		return err
	}
	keys, former := pki.Open(f.Path(s.Keys), e.Complete().Random), s.Owner
	if s.Owner, err = nextKey(former); err != nil {
		return fmt.Errorf("settings %s: owner: %w", f.Path(party.SettingsFile), err)
	}
	owner, err := ownerKey(ctx, keys, s.Owner)
	if err != nil {
		return err
	}
	if err := known(owner); err != nil {
		return err
	}
	if err := f.Write(s); err != nil {
		return err
	}
	return keys.RemoveKey(former)
}

// ownerKey opens the key of the owner, or makes it, and returns its public half.
func ownerKey(
	ctx context.Context, keys pki.Folder, name string,
) (public *ecdsa.PublicKey, err error) {
	owner, err := keys.Key(ctx, name)
	if err != nil {
		return nil, err
	}
	public, err = signature.PublicKey(owner)
	return public, errors.Join(err, owner.Close())
}

// nextKey returns the name of the key after one: owner, owner-2, owner-3.
func nextKey(name string) (string, error) {
	base, number, numbered := strings.Cut(name, "-")
	if !numbered {
		return base + "-2", nil
	}
	n, err := strconv.Atoi(number)
	if err != nil || n < 2 {
		return "", fmt.Errorf("%q has no number: name the key that is in use", name)
	}
	return fmt.Sprintf("%s-%d", base, n+1), nil
}

// Read reads the settings of a terminal's folder and its device id, without starting it.
func Read(path string) (s Settings, id message.DeviceID, err error) {
	f := party.Peek(path)
	if err := f.Read(party.Terminal, &s); err != nil {
		return s, "", err
	}
	own, err := pki.Open(f.Path(s.Keys), nil).ReadCertificate(s.Terminal)
	if err != nil {
		return s, "", err
	}
	return s, own.Certificate.Device(), nil
}

// Path returns the path of a file in the terminal's folder.
func (t *Terminal) Path(name string) string { return t.folder.Path(name) }

// Close ends the terminal.
func (t *Terminal) Close() error { return t.folder.Close() }

func readJournalKey(path string) (terminal.JournalKey, error) {
	key, err := seal.ReadKey(path, "journal key")
	return terminal.JournalKey(key), err
}
