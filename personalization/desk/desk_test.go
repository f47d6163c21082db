package desk_test

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/apdu"
	"ekrona.example/apdu/globalplatform"
	"ekrona.example/apdu/message"
	"ekrona.example/apdu/scp03"
	"ekrona.example/apdu/spec"
	"ekrona.example/applet"
	"ekrona.example/applet/client"
	"ekrona.example/emulator/card"
	emulated "ekrona.example/emulator/globalplatform"
	"ekrona.example/host/banking"
	"ekrona.example/host/clock"
	"ekrona.example/host/progress"
	"ekrona.example/personalization"
	"ekrona.example/personalization/desk"
	"ekrona.example/personalization/issuertest"
	"ekrona.example/personalization/orderfile"
	"ekrona.example/personalization/preflight"
	"ekrona.example/personalization/rehearsal"
)

// bank counts the ids that it reserves.
type bank struct {
	*issuertest.Notary
	reserved []string // intents
	enrolled []string
	lost     []message.DeviceID
	calls    int // that change something
	cut      int // the call, from 1, at whose half it is cut off; 0 for none
}

var errCut = errors.New("the line to the bank was cut")

// change makes a change in two halves, before and after, each of which may be cut off.
func (b *bank) change(do func() error) error {
	if b.calls++; b.calls == b.cut {
		return errCut
	}
	err := do()
	if b.calls++; b.calls == b.cut {
		return errCut
	}
	return err
}

func (b *bank) ReserveDevice(
	ctx context.Context, r banking.Reservation,
) (id message.DeviceID, err error) {
	err = b.change(func() error {
		n := slices.Index(b.reserved, r.Intent)
		if n < 0 {
			cards, err := b.Cards(ctx, r.Owner)
			if err == nil {
				err = r.Check(cards)
			}
			if err != nil {
				return err
			}
			n = len(b.reserved)
			b.reserved = append(b.reserved, r.Intent)
		}
		id = banking.DeviceIDOf("SENORDIC", r.Kind, n+1)
		return nil
	})
	return id, err
}

func (b *bank) AddDevice(ctx context.Context, d banking.Device) error {
	return b.change(func() error { return b.Notary.AddDevice(ctx, d) })
}

func (b *bank) Cards(_ context.Context, owner string) (cards []banking.Card, err error) {
	for _, id := range slices.Sorted(maps.Keys(b.Devices)) {
		if d := b.Devices[id]; d.Customer == owner {
			cards = append(cards, banking.Card{Device: d, InUse: !slices.Contains(b.lost, id)})
		}
	}
	return cards, nil
}

func (b *bank) ReportLost(_ context.Context, id message.DeviceID) error {
	return b.change(func() error {
		if !slices.Contains(b.lost, id) {
			b.lost = append(b.lost, id)
		}
		return nil
	})
}

func (*bank) MayEnrol(_ context.Context, owner string) error {
	if owner == "nobody" {
		return errors.New("no such person")
	}
	return nil
}

func (b *bank) Enrol(_ context.Context, owner string) error {
	b.enrolled = append(b.enrolled, owner)
	return nil
}

var noon = clock.Fixed(time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC))

var errWithdrawn = errors.New("the card was pulled")

// place is a desk with a card on it, which is pulled at a command, from 1; 0 for never.
type place struct {
	desk.Desk
	house  *issuertest.Issuer
	bank   *bank
	card   *emulated.Card
	events []progress.Event
	sent   int
	at     int
	letter string

	second   bool
	replaces message.DeviceID
}

func newPlace(t *testing.T) *place {
	t.Helper()
	house := issuertest.New(t)
	p := &place{
		house:  house,
		bank:   &bank{Notary: house.Notary},
		card:   house.Blank(t),
		letter: filepath.Join(t.TempDir(), "anna.txt"),
	}
	link, err := card.LinkNamed("contact-115200")
	require.NoError(t, err)
	need, err := preflight.NeedOf(applet.CAP, spec.DefaultSlots)
	require.NoError(t, err)
	p.Desk = desk.Desk{
		Name: "SENORDIC", Bank: p.bank, Line: house.Line, Need: need, Link: link, ReplaceKeys: true,
		Clock: noon, Random: house.Random,
		Show: func(e progress.Event) { p.events = append(p.events, e) },
	}
	return p
}

