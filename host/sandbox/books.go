package sandbox

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"ekrona/apdu/cvc"
	"ekrona/apdu/entropy"
	"ekrona/apdu/message"
	"ekrona/apdu/money"
	"ekrona/apdu/spec"
	client "ekrona/applet/client"
	"ekrona/host/audit"
	"ekrona/host/envelope"
	"ekrona/host/notary"
	"ekrona/host/party/bank"
	"ekrona/host/party/centralbank"
	"ekrona/host/session"
)

// Books are all wallets of a sandbox at one moment, and the auditor's findings.
type Books struct {
	People     []PersonBooks     `json:"people"`
	Merchants  []MerchantBooks   `json:"merchants"`
	Others     []notary.Account  `json:"others"` // shadow wallets of devices in nobody's row
	Settlement notary.Balances   `json:"settlement"`
	Checked    []Invariant       `json:"checked"`
	Violations []audit.Violation `json:"violations"`
}

// Invariant is one that was checked.
type Invariant struct {
	Number int    `json:"number"`
	Title  string `json:"title"`
}

// Online returns the sum of what the central bank holds for the banks.
func (b Books) Online() money.Ore { return sum(b.Settlement.Online) }

// Shadow returns the sum of the shadow wallets.
func (b Books) Shadow() money.Ore { return sum(b.Settlement.Shadow) }

func sum(accounts []notary.Account) (total money.Ore) {
	for _, a := range accounts {
		total += a.Balance
	}
	return total
}

// PersonBooks are a person's wallets.
type PersonBooks struct {
	Name   string      `json:"name"`
	Bank   string      `json:"bank"`
	Online money.Ore   `json:"online_ore"`
	Cards  []CardBooks `json:"cards"`
}

// CardBooks are one card, and the shadow wallet behind it.
type CardBooks struct {
	Device message.DeviceID `json:"device"`
	Shadow money.Ore        `json:"shadow_ore"`
	// Offline is the card's balance; nil while the card is not here.
	Offline *money.Ore `json:"offline_ore"`
}

// MerchantBooks are what a merchant has.
type MerchantBooks struct {
	Name   string           `json:"name"`
	Bank   string           `json:"bank"`
	Device message.DeviceID `json:"device"`
	Online money.Ore        `json:"online_ore"`
	Taken  money.Ore        `json:"taken_ore"` // all that the terminal ever accepted
}

// looking is a running Books.
type looking struct {
	*Sandbox
	books  Books
	honest map[string]audit.Device // as read from the devices that are here
	shadow map[string]money.Ore    // that are in no row yet
}

// Books reads every wallet and has every invariant of the protocol checked that holds
// at every moment. With agreement set, also the one that holds when everyone has
// synchronised twice without faults.
//
// The cards are asked for their State directly, with a Challenge that the notary does not learn of:
// reading the books changes nothing. A card that is not in the sandbox's folder and was not
// inserted is left out.
func (s *Sandbox) Books(ctx context.Context, agreement bool) (Books, error) {
	c, err := s.CentralBank(ctx)
	if err != nil {
		return Books{}, err
	}
	l := &looking{Sandbox: s, honest: map[string]audit.Device{}, shadow: map[string]money.Ore{}}
	if l.books.Settlement, err = c.Balances(ctx); err != nil {
		return Books{}, err
	}
	for _, a := range l.books.Settlement.Shadow {
		l.shadow[a.Name] = a.Balance
	}
	if err := l.atPeople(ctx); err != nil {
		return l.books, err
	}
	if err := l.atMerchants(ctx); err != nil {
		return l.books, err
	}
	l.books.Others = []notary.Account{}
	for _, a := range l.books.Settlement.Shadow {
		if balance, left := l.shadow[a.Name]; left && balance != 0 {
			l.books.Others = append(l.books.Others, a)
		}
	}
	titles := audit.Titles(agreement)
	for _, number := range slices.Sorted(maps.Keys(titles)) {
		l.books.Checked = append(l.books.Checked, Invariant{number, titles[number]})
	}
	l.books.Violations, err = audited(ctx, c, l.honest, agreement)
	return l.books, err
}

func audited(
	ctx context.Context, c *centralbank.CentralBank, honest map[string]audit.Device, agreement bool,
) ([]audit.Violation, error) {
	found, err := c.Auditor.Check(ctx, c.Ledger, honest)
	if err != nil || !agreement {
		return found, err
	}
	more, err := c.Auditor.Agreement(ctx, c.Ledger, honest)
	return append(found, more...), err
}

