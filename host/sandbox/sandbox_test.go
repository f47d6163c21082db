package sandbox

import (
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/apdu/cvc"
	"ekrona.example/apdu/message"
	"ekrona.example/apdu/money"
	"ekrona.example/apdu/pin"
	"ekrona.example/apdu/spec"
	"ekrona.example/applet"
	"ekrona.example/emulator/card"
	"ekrona.example/host/banking"
	"ekrona.example/host/clock"
	"ekrona.example/host/lockfile"
	"ekrona.example/host/notary"
	"ekrona.example/host/party"
	"ekrona.example/host/remote"
	"ekrona.example/host/wallet"
	"ekrona.example/personalization"
	"ekrona.example/personalization/pki"
	"ekrona.example/personalization/pki/keys"
)

// found founds a sandbox whose run repeats, or opens it again.
func found(t *testing.T, folder string) *Sandbox {
	t.Helper()
	opened, err := Found(context.Background(), folder, Pilot(),
		Options{Environment: party.Environment{
			Clock:  clock.Fixed(time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)),
			Random: card.SeededRandom(t.Name()),
		}})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, opened.Close()) })
	return opened
}

func TestFoundedSandboxIsFoundAgain(t *testing.T) {
	folder := t.TempDir()
	founded := found(t, folder)
	first, err := founded.Person(t.Context(), "anna", "")
	require.NoError(t, err)
	letter := first.Letter
	require.NoError(t, founded.Close())

	again := found(t, folder)
	anna, err := again.Person(t.Context(), "anna", "")
	require.NoError(t, err)
	assert.Equal(t, letter, anna.Letter)
	_, err = again.Person(t.Context(), "dora", "")
	assert.ErrorIs(t, err, ErrUnknown)
}

// tap holds somebody's card to a reader, with its PIN.
func tap(t *testing.T, h *Holder) wallet.Tap {
	t.Helper()
	entered, err := h.Letter.Block()
	require.NoError(t, err)
	return wallet.Tap{Card: h.Card.Tap(), PIN: entered}
}

// TestEachPartyStartsAlone: every party does its own work from its folder, with the folders of all
// others gone; work that needs another party fails with a clear error.
func TestEachPartyStartsAlone(t *testing.T) {
	whole := t.TempDir()
	s := found(t, whole)
	for _, name := range []string{"anna", "bertil"} {
		p, err := s.Person(t.Context(), name, "")
		require.NoError(t, err)
		_, err = p.Phone.Load(t.Context(), tap(t, p.Holder), 200*money.Krona)
		require.NoError(t, err)
	}
	require.NoError(t, s.Close())

	for _, c := range []struct {
		folder string
		alone  func(t *testing.T, s *Sandbox)
	}{
		{"terminal-cafe", aloneTerminal},
		{"phone-anna", alonePhone},
		{"nordic-bank", aloneBank},
		{"central-bank", aloneCentralBank},
	} {
		t.Run(c.folder, func(t *testing.T) {
			alone := t.TempDir()
			// cards are with their holders
			for _, kept := range []string{c.folder, "cards", "letters"} {
				moved(t, filepath.Join(whole, kept), filepath.Join(alone, kept))
			}
			s, err := Open(alone, Options{Environment: party.Environment{
				Clock: clock.Fixed(time.Date(2026, 3, 2, 13, 0, 0, 0, time.UTC)),
			}})
			require.NoError(t, err)
			defer func() { assert.NoError(t, s.Close()) }()
			c.alone(t, s)
		})
	}
}

// moved copies a folder as if its owner had moved it.
func moved(t *testing.T, from, to string) {
	t.Helper()
	require.NoError(t, os.CopyFS(to, os.DirFS(from)))
	require.NoError(t, filepath.WalkDir(to, func(path string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		return os.Chmod(path, 0o600)
	}))
}

