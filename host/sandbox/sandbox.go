// Package sandbox keeps a whole scheme in one folder: a central bank, intermediaries, people with a
// card and a phone each, and merchants with a terminal. Every party has its own folder in it and is
// started from that alone, by the constructors of ekrona.example/host/party; their calls to each
// other go through the same interfaces as over a network. Cards are virtual and stored in files.
//
// Start at [Found], which makes the parties once, and [Open], after which each party is started
// when it is needed: a sale needs the terminal, and no bank.
//
//	root/           the root's key: needed by foundings only
//	crisis-key/     the key that signs crisis orders first: the central bank keeps it apart
//	central-bank/   a party, as the next three
//	nordic-bank/    and one for each other intermediary
//	phone-anna/     phone-anna.2 is the next phone of anna's
//	terminal-cafe/  terminal-cafe.ID came in its place, with the device id ID
//	cards/          virtual cards
//	letters/        PIN letters of the cards of the founding
//	clock.json      how far the clock was set forward, if it was
//
// The folder holds every secret of the scheme, PINs included. It is for demonstrations
// and tests, never for money.
package sandbox

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"ekrona.example/apdu"
	"ekrona.example/apdu/message"
	"ekrona.example/emulator/card"
	"ekrona.example/host/durable"
	"ekrona.example/host/party"
	"ekrona.example/host/party/bank"
	"ekrona.example/host/party/centralbank"
	"ekrona.example/host/party/phone"
)

// Options are what a sandbox is opened with.
type Options struct {
	party.Environment
	// Observe, if not nil, receives every exchange with a card, after it.
	Observe Observer
	// Wire, if not nil, is put around each card of the folder at its wire, and told of each reset
	// with the answer to it.
	Wire func(holder string, below apdu.Card) (apdu.Card, func(atr []byte))
	// CardSeed, if not nil, is what a holder's card of the folder draws its random numbers from.
	CardSeed func(holder string) string
	// Banks are the addresses (https://HOST:PORT) at which phones and terminals reach banks in
	// place of their folders, by the bank's name; an empty name stands for every bank.
	Banks map[message.Name]string
	// Log receives the failures of the parties that their callers do not learn; nil for nobody.
	Log *slog.Logger
}

// Sandbox is an opened sandbox. One goroutine uses it at a time.
type Sandbox struct {
	folder  string
	options Options
	closers []func() error
	network network

	centralBank *centralbank.CentralBank
	banks       map[string]*bank.Bank   // by folder
	opened      map[string]*phone.Phone // by owner
	people      []*Person               // opened, in that order
	holders     map[string]*Holder      // by name
	merchants   map[string]*Merchant    // by folder
}

const (
	rootFolder        = "root"
	rootName          = "root"
	centralBankFolder = "central-bank"
	crisisFolder      = "crisis-key"
	crisisName        = "crisis"
	keysFolder        = "keys" // of a party, in its own
	phonePrefix       = "phone-"
	terminalPrefix    = "terminal-"
)

// Open opens the sandbox in a folder, and starts no party yet. The caller closes it.
func Open(folder string, options Options) (*Sandbox, error) {
	if _, err := os.Stat(folder); err != nil {
		return nil, fmt.Errorf("sandbox: %w", err)
	}
	if err := checkFormat(folder); err != nil {
		return nil, fmt.Errorf("sandbox: %w", err)
	}
	if options.Clock == nil {
		var err error
		if options.Clock, err = readClock(folder); err != nil {
			return nil, err
		}
	}
	options.Environment = options.Complete()
	return &Sandbox{
		folder: folder, options: options, banks: map[string]*bank.Bank{},
		opened: map[string]*phone.Phone{}, holders: map[string]*Holder{},
		merchants: map[string]*Merchant{},
	}, nil
}

// Close ends every party that was started.
func (s *Sandbox) Close() error {
	var failed []error
	for _, closer := range slices.Backward(s.closers) {
		failed = append(failed, closer())
	}
	s.closers = nil
	return errors.Join(failed...)
}

// path names a file or folder of the sandbox.
func (s *Sandbox) path(parts ...string) string {
	return filepath.Join(append([]string{s.folder}, parts...)...)
}

// HasParties reports whether a folder has a sandbox, or the remains of one.
func HasParties(folder string) (bool, error) {
	entries, err := os.ReadDir(folder)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	for _, entry := range entries {
		if !entry.IsDir() {
			continue
		}
		settings := filepath.Join(folder, entry.Name(), party.SettingsFile)
		if there, err := durable.Exists(settings); err != nil || there {
			return err == nil, err
		}
	}
	return false, err
}

// ErrElsewhere says that what a bank's own people do cannot be done by a phone over the network.
var ErrElsewhere = errors.New("sandbox: this is done at the bank itself: give the command there, " +
	"without --bank, while the bank is no service")

// ErrUnknown says that nobody in the sandbox has that name.
var ErrUnknown = errors.New("nobody here has that name")

