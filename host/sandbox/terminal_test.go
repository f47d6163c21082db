package sandbox

import (
	"crypto/ecdsa"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ekrona.example/apdu/money"
	"ekrona.example/apdu/signature"
	"ekrona.example/apdu/spec"
	"ekrona.example/host/banking"
	"ekrona.example/host/clock"
	"ekrona.example/host/limit"
	"ekrona.example/host/order"
	"ekrona.example/host/party"
	"ekrona.example/host/terminal"
)

// merchantDay is a founded sandbox, a day of its cafe, and anna with 200 kr on her card.
type merchantDay struct {
	t    *testing.T
	root string
	*Sandbox
}

// open starts a sandbox at a time of its own; every start draws other random numbers.
func (s *merchantDay) open(at time.Duration) {
	s.t.Helper()
	opened, err := Open(s.root, Options{Environment: party.Environment{
		Clock: clock.Fixed(time.Date(2026, 3, 2, 13, 0, 0, 0, time.UTC).Add(at)),
	}})
	require.NoError(s.t, err)
	s.Sandbox = opened
}

func newMerchantDay(t *testing.T) *merchantDay {
	t.Helper()
	s := &merchantDay{t: t, root: t.TempDir()}
	founded := found(t, s.root)
	anna, err := founded.Person(t.Context(), "anna", "")
	require.NoError(t, err)
	_, err = anna.Phone.Load(t.Context(), tap(t, anna.Holder), 200*money.Krona)
	require.NoError(t, err)
	require.NoError(t, founded.Close())
	return s
}

// sell sells something to anna at the cafe; the Receipt goes to her phone, or is left behind.
func (s *merchantDay) sell(amount money.Ore, handed bool) error {
	s.t.Helper()
	m, err := s.Merchant(s.t.Context(), "cafe")
	require.NoError(s.t, err)
	sale, err := m.Terminal.Ask(s.t.Context(), amount)
	if err != nil {
		return err
	}
	anna, err := s.Holder("anna")
	require.NoError(s.t, err)
	held := tap(s.t, anna)
	receipt, err := m.Terminal.Take(s.t.Context(), sale.Number, held.Card, held.PIN)
	if err != nil || !handed {
		return err
	}
	payment, err := m.Terminal.Paid(s.t.Context(), sale.Number)
	require.NoError(s.t, err)
	require.NoError(s.t, s.HandReceipt(s.t.Context(), "anna", payment.Payer, receipt))
	return nil
}

// tear has anna's card torn away when it has paid.
func (s *merchantDay) tear(amount money.Ore) {
	s.t.Helper()
	anna, err := s.Holder("anna")
	require.NoError(s.t, err)
	anna.Card.WithdrawAfter(spec.Pay.INS)
	var torn *terminal.TornTap
	err = s.sell(amount, false)
	if !errors.As(err, &torn) { // the first PAY at a merchant of another bank is refused
		require.Error(s.t, err)
		s.tear(amount)
	}
}

func (s *merchantDay) syncTerminal() error {
	s.t.Helper()
	m, err := s.Merchant(s.t.Context(), "cafe")
	require.NoError(s.t, err)
	_, err = m.Terminal.Synchronise(s.t.Context())
	return err
}

func (s *merchantDay) syncAnna() {
	s.t.Helper()
	anna, err := s.Person(s.t.Context(), "anna", "")
	require.NoError(s.t, err)
	_, err = anna.Phone.Synchronise(s.t.Context(), tap(s.t, anna.Holder))
	require.NoError(s.t, err)
}

// checkMoney requires that every invariant holds, and that what anna has not, the cafe has.
func (s *merchantDay) checkMoney() {
	s.t.Helper()
	books, err := s.Books(s.t.Context(), false)
	require.NoError(s.t, err)
	require.Empty(s.t, books.Violations)
	var total money.Ore
	for _, p := range books.People {
		if p.Name == "anna" {
			total += *p.Online + *p.Cards[0].Offline
		}
	}
	for _, m := range books.Merchants {
		total += *m.Online
	}
	require.Equal(s.t, 1000*money.Krona, total, "no money is lost, none is made")
}

