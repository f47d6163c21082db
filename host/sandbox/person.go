package sandbox

import (
	"context"
	"crypto/ecdsa"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"ekrona.example/apdu/message"
	"ekrona.example/apdu/money"
	"ekrona.example/host/banking"
	"ekrona.example/host/envelope"
	"ekrona.example/host/party"
	"ekrona.example/host/party/bank"
	"ekrona.example/host/party/phone"
	"ekrona.example/host/remote"
	"ekrona.example/host/wallet"
)

// Person is a customer with a phone, and one of the customer's cards.
type Person struct {
	*Holder
	Phone *wallet.Wallet // with the card; nil while the person has none
	// OutOfUse: the card was reported lost or has ended, as far as the phone knows.
	OutOfUse bool

	phone *phone.Phone
}

// ErrSeveralCards says that a person has more than one card in use.
var ErrSeveralCards = errors.New("has several cards")

// ErrNoneLost says that no card of a person was reported lost.
var ErrNoneLost = errors.New("has no card that was reported lost or replaced, so that none can end")

// Person starts the phone of a person, with one of the person's cards: that of the device id, or
// the only one in use when that is empty. A person without a card has a phone too. Errors:
// [ErrUnknown], [ErrSeveralCards].
func (s *Sandbox) Person(
	ctx context.Context, name string, device message.DeviceID,
) (*Person, error) {
	app, err := s.phone(ctx, name)
	if err != nil {
		return nil, err
	}
	cards, err := s.cardsOf(ctx, app, device)
	if err != nil {
		return nil, err
	}
	chosen, err := choose(name, cards, device)
	if errors.Is(err, ErrSeveralCards) { // one may have gone out of use meanwhile
		if cards, err = s.askBank(ctx, app); err == nil {
			chosen, err = choose(name, cards, device)
		}
	}
	if err != nil {
		return nil, err
	}
	return s.personWith(ctx, app, chosen)
}

// personWith returns the one person of an app and a card.
func (s *Sandbox) personWith(
	ctx context.Context, app *phone.Phone, chosen phone.Card,
) (*Person, error) {
	name := app.Settings.Owner
	for _, p := range s.people {
		if p.Name == name && p.has(chosen.Device) {
			return p, nil
		}
	}
	p, err := s.withCard(ctx, app, chosen)
	if err != nil {
		return nil, err
	}
	s.people = append(s.people, p)
	return p, nil
}

// Customer starts the phone of a person, without any card.
func (s *Sandbox) Customer(ctx context.Context, name string) (*Person, error) {
	app, err := s.phone(ctx, name)
	if err != nil {
		return nil, err
	}
	return s.withCard(ctx, app, phone.Card{})
}

// HandReceipt gives a Receipt to the phone of whoever paid with a card, if that person
// has one here.
func (s *Sandbox) HandReceipt(
	ctx context.Context, name string, payer message.DeviceID, receipt envelope.Envelope,
) error {
	phones, err := s.phones()
	if err != nil || phones[name] == "" {
		return err
	}
	p, err := s.Person(ctx, name, payer)
	if err != nil {
		return err
	}
	return p.Phone.TakeAnswer(ctx, receipt)
}

// HandProvenance has the payer's phone, if it is here, give a terminal what funded a paid sale.
func (s *Sandbox) HandProvenance(
	ctx context.Context, name string, payer message.DeviceID, m *Merchant, number uint32,
) error {
	phones, err := s.phones()
	if err != nil || phones[name] == "" {
		return err
	}
	p, err := s.Person(ctx, name, payer)
	if err != nil {
		return err
	}
	records, err := p.Phone.Provenance(ctx)
	if err != nil || len(records) == 0 {
		return err
	}
	return m.Terminal.TakeProvenance(ctx, number, records)
}

// has reports whether p is a person with that card; empty stands for none.
func (p *Person) has(device message.DeviceID) bool {
	return p.Phone == nil && device == "" || p.Phone != nil && p.Phone.Device() == device
}

// choose returns the card that is meant.
func choose(name string, cards []phone.Card, device message.DeviceID) (phone.Card, error) {
	var inUse []phone.Card
	for _, c := range cards {
		if c.Device == device {
			return c, nil
		}
		if !c.OutOfUse {
			inUse = append(inUse, c)
		}
	}
	switch {
	case device != "":
		return phone.Card{}, fmt.Errorf("%s has no card %s; there are: %s", name, device,
			idsOf(cards))
	case len(inUse) == 1:
		return inUse[0], nil
	case len(cards) > 1:
		return phone.Card{}, fmt.Errorf("%s %w: %s", name, ErrSeveralCards, idsOf(cards))
	case len(cards) == 1:
		return cards[0], nil
	}
	return phone.Card{}, nil
}

