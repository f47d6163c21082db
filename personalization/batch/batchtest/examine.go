package batchtest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"filippo.io/age"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/apdu"
	"ekrona.example/apdu/cvc"
	"ekrona.example/apdu/message"
	"ekrona.example/apdu/pin"
	"ekrona.example/apdu/spec"
	"ekrona.example/applet/client"
	"ekrona.example/host/banking"
	"ekrona.example/host/store"
	"ekrona.example/personalization/batch"
	"ekrona.example/personalization/batch/auditlog"
	"ekrona.example/personalization/batch/letter"
	"ekrona.example/personalization/batch/virtual"
)

// Examine compares everything that a finished job left with everything else: the
// cards, the intermediary's registry, the notary's, the letters, the journal and the
// audit log. cards are all that were ever put into a reader.
func Examine(ctx context.Context, t require.TestingT, s Bureau, cards []virtual.Card) {
	w, err := s.Open(ctx)
	require.NoError(t, err)
	defer func() { assert.NoError(t, w.Sandbox.Close()) }()
	centralBank, err := w.Sandbox.CentralBank(ctx)
	require.NoError(t, err)
	record, err := batch.ReadRecord(ctx, s.JobFolder())
	require.NoError(t, err)

	onCards := s.activeCards(ctx, t, w, record, cards)
	require.Len(t, record.Items, len(s.Owners))
	states := map[message.DeviceID]string{}
	for i, item := range record.Items {
		require.Equal(t, s.Owners[i], item.Owner)
		require.Equal(t, "active", item.State())
		registered, err := w.Bank.Cards(ctx, item.Owner)
		require.NoError(t, err)
		var active message.DeviceID
		for _, tried := range item.Orders {
			_, twice := states[tried.Device]
			require.False(t, twice, "device id %s was used twice", tried.Device)
			states[tried.Device] = tried.State
			require.Equal(t, tried.State == "active", tried.Letter, tried.Device)
			require.Equal(t, tried.State == "active", onCards[tried.Device] == item.Owner,
				tried.Device)
			if tried.State == "active" {
				active = tried.Device
			}
		}
		for _, c := range registered {
			d := c.Device
			_, known := states[d.ID]
			require.True(t, known, "%s is registered and in no journal", d.ID)
			_, err := centralBank.For(w.Bank.Settings.Name).Outstanding(ctx, d.ID)
			require.NoError(t, err, "the notary knows it")
		}
		require.Contains(t, onCards, active)
	}
	require.Len(t, onCards, len(s.Owners))
	letters, err := os.ReadDir(filepath.Join(s.JobFolder(), "letters"))
	require.NoError(t, err)
	require.Len(t, letters, len(s.Owners), "a letter for each card, and nothing else")
	s.examineLog(ctx, t, w, states)
	s.examineSecrets(ctx, t)
}

// activeCards lists which devices are active on which card, for whom, by asking the
// cards, which the PIN of their letter opens.
func (s Bureau) activeCards(
	ctx context.Context, t require.TestingT, w Site, record batch.Record, cards []virtual.Card,
) map[message.DeviceID]string {
	ordered := map[batch.CardSerial]message.DeviceID{}
	for _, item := range record.Items {
		for _, tried := range item.Orders {
			if tried.State == "active" {
				ordered[tried.CardSerial] = tried.Device
			}
		}
	}
	found := map[message.DeviceID]string{}
	for _, physical := range cards {
		require.NoError(t, physical.Reset())
		cardSerial, err := batch.Identify(ctx, physical)
		require.NoError(t, err)
		applet := client.New(physical)
		application, err := applet.Select(ctx)
		if errors.Is(err, apdu.SWFileNotFound) {
			continue
		}
		require.NoError(t, err)
		if application.LifeCycle != spec.Active {
			continue
		}
		device, known := ordered[cardSerial]
		require.True(t, known, "the card %s is active, and the journal lacks it", cardSerial)
		registered, err := w.Bank.Device(ctx, device)
		require.NoError(t, err)
		s.open(ctx, t, applet, registered)
		found[device] = registered.Customer
	}
	return found
}