func (p *place) onDesk() desk.Card {
	return desk.Card{
		Reset: p.card.Reset,
		Card: apdu.CardFunc(func(ctx context.Context, c apdu.Command) (apdu.Response, error) {
			if p.sent++; p.at > 0 && p.sent >= p.at {
				return apdu.Response{}, errWithdrawn
			}
			return p.card.Transmit(ctx, c)
		}),
	}
}

// issue puts the card on the desk and has it made.
func (p *place) issue(t *testing.T) (banking.Device, error) {
	t.Helper()
	require.NoError(t, p.card.Reset())
	p.sent, p.events = 0, nil
	look, err := p.Look(t.Context(), p.onDesk())
	if err != nil {
		return banking.Device{}, err
	}
	return p.Issue(t.Context(), p.onDesk(), look, p.order())
}

func (p *place) order() desk.Order {
	return desk.Order{Owner: "anna", Letter: p.letter, Limits: personalization.DefaultLimits(),
		Second: p.second, Replaces: p.replaces}
}

func TestCardIsMade(t *testing.T) {
	p := newPlace(t)
	device, err := p.issue(t)
	require.NoError(t, err)
	assert.Equal(t, message.DeviceID("SENORDICC0000001"), device.ID)
	assert.FileExists(t, p.letter)
	assert.NoFileExists(t, p.letter+".order")
	assert.Equal(t, []string{"anna"}, p.bank.enrolled)
	var stages []string
	for _, e := range p.events {
		assert.Equal(t, string(device.ID), e.Device)
		if e.Kind == progress.Reached {
			stages = append(stages, e.Stage)
		}
	}
	assert.Equal(
		t,
		[]string{
			"inspected",
			"keys replaced",
			"loaded",
			"installed",
			"keys made",
			"registered",
			"filled",
			"active",
		},
		stages,
	)
	assert.Equal(t, progress.Made, p.events[len(p.events)-1].Kind)

	// The letter is there, so the card has an owner, and no other order goes on it.
	first, letter := p.card, p.letter
	p.letter = filepath.Join(t.TempDir(), "other.txt")
	_, err = p.issue(t)
	require.ErrorIs(t, err, personalization.ErrOtherCard)
	assert.Len(t, p.bank.reserved, 1, "an order that cannot be this card's gets no id")
	assert.NoFileExists(t, p.letter+".order", "and nothing is kept of it")

	// The same again finds it made, and another card is not taken for it.
	p.letter = letter
	again, err := p.issue(t)
	require.NoError(t, err)
	assert.Equal(t, device, again)
	assert.Empty(t, p.events)
	p.card = p.house.Blank(t)
	_, err = p.issue(t)
	require.ErrorIs(t, err, orderfile.ErrDone)
	p.letter = filepath.Join(t.TempDir(), "second.txt")
	p.second = true
	_, err = p.issue(t)
	require.NoError(t, err)
	p.letter = letter
	_, err = p.issue(t)
	require.ErrorIs(t, err, orderfile.ErrDone)

	// A PIN that was changed costs one try, and then none.
	text, err := os.ReadFile(letter)
	require.NoError(t, err)
	_, rest, found := strings.Cut(string(text), "PIN       ")
	require.True(t, found)
	changed := "1" + rest[1:4]
	if rest[0] == '1' {
		changed = "2" + rest[1:4]
	}
	require.NoError(t, os.WriteFile(letter,
		[]byte(strings.Replace(string(text), rest[:4], changed, 1)), 0o600))
	p.card = first
	for range 3 {
		_, err = p.issue(t)
		require.ErrorIs(t, err, orderfile.ErrDone)
		left, known, err := client.New(p.card).PINTries(t.Context())
		require.NoError(t, err)
		require.True(t, known)
		assert.Equal(t, spec.PINTries-1, left)
	}
}

