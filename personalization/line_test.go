package personalization_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"ekrona/apdu"
	"ekrona/apdu/cvc"
	"ekrona/apdu/message"
	"ekrona/apdu/pin"
	"ekrona/apdu/spec"
	"ekrona/applet"
	"ekrona/emulator/cap"
	"ekrona/emulator/card"
	emulated "ekrona/emulator/globalplatform"
	client "ekrona/host/card"
	"ekrona/host/intermediary"
	"ekrona/personalization"
	"ekrona/personalization/globalplatform"
	"ekrona/personalization/pki"
	"ekrona/personalization/scp03"
)

// notary registers as the notary does: an id once, for one key.
type notary struct {
	devices map[message.DeviceID]intermediary.Device
	keys    map[string]bool // all that anybody tried to register
}

func (n *notary) AddDevice(_ context.Context, d intermediary.Device) error {
	certificate, err := cvc.Parse(d.Certificate)
	if err != nil {
		return err
	}
	n.keys[fmt.Sprint(certificate.PublicKey)] = true
	if known, taken := n.devices[d.ID]; taken && !bytes.Equal(known.Certificate, d.Certificate) {
		return intermediary.ErrTaken
	}
	n.devices[d.ID] = d
	return nil
}

func (n *notary) Device(_ context.Context, id message.DeviceID) (intermediary.Device, error) {
	d, known := n.devices[id]
	if !known {
		return d, intermediary.ErrNoDevice
	}
	return d, nil
}

// house is an issuer with its line and orders.
type house struct {
	line   personalization.Line
	notary *notary
	random *rand.ChaCha8
	orders int
}

type fataler interface {
	require.TestingT
	Helper()
}

func newHouse(t *testing.T) *house {
	t.Helper()
	random := rand.NewChaCha8([32]byte{5})
	keys := pki.Open(t.TempDir(), random)
	subject := func(holder cvc.Holder, role spec.Role) pki.Subject {
		return pki.Subject{Holder: holder, Role: role, Effective: date(t, "2026-11-22"), Expiry: date(t, "2036-11-22")}
	}
	root, err := keys.Root("root", subject("SERIKSBK00001", spec.RoleRoot))
	require.NoError(t, err)
	notaryKey, err := keys.Certified("notary", subject("SENOTARY00001", spec.RoleNotary), root)
	require.NoError(t, err)
	ca, err := keys.Certified("ca", subject("SENORDIC00001", spec.RoleIntermediary), root)
	require.NoError(t, err)
	instruction, err := keys.Certified("instruction", subject("SENORDIC00002", spec.RoleInstructionKey), root)
	require.NoError(t, err)
	file, err := cap.Parse(applet.CAP)
	require.NoError(t, err)
	h := &house{notary: &notary{map[message.DeviceID]intermediary.Device{}, map[string]bool{}}, random: random}
	h.line = personalization.Line{
		Issuer: personalization.Issuer{
			CA: ca, Root: root.Encoded, InstructionKey: instruction.Encoded, Notary: notaryKey.Encoded, Registry: h.notary,
			Random: random, Effective: date(t, "2026-11-22"), Expiry: date(t, "2030-11-22"),
		},
		Keys: scp03.TestKeys(), Final: scp03.Master(bytes.Repeat([]byte{0x5A}, 16)), CAP: file,
	}
	return h
}

func date(t fataler, text string) message.Date {
	d, err := message.ParseDate(text)
	require.NoError(t, err)
	return d
}

func (h *house) order(t fataler) personalization.Order {
	h.orders++
	o, err := personalization.NewOrder(message.DeviceID(fmt.Sprintf("SENORDIC%08d", h.orders)), "anna", date(t, "2026-11-22"), h.random)
	require.NoError(t, err)
	return o
}

func secrets(t fataler) personalization.Secrets {
	first, err := pin.NewBlock("1234")
	require.NoError(t, err)
	puk, err := pin.NewPUKBlock("87654321")
	require.NoError(t, err)
	return personalization.Secrets{PIN: first, PUK: puk}
}

var errPulled = errors.New("the card was pulled")

// reader is a virtual card in a reader that loses it where it is told to.
type reader struct {
	*emulated.Card
	sent  int
	at    int  // command to be lost, from 1; 0 for none
	after bool // only its answer is lost
	write int  // instead, power goes before this persistent write of it
}

// newReader takes a blank card. Each has randomness of its own.
func (h *house) newReader(t fataler) *reader {
	var seed [32]byte
	_, err := h.random.Read(seed[:])
	require.NoError(t, err)
	random := rand.NewChaCha8(seed)
	c, err := card.New(card.Options{Profile: card.P71, Random: random})
	require.NoError(t, err)
	managed, err := emulated.New(c, emulated.Options{Random: random})
	require.NoError(t, err)
	return &reader{Card: managed}
}

func (r *reader) Transmit(ctx context.Context, c apdu.Command) (apdu.Response, error) {
	r.sent++
	if r.at == 0 || r.sent < r.at {
		return r.Card.Transmit(ctx, c)
	}
	if r.sent > r.at || r.write == 0 && !r.after {
		return apdu.Response{}, errPulled
	}
	if r.write > 0 {
		r.CutBefore(r.write)
	}
	answer, err := r.Card.Transmit(ctx, c)
	if r.write > 0 && err == nil { // fewer writes than that: nothing was lost
		r.at = 0
		return answer, nil
	}
	return apdu.Response{}, errors.Join(errPulled, err)
}

