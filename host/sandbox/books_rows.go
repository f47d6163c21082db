package sandbox

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"ekrona.example/apdu/message"
	"ekrona.example/apdu/money"
	"ekrona.example/apdu/spec"
	client "ekrona.example/applet/client"
	"ekrona.example/host/intermediary"
	"ekrona.example/host/party/bank"
)

// account is a customer with the bank that keeps the online wallet; bank is nil while it cannot be
// started.
type account struct {
	intermediary.Holdings
	bank  *bank.Bank
	title string // of the bank, or its folder
}

// unknown notes why something is not known.
func (l *looking) unknown(what string, err error) {
	l.books.Unknown = append(l.books.Unknown, fmt.Sprintf("%s: %v", what, err))
}

// atEveryone makes a row for every customer: of the banks that can be asked, and whom phones and
// terminals show as one of the others'.
func (l *looking) atEveryone(ctx context.Context) error {
	accounts, err := l.accounts(ctx)
	if err != nil {
		return err
	}
	phones, err := l.phones()
	if err != nil {
		return err
	}
	terminals, err := l.merchantNames()
	if err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(phones)) {
		if !isOneOf(accounts, name) {
			accounts = append(accounts, l.byPhone(ctx, name))
		}
	}
	for _, name := range terminals {
		if !isOneOf(accounts, name) {
			accounts = append(accounts, l.byTerminal(ctx, name))
		}
	}
	slices.SortStableFunc(accounts, func(a, b account) int {
		return strings.Compare(a.Customer, b.Customer)
	})
	for _, a := range accounts {
		if len(a.Terminals) == 0 && phones[a.Customer] == "" {
			l.unknown(a.Customer, fmt.Errorf("%s is missing: restore it, or give %s another phone "+
				"with \"ekrona wallet new-phone %s\": the former one is refused for good",
				l.path(phoneFolder(a.Customer, 1)), a.Customer, a.Customer))
		}
		if err := l.atAccount(ctx, a); err != nil {
			return fmt.Errorf("%s: %w", a.Customer, err)
		}
	}
	return nil
}

func isOneOf(accounts []account, name string) bool {
	return slices.ContainsFunc(accounts, func(a account) bool { return a.Customer == name })
}

// tryBank starts a bank, at most once: one that another program has open is waited for once.
func (l *looking) tryBank(ctx context.Context, folder string) (*bank.Bank, error) {
	if err := l.failed[folder]; err != nil {
		return nil, err
	}
	b, err := l.bankAt(ctx, folder)
	l.failed[folder] = err
	return b, err
}

// accounts returns the customers of every bank that can be asked.
func (l *looking) accounts(ctx context.Context) (all []account, err error) {
	folders, damaged, err := l.bankFolders()
	if err != nil {
		return nil, err
	}
	for _, err := range damaged {
		l.unknown("a bank", err)
	}
	for _, folder := range folders {
		b, err := l.tryBank(ctx, l.path(folder))
		if err != nil {
			l.unknown(folder, err)
			continue
		}
		customers, err := b.Holdings(ctx)
		if err != nil {
			return nil, err
		}
		for _, h := range customers {
			all = append(all, account{h, b, b.Settings.Title})
		}
	}
	return all, nil
}

// byPhone returns what a phone knows of its owner, whose bank cannot be asked.
func (l *looking) byPhone(ctx context.Context, name string) account {
	a := account{Holdings: intermediary.Holdings{Customer: name}}
	app, err := l.phone(ctx, name)
	if err != nil {
		l.unknown(name, err)
		return a
	}
	a.title = filepath.Base(app.Settings.Intermediary)
	if _, err := l.tryBank(ctx, app.Path(app.Settings.Intermediary)); err != nil {
		l.unknown(name, err)
	}
	cards, err := app.Cards()
	if err != nil {
		l.unknown(name, err)
	}
	for _, c := range cards {
		a.Cards = append(a.Cards, c.Device)
	}
	return a
}

