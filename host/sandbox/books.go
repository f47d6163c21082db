package sandbox

import (
	"context"
	"maps"
	"slices"

	"ekrona.example/apdu/cvc"
	"ekrona.example/apdu/entropy"
	"ekrona.example/apdu/message"
	"ekrona.example/apdu/money"
	client "ekrona.example/applet/client"
	"ekrona.example/host/audit"
	"ekrona.example/host/envelope"
	"ekrona.example/host/notary"
	"ekrona.example/host/party/bank"
	"ekrona.example/host/party/centralbank"
	"ekrona.example/host/session"
)

// Books are all wallets of a sandbox at one moment, and the auditor's findings.
type Books struct {
	People     []PersonBooks     `json:"people"`
	Merchants  []MerchantBooks   `json:"merchants"`
	Others     []notary.Account  `json:"others"` // shadow wallets of devices in nobody's row
	Settlement notary.Balances   `json:"settlement"`
	Unknown    []string          `json:"unknown"`             // what could not be read, and why
	Unfounded  bool              `json:"unfounded,omitempty"` // the founding has not ended
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
	Online *money.Ore  `json:"online_ore"` // nil while it is not known
	Cards  []CardBooks `json:"cards"`
}

// CardBooks are one card, and the shadow wallet behind it.
type CardBooks struct {
	Device message.DeviceID `json:"device"`
	Shadow money.Ore        `json:"shadow_ore"`
	// Offline is the card's balance; nil while the card is not here, or could not be read.
	Offline *money.Ore `json:"offline_ore"`
	// Unread says that the card is here and could not be read.
	Unread bool `json:"unread,omitempty"`
	// Status is that at the notary; a card that was replaced is a reported one.
	Status string `json:"status"`
}

// MerchantBooks are what a merchant has, by one of its terminals. Where there are several, Online
// is in the row of the one in use.
type MerchantBooks struct {
	Name   string           `json:"name"`
	Bank   string           `json:"bank"`
	Device message.DeviceID `json:"device"`
	Online *money.Ore       `json:"online_ore"` // nil while it is not known
	Taken  *money.Ore       `json:"taken_ore"`  // all that the terminal ever accepted; as Online
}

// looking is a running Books.
type looking struct {
	*Sandbox
	books  Books
	honest map[string]audit.Device // as read from the devices that are here
	shadow map[string]money.Ore    // that are in no row yet
	failed map[string]error        // why banks could not be started, by folder
}

// Books reads every wallet and has every invariant of the protocol checked that holds
// at every moment. With agreement set, also the one that holds when everyone has
// synchronised twice without faults.
//
// Only the central bank is needed. What a party that is gone, damaged or in use by another program
// would say is not known, and Unknown says why.
//
// The cards are asked for their State directly, with a Challenge that the notary does not learn of:
// reading the books changes nothing. A card that is not in the sandbox's folder and was not
// inserted is left out. Errors: [ErrFounding].
func (s *Sandbox) Books(ctx context.Context, agreement bool) (Books, error) {
	l := &looking{Sandbox: s, honest: map[string]audit.Device{}, shadow: map[string]money.Ore{},
		failed: map[string]error{}}
	l.books.Unknown = []string{}
	ended, err := s.FoundingEnded()
	if err != nil {
		return l.books, err
	}
	l.books.Unfounded = !ended
	c, err := s.CentralBank(ctx)
	if err != nil {
		return Books{}, err
	}
	if l.books.Settlement, err = notary.AllBalances(ctx, c); err != nil {
		return Books{}, err
	}
	for _, a := range l.books.Settlement.Shadow {
		l.shadow[a.Name] = a.Balance
	}
	if err := l.atEveryone(ctx); err != nil {
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
	if err != nil {
		return found, err
	}
	rows, err := c.Auditor.Rows(ctx, c.Ledger)
	if found = append(found, rows...); err != nil || !agreement {
		return found, err
	}
	more, err := c.Auditor.Agreement(ctx, c.Ledger, honest)
	return append(found, more...), err
}

// observeCard reads a holder's card without changing it.
func (s *Sandbox) observeCard(
	ctx context.Context, h *Holder, b *bank.Bank, id message.DeviceID,
) (audit.Device, error) {
	observer := h.Card.observe
	h.Card.observe = nil // reading the books is not observed
	defer func() { h.Card.observe = observer }()
	applet := client.New(h.Card.Tap())
	fci, err := applet.Select(ctx)
	if err != nil {
		return audit.Device{}, err
	}
	challenge, err := s.challenge(b, id, fci.Nonce)
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
	// It may not have met its bank since a rollover.
	trust := session.Trust{InstructionKey: b.InstructionCertificate, Notary: b.NotaryCertificate,
		Links: b.Links()}
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