func aloneTerminal(t *testing.T, s *Sandbox) {
	m, err := s.Merchant(t.Context(), "cafe")
	require.NoError(t, err)
	sale, err := m.Terminal.Ask(t.Context(), 45*money.Krona)
	require.NoError(t, err)
	anna, err := s.Holder("anna")
	require.NoError(t, err)
	held := tap(t, anna)
	receipt, err := m.Terminal.Take(t.Context(), sale.Number, held.Card, held.PIN)
	require.NoError(t, err)
	payment, err := m.Terminal.Paid(t.Context(), sale.Number)
	require.NoError(t, err)
	require.NoError(t, s.HandReceipt(t.Context(), "anna", payment.Payer, receipt),
		"she has no phone here")
	other, err := m.Terminal.Ask(t.Context(), 5*money.Krona)
	require.NoError(t, err)
	_, err = m.Terminal.Refuse(t.Context(), other.Number)
	require.NoError(t, err)
	_, err = m.Terminal.Synchronise(t.Context())
	require.ErrorIs(t, err, remote.ErrUnreachable)
	require.ErrorContains(t, err, "fjord-bank")
}

func alonePhone(t *testing.T, s *Sandbox) {
	anna, err := s.Person(t.Context(), "anna", "")
	require.NoError(t, err)
	holdings, err := anna.Phone.Holdings(t.Context(), tap(t, anna.Holder))
	require.NoError(t, err)
	assert.Equal(t, 200*money.Krona, holdings.Balance)
	asked, err := anna.Phone.Request(t.Context(), tap(t, anna.Holder), 10*money.Krona, "")
	require.NoError(t, err)
	_, err = anna.Phone.Refuse(t.Context(), tap(t, anna.Holder), asked)
	require.NoError(t, err)
	_, err = anna.Phone.Synchronise(t.Context(), tap(t, anna.Holder))
	require.ErrorIs(t, err, remote.ErrUnreachable)
	require.ErrorContains(t, err, "nordic-bank")
}

func aloneBank(t *testing.T, s *Sandbox) {
	b, err := s.Bank(t.Context(), string(Nordic))
	require.NoError(t, err)
	cards, err := b.Cards(t.Context(), "bertil")
	require.NoError(t, err)
	assert.Len(t, cards, 1)
	_, err = b.ReserveDevice(t.Context(), banking.Reservation{
		Kind: banking.KindCard, Intent: "the next card", Owner: "bertil", Second: true,
	})
	require.NoError(t, err)
	_, err = b.Issuer(t.Context())
	require.NoError(t, err, "its CA is its own")
	err = b.PullStatement(t.Context())
	require.ErrorIs(t, err, remote.ErrUnreachable)
	require.ErrorContains(t, err, "central-bank")
}

func aloneCentralBank(t *testing.T, s *Sandbox) {
	c, err := s.CentralBank(t.Context())
	require.NoError(t, err)
	balances, err := notary.AllBalances(t.Context(), c)
	require.NoError(t, err)
	assert.NotZero(t, balances.Issued)
	require.NoError(t, c.FundPool(t.Context(), "pool", 100*money.Krona))
	violations, err := c.Auditor.Check(t.Context(), c.Ledger, nil)
	require.NoError(t, err)
	assert.Empty(t, violations)
}

