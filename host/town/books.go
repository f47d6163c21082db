package town

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"

	"ekrona/apdu/message"
	"ekrona/apdu/money"
	"ekrona/host/audit"
	"ekrona/host/card"
	"ekrona/host/envelope"
	"ekrona/host/notary"
	"ekrona/host/session"
	"ekrona/host/store"
)

// Books are all wallets of a town at one moment, and what the auditor says.
type Books struct {
	People     []PersonBooks     `json:"people"`
	Shops      []ShopBooks       `json:"shops"`
	Settlement notary.Balances   `json:"settlement"`
	Checked    []Invariant       `json:"checked"`
	Violations []audit.Violation `json:"violations"`
}

// Invariant is one that was checked.
type Invariant struct {
	Number int    `json:"number"`
	Title  string `json:"title"`
}

// Online sums what the central bank holds for the banks.
func (b Books) Online() money.Ore { return sum(b.Settlement.Online) }

// Shadow sums the shadow wallets.
func (b Books) Shadow() money.Ore { return sum(b.Settlement.Shadow) }

func sum(accounts []notary.Account) (total money.Ore) {
	for _, a := range accounts {
		total += a.Balance
	}
	return total
}

// PersonBooks are a person's three wallets.
type PersonBooks struct {
	Name    string     `json:"name"`
	Bank    string     `json:"bank"`
	Online  money.Ore  `json:"online_ore"`
	Shadow  money.Ore  `json:"shadow_ore"`
	Offline *money.Ore `json:"offline_ore"` // what the card says; nil while it is not here to be asked
}

// ShopBooks are what a shop has.
type ShopBooks struct {
	Name   string    `json:"name"`
	Bank   string    `json:"bank"`
	Online money.Ore `json:"online_ore"`
	Taken  money.Ore `json:"taken_ore"` // all that the till ever accepted
}

// Wallets are what a person has online, and what of it is reserved for the card.
func (t *Town) Wallets(ctx context.Context, p *Person) (online, shadow money.Ore, err error) {
	if online, err = p.Bank.OnlineBalance(ctx, p.Name); err != nil {
		return 0, 0, err
	}
	b, err := t.CentralBank.Balances(ctx)
	for _, a := range b.Shadow {
		if a.Name == string(p.Phone.Device()) {
			shadow = a.Balance
		}
	}
	return online, shadow, err
}

// Books reads every wallet and has every invariant of the protocol checked that
// holds at every moment. With agreement set, also the one that holds when everyone
// has synchronised twice without faults.
//
// The cards are asked for their State directly, with a Challenge that the notary
// does not learn of: looking changes nothing. A card that is not in the town's
// folder and was not inserted is left out.
func (t *Town) Books(ctx context.Context, agreement bool) (Books, error) {
	b := Books{}
	honest := map[string]audit.Device{}
	var err error
	if b.Settlement, err = t.CentralBank.Balances(ctx); err != nil {
		return b, err
	}
	for _, p := range t.People {
		online, shadow, err := t.Wallets(ctx, p)
		if err != nil {
			return b, err
		}
		row := PersonBooks{Name: p.Name, Bank: p.Bank.Title, Online: online, Shadow: shadow}
		if p.Card.Here() {
			device, err := t.observeCard(ctx, p)
			if err != nil {
				return b, fmt.Errorf("%s's card: %w", p.Name, err)
			}
			honest[string(p.Phone.Device())] = device
			offline := device.State.Balance
			row.Offline = &offline
		}
		b.People = append(b.People, row)
	}
	for _, s := range t.Shops {
		device, err := t.observeTill(ctx, s)
		if err != nil {
			return b, fmt.Errorf("%s's till: %w", s.Name, err)
		}
		honest[string(s.Till.ID())] = device
		online, err := s.Bank.OnlineBalance(ctx, s.Name)
		if err != nil {
			return b, err
		}
		b.Shops = append(b.Shops, ShopBooks{s.Name, s.Bank.Title, online, device.State.Balance})
	}
	titles := audit.Titles()
	for _, number := range slices.Sorted(maps.Keys(titles)) {
		b.Checked = append(b.Checked, Invariant{number, titles[number]})
	}
	b.Violations, err = t.audit(ctx, honest, agreement)
	return b, err
}

func (t *Town) audit(ctx context.Context, honest map[string]audit.Device, agreement bool) ([]audit.Violation, error) {
	found, err := t.auditor.Check(ctx, store.Queryer(t.ledger), honest)
	if err != nil || !agreement {
		return found, err
	}
	more, err := t.auditor.Agreement(ctx, t.ledger, honest)
	return append(found, more...), err
}

// observeCard reads a person's card as it is.
func (t *Town) observeCard(ctx context.Context, p *Person) (audit.Device, error) {
	challenge, err := t.challenge(p.Bank, p.Phone.Device())
	if err != nil {
		return audit.Device{}, err
	}
	observer := p.Card.observe
	p.Card.observe = nil // looking is no part of the story
	defer func() { p.Card.observe = observer }()
	client := card.New(p.Card.Tap())
	if _, err := client.Select(ctx); err != nil {
		return audit.Device{}, err
	}
	state, err := client.GetState(ctx, challenge, p.Bank.instruction.Encoded)
	if err != nil {
		return audit.Device{}, err
	}
	records, err := client.Records(ctx)
	if err != nil {
		return audit.Device{}, err
	}
	return audit.Observed(session.Reading{State: state, Records: records})
}

func (t *Town) observeTill(ctx context.Context, s *Shop) (audit.Device, error) {
	challenge, err := t.challenge(s.Bank, s.Till.ID())
	if err != nil {
		return audit.Device{}, err
	}
	trust := session.Trust{InstructionKey: s.Bank.instruction.Encoded, Notary: t.notary.Encoded}
	reading, err := s.Till.Read(ctx, challenge, trust)
	if err != nil {
		return audit.Device{}, err
	}
	return audit.Observed(reading)
}

func (t *Town) challenge(b *Bank, id message.DeviceID) ([]byte, error) {
	c := &message.Challenge{InstructionKey: message.AuthorityRef(b.instruction.Certificate.Holder), Device: id}
	if _, err := io.ReadFull(t.random, c.Random[:]); err != nil {
		return nil, fmt.Errorf("the source of randomness failed: %w", err)
	}
	return envelope.Sign(c, b.instruction.Signer)
}