func idsOf(cards []phone.Card) string {
	ids := make([]string, len(cards))
	for n, c := range cards {
		ids[n] = string(c.Device)
	}
	return strings.Join(ids, " ")
}

// phoneNumber returns the number of an owner's phone by its folder, from 1.
func phoneNumber(folder string) int {
	_, number, later := strings.Cut(folder, ".")
	n, err := strconv.Atoi(number)
	if !later || err != nil {
		return 1
	}
	return n
}

func phoneFolder(owner string, number int) string {
	if number == 1 {
		return phonePrefix + owner
	}
	return fmt.Sprintf("%s%s.%d", phonePrefix, owner, number)
}

// phones returns the folders of the phones in use, by owner. No settings are read: a damaged phone
// is its owner's trouble only.
func (s *Sandbox) phones() (map[string]string, error) {
	names, err := s.names(phonePrefix)
	if err != nil {
		return nil, err
	}
	found := map[string]string{}
	for _, name := range names {
		folder := phonePrefix + name
		owner, _, _ := strings.Cut(name, ".")
		former, known := found[owner]
		if !known || phoneNumber(former) < phoneNumber(folder) {
			found[owner] = folder
		}
	}
	return found, nil
}

// phone starts the phone that an owner uses.
func (s *Sandbox) phone(ctx context.Context, name string) (*phone.Phone, error) {
	if p := s.opened[name]; p != nil {
		return p, nil
	}
	phones, err := s.phones()
	if err != nil {
		return nil, err
	}
	folder, known := phones[name]
	if !known {
		return nil, s.absent(phoneFolder(name, 1), party.Phone,
			unknown(name, slices.Sorted(maps.Keys(phones))))
	}
	p, err := phone.Open(ctx, s.path(folder), s.options.Environment)
	if err != nil {
		return nil, err
	}
	s.closers = append(s.closers, p.Close)
	if owner := p.Settings.Owner; owner != name {
		return nil, fmt.Errorf("sandbox: the phone in %s is %q's: move it back to its own folder",
			s.path(folder), owner)
	}
	s.opened[name] = p
	return p, nil
}

// cardsOf returns the cards that a phone knows. Where it knows none, or not the one that is wanted,
// the owner's bank is asked.
func (s *Sandbox) cardsOf(
	ctx context.Context, app *phone.Phone, wanted message.DeviceID,
) ([]phone.Card, error) {
	cards, err := app.Cards()
	isWanted := func(c phone.Card) bool { return wanted == "" || c.Device == wanted }
	if err != nil || slices.ContainsFunc(cards, isWanted) {
		return cards, err
	}
	return s.askBank(ctx, app)
}

// askBank returns the cards that a phone knows after asking its bank, if that can be reached.
func (s *Sandbox) askBank(ctx context.Context, app *phone.Phone) ([]phone.Card, error) {
	switch err := s.LearnCards(ctx, app.Settings.Owner); {
	case remote.IsPassing(err): // then it is what the phone knows
	case err != nil:
		return nil, err
	}
	return app.Cards()
}

// LearnCards has an owner's phone ask its bank for the owner's cards, and which of them
// are in use.
func (s *Sandbox) LearnCards(ctx context.Context, owner string) error {
	app, err := s.phone(ctx, owner)
	if err != nil {
		return err
	}
	account := app.Account(s.dialBank)
	cards, err := account.Cards(ctx, owner)
	if err != nil {
		return err
	}
	ca, err := account.Authority(ctx)
	if err != nil {
		return err
	}
	for _, c := range cards {
		if err := app.Learn(ctx, phoneCard(c, ca)); err != nil {
			return err
		}
	}
	return nil
}

func phoneCard(c banking.Card, ca []byte) phone.Card {
	d := c.Device
	return phone.Card{
		Device: d.ID, Certificate: d.Certificate, CA: ca, PINPoint: d.PINPoint,
		Ceilings: d.Ceilings, OutOfUse: !c.InUse,
	}
}