// TestCustomerEnrolledLater: a card is issued in a reader, and found in the
// customer's phone afterwards.
func TestCustomerEnrolledLater(t *testing.T) {
	ctx, folder := t.Context(), t.TempDir()
	founded := found(t, folder)
	bank, err := founded.Bank(ctx, "SENORDIC")
	require.NoError(t, err)
	require.NoError(t, founded.Enrol(ctx, bank, "erik"))
	require.NoError(t, founded.Enrol(ctx, bank, "erik"), "again")
	for _, name := range []string{"Erik", "../erik", ""} {
		assert.Error(t, founded.Enrol(ctx, bank, name), name)
	}
	other, err := founded.Bank(ctx, "SEFJORDB")
	require.NoError(t, err)
	assert.ErrorContains(t, founded.Enrol(ctx, other, "erik"), "SENORDIC")
	assert.ErrorIs(t, founded.Enrol(ctx, other, "cafe"), banking.ErrTaken, "the merchant")
	erik, err := founded.Person(ctx, "erik", "")
	require.NoError(t, err)
	assert.Nil(t, erik.Phone, "without a card")

	blank, err := card.New(founded.cardOptions())
	require.NoError(t, err)
	_, err = blank.Load(applet.CAP)
	require.NoError(t, err)
	issuer, err := bank.Issuer(ctx)
	require.NoError(t, err)
	id, err := bank.ReserveDevice(ctx, banking.Reservation{
		Kind: banking.KindCard, Intent: "erik's", Owner: "erik",
	})
	require.NoError(t, err)
	order, err := personalization.NewOrder(id, "erik", issuer.Effective, issuer.Random)
	require.NoError(t, err)
	root, err := cvc.Parse(issuer.Root)
	require.NoError(t, err)
	parameters, err := order.InstallParameters(root)
	require.NoError(t, err)
	_, err = blank.Install(card.AID(spec.AppletAID), card.AID(spec.AppletAID), parameters)
	require.NoError(t, err)
	letter := Letter{PIN: "4711", PUK: "12345678"}
	entered, err := letter.Block()
	require.NoError(t, err)
	puk, err := pin.NewPUKBlock(letter.PUK)
	require.NoError(t, err)
	_, err = issuer.Personalize(ctx, blank, order, personalization.Secrets{PIN: entered, PUK: puk})
	require.NoError(t, err)
	require.NoError(t, bank.Deposit(ctx, "erik's first", "erik", 100_00))
	require.NoError(t, founded.Close())

	again := found(t, folder)
	erik, err = again.Person(ctx, "erik", "")
	require.NoError(t, err)
	assert.Equal(t, id, erik.Phone.Device())
	books, err := again.Books(ctx, false)
	require.NoError(t, err)
	assert.Nil(t, rowOf(books, "erik").Cards[0].Offline, "nobody asked the card")
	_, err = erik.Phone.Synchronise(ctx, wallet.Tap{Card: erik.Card.Tap(), PIN: entered})
	require.ErrorIs(t, err, ErrNoCard)

	erik.Card.Insert(blank, func() error { blank.Reset(); return nil })
	_, err = erik.Phone.Load(ctx, wallet.Tap{Card: erik.Card.Tap(), PIN: entered}, 50_00)
	require.NoError(t, err)
	books, err = again.Books(ctx, false)
	require.NoError(t, err)
	assert.Empty(t, books.Violations)
	assert.Equal(t, 50*money.Krona, *rowOf(books, "erik").Cards[0].Offline)
	assert.Empty(t, books.Others)
}

