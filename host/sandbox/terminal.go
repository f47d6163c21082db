package sandbox

import (
	"context"
	"crypto/ecdsa"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"ekrona.example/apdu/cvc"
	"ekrona.example/apdu/message"
	"ekrona.example/apdu/spec"
	"ekrona.example/host/banking"
	"ekrona.example/host/notary"
	"ekrona.example/host/party"
	"ekrona.example/host/party/bank"
	"ekrona.example/host/party/pos"
	"ekrona.example/host/terminal"
	"ekrona.example/personalization/pki"
)

// Merchant is a merchant with a terminal.
type Merchant struct {
	Name     string
	Terminal *pos.Terminal
}

// pointOfSale is a folder of one of a merchant's terminals.
type pointOfSale struct {
	folder   string
	device   message.DeviceID // of a damaged one as its folder's name has it
	settings pos.Settings
	damaged  error // why the settings cannot be read
}

// merchantNames returns the names of the merchants that have a terminal here.
func (s *Sandbox) merchantNames() (merchants []string, err error) {
	names, err := s.names(terminalPrefix)
	if err != nil {
		return nil, err
	}
	for _, found := range names {
		if name, _, _ := strings.Cut(found, "."); !slices.Contains(merchants, name) {
			merchants = append(merchants, name)
		}
	}
	return merchants, nil
}

// terminals returns the folders of a merchant's terminals by the order of their ids: the last one
// is in use, the others were replaced. Errors: [ErrUnknown].
func (s *Sandbox) terminals(name string) (all []pointOfSale, err error) {
	names, err := s.names(terminalPrefix)
	if err != nil {
		return nil, err
	}
	for _, found := range names {
		merchant, device, _ := strings.Cut(found, ".")
		if merchant != name {
			continue
		}
		p := pointOfSale{folder: s.path(terminalPrefix + found)}
		if p.settings, p.device, p.damaged = pos.Read(p.folder); p.damaged != nil {
			p.device = message.DeviceID(device)
		}
		all = append(all, p)
	}
	if len(all) == 0 {
		merchants, err := s.merchantNames()
		if err != nil {
			return nil, err
		}
		return nil, s.absent(terminalPrefix+filepath.Base(name), party.Terminal,
			unknown(name, merchants))
	}
	slices.SortFunc(all, func(a, b pointOfSale) int {
		return strings.Compare(string(a.device), string(b.device))
	})
	return all, nil
}

// Merchant starts the terminal that a merchant uses.
func (s *Sandbox) Merchant(ctx context.Context, name string) (*Merchant, error) {
	return s.MerchantTerminal(ctx, name, "")
}

// MerchantTerminal starts one of a merchant's terminals: that of the device id, also when it was
// replaced, or the one in use when that is empty.
func (s *Sandbox) MerchantTerminal(
	ctx context.Context, name string, device message.DeviceID,
) (*Merchant, error) {
	all, err := s.terminals(name)
	if err != nil {
		return nil, err
	}
	chosen := all[len(all)-1]
	if device != "" {
		n := slices.IndexFunc(all, func(p pointOfSale) bool { return p.device == device })
		if n < 0 {
			return nil, noTerminal(name, device, all)
		}
		chosen = all[n]
	}
	if chosen.damaged != nil {
		return nil, chosen.damaged
	}
	if m := s.merchants[chosen.folder]; m != nil {
		return m, nil
	}
	t, err := pos.Open(ctx, chosen.folder, s.dialBank, s.options.Environment)
	if err != nil {
		return nil, err
	}
	m := &Merchant{Name: name, Terminal: t}
	s.merchants[chosen.folder] = m
	s.closers = append(s.closers, t.Close)
	return m, nil
}

// errNoTerminal says that a terminal is not in the sandbox.
var errNoTerminal = errors.New("has no terminal")

func noTerminal(name string, device message.DeviceID, all []pointOfSale) error {
	var ids []string
	for _, p := range all {
		ids = append(ids, string(p.device))
	}
	return fmt.Errorf("the %s %w %s; there are: %s", name, errNoTerminal, device,
		strings.Join(ids, " "))
}

