// Package issuertest is a small issuer: its own root, CA and notary, a
// register in memory that is as strict as the real one, and blank virtual cards. Only
// tests import it. Start at [New].
package issuertest

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"ekrona.example/apdu/cvc"
	"ekrona.example/apdu/message"
	"ekrona.example/apdu/pin"
	"ekrona.example/apdu/scp03"
	"ekrona.example/apdu/spec"
	"ekrona.example/applet"
	"ekrona.example/emulator/cap"
	"ekrona.example/emulator/card"
	emulated "ekrona.example/emulator/globalplatform"
	"ekrona.example/host/banking"
	"ekrona.example/personalization"
	"ekrona.example/personalization/pki"
)

// Notary registers as the notary does: an id once, for one key.
type Notary struct {
	Devices map[message.DeviceID]banking.Device
	Keys    map[string]bool // all that anybody tried to register
}

// AddDevice registers a device, and the same again.
func (n *Notary) AddDevice(_ context.Context, d banking.Device) error {
	certificate, err := cvc.Parse(d.Certificate)
	if err != nil {
		return err
	}
	n.Keys[fmt.Sprint(certificate.PublicKey)] = true
	if known, taken := n.Devices[d.ID]; taken && !bytes.Equal(known.Certificate, d.Certificate) {
		return banking.ErrTaken
	}
	n.Devices[d.ID] = d
	return nil
}

// FirstCrisis is that of a scheme without crisis orders.
func (*Notary) FirstCrisis(context.Context, message.DeviceID) (banking.FirstCrisis, error) {
	return banking.FirstCrisis{LowestOrder: 1}, nil
}

// Device is what is registered.
func (n *Notary) Device(_ context.Context, id message.DeviceID) (banking.Device, error) {
	d, known := n.Devices[id]
	if !known {
		return d, banking.ErrNoDevice
	}
	return d, nil
}

// Issuer is an issuer with its line and orders.
type Issuer struct {
	Line   personalization.Line
	Notary *Notary
	Random *rand.ChaCha8
	orders int
}

// T is a test, or a property of one.
type T interface {
	require.TestingT
	Helper()
}

// New makes an issuer whose keys are the same each time.
func New(t *testing.T) *Issuer {
	t.Helper()
	random := rand.NewChaCha8([32]byte{5})
	keys := pki.Open(t.TempDir(), random)
	subject := func(holder cvc.Holder, role spec.Role) pki.Subject {
		return pki.Subject{Holder: holder, Role: role, Effective: Date(t, "2026-11-22"),
			Expiry: Date(t, "2036-11-22")}
	}
	root, err := keys.Root("root", subject("SERIKSBK00001", spec.RoleRoot))
	require.NoError(t, err)
	notaryKey, err := keys.Certified("notary", subject("SENOTARY00001", spec.RoleNotary), root)
	require.NoError(t, err)
	ca, err := keys.Certified("ca", subject("SENORDIC00001", spec.RoleIntermediary), root)
	require.NoError(t, err)
	instruction, err := keys.Certified("instruction",
		subject("SENORDIC00002", spec.RoleInstructionKey), root)
	require.NoError(t, err)
	file, err := cap.Parse(applet.CAP)
	require.NoError(t, err)
	h := &Issuer{Notary: &Notary{map[message.DeviceID]banking.Device{}, map[string]bool{}},
		Random: random}
	h.Line = personalization.Line{
		Issuer: personalization.Issuer{
			CA: ca, Root: root.Encoded, InstructionKey: instruction.Encoded,
			Notary: notaryKey.Encoded, Registry: h.Notary,
			Batches: keys.Batches(ca),
			Random:  random, Effective: Date(t, "2026-11-22"), Expiry: Date(t, "2030-11-22"),
		},
		Keys: scp03.TestKeys(), Final: scp03.Master(bytes.Repeat([]byte{0x5A}, 16)), CAP: file,
	}
	return h
}

// Date reads a date.
func Date(t T, text string) message.Date {
	d, err := message.ParseDate(text)
	require.NoError(t, err)
	return d
}

// Order draws the next order.
func (h *Issuer) Order(t T) personalization.Order {
	h.orders++
	o, err := personalization.NewOrder(message.DeviceID(fmt.Sprintf("SENORDIC%08d", h.orders)),
		"anna", Date(t, "2026-11-22"), h.Random)
	require.NoError(t, err)
	return o
}

// Secrets are PIN 1234 and PUK 87654321.
func Secrets(t T) personalization.Secrets {
	first, err := pin.NewBlock("1234")
	require.NoError(t, err)
	puk, err := pin.NewPUKBlock("87654321")
	require.NoError(t, err)
	return personalization.Secrets{PIN: first, PUK: puk}
}

// Blank takes a blank card. Each has randomness of its own.
func (h *Issuer) Blank(t T) *emulated.Card {
	var seed [32]byte
	_, err := h.Random.Read(seed[:])
	require.NoError(t, err)
	random := rand.NewChaCha8(seed)
	c, err := card.New(card.Options{Profile: card.P71, Random: random})
	require.NoError(t, err)
	managed, err := emulated.New(c, emulated.Options{Random: random})
	require.NoError(t, err)
	return managed
}