// Pulled at commands all over the issuing, the card is finished by the same call, as
// the same device.
func TestIssuingGoesOnAfterAnyPull(t *testing.T) {
	whole := newPlace(t)
	_, err := whole.issue(t)
	require.NoError(t, err)
	const stride = 17
	for at := 1; at <= whole.sent; at += stride {
		p := newPlace(t)
		p.at = at
		_, err := p.issue(t)
		require.ErrorIs(t, err, errWithdrawn, at)
		p.at = 0
		if _, err := os.Stat(p.letter); err == nil {
			continue // it was made, and pulled when it was looked at again
		}
		device, err := p.issue(t)
		require.NoError(t, err, at)
		assert.Len(t, p.bank.reserved, 1, at)
		assert.Len(t, p.bank.Devices, 1, at)
		assert.Contains(t, p.bank.Devices, device.ID)
	}
}

// What is found before the card is open uses up no device id, draws no secret and enrols
// nobody.
func TestNothingIsReservedForACardThatDoesNotOpen(t *testing.T) {
	for name, row := range map[string]struct {
		corrupt func(p *place)
		want    error
	}{
		"keys": {func(p *place) { p.Line.Keys = scp03.Master(bytes.Repeat([]byte{9}, 16)) },
			scp03.ErrWrongKeys},
		"expiry": {func(p *place) { p.Line.Expiry = p.Line.Effective.AddDays(-1) },
			personalization.ErrExpiry},
		"CA": {func(p *place) { p.Line.Expiry = p.Line.CA.Certificate.Expiry.AddDays(1) },
			personalization.ErrExpiry},
		"no flag": {func(p *place) { p.ReplaceKeys = false }, desk.ErrKeepsKeys},
	} {
		p := newPlace(t)
		row.corrupt(p)
		for range 2 {
			_, err := p.issue(t)
			require.ErrorIs(t, err, row.want, name)
		}
		assert.Empty(t, p.bank.reserved, name)
		assert.Empty(t, p.bank.enrolled, name)
		assert.NoFileExists(t, p.letter+".order", name)
	}
}

// A supplier's keys that have the version of ours are found when the card is opened: they
// are replaced on request only, and the commands of that are read beforehand too.
func TestSuppliersKeysAreReplacedOnlyIfThatIsMeant(t *testing.T) {
	p := newPlace(t)
	suppliers := scp03.Master(bytes.Repeat([]byte{7}, 16))
	opened, err := globalplatform.Open(
		t.Context(),
		p.card,
		nil,
		scp03.Options{Keys: scp03.TestKeys(), Level: scp03.Full},
	)
	require.NoError(t, err)
	keys, err := suppliers.For(opened.Offer())
	require.NoError(t, err)
	require.NoError(t, opened.PutKeys(t.Context(), personalization.FinalKeyVersion, keys, 0))
	p.Line.Keys = suppliers

	p.ReplaceKeys = false
	_, err = p.issue(t)
	require.ErrorIs(t, err, desk.ErrKeepsKeys)
	assert.Empty(t, p.bank.reserved)

	p.ReplaceKeys = true
	require.NoError(t, p.card.Reset())
	look, err := p.Look(t.Context(), p.onDesk())
	require.NoError(t, err)
	plan, err := p.Plan(t.Context(), look, p.order())
	require.NoError(t, err)
	last := plan.Cases[len(plan.Cases)-1]
	assert.Contains(t, last.Assumption, "its key set 30 is its supplier's")
	assert.Contains(t, names(last), "PUT KEY")
	assert.NotContains(t, names(plan.Cases[0]), "PUT KEY")
	assert.Empty(t, p.bank.reserved)

	_, err = p.issue(t)
	require.NoError(t, err)
	require.NoError(t, p.card.Reset())
	client, err := p.Line.Open(t.Context(), p.card)
	require.NoError(t, err)
	assert.True(t, p.Line.HasFinal(client))
}

func names(c rehearsal.Case) (all []string) {
	for _, step := range c.Steps {
		all = append(all, step.Name())
	}
	return all
}

func TestPlanForNobody(t *testing.T) {
	p := newPlace(t)
	look, err := p.Look(t.Context(), p.onDesk())
	require.NoError(t, err)
	_, err = p.Plan(
		t.Context(),
		look,
		desk.Order{Owner: "nobody", Limits: personalization.DefaultLimits()},
	)
	require.ErrorContains(t, err, "no such person")
}