// insert puts the card into the reader, to be lost at a command.
func (r *reader) insert(t fataler, at int, after bool, write int) {
	require.NoError(t, r.Reset())
	r.sent, r.at, r.after, r.write = 0, at, after, write
}

// stages keeps what it was told, and checks that a stage is never followed by a lower
// one.
type stages struct {
	t    fataler
	told []personalization.Stage
}

func (s *stages) done(stage personalization.Stage) error {
	if n := len(s.told); n > 0 {
		require.Greater(s.t, stage, s.told[n-1])
	}
	s.told = append(s.told, stage)
	return nil
}

// check finds the card active, alone, with nothing beside it, and registered once.
func (h *house) check(t fataler, ctx context.Context, r *reader, o personalization.Order, device intermediary.Device) {
	t.Helper()
	assert.Equal(t, o.Device, device.ID)
	assert.Equal(t, h.notary.devices[o.Device], device)
	r.insert(t, 0, false, 0)
	application := client.New(r)
	fci, err := application.Select(ctx)
	require.NoError(t, err)
	assert.Equal(t, spec.Active, fci.LifeCycle)
	require.NoError(t, application.Verify(ctx, secrets(t).PIN, client.PINTransport{}))
	certificate, err := application.Certificate(ctx)
	require.NoError(t, err)
	assert.Equal(t, device.Certificate, certificate)

	opened, err := globalplatform.Open(ctx, r, nil, scp03.Options{Keys: h.line.Final, KeyVersion: personalization.FinalKeyVersion, Level: scp03.Full})
	require.NoError(t, err)
	contents, err := opened.List(ctx)
	require.NoError(t, err)
	assert.Len(t, contents.Applications, 1)
	assert.Len(t, contents.LoadFiles, 1)
	keys, err := globalplatform.Keys(ctx, opened.Card())
	require.NoError(t, err)
	for _, key := range keys {
		assert.Equal(t, byte(personalization.FinalKeyVersion), key.Version)
	}
}

func TestLineMakesABlankCardActive(t *testing.T) {
	h := newHouse(t)
	r, o, s := h.newReader(t), h.order(t), &stages{t: t}
	device, err := h.line.Issue(t.Context(), r, o, secrets(t), s.done)
	require.NoError(t, err)
	h.check(t, t.Context(), r, o, device)
	assert.Equal(t, []personalization.Stage{
		personalization.Inspected, personalization.KeysReplaced, personalization.Loaded, personalization.Installed,
		personalization.KeysMade, personalization.Filled, personalization.Registered, personalization.Active,
	}, s.told)

	// The same order again finds it done.
	again := &stages{t: t}
	r.insert(t, 0, false, 0)
	known, err := h.line.Issue(t.Context(), r, o, secrets(t), again.done)
	require.NoError(t, err)
	assert.Equal(t, device, known)
	assert.Equal(t, personalization.Active, again.told[len(again.told)-1])
	assert.Len(t, h.notary.keys, 1)
}

// The link is lost before and after each command; the same order goes on.
func TestLineGoesOnAfterEveryCommand(t *testing.T) {
	h := newHouse(t)
	r := h.newReader(t)
	_, err := h.line.Issue(t.Context(), r, h.order(t), secrets(t), func(personalization.Stage) error { return nil })
	require.NoError(t, err)
	commands := r.sent
	require.Greater(t, commands, 20)
	for at := 1; at <= commands; at++ {
		for _, after := range []bool{false, true} {
			r, o := h.newReader(t), h.order(t)
			before := len(h.notary.keys)
			r.insert(t, at, after, 0)
			_, err := h.line.Issue(t.Context(), r, o, secrets(t), (&stages{t: t}).done)
			require.ErrorIs(t, err, errPulled, "command %d", at)
			r.insert(t, 0, false, 0)
			device, err := h.line.Issue(t.Context(), r, o, secrets(t), (&stages{t: t}).done)
			require.NoError(t, err, "command %d, answer lost: %v", at, after)
			h.check(t, t.Context(), r, o, device)
			assert.Len(t, h.notary.keys, before+1)
		}
	}
}

// Power fails at any write of any command, again and again.
func TestLineGoesOnAfterPowerCuts(t *testing.T) {
	h := newHouse(t)
	rapid.Check(t, func(t *rapid.T) {
		r, o := h.newReader(t), h.order(t)
		before := len(h.notary.keys)
		for range rapid.IntRange(1, 5).Draw(t, "cuts") {
			r.insert(t, rapid.IntRange(1, 100).Draw(t, "command"), false, rapid.IntRange(1, 12).Draw(t, "write"))
			device, err := h.line.Issue(context.Background(), r, o, secrets(t), (&stages{t: t}).done)
			if err == nil {
				require.Equal(t, o.Device, device.ID)
				continue
			}
			require.ErrorIs(t, err, errPulled)
		}
		r.insert(t, 0, false, 0)
		device, err := h.line.Issue(context.Background(), r, o, secrets(t), (&stages{t: t}).done)
		require.NoError(t, err)
		h.check(t, context.Background(), r, o, device)
		assert.Len(t, h.notary.keys, before+1)
	})
}
