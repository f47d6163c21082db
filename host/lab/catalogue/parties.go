package catalogue

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"ekrona.example/apdu/cvc"
	"ekrona.example/apdu/message"
	"ekrona.example/apdu/money"
	"ekrona.example/apdu/spec"
	"ekrona.example/emulator/card"
	hostattack "ekrona.example/host/attack"
	"ekrona.example/host/banking"
	"ekrona.example/host/clock"
	"ekrona.example/host/durable"
	"ekrona.example/host/envelope"
	"ekrona.example/host/notary"
	"ekrona.example/host/party"
	"ekrona.example/host/party/bank"
	"ekrona.example/host/party/centralbank"
	"ekrona.example/host/sandbox"
	"ekrona.example/host/terminal"
	"ekrona.example/host/wallet"
	"ekrona.example/personalization/pki"
	"ekrona.example/personalization/pki/keys"
)

// scheme is a whole scheme in a folder, in which something was paid: made once, and copied for each
// attack on its parties.
type scheme struct {
	seed  string
	made  sync.Once
	err   error
	base  string // folder of everything here
	setup hostattack.Setup
	next  int // number of the next copy
	lock  sync.Mutex
}

// noon is when everything happens. A day that ended meanwhile would be another for Instructions.
var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// The people: anna is a customer of the attacker's bank, cecilia of another.
const (
	anna    = "anna"
	cecilia = "cecilia"
	cafe    = "cafe"
)

func (s *scheme) options() sandbox.Options {
	return sandbox.Options{Environment: party.Environment{Clock: &clock.Manual{At: noon},
		Random: s.random()}}
}

// random is the source of the parties' keys and random numbers.
func (s *scheme) random() io.Reader {
	if s.seed == "" {
		return rand.Reader
	}
	return card.SeededRandom(s.seed + " parties")
}

// close removes the folder.
func (s *scheme) close() error {
	if s.base == "" {
		return nil
	}
	return os.RemoveAll(s.base)
}

// copied is a copy of the scheme for one attack. The caller closes it.
func (s *scheme) copied(ctx context.Context) (*opened, error) {
	s.made.Do(func() { s.err = s.make(ctx) })
	if s.err != nil {
		return nil, s.err
	}
	s.lock.Lock()
	s.next++
	folder := filepath.Join(s.base, fmt.Sprintf("copy-%d", s.next))
	s.lock.Unlock()
	if err := copyFolder(filepath.Join(s.base, firstFolder), folder); err != nil {
		return nil, err
	}
	o, err := s.open(ctx, folder)
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(folder))
	}
	setup := s.setup
	o.setup = &setup
	o.setup.InstructionKey = o.own.InstructionKey
	return o, nil
}

// firstFolder is the scheme that copies are made of.
const firstFolder = "first"

// copyFolder copies files that only their owner may read.
func copyFolder(from, to string) error {
	return filepath.WalkDir(from, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		if entry.IsDir() {
			return os.MkdirAll(filepath.Join(to, name), 0o700)
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(to, name), content, durable.OwnerOnly)
	})
}

// opened is an open copy.
type opened struct {
	folder  string
	box     *sandbox.Sandbox
	central *centralbank.CentralBank
	own     *bank.Bank // the attacker's
	people  map[string]*sandbox.Person
	cafe    *sandbox.Merchant
	setup   *hostattack.Setup
}

func (s *scheme) open(ctx context.Context, folder string) (o *opened, err error) {
	o = &opened{folder: folder, people: map[string]*sandbox.Person{}}
	if o.box, err = sandbox.Open(folder, s.options()); err != nil {
		return nil, err
	}
	return o, errors.Join(err, o.start(ctx))
}