// IssueTerminal makes a merchant a customer of a bank, with a first terminal:
//
//  1. The bank reserves its device id.
//  2. The terminal makes its key, which the bank's CA certifies, and the key of its owner.
//  3. The bank registers owner and terminal.
//  4. The settings are written.
//
// A cut after any step is repaired by the same call; a terminal that is there stays, or the one
// that has come in its place.
func (s *Sandbox) IssueTerminal(
	ctx context.Context, b *bank.Bank, name string,
) (message.DeviceID, error) {
	if !customerNames.MatchString(name) {
		return "", fmt.Errorf("sandbox: merchant %q: give a name of at most 32 of a to z, 0 to 9 "+
			"and -, a letter first", name)
	}
	all, err := s.terminals(name)
	if err != nil && !errors.Is(err, ErrUnknown) {
		return "", err
	}
	for _, p := range slices.Backward(all) {
		if p.damaged != nil { // its settings are what a founding writes last
			continue
		}
		if at := filepath.Base(p.settings.Intermediary); at != b.FolderName() {
			return "", fmt.Errorf("sandbox: the %s has a terminal of %s: name that bank, or give "+
				"another merchant", name, at)
		}
		return p.device, nil
	}
	id, err := b.ReserveDevice(ctx, banking.Reservation{Kind: banking.KindTerminal,
		Intent: "terminal of " + name})
	if err != nil {
		return "", err
	}
	return id, s.foundTerminal(ctx, b, name, id, s.path(terminalPrefix+name), nil)
}

// foundTerminal does steps 2 to 4. A terminal that comes in place of former ones brings another key
// of its owner.
func (s *Sandbox) foundTerminal(
	ctx context.Context, b *bank.Bank, name string, id message.DeviceID, folder string,
	former []message.DeviceID,
) error {
	ca, err := s.terminalCA(ctx, b, id)
	if err != nil {
		return err
	}
	authorities, err := s.authorities(ctx)
	if err != nil {
		return err
	}
	certify := func(keys pki.Folder, key string) (pki.Identity, error) {
		return keys.Certified(key, s.terminalSubject(id), ca)
	}
	known := func(owner *ecdsa.PublicKey, certificate []byte) error {
		customer := banking.Customer{ID: name, Name: name, App: owner}
		err := b.AddCustomer(ctx, customer)
		if former != nil && errors.Is(err, banking.ErrTaken) {
			err = b.ReplaceApp(ctx, name, owner)
		}
		if err != nil {
			return err
		}
		return b.AddDevice(ctx, banking.Device{
			ID: id, Customer: name, Certificate: certificate, Policy: terminal.DefaultPolicy(),
		})
	}
	settings := pos.Settings{Merchant: name, Intermediary: filepath.Join("..", b.FolderName()),
		Former: former}
	trust := pos.Trust{Root: b.Root(), Links: b.Links(), Authorities: authorities,
		Notary: b.NotaryCertificate}
	return pos.Found(ctx, folder, settings, trust, certify, known, s.options.Environment)
}

func (s *Sandbox) terminalSubject(id message.DeviceID) pki.Subject {
	return s.subject(cvc.Holder(id), spec.RoleTerminal, deviceYears)
}

// terminalCA opens the bank's CA, which may certify a terminal today.
func (s *Sandbox) terminalCA(
	ctx context.Context, b *bank.Bank, id message.DeviceID,
) (pki.Identity, error) {
	ca, err := b.CA(ctx)
	if err != nil {
		return ca, err
	}
	return ca, ca.MayCertify(s.terminalSubject(id))
}

// ChangeMerchantKey gives a merchant another key for the online wallet, which the bank registers in
// place of the former one: that one orders nothing more. The terminal keeps its own key and its
// journal. A cut leaves the former key in use, or the next one; the same call goes on. Errors:
// [ErrUnknown].
func (s *Sandbox) ChangeMerchantKey(ctx context.Context, name string) error {
	all, err := s.terminals(name)
	if err != nil {
		return err
	}
	used := all[len(all)-1]
	if used.damaged != nil {
		return used.damaged
	}
	if m := s.merchants[used.folder]; m != nil { // it has the former key
		delete(s.merchants, used.folder)
		if err := m.Terminal.Close(); err != nil {
			return err
		}
	}
	b, err := s.bankAt(ctx, filepath.Join(used.folder, used.settings.Intermediary))
	if err != nil {
		return err
	}
	return pos.ChangeOwner(ctx, used.folder,
		func(owner *ecdsa.PublicKey) error { return b.ReplaceApp(ctx, name, owner) },
		s.options.Environment)
}

// EndedTerminal says what became of a terminal that sells nothing more.
type EndedTerminal struct {
	Device message.DeviceID `json:"device"`
	// Records are what its journal handed over now. Later it can do so again.
	Records int `json:"records"`
	// Missing says why the journal could not be handed over.
	Missing error `json:"-"`
	// Ended reports whether the notary has ended it. Before, claims on it are honoured until a day.
	Ended bool      `json:"ended"`
	Until time.Time `json:"honoured_until,omitzero"`
}