// byTerminal returns what a terminal knows of its merchant, whose bank cannot be asked.
func (l *looking) byTerminal(ctx context.Context, name string) account {
	a := account{Holdings: intermediary.Holdings{Customer: name, Terminals: []message.DeviceID{""}}}
	m, err := l.Merchant(ctx, name)
	if err != nil {
		l.unknown(name, err)
		return a
	}
	a.title, a.Terminals[0] = filepath.Base(m.Terminal.Settings.Intermediary), m.Terminal.ID()
	if _, err := l.tryBank(ctx, m.Terminal.Path(m.Terminal.Settings.Intermediary)); err != nil {
		l.unknown(name, err)
	}
	return a
}

// atAccount makes the rows of a customer.
func (l *looking) atAccount(ctx context.Context, a account) error {
	var online *money.Ore
	if a.bank != nil {
		balance, err := a.bank.OnlineBalance(ctx, a.Customer)
		if err != nil {
			return err
		}
		online = &balance
	}
	for n, id := range a.Terminals {
		row := MerchantBooks{Name: a.Customer, Bank: a.title, Device: id, Online: online}
		if n < len(a.Terminals)-1 { // it was replaced
			row.Online = new(money.Ore)
		}
		delete(l.shadow, string(id))
		l.readTerminal(ctx, a, &row)
		l.books.Merchants = append(l.books.Merchants, row)
	}
	if len(a.Terminals) > 0 && len(a.Cards) == 0 {
		return nil
	}
	row := PersonBooks{Name: a.Customer, Bank: a.title, Online: online, Cards: []CardBooks{}}
	for _, id := range a.Cards {
		c := CardBooks{Device: id, Shadow: l.shadow[string(id)]}
		delete(l.shadow, string(id))
		var err error
		if c.Status, err = l.statusOf(ctx, id); err != nil {
			return err
		}
		l.readCard(ctx, a, &c)
		row.Cards = append(row.Cards, c)
	}
	l.books.People = append(l.books.People, row)
	return nil
}

// readTerminal reads what a terminal has taken. A Challenge for it needs its bank.
func (l *looking) readTerminal(ctx context.Context, a account, row *MerchantBooks) {
	if a.bank == nil {
		return
	}
	m, err := l.MerchantTerminal(ctx, a.Customer, row.Device)
	if errors.Is(err, errNoTerminal) { // it was replaced, and is gone
		return
	}
	if err != nil {
		l.unknown(a.Customer, err)
		return
	}
	device, err := l.observeTerminal(ctx, m, a.bank)
	if err != nil {
		l.unknown(fmt.Sprintf("%s's terminal", a.Customer), err)
		return
	}
	isAccount, err := l.isAccount(ctx, m)
	if err != nil {
		l.unknown(fmt.Sprintf("%s's terminal", a.Customer), err)
		return
	}
	if isAccount {
		l.honest[string(row.Device)] = device
	}
	row.Taken = &device.State.Balance
}

// isAccount reports whether a terminal's journal is an account of all that it ever took. That of
// one that was restored from a copy and went on is none.
func (l *looking) isAccount(ctx context.Context, m *Merchant) (bool, error) {
	setBack, err := m.Terminal.IsSetBack(ctx)
	if err != nil || setBack {
		return false, err
	}
	c, err := l.CentralBank(ctx)
	if err != nil {
		return false, err
	}
	clones, err := c.Auditor.Clones(ctx, c.Ledger)
	return !slices.Contains(clones, string(m.Terminal.ID())), err
}

// readCard reads a card that is here. A Challenge for it needs its bank.
func (l *looking) readCard(ctx context.Context, a account, c *CardBooks) {
	h, err := l.Holder(a.Customer)
	if err != nil {
		c.Unread = true
		l.unknown(a.Customer, err)
		return
	}
	if !h.Card.MayBe(c.Device) {
		return
	}
	if a.bank == nil {
		c.Unread = true
		return
	}
	switch observed, err := l.observeCard(ctx, h, a.bank, c.Device); {
	case client.Is(err, spec.SWAddressee): // it is another card of the same holder
	case err != nil:
		c.Unread = true
		l.unknown(fmt.Sprintf("%s's card %s", a.Customer, c.Device), err)
	default:
		l.honest[string(c.Device)] = observed
		c.Offline = &observed.State.Balance
	}
}