// withCard starts the app with one of its owner's cards, or with none.
func (s *Sandbox) withCard(ctx context.Context, app *phone.Phone, c phone.Card) (*Person, error) {
	holder, err := s.Holder(app.Settings.Owner)
	if err != nil {
		return nil, err
	}
	p := &Person{Holder: holder, OutOfUse: c.OutOfUse, phone: app}
	if c.Device == "" {
		return p, nil
	}
	p.Phone, err = app.Wallet(ctx, c, s.dialBank)
	return p, err
}

// BankOf starts the bank of a person.
func (s *Sandbox) BankOf(ctx context.Context, p *Person) (*bank.Bank, error) {
	return s.bankAt(ctx, p.phone.Path(p.phone.Settings.Intermediary))
}

// BankOfMerchant starts the bank of a merchant.
func (s *Sandbox) BankOfMerchant(ctx context.Context, m *Merchant) (*bank.Bank, error) {
	return s.bankAt(ctx, m.Terminal.Path(m.Terminal.Settings.Intermediary))
}

// ChangePhone gives a person another phone: with its own key, which the bank registers in place of
// the former one's, and with no data but the person's list of cards. The cards' pairs with the
// former one end with their next Instruction. The former phone need not be
// there: who is a customer is asked at the banks. A cut leaves the former phone in use, or the next
// one; the same call goes on. Errors: [ErrUnknown].
func (s *Sandbox) ChangePhone(
	ctx context.Context, name string,
) (cards []message.DeviceID, err error) {
	b, known, err := s.bankOfCustomer(ctx, name)
	if err != nil {
		return nil, err
	}
	phones, err := s.phones()
	if err != nil {
		return nil, err
	}
	next := 1
	if former, there := phones[name]; there {
		next = phoneNumber(former) + 1
	}
	settings := phone.Settings{Owner: name, Intermediary: filepath.Join("..", b.FolderName())}
	authorities, err := s.authorities(ctx)
	if err != nil {
		return nil, err
	}
	for {
		err = phone.Found(ctx, s.path(phoneFolder(name, next)), settings, authorities,
			func(app *ecdsa.PublicKey) error { return b.ReplaceApp(ctx, name, app) },
			s.options.Environment)
		if err == nil {
			break
		}
		if !errors.Is(err, banking.ErrTaken) { // else the folder is what is left of a former phone
			return nil, err
		}
		next++
	}
	for _, c := range known {
		// Where the notary cannot be asked, the pair ends when the next phone pairs.
		if err := b.Unpair(ctx, c.Device.ID); c.InUse && err != nil &&
			!errors.Is(err, remote.ErrUnreachable) {
			return nil, err
		}
	}
	delete(s.opened, name)
	s.people = slices.DeleteFunc(s.people, func(other *Person) bool { return other.Name == name })
	for _, c := range known {
		cards = append(cards, c.Device.ID)
	}
	return cards, s.LearnCards(ctx, name)
}

// bankOfCustomer asks the banks whose customer somebody is, and which cards that customer has. A
// bank that cannot be asked is an error only if no other one knows the customer.
func (s *Sandbox) bankOfCustomer(
	ctx context.Context, name string,
) (*bank.Bank, []banking.Card, error) {
	folders, damaged, err := s.bankFolders()
	if err != nil {
		return nil, nil, err
	}
	failed := []error{fmt.Errorf("sandbox: %q: %w: no bank has that customer", name, ErrUnknown)}
	failed = append(failed, damaged...)
	for _, folder := range folders {
		b, err := s.bankAt(ctx, s.path(folder))
		if err != nil {
			failed = append(failed, err)
			continue
		}
		switch cards, err := b.Cards(ctx, name); {
		case err == nil:
			return b, cards, nil
		case !errors.Is(err, banking.ErrNoCustomer):
			failed = append(failed, err)
		}
	}
	return nil, nil, errors.Join(failed...)
}

// Wallets returns what a person has online, and the shadow balance of the card.
func (s *Sandbox) Wallets(ctx context.Context, p *Person) (online, shadow money.Ore, err error) {
	account := p.phone.Account(s.dialBank)
	if online, err = account.OnlineBalance(ctx, p.Name); err != nil || p.Phone == nil {
		return online, 0, err
	}
	shadow, err = account.ShadowBalance(ctx, p.Phone.Device())
	return online, shadow, err
}

// BankName returns what a person's bank is called: by its own settings, where they are here, or
// else its address.
func (s *Sandbox) BankName(p *Person) string {
	settings, err := bank.ReadSettings(p.phone.Path(p.phone.Settings.Intermediary))
	if err != nil {
		return p.phone.Settings.Intermediary
	}
	return settings.Title
}