// TestTerminalRestoredFromAnyCopySellsAgain takes a copy of the terminal's folder after each step
// of a day and, when the day is over, goes on from each of them with one sale, online and offline.
// Either the journal heals, or the terminal says that it was set back or has ended, and the one
// that replaces it sells. The money agrees in the end.
func TestTerminalRestoredFromAnyCopySellsAgain(t *testing.T) {
	s := newMerchantDay(t)
	steps := []struct {
		name string
		do   func()
	}{
		{"founded", func() {}},
		{"sold", func() { require.NoError(t, s.sell(10*money.Krona, true)) }},
		{"synchronised", func() { require.NoError(t, s.syncTerminal()) }},
		{"sold without a phone", func() { require.NoError(t, s.sell(20*money.Krona, false)) }},
		{"torn", func() { s.tear(5 * money.Krona) }},
		{"payer synchronised", s.syncAnna},
		{"synchronised again", func() { require.NoError(t, s.syncTerminal()) }},
		{"sold offline", func() { require.NoError(t, s.sell(7*money.Krona, false)) }},
		{"sold offline with a phone", func() { require.NoError(t, s.sell(3*money.Krona, true)) }},
	}
	copies := t.TempDir()
	for n, step := range steps {
		s.open(time.Duration(n) * time.Minute)
		step.do()
		require.NoError(t, s.Close())
		moved(t, filepath.Join(s.root, "terminal-cafe"), filepath.Join(copies, step.name))
	}
	for _, step := range steps {
		for _, online := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, online %v", step.name, online), func(t *testing.T) {
				later := &merchantDay{t: t, root: filepath.Join(t.TempDir(), "scheme")}
				moved(t, s.root, later.root)
				require.NoError(t, os.RemoveAll(filepath.Join(later.root, "terminal-cafe")))
				moved(t, filepath.Join(copies, step.name),
					filepath.Join(later.root, "terminal-cafe"))
				later.goOn(online)
			})
		}
	}
}

// goOn sells once with a restored terminal, has everybody synchronise, and replaces the terminal
// when it says so.
func (s *merchantDay) goOn(online bool) {
	s.t.Helper()
	away := filepath.Join(s.t.TempDir(), "away")
	if !online {
		require.NoError(s.t, os.Rename(filepath.Join(s.root, "fjord-bank"), away))
	}
	s.open(time.Hour)
	require.NoError(s.t, s.sell(money.Krona, true), "the first sale after the restore")
	require.NoError(s.t, s.Close())
	if !online {
		require.NoError(s.t, os.Rename(away, filepath.Join(s.root, "fjord-bank")))
	}
	s.open(2 * time.Hour)
	s.syncAnna()
	err := s.syncTerminal()
	if err == nil {
		s.syncAnna()
		err = s.sell(money.Krona, true)
	}
	if err != nil {
		s.t.Logf("replaced: %v", err)
		require.True(s.t, errors.Is(err, terminal.ErrRolledBack) ||
			errors.Is(err, terminal.ErrEnded) || errors.Is(err, terminal.ErrBlocked), "%v", err)
		require.NoError(s.t, s.Close())
		s.open(3 * time.Hour)
		_, _, err := s.ReplaceTerminal(s.t.Context(), "cafe", "")
		require.NoError(s.t, err)
		require.NoError(s.t, s.sell(money.Krona, true))
	}
	for range 2 {
		require.NoError(s.t, s.syncTerminal())
		s.syncAnna()
	}
	s.checkMoney()
	require.NoError(s.t, s.Close())
}

// TestTerminalIsReplacedOnceAndHandsOverLater: replacing is repeated after a cut, and what a lost
// terminal had taken comes when it is found.
func TestTerminalIsReplacedOnceAndHandsOverLater(t *testing.T) {
	s := newMerchantDay(t)
	s.open(0)
	require.NoError(t, s.sell(10*money.Krona, false))
	m, err := s.Merchant(t.Context(), "cafe")
	require.NoError(t, err)
	first := m.Terminal.ID()
	require.NoError(t, s.Close())
	lost := filepath.Join(t.TempDir(), "lost")
	former := filepath.Join(s.root, "terminal-cafe")
	require.NoError(t, os.Rename(former, lost))

	s.open(time.Minute)
	_, _, err = s.ReplaceTerminal(t.Context(), "nobody", "")
	require.ErrorIs(t, err, ErrUnknown)
	gone, second, err := s.ReplaceTerminal(t.Context(), "cafe", "")
	require.NoError(t, err)
	require.Error(t, gone.Missing)
	require.NotEqual(t, first, second)
	require.NoError(t, s.Close())
	// As if power had been cut before the last step.
	settings := filepath.Join(s.root, "terminal-cafe."+string(second), party.SettingsFile)
	require.NoError(t, os.Remove(settings))
	s.open(2 * time.Minute)
	_, again, err := s.ReplaceTerminal(t.Context(), "cafe", first)
	require.NoError(t, err)
	require.Equal(t, second, again)
	require.NoError(t, s.sell(20*money.Krona, true))
	require.NoError(t, s.syncTerminal())
	s.syncAnna()
	require.NoError(t, s.Close())

	require.NoError(t, os.Rename(lost, former))
	s.open(3 * time.Minute)
	for range 2 {
		ended, err := s.EndTerminal(t.Context(), "cafe", first)
		require.NoError(t, err)
		require.NoError(t, ended.Missing)
		require.False(t, ended.Ended, "claims on it are honoured for a time")
	}
	m, err = s.MerchantTerminal(t.Context(), "cafe", first)
	require.NoError(t, err)
	for range 2 {
		_, err = m.Terminal.Ask(t.Context(), money.Krona)
		require.ErrorIs(t, err, terminal.ErrEnded)
	}
	s.syncAnna()
	s.checkMoney()
	m, err = s.Merchant(t.Context(), "cafe")
	require.NoError(t, err)
	require.Equal(t, second, m.Terminal.ID())
	anna, err := s.Person(t.Context(), "anna", "")
	require.NoError(t, err)
	for atc := range uint32(2) { // by the former terminal, and by this one
		require.NoError(t, s.Refund(t.Context(), m,
			order.Payment{Payer: anna.Phone.Device(), ATC: atc + 1}, money.Krona, ""))
	}
	s.checkMoney()
	require.NoError(t, s.Close())

	s.open(40 * 24 * time.Hour)
	ended, err := s.EndTerminal(t.Context(), "cafe", first)
	require.NoError(t, err)
	require.True(t, ended.Ended)
	require.NoError(t, s.Close())
}