// A card that is reported lost is not a candidate for the person's only card; ended when its time
// is over, it returns its money.
func TestLostCardOfTwo(t *testing.T) {
	ctx, folder := t.Context(), t.TempDir()
	founded := found(t, folder)
	anna, err := founded.Person(ctx, "anna", "")
	require.NoError(t, err)
	first := anna.Phone.Device()
	b, err := founded.BankOf(ctx, anna)
	require.NoError(t, err)
	require.NoError(t, b.Deposit(ctx, "first", "anna", 100*money.Krona))
	_, err = anna.Phone.Load(ctx, tap(t, anna.Holder), 60*money.Krona)
	require.NoError(t, err)
	online, shadow, err := founded.Wallets(ctx, anna)
	require.NoError(t, err)
	require.NotZero(t, shadow)
	second, err := b.ReserveDevice(ctx, banking.Reservation{
		Kind: banking.KindCard, Intent: "second", Owner: "anna", Second: true,
	})
	require.NoError(t, err)
	issuer, err := b.Issuer(ctx)
	require.NoError(t, err)
	key, err := keys.Generate(rand.NewChaCha8([32]byte{3}))
	require.NoError(t, err)
	certificate, err := issuer.CA.Certify(pki.Subject{
		Holder: cvc.Holder(second), Role: spec.RoleCard,
		Effective: issuer.Effective, Expiry: issuer.Expiry,
	}, &key.PublicKey)
	require.NoError(t, err)
	point, err := key.PublicKey.Bytes()
	require.NoError(t, err)
	require.NoError(t, b.AddDevice(ctx, banking.Device{
		ID: second, Customer: "anna", Certificate: certificate, PINPoint: point,
		Ceilings: []byte(spec.DefaultCeilings), Slots: spec.DefaultSlots,
		Policy: message.DefaultPolicy(),
	}))
	require.NoError(t, founded.LearnCards(ctx, "anna"))
	_, err = founded.Person(ctx, "anna", "")
	require.ErrorIs(t, err, ErrSeveralCards)
	require.ErrorContains(t, err, string(first)+" "+string(second))

	// The bank knows it before the phone does.
	require.NoError(t, b.ReportLost(ctx, first))
	other, err := founded.Person(ctx, "anna", "")
	require.NoError(t, err)
	assert.Equal(t, second, other.Phone.Device())
	require.ErrorIs(t, founded.EndCard(ctx, anna), notary.WrongStatus, "its time is not over")
	bertil, err := founded.PersonToEnd(ctx, "bertil", "")
	require.ErrorIs(t, err, ErrNoneLost)
	assert.Nil(t, bertil)
	require.NoError(t, founded.Close())

	later := Options{}
	later.Clock = clock.Fixed(time.Date(2026, 5, 2, 12, 0, 0, 0, time.UTC))
	again, err := Open(folder, later)
	require.NoError(t, err)
	for range 2 {
		anna, err = again.PersonToEnd(ctx, "anna", "")
		require.NoError(t, err)
		require.Equal(t, first, anna.Phone.Device(), "the lost one, not the one in use")
		require.NoError(t, again.EndCard(ctx, anna))
		all, none, err := again.Wallets(ctx, anna)
		require.NoError(t, err)
		assert.Equal(t, online+shadow, all)
		assert.Zero(t, none)
	}
	books, err := again.Books(ctx, false)
	require.NoError(t, err)
	assert.Equal(t, "ended", rowOf(books, "anna").Cards[0].Status)
	assert.Equal(t, "active", rowOf(books, "anna").Cards[1].Status)
	require.NoError(t, again.Close())
}

// What another program has open is waited for a while, and then it is not known; a founding in
// another program is said to be one.
func TestBooksWhileOthersAreAtWork(t *testing.T) {
	ctx, folder := t.Context(), t.TempDir()
	require.NoError(t, found(t, folder).Close())
	for _, busy := range []string{"fjord-bank", "terminal-cafe"} {
		release, err := lockfile.Take(filepath.Join(folder, busy, "lock"))
		require.NoError(t, err)
		pauses := 0
		s, err := Open(folder, Options{Environment: party.Environment{
			Pause: func(context.Context, time.Duration) error { pauses++; return nil },
		}})
		require.NoError(t, err)
		books, err := s.Books(ctx, false)
		require.NoError(t, err)
		assert.NotZero(t, pauses)
		assert.Less(t, pauses, 60, "it is waited for once")
		assert.Contains(t, strings.Join(books.Unknown, "\n"), busy)
		assert.Contains(t, strings.Join(books.Unknown, "\n"), lockfile.ErrTaken.Error())
		require.Len(t, books.Merchants, 1)
		assert.Nil(t, books.Merchants[0].Taken)
		assert.NotNil(t, rowOf(books, "anna").Online)
		assert.Empty(t, books.Violations)
		require.NoError(t, errors.Join(s.Close(), release()))
	}

	require.NoError(t, os.Remove(filepath.Join(folder, foundedFile)))
	s, err := Open(folder, Options{})
	require.NoError(t, err)
	release, err := lockfile.Take(filepath.Join(folder, lockName))
	require.NoError(t, err)
	_, err = s.Books(ctx, false)
	require.ErrorIs(t, err, ErrFounding)
	require.NoError(t, release())
	books, err := s.Books(ctx, false)
	require.NoError(t, err)
	assert.True(t, books.Unfounded)
	require.NoError(t, s.Close())
}