// start starts the parties.
func (o *opened) start(ctx context.Context) (err error) {
	defer func() {
		if err != nil {
			err = errors.Join(err, o.box.Close())
		}
	}()
	if o.central, err = o.box.CentralBank(ctx); err != nil {
		return err
	}
	if o.own, err = o.box.Bank(ctx, string(sandbox.Nordic)); err != nil {
		return err
	}
	if o.cafe, err = o.box.Merchant(ctx, cafe); err != nil {
		return err
	}
	for _, name := range []string{anna, cecilia} {
		if o.people[name], err = o.box.Person(ctx, name, ""); err != nil {
			return err
		}
	}
	return nil
}

// close ends the parties and removes the copy.
func (o *opened) close() error { return errors.Join(o.box.Close(), os.RemoveAll(o.folder)) }

// tap holds a person's card to a reader.
func (o *opened) tap(name string) (wallet.Tap, error) {
	p := o.people[name]
	entered, err := p.Letter.Block()
	return wallet.Tap{Card: p.Card.Tap(), PIN: entered}, err
}

// services are the parties as the attacker reaches them.
func (o *opened) services() hostattack.Services {
	return hostattack.Services{
		Notary: o.central.For(sandbox.Nordic), Operator: o.central,
		Balances: func(ctx context.Context) (notary.Balances, error) {
			return notary.AllBalances(ctx, o.central)
		},
		Intermediary: o.own, Phone: o.people[cecilia].Phone, Terminal: o.cafe.Terminal,
	}
}

// audit reports which promise of the protocol does not hold any more.
func (o *opened) audit(ctx context.Context) error {
	books, err := o.box.Books(ctx, false)
	if err != nil {
		return err
	}
	var broken []error
	for _, v := range books.Violations {
		broken = append(broken, fmt.Errorf("a promise is broken: %v", v))
	}
	return errors.Join(broken...)
}

// make founds the scheme, and has something paid.
func (s *scheme) make(ctx context.Context) (err error) {
	if s.base, err = os.MkdirTemp("", "ekrona-attack-"); err != nil {
		return err
	}
	folder := filepath.Join(s.base, firstFolder)
	box, err := sandbox.Found(ctx, folder, sandbox.Pilot(), s.options())
	if err != nil {
		return err
	}
	o := &opened{folder: folder, box: box, people: map[string]*sandbox.Person{}}
	if err := o.start(ctx); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, box.Close()) }()
	m := &making{ctx: ctx, opened: o, random: s.random(),
		keys: pki.Open(filepath.Join(s.base, "attacker"), s.random())}
	m.pay()
	m.certify()
	m.lookUp()
	s.setup = m.known
	return m.failed
}

// making makes what the attacker knows. It keeps the first error, after which nothing more is done.
type making struct {
	*opened
	ctx    context.Context // of the one making
	random io.Reader
	keys   pki.Folder // of the attacker's own certificates
	known  hostattack.Setup
	failed error
}

// do does something unless something has failed.
func (m *making) do(what string, f func() error) {
	if m.failed == nil {
		if err := f(); err != nil {
			m.failed = fmt.Errorf("the scheme to attack, %s: %w", what, err)
		}
	}
}

// withTap does something with a person's card.
func (m *making) withTap(what, who string, f func(tap wallet.Tap) error) {
	m.do(what, func() error {
		tap, err := m.tap(who)
		if err != nil {
			return err
		}
		return f(tap)
	})
}