// TestTerminalStaysWhenNoOtherCanBeIssued: a CA that ends too soon, or whose key is gone, is found
// before the former terminal is ended, which cannot be undone.
func TestTerminalStaysWhenNoOtherCanBeIssued(t *testing.T) {
	s := newMerchantDay(t)
	s.open(0)
	m, err := s.Merchant(t.Context(), "cafe")
	require.NoError(t, err)
	device := m.Terminal.ID()
	require.NoError(t, s.Close())
	refused := func(after time.Duration, want string) {
		s.open(after)
		_, _, err := s.ReplaceTerminal(t.Context(), "cafe", "")
		require.ErrorContains(t, err, want)
		m, err := s.Merchant(t.Context(), "cafe")
		require.NoError(t, err)
		require.Equal(t, device, m.Terminal.ID())
		require.NoError(t, s.Close())
	}
	key := filepath.Join(s.root, "fjord-bank", "keys", "ca.key")
	kept := filepath.Join(t.TempDir(), "ca.key")
	require.NoError(t, os.Rename(key, kept))
	refused(time.Minute, "ca.key")
	require.NoError(t, os.Rename(kept, key))
	refused(9*365*24*time.Hour, "after its signer SEFJORDB00001")

	s.open(2 * time.Minute)
	require.NoError(t, s.sell(10*money.Krona, false), "it was not ended")
	_, other, err := s.ReplaceTerminal(t.Context(), "cafe", "")
	require.NoError(t, err)
	require.NotEqual(t, device, other)
	require.NoError(t, s.Close())
}

// TestRefusedCustomersNeverStopAMerchant: more customers than there are places for open sales
// cannot pay.
func TestRefusedCustomersNeverStopAMerchant(t *testing.T) {
	s := newMerchantDay(t)
	s.open(0)
	m, err := s.Merchant(t.Context(), "cafe")
	require.NoError(t, err)
	for range 2 * spec.MaxOpenRequests {
		err := s.sell(500*money.Krona, false)
		var reached *limit.Reached
		require.ErrorAs(t, err, &reached)
		require.Equal(t, limit.Payer, reached.Whose)
		require.Equal(t, limit.Funds, reached.Limit)
		room, err := m.Terminal.Room(t.Context())
		require.NoError(t, err)
		require.Equal(t, room.MostReceipts, room.Receipts, "an open sale is no receipt")
		require.Equal(t, room.MostSum, room.Sum)
	}
	require.NoError(t, s.sell(50*money.Krona, true))
	require.NoError(t, s.syncTerminal())
	s.syncAnna()
	s.checkMoney()
	require.NoError(t, s.Close())
}

// TestMerchantKeyIsReplaced: the bank refuses what the former key signs, and whatever a cut leaves
// the same command goes on.
func TestMerchantKeyIsReplaced(t *testing.T) {
	s := newMerchantDay(t)
	s.open(0)
	m, err := s.Merchant(t.Context(), "cafe")
	require.NoError(t, err)
	b, err := s.BankOfMerchant(t.Context(), m)
	require.NoError(t, err)
	owner := func() *ecdsa.PublicKey {
		t.Helper()
		m, err := s.Merchant(t.Context(), "cafe")
		require.NoError(t, err)
		public, err := signature.PublicKey(m.Terminal.Owner)
		require.NoError(t, err)
		return public
	}
	former := owner()
	require.NoError(t, s.ChangeMerchantKey(t.Context(), "cafe"))
	second := owner()
	require.False(t, former.Equal(second))
	require.ErrorIs(t, b.ReplaceApp(t.Context(), "cafe", former), banking.ErrTaken)
	require.NoError(t, s.sell(10*money.Krona, false), "the terminal goes on")

	// As if power had been cut after the bank had registered the next key, before the settings.
	settings := filepath.Join(s.root, "terminal-cafe", party.SettingsFile)
	before, err := os.ReadFile(settings)
	require.NoError(t, err)
	require.NoError(t, s.ChangeMerchantKey(t.Context(), "cafe"))
	third := owner()
	require.NoError(t, s.Close())
	require.NoError(t, os.WriteFile(settings, before, 0o600))
	s.open(time.Minute)
	require.NoError(t, s.ChangeMerchantKey(t.Context(), "cafe"))
	require.True(t, third.Equal(owner()), "no key is used up")
	require.ErrorIs(t, s.ChangeMerchantKey(t.Context(), "nobody"), ErrUnknown)
}