// What is left of a former phone, whose key has ended, does not keep its owner from another one.
func TestPhoneIsChangedBesideTheRemainsOfFormerOnes(t *testing.T) {
	ctx, folder := t.Context(), t.TempDir()
	s := found(t, folder)
	for range 2 {
		_, err := s.ChangePhone(ctx, "anna")
		require.NoError(t, err)
	}
	require.NoError(t, s.Close())
	require.NoError(t, os.RemoveAll(filepath.Join(folder, "phone-anna.3")))
	require.NoError(t, os.Remove(filepath.Join(folder, "phone-anna.2", party.SettingsFile)))

	again := found(t, folder)
	cards, err := again.ChangePhone(ctx, "anna")
	require.NoError(t, err)
	assert.Len(t, cards, 1)
	anna, err := again.Person(ctx, "anna", "")
	require.NoError(t, err)
	_, err = anna.Phone.Load(ctx, tap(t, anna.Holder), 10*money.Krona)
	require.NoError(t, err, "its key is the one that counts")
}

func rowOf(b Books, name string) PersonBooks {
	for _, row := range b.People {
		if row.Name == name {
			return row
		}
	}
	return PersonBooks{}
}

// A settings file that lacks a term, or has one that cannot be, is named: without a time to
// honour claims a lost card would end at once.
func TestTermsThatCannotBeAreRefused(t *testing.T) {
	whole := t.TempDir()
	require.NoError(t, found(t, whole).Close())
	for _, c := range []struct{ folder, from, to, want string }{
		{"central-bank", "honour: 720h0m0s", "", "honour"},
		{"central-bank", "wait: 2160h0m0s", "wait: -5h", "wait"},
		{"nordic-bank", "card_years: 4", "card_years: -4", "card_years"},
	} {
		path := filepath.Join(whole, c.folder, party.SettingsFile)
		before, err := os.ReadFile(path)
		require.NoError(t, err)
		changed := strings.Replace(string(before), c.from, c.to, 1)
		require.NotEqual(t, string(before), changed)
		require.NoError(t, os.WriteFile(path, []byte(changed), 0o600))
		s, err := Open(whole, Options{})
		require.NoError(t, err)
		_, err = s.CentralBank(t.Context())
		if err == nil {
			_, err = s.Bank(t.Context(), string(Nordic))
		}
		assert.ErrorContains(t, err, c.want)
		assert.ErrorContains(t, err, path)
		require.NoError(t, s.Close())
		require.NoError(t, os.WriteFile(path, before, 0o600))
	}
}

// A card is in one hand at a time: what one program has done to it is not undone by another that
// has read the file before.
func TestACardIsInOneHand(t *testing.T) {
	folder := t.TempDir()
	s := found(t, folder)
	_, err := s.Holder("anna")
	require.NoError(t, err)
	pauses := 0
	other, err := Open(folder, Options{Environment: party.Environment{
		Pause: func(context.Context, time.Duration) error { pauses++; return nil },
	}})
	require.NoError(t, err)
	_, err = other.Holder("anna")
	require.ErrorIs(t, err, lockfile.ErrTaken)
	require.ErrorContains(t, err, "anna.card")
	require.NotZero(t, pauses)
	_, err = other.Holder("bertil")
	require.NoError(t, err)
	require.NoError(t, s.Close())
	_, err = other.Holder("anna")
	require.NoError(t, err)
	require.NoError(t, other.Close())
}