// pay has anna pay cecilia, who asks for more and refuses something.
func (m *making) pay() {
	payer, payee := m.people[anna], m.people[cecilia]
	var asked, payment, open envelope.Envelope
	m.withTap("load", anna, func(tap wallet.Tap) error {
		_, err := payer.Phone.Load(m.ctx, tap, 200*money.Krona)
		return err
	})
	m.withTap("request", cecilia, func(tap wallet.Tap) (err error) {
		asked, err = payee.Phone.Request(m.ctx, tap, 30*money.Krona, "")
		return err
	})
	m.withTap("payment", anna, func(tap wallet.Tap) (err error) {
		payment, err = payer.Phone.Pay(m.ctx, tap, asked)
		return err
	})
	m.withTap("receipt", cecilia, func(tap wallet.Tap) error {
		accepted, err := payee.Phone.Accept(m.ctx, tap, payment)
		return errors.Join(err, parse(accepted.Message, &m.known.Receipt),
			parse(payment.Message, &m.known.Payment))
	})
	m.withTap("second request", cecilia, func(tap wallet.Tap) (err error) {
		open, err = payee.Phone.Request(m.ctx, tap, 20*money.Krona, "")
		return errors.Join(err, parse(open.Message, &m.known.Request))
	})
	m.withTap("third request", cecilia, func(tap wallet.Tap) (err error) {
		asked, err = payee.Phone.Request(m.ctx, tap, 10*money.Krona, "")
		return err
	})
	m.withTap("refusal", cecilia, func(tap wallet.Tap) (err error) {
		m.known.Refusal, err = payee.Phone.Refuse(m.ctx, tap, asked)
		return err
	})
	m.withTap("sale", anna, func(tap wallet.Tap) error {
		sale, err := m.cafe.Terminal.Ask(m.ctx, 45*money.Krona)
		if err != nil {
			return err
		}
		m.known.Sale, err = payer.Phone.Pay(m.ctx, tap, sale.Request)
		return err
	})
	m.known.Message, m.known.Asked = payment.Message, 1
}

// parse decodes a message.
func parse[M any, P interface {
	*M
	message.Message
}](encoded []byte, into *P) (err error) {
	*into, err = message.Parse[M, P](encoded)
	return err
}

// subject is a device of the attacker's bank.
func subject(holder string, role spec.Role) pki.Subject {
	today := message.DateOf(noon)
	return pki.Subject{Holder: cvc.Holder(holder), Role: role, Effective: today,
		Expiry: today.AddDays(365)}
}

// certify makes what a stolen CA key certifies, and registers a terminal whose key is stolen.
func (m *making) certify() {
	k := &m.known
	var ca pki.Identity
	m.do("the CA", func() (err error) {
		ca, err = m.own.CA(m.ctx)
		return err
	})
	certified := func(label, holder string, role spec.Role) (made pki.Identity) {
		m.do(label, func() (err error) {
			made, err = m.keys.Certified(label, subject(holder, role), ca)
			return err
		})
		return made
	}
	k.Device = m.people[anna].Phone.Device()
	stolen := certified("stolen", "SENORDICTILL0009", spec.RoleTerminal)
	unregistered := certified("unregistered", "SENORDIC000000C9", spec.RoleCard)
	k.TerminalCertificate = certified("terminal", "SENORDICTILL0008", spec.RoleTerminal).Encoded
	k.SecondKey = certified("second-key", string(k.Device), spec.RoleCard).Encoded
	m.do("stolen terminal", func() error {
		k.Stolen, k.DeviceKey, k.Number = stolen.Certificate.Device(), stolen.Signer, 1
		return m.own.AddDevice(m.ctx, banking.Device{ID: k.Stolen, Customer: anna,
			Certificate: stolen.Encoded, Policy: terminal.PilotPolicy()})
	})
	m.do("registrations", func() error {
		device, err := m.own.Device(m.ctx, k.Device)
		k.Registered = notary.Registration{Certificate: device.Certificate,
			Owner: device.Customer, Ceilings: device.Ceilings, Slots: device.Slots}
		k.Card = k.Registered
		k.Card.Certificate = unregistered.Encoded
		return err
	})
	m.do("close the CA", func() error {
		k.CA = ca.Encoded
		return ca.Close()
	})
	for range 2 { // the former phone, and the present one
		m.do("phone", func() error {
			key, err := keys.Generate(m.random)
			if err != nil {
				return err
			}
			k.FormerApp, k.App = k.App, key
			return m.own.ReplaceApp(m.ctx, anna, &key.PublicKey)
		})
	}
}

