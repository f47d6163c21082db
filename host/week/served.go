package week

import (
	"cmp"
	"context"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"

	"ekrona.example/apdu/message"
	"ekrona.example/apdu/spec"
	"ekrona.example/host/latency"
	"ekrona.example/host/network"
	"ekrona.example/host/party"
	partybank "ekrona.example/host/party/bank"
	"ekrona.example/host/party/centralbank"
	"ekrona.example/host/store"
	"ekrona.example/personalization/pki"
)

// Served has the morning after come at the services: the central bank and the intermediaries are
// those that "ekrona serve" starts, each on its database, and all phones and terminals synchronise
// over TLS, many at once. What happens then does not follow from the seed. What passes between
// phones and banks is not watched: the claims have no sightings.
type Served struct {
	Folder string // new or empty; the parties have their folders in it
	// Databases are those of intermediaries, by name, and of the central bank, by the empty name;
	// otherwise they are files in their folders.
	Databases map[message.Name]string
	Callers   int // phones and terminals that synchronise at once
	// Watch, if not nil, is called before each round of the morning and after it.
	Watch func(round int, began bool)

	ended bool // the services have, and what they left is looked at
}

// Crowd is how all synchronised at the services, in one round.
type Crowd struct {
	Callers          int     `json:"callers"`
	Synchronisations int     `json:"synchronisations"`
	Instructions     int     `json:"instructions"`
	Seconds          float64 `json:"seconds"`
	// Took are the whole synchronisations, with the work of cards, which the virtual ones do on the
	// same machine; Waited is what of each was spent in calls to the bank.
	Took   latency.Latency `json:"took"`
	Waited latency.Latency `json:"waited"`
	// Undecided are Payments whose payee had not synchronised when their payer did.
	Undecided int `json:"undecided"`
}

// String returns a line for a human reader.
func (c Crowd) String() string {
	return fmt.Sprintf("%d callers: %d synchronisations in %.1f s, %.1f a second: %v; in calls: %v",
		c.Callers, c.Synchronisations, c.Seconds, float64(c.Synchronisations)/c.Seconds, c.Took,
		c.Waited)
}

// folderOf is the folder of a party; an empty name stands for the central bank.
func (v *Served) folderOf(name message.Name) string {
	if name == "" {
		return filepath.Join(v.Folder, network.CentralBankFolder)
	}
	return filepath.Join(v.Folder, strings.ToLower(string(name)))
}

// keysOf is the folder of a party's keys.
func (v *Served) keysOf(name message.Name) string {
	return filepath.Join(v.folderOf(name), "keys")
}

// source is where a party's database is while the week is played: what is a file for the service is
// in memory until then, and a server need not wait for its disk.
func (v *Served) source(name message.Name) string {
	switch {
	case v == nil:
		return store.LargeMemory
	case v.ended:
		return cmp.Or(v.Databases[name], v.file(name))
	case v.Databases[name] == "":
		return store.Memory
	}
	source := v.Databases[name]
	if at, err := url.Parse(source); err == nil { // otherwise it cannot be opened
		query := at.Query()
		query.Set("synchronous_commit", "off")
		at.RawQuery = query.Encode()
		source = at.String()
	}
	return source
}

// file is the file of a party's database; empty for one on a server.
func (v *Served) file(name message.Name) string {
	switch {
	case v.Databases[name] != "":
		return ""
	case name == "":
		return filepath.Join(v.folderOf(name), "ledger.db")
	}
	return filepath.Join(v.folderOf(name), "intermediary.db")
}

// environment is that of parties while they are founded.
func (s *scheme) environment() party.Environment {
	return party.Environment{Clock: s.clock, Random: source(s.seed, "founding")}
}

// shown opens a key of a party's folder until the scheme ends.
func (s *scheme) shown(
	ctx context.Context, party message.Name, key string,
) (pki.Identity, error) {
	made, err := pki.Open(s.served.keysOf(party), s.environment().Random).Identity(ctx, key)
	if err == nil {
		s.closers = append(s.closers, made.Close)
	}
	return made, err
}

// foundCentralBank makes the central bank's folder, and returns the notary's key.
func (s *scheme) foundCentralBank(ctx context.Context, l Liquidity) (pki.Identity, error) {
	t, v := l.terms(), s.served
	if err := centralbank.Found(ctx, v.folderOf(""), centralbank.Settings{
		Database: v.Databases[""], Terms: centralbank.Terms{Honour: t.Honour, Wait: t.Wait,
			CoverLimit: t.CoverLimit, PoolAhead: centralbank.PoolAhead(t.PoolAhead)},
	}, s.root, s.subject(notaryHolder, spec.RoleNotary, authorityDays),
		s.environment()); err != nil {
		return pki.Identity{}, err
	}
	return s.shown(ctx, "", "notary")
}

// foundFolder makes an intermediary's folder, and gives it the keys in it.
func (s *scheme) foundFolder(ctx context.Context, b *bank) (err error) {
	v := s.served
	subjects := partybank.Subjects{
		CA:          s.subject(b.holder(caEnding), spec.RoleIntermediary, authorityDays),
		Instruction: s.subject(b.holder(instructionEnding), spec.RoleInstructionKey, authorityDays),
		Desk:        s.subject(b.holder(deskEnding), spec.RoleDesk, authorityDays),
	}
	if err := partybank.Found(ctx, v.folderOf(b.name), partybank.Settings{Name: b.name,
		Title: string(b.name), Database: v.Databases[b.name],
		CentralBank: filepath.Join("..", network.CentralBankFolder),
		CardYears:   deviceYears, BatchSize: MaxCards,
	}, s.root, s.notaryKey.Encoded, subjects, s.environment()); err != nil {
		return err
	}
	for name, into := range map[string]*pki.Identity{
		"ca": &b.ca, "instruction": &b.instruction, "desk": &b.desk,
	} {
		if *into, err = s.shown(ctx, b.name, name); err != nil {
			return err
		}
	}
	keys := pki.Open(v.keysOf(b.name), s.environment().Random)
	b.batch, err = keys.Batches(b.ca).BatchKey(ctx, b.batchID())
	return err
}