// open opens a card with the secrets of its letter.
func (s Bureau) open(
	ctx context.Context, t require.TestingT, applet *client.Client, registered banking.Device,
) {
	text, digits, puk := s.letter(t,
		letter.Path(filepath.Join(s.JobFolder(), "letters"), registered.ID))
	require.Contains(t, text, string(registered.ID))
	require.Contains(t, text, registered.Customer)
	block, err := pin.NewBlock(digits)
	require.NoError(t, err)
	require.NoError(t, applet.Verify(ctx, block, client.PINTransport{}), "the PIN of the letter")
	encoded, err := applet.Certificate(ctx)
	require.NoError(t, err)
	require.Equal(t, registered.Certificate, encoded)
	certificate, err := cvc.Parse(encoded)
	require.NoError(t, err)
	require.Equal(t, registered.ID, certificate.Device())
	unblock, err := pin.NewPUKBlock(puk)
	require.NoError(t, err)
	require.NoError(t, applet.ResetPIN(ctx, unblock, block, client.PINTransport{}),
		"the PUK of the letter")
}

var letterLines = regexp.MustCompile(`(?m)^(?:PIN|PUK) +([0-9]+)$`)

// letter reads a letter as its printer does.
func (s Bureau) letter(t require.TestingT, path string) (text, digits, puk string) {
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	in, err := age.Decrypt(bytes.NewReader(content), s.Printer)
	require.NoError(t, err)
	plain, err := io.ReadAll(in)
	require.NoError(t, err)
	lines := letterLines.FindAllStringSubmatch(string(plain), -1)
	require.Len(t, lines, 2)
	return string(plain), lines[0][1], lines[1][1]
}

// examineLog checks that the audit log has the outcome of every order, once.
func (s Bureau) examineLog(
	ctx context.Context, t require.TestingT, w Site, states map[message.DeviceID]string,
) {
	head, err := batch.LogHead(ctx, s.JobFolder())
	require.NoError(t, err)
	content, err := os.ReadFile(filepath.Join(s.JobFolder(), "audit.log"))
	require.NoError(t, err)
	reported := map[message.DeviceID]string{}
	_, err = auditlog.Verify(strings.NewReader(string(content)), w.Line.CA.Certificate.PublicKey,
		head, func(e auditlog.Entry) error {
			device := message.DeviceID(e.Fields["device"])
			switch e.Event {
			case "reserved":
				require.Empty(t, reported[device])
				reported[device] = e.Event
			case "active", "rejected":
				require.Equal(t, "reserved", reported[device])
				reported[device] = e.Event
			}
			return nil
		})
	require.NoError(t, err)
	require.Equal(t, states, reported)
}

// examineSecrets checks that no letter's digits, in clear or sealed, are left in
// the folder.
func (s Bureau) examineSecrets(ctx context.Context, t require.TestingT) {
	var secret []string
	folder := s.JobFolder()
	letters, err := filepath.Glob(filepath.Join(folder, "letters", "*"))
	require.NoError(t, err)
	for _, path := range letters {
		_, _, puk := s.letter(t, path)
		secret = append(secret, puk)
	}
	files, err := filepath.Glob(filepath.Join(folder, "*"))
	require.NoError(t, err)
	for _, path := range files {
		content, err := os.ReadFile(path)
		if err != nil {
			continue // the folder of letters
		}
		for _, digits := range secret {
			require.NotContains(t, string(content), digits, path)
		}
	}
	db, err := store.Open(ctx, filepath.Join(folder, "journal.db"))
	require.NoError(t, err)
	sealed, err := store.Number(ctx, db, `SELECT count(*) FROM card_order WHERE sealed IS NOT NULL`)
	require.NoError(t, err)
	require.NoError(t, db.Close())
	require.Zero(t, sealed, "secrets of orders that are over")
}