// EndTerminal ends a merchant's terminal, the one in use when device is empty:
//
//  1. It hands over its journal, if it is there: what it had taken goes to its owner.
//  2. The bank has it blocked and put on the revocation list.
//  3. When the time is over for which claims are honoured, it ends.
//
// It may be repeated, also when a terminal that could not be opened is back: then its journal is
// handed over. Errors: [ErrUnknown].
func (s *Sandbox) EndTerminal(
	ctx context.Context, name string, device message.DeviceID,
) (EndedTerminal, error) {
	b, device, err := s.terminalAtBank(ctx, name, device)
	if err != nil {
		return EndedTerminal{}, err
	}
	return s.endTerminal(ctx, b, name, device)
}

// terminalAtBank asks the banks whose customer a merchant is. When device is empty it is the
// terminal that the merchant uses; where no folder of one is left, the only one that the bank
// knows.
func (s *Sandbox) terminalAtBank(
	ctx context.Context, name string, device message.DeviceID,
) (*bank.Bank, message.DeviceID, error) {
	b, _, err := s.bankOfCustomer(ctx, name)
	if err != nil || device != "" {
		return b, device, err
	}
	if all, err := s.terminals(name); err == nil && all[len(all)-1].device != "" {
		return b, all[len(all)-1].device, nil
	}
	known, err := terminalsOf(ctx, b, name)
	switch {
	case err != nil:
		return nil, "", err
	case len(known) == 1:
		return b, known[0], nil
	}
	return nil, "", fmt.Errorf("the terminal that the %s uses is not here, and the bank knows %v: "+
		"name the one that is meant", name, known)
}

func (s *Sandbox) endTerminal(
	ctx context.Context, b *bank.Bank, name string, device message.DeviceID,
) (EndedTerminal, error) {
	ended := EndedTerminal{Device: device}
	if d, err := b.Device(ctx, device); err != nil {
		return ended, err
	} else if d.Customer != name {
		return ended, fmt.Errorf("%s is no terminal of the %s", device, name)
	}
	m, err := s.MerchantTerminal(ctx, name, device)
	if err == nil {
		ended.Records, err = m.Terminal.Surrender(ctx)
	}
	ended.Missing = err
	if err := b.ReportLost(ctx, device); err != nil {
		return ended, err
	}
	err = b.End(ctx, device)
	if errors.Is(err, notary.WrongStatus) { // claims on it are honoured for some time
		ended.Until, err = b.HonouredUntil(ctx, device)
		return ended, err
	}
	ended.Ended = err == nil
	return ended, err
}

// ReplaceTerminal gives a merchant another terminal in place of one, of the one in use when device
// is empty. Its folder need not be there.
//
//  1. What would keep the bank from issuing the new one stops it here: the former stays.
//  2. The former one hands over its journal and is ended, as by [Sandbox.EndTerminal].
//  3. The new one is issued, as by [Sandbox.IssueTerminal].
//
// A cut leaves the former terminal in use, or the new one; the same call goes on. With the device
// named, it may be repeated at any time.
func (s *Sandbox) ReplaceTerminal(
	ctx context.Context, name string, device message.DeviceID,
) (former EndedTerminal, id message.DeviceID, err error) {
	b, device, err := s.terminalAtBank(ctx, name, device)
	if err != nil {
		return former, "", err
	}
	if _, err := s.terminalCA(ctx, b, device); err != nil {
		return former, "", err
	}
	if former, err = s.endTerminal(ctx, b, name, device); err != nil {
		return former, "", err
	}
	id, err = b.ReserveDevice(ctx, banking.Reservation{Kind: banking.KindTerminal,
		Intent: fmt.Sprintf("terminal of %s in place of %s", name, device)})
	if err != nil {
		return former, "", err
	}
	replaced, err := earlier(ctx, b, name, id)
	if err != nil {
		return former, "", err
	}
	folder := s.path(terminalPrefix + name + "." + string(id))
	return former, id, s.foundTerminal(ctx, b, name, id, folder, replaced)
}

// earlier returns the terminals of a merchant that came before one.
func earlier(
	ctx context.Context, b *bank.Bank, name string, id message.DeviceID,
) ([]message.DeviceID, error) {
	all, err := terminalsOf(ctx, b, name)
	return slices.DeleteFunc(all, func(other message.DeviceID) bool { return other >= id }), err
}

// terminalsOf returns the terminals of a merchant that the bank knows, in the order of their ids.
func terminalsOf(
	ctx context.Context, b *bank.Bank, name string,
) (all []message.DeviceID, err error) {
	customers, err := b.Holdings(ctx)
	for _, h := range customers {
		if h.Customer == name {
			all = append(all, h.Terminals...)
		}
	}
	slices.Sort(all)
	return all, err
}