func unknown(name string, names []string) error {
	return fmt.Errorf("sandbox: %q: %w; there are: %s", name, ErrUnknown, strings.Join(names, " "))
}

// bankFolders returns the folders of the intermediaries, and what is wrong with those whose
// settings are damaged: that is no trouble of the others.
func (s *Sandbox) bankFolders() (found []string, damaged []error, err error) {
	entries, err := os.ReadDir(s.folder)
	if err != nil {
		return nil, nil, fmt.Errorf("sandbox: %w", err)
	}
	for _, entry := range entries {
		if !entry.IsDir() || strings.HasPrefix(entry.Name(), phonePrefix) ||
			strings.HasPrefix(entry.Name(), terminalPrefix) {
			continue
		}
		switch is, err := party.KindOf(s.path(entry.Name())); {
		case err != nil:
			damaged = append(damaged, err)
		case is == party.Intermediary:
			found = append(found, entry.Name())
		}
	}
	return found, damaged, nil
}

// absent returns why a party is not there: what is wrong with its folder, or otherwise that there
// is none.
func (s *Sandbox) absent(folder string, kind party.Kind, none error) error {
	if there, err := durable.Exists(s.path(folder)); err != nil || !there {
		return errors.Join(none, err)
	}
	return party.Peek(s.path(folder)).Check(kind)
}

// CentralBank starts the central bank.
func (s *Sandbox) CentralBank(ctx context.Context) (*centralbank.CentralBank, error) {
	return s.centralBankAt(ctx, s.path(centralBankFolder))
}

func (s *Sandbox) centralBankAt(
	ctx context.Context, folder string,
) (*centralbank.CentralBank, error) {
	if s.centralBank != nil {
		return s.centralBank, nil
	}
	if len(s.options.Banks) > 0 {
		return nil, ErrElsewhere
	}
	c, err := centralbank.Open(ctx, folder, s.options.Environment)
	if err != nil {
		return nil, err
	}
	s.centralBank = c
	s.closers = append(s.closers, c.Close)
	return c, nil
}

// Bank starts the intermediary of a name.
func (s *Sandbox) Bank(ctx context.Context, name string) (*bank.Bank, error) {
	folders, damaged, err := s.bankFolders()
	if err != nil {
		return nil, err
	}
	var names []string
	for _, folder := range folders {
		settings, err := bank.ReadSettings(s.path(folder))
		if err != nil {
			damaged = append(damaged, err)
			continue
		}
		if string(settings.Name) == name {
			return s.bankAt(ctx, s.path(folder))
		}
		names = append(names, string(settings.Name))
	}
	if len(damaged) > 0 { // it may be the one
		return nil, fmt.Errorf("%w; %w", unknown(name, names), damaged[0])
	}
	return nil, unknown(name, names)
}

// Banks starts every intermediary; one that cannot be started is an error.
func (s *Sandbox) Banks(ctx context.Context) (all []*bank.Bank, err error) {
	folders, damaged, err := s.bankFolders()
	if err != nil {
		return nil, err
	}
	if len(damaged) > 0 {
		return nil, damaged[0]
	}
	for _, folder := range folders {
		b, err := s.bankAt(ctx, s.path(folder))
		if err != nil {
			return nil, err
		}
		all = append(all, b)
	}
	return all, nil
}

func (s *Sandbox) bankAt(ctx context.Context, folder string) (*bank.Bank, error) {
	if b := s.banks[folder]; b != nil {
		return b, nil
	}
	if len(s.options.Banks) > 0 {
		return nil, ErrElsewhere
	}
	settings, err := bank.ReadSettings(folder)
	if err != nil {
		return nil, err
	}
	b, err := bank.Open(ctx, folder, s.dialNotary(settings.Name), s.options.Environment)
	if err != nil {
		return nil, err
	}
	s.banks[folder] = b
	s.closers = append(s.closers, b.Close)
	return b, nil
}

// names returns the names of the parties whose folders begin with a prefix. It reads no settings.
func (s *Sandbox) names(prefix string) (names []string, err error) {
	entries, err := os.ReadDir(s.folder)
	if err != nil {
		return nil, fmt.Errorf("sandbox: %w", err)
	}
	for _, entry := range entries {
		name, named := strings.CutPrefix(entry.Name(), prefix)
		if !named || !entry.IsDir() {
			continue
		}
		there, err := durable.Exists(s.path(entry.Name(), party.SettingsFile))
		if there || err != nil { // what cannot be looked at is there
			names = append(names, name)
		}
	}
	return names, nil
}

// cardOptions returns the options of every virtual card of the sandbox. It is in the slot
// of its reader: the default policy takes no plaintext PIN by contactless, and a terminal
// has no other.
func (s *Sandbox) cardOptions() card.Options {
	return card.Options{Profile: card.P71, Random: s.options.Random, Interface: card.Contact}
}