// atPeople reads the wallets of all persons, each with one row per card.
func (l *looking) atPeople(ctx context.Context) error {
	people, err := l.People(ctx)
	if err != nil {
		return err
	}
	for _, p := range people {
		if err := l.atPerson(ctx, p); err != nil {
			return fmt.Errorf("%s: %w", p.Name, err)
		}
	}
	return nil
}

func (l *looking) atPerson(ctx context.Context, p *Person) error {
	rows := &l.books.People
	if n := len(*rows); n == 0 || (*rows)[n-1].Name != p.Name {
		b, err := l.BankOf(ctx, p)
		if err != nil {
			return err
		}
		online, err := b.OnlineBalance(ctx, p.Name)
		if err != nil {
			return err
		}
		*rows = append(*rows, PersonBooks{
			Name: p.Name, Bank: b.Settings.Title, Online: online, Cards: []CardBooks{},
		})
	}
	if p.Phone == nil {
		return nil
	}
	row := &(*rows)[len(*rows)-1]
	device := p.Phone.Device()
	c := CardBooks{Device: device, Shadow: l.shadow[string(device)]}
	delete(l.shadow, string(device))
	if p.Card.MayBe(device) {
		switch observed, err := l.observeCard(ctx, p); {
		case client.Is(err, spec.SWAddressee): // it is another card of the same holder
		case err != nil:
			return fmt.Errorf("card %s: %w", device, err)
		default:
			l.honest[string(device)] = observed
			offline := observed.State.Balance
			c.Offline = &offline
		}
	}
	row.Cards = append(row.Cards, c)
	return nil
}

// atMerchants reads the terminals and the wallets of their owners.
func (l *looking) atMerchants(ctx context.Context) error {
	merchants, err := l.Merchants(ctx)
	if err != nil {
		return err
	}
	for _, m := range merchants {
		b, err := l.BankOfMerchant(ctx, m)
		if err != nil {
			return err
		}
		device, err := l.observeTerminal(ctx, m, b)
		if err != nil {
			return fmt.Errorf("%s's terminal: %w", m.Name, err)
		}
		l.honest[string(m.Terminal.ID())] = device
		delete(l.shadow, string(m.Terminal.ID()))
		online, err := b.OnlineBalance(ctx, m.Name)
		if err != nil {
			return err
		}
		l.books.Merchants = append(l.books.Merchants, MerchantBooks{
			m.Name, b.Settings.Title, m.Terminal.ID(), online, device.State.Balance,
		})
	}
	return nil
}

// observeCard reads a person's card without changing it.
func (s *Sandbox) observeCard(ctx context.Context, p *Person) (audit.Device, error) {
	b, err := s.BankOf(ctx, p)
	if err != nil {
		return audit.Device{}, err
	}
	observer := p.Card.observe
	p.Card.observe = nil // reading the books is not observed
	defer func() { p.Card.observe = observer }()
	applet := client.New(p.Card.Tap())
	fci, err := applet.Select(ctx)
	if err != nil {
		return audit.Device{}, err
	}
	challenge, err := s.challenge(b, p.Phone.Device(), fci.Nonce)
	if err != nil {
		return audit.Device{}, err
	}
	state, err := applet.GetState(ctx, challenge, b.InstructionCertificate)
	if err != nil {
		return audit.Device{}, err
	}
	records, err := applet.Records(ctx)
	if err != nil {
		return audit.Device{}, err
	}
	return audit.Observed(session.Reading{State: state, Records: records})
}

func (s *Sandbox) observeTerminal(
	ctx context.Context, m *Merchant, b *bank.Bank,
) (audit.Device, error) {
	challenge, err := s.challenge(b, m.Terminal.ID(), message.Nonce{})
	if err != nil {
		return audit.Device{}, err
	}
	trust := session.Trust{InstructionKey: b.InstructionCertificate, Notary: b.NotaryCertificate}
	reading, err := m.Terminal.Read(ctx, challenge, trust)
	if err != nil {
		return audit.Device{}, err
	}
	return audit.Observed(reading)
}

func (s *Sandbox) challenge(
	b *bank.Bank, id message.DeviceID, nonce message.Nonce,
) ([]byte, error) {
	key, err := cvc.Parse(b.InstructionCertificate)
	if err != nil {
		return nil, err
	}
	c := &message.Challenge{InstructionKey: message.AuthorityRef(key.Holder), Device: id,
		Nonce: nonce}
	if err := entropy.Fill(s.options.Random, c.Random[:]); err != nil {
		return nil, err
	}
	return envelope.Sign(c, b.InstructionKey)
}