// lookUp notes what the attacker's bank knows.
func (m *making) lookUp() {
	k := &m.known
	other := m.people[cecilia].Phone
	m.do("the other bank", func() error {
		foreign, err := m.box.Bank(m.ctx, string(sandbox.Fjord))
		if err != nil {
			return err
		}
		device, err := foreign.Device(m.ctx, other.Device())
		if err != nil {
			return err
		}
		instruction, err := cvc.Parse(foreign.InstructionCertificate)
		if err != nil {
			return err
		}
		k.ForeignDevice, k.ForeignCertificate = device.ID, device.Certificate
		k.ForeignKey = message.AuthorityRef(instruction.Holder)
		k.Certificate = device.Certificate
		k.Authority, err = foreign.CACertificate()
		return err
	})
	m.do("the notary's word", func() error {
		owed, err := m.central.For(sandbox.Nordic).Outstanding(m.ctx, k.Device)
		if err != nil {
			return err
		}
		own, err := cvc.Parse(m.own.InstructionCertificate)
		if err != nil {
			return err
		}
		notaries, err := cvc.Parse(m.central.Certificate)
		if err != nil {
			return err
		}
		device, err := m.own.Device(m.ctx, k.Device)
		k.Next = message.Instruction{
			InstructionKey: message.AuthorityRef(own.Holder),
			Notary:         message.AuthorityRef(notaries.Holder), Device: k.Device,
			Sequence: owed.NextSeq, AckedATC: owed.HeldATC, Head: owed.HeldHead,
			Policy: device.Policy, Date: message.DateOf(noon), OrderNumber: owed.LowestOrder,
			Group: owed.Group,
		}
		k.Used, k.ATC = owed.NextSeq-1, k.Payment.ATC
		return err
	})
	m.do("books", func() error {
		books, err := notary.AllBalances(m.ctx, m.central)
		k.Issued = books.Issued
		for _, account := range books.Online {
			if account.Name == string(sandbox.Nordic) {
				k.Holding = account.Balance
			}
		}
		return err
	})
	k.InstructionCertificate = m.own.InstructionCertificate
	k.Amount, k.Order, k.Random = money.Krona, "the attacker's", m.random
	k.Ceilings = message.DefaultCeilings()
}

// partyEntry is an attack on the parties.
func partyEntry(a hostattack.Attack) Entry {
	e := Entry{Target: Parties, Name: a.Name, Threat: a.Threat, Defence: a.Defence,
		Clause: a.Clause, Ways: []string{}}
	for _, way := range a.Ways {
		if way.Name != "" {
			e.Ways = append(e.Ways, way.Name)
		}
	}
	e.play = func(ctx context.Context, w *worker) Result {
		r := w.withParties(ctx, e, func(o *opened) error {
			return a.CheckControl(ctx, o.services(), o.setup)
		}, func(o *opened) error {
			return errors.Join(a.Run(ctx, o.services(), o.setup), o.audit(ctx))
		})
		if r.Verdict == Refused && len(a.Answers) == 1 && a.MaySucceed() {
			return e.result(Elsewhere, "it is permitted: "+a.Defence)
		}
		return r
	}
	return e
}

// withParties plays a control and an attack, each on a copy of the scheme.
func (w *worker) withParties(
	ctx context.Context, e Entry, control, made func(o *opened) error,
) Result {
	if w.plan.Found != nil || w.plan.CardsOnly {
		return e.result(NotApplicable, "it is on this program's parties, and not on a card")
	}
	if err := w.onCopy(ctx, control); err != nil {
		return e.broken("the control, which must succeed", err)
	}
	if err := w.onCopy(ctx, made); err != nil {
		return e.notRefused([]error{err})
	}
	return e.result(Refused, "")
}

// onCopy does something on a copy of the scheme.
func (w *worker) onCopy(ctx context.Context, do func(o *opened) error) error {
	o, err := w.scheme.copied(ctx)
	if err != nil {
		return err
	}
	return errors.Join(do(o), o.close())
}
