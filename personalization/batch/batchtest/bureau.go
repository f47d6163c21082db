package batchtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"filippo.io/age"
	"github.com/stretchr/testify/require"

	"ekrona.example/apdu/scp03"
	"ekrona.example/apdu/spec"
	"ekrona.example/applet"
	"ekrona.example/emulator/cap"
	"ekrona.example/emulator/card"
	"ekrona.example/emulator/globalplatform"
	"ekrona.example/host/clock"
	"ekrona.example/host/party"
	"ekrona.example/host/party/bank"
	"ekrona.example/host/sandbox"
	"ekrona.example/personalization"
	"ekrona.example/personalization/batch"
	"ekrona.example/personalization/preflight"
)

// Noon is the time in a bureau.
var Noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// Bureau is a place where cards are made: a sandbox with customers without a card, a
// printer of letters, and a job.
type Bureau struct {
	Folder  string
	Owners  []string
	Printer *age.X25519Identity
}

// SandboxFolder is the sandbox's.
func (s Bureau) SandboxFolder() string { return filepath.Join(s.Folder, "sandbox") }

// JobFile is the job's file.
func (s Bureau) JobFile() string { return filepath.Join(s.Folder, "job.yaml") }

// JobFolder is the job's folder.
func (s Bureau) JobFolder() string { return filepath.Join(s.Folder, "job") }

// NewBureau founds a sandbox with n customers of Nordic Bank without a card, and writes a
// job of a card for each.
func NewBureau(t testing.TB, folder string, n int) Bureau {
	t.Helper()
	s := Bureau{Folder: folder}
	var err error
	s.Printer, err = age.GenerateX25519Identity()
	require.NoError(t, err)
	w, err := s.Open(t.Context())
	require.NoError(t, err)
	var table strings.Builder
	table.WriteString("owner,name,address\n")
	for i := range n {
		s.Owners = append(s.Owners, fmt.Sprintf("customer-%d", i+1))
		require.NoError(t, w.Sandbox.Enrol(t.Context(), w.Bank, s.Owners[i]))
		fmt.Fprintf(&table, "%s,Customer %d,\"Storgatan %d\n111 22 Stockholm\"\n", s.Owners[i], i+1,
			i+1)
	}
	require.NoError(t, w.Sandbox.Close())
	require.NoError(t, os.WriteFile(s.JobFile(), fmt.Appendf(nil, `job: spring
bank: SENORDIC
keys:
  initial: test
  final: master.key
letters:
  recipients: [%s]
cards: cards.csv
`, s.Printer.Recipient()), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(folder, "cards.csv"), []byte(table.String()),
		0o600))
	require.NoError(t, os.WriteFile(filepath.Join(folder, "master.key"),
		fmt.Appendf(nil, "%x\n", []byte(Master)), 0o600))
	return s
}

// Copy copies a bureau as it is into another folder.
func (s Bureau) Copy(t testing.TB, folder string) Bureau {
	t.Helper()
	require.NoError(t, os.CopyFS(folder, os.DirFS(s.Folder)))
	s.Folder = folder
	require.NoError(t, filepath.WalkDir(folder, func(path string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		return os.Chmod(path, 0o600)
	}))
	return s
}

// Master is the key from which the cards' final keys are derived.
var Master = scp03.Master(bytes.Repeat([]byte{0x5A}, 16))

// Site is a bureau that is open.
type Site struct {
	Sandbox *sandbox.Sandbox
	Bank    *bank.Bank
	Line    personalization.Line
	Need    preflight.Need
}

// Open opens the bureau's sandbox, and founds it first.
func (s Bureau) Open(ctx context.Context) (w Site, err error) {
	options := sandbox.Options{Environment: party.Environment{Clock: clock.Fixed(Noon)}}
	if w.Sandbox, err = sandbox.Found(ctx, s.SandboxFolder(), sandbox.Pilot(),
		options); err != nil {
		return w, err
	}
	if w.Bank, err = w.Sandbox.Bank(ctx, string(sandbox.Nordic)); err != nil {
		return w, errors.Join(err, w.Sandbox.Close())
	}
	file, err := cap.Parse(applet.CAP)
	if err != nil {
		return w, errors.Join(err, w.Sandbox.Close())
	}
	if w.Need, err = preflight.NeedOf(applet.CAP, spec.DefaultSlots); err != nil {
		return w, errors.Join(err, w.Sandbox.Close())
	}
	issuer, err := w.Bank.Issuer(ctx)
	if err != nil {
		return w, errors.Join(err, w.Sandbox.Close())
	}
	w.Line = personalization.Line{Issuer: issuer, Keys: scp03.TestKeys(), Final: Master, CAP: file}
	return w, nil
}

// Begin opens the bureau's job, at noon.
func (w Site) Begin(ctx context.Context, s Bureau, hook Hook) (*batch.Batch, error) {
	return w.BeginAt(ctx, s, clock.Fixed(Noon), hook)
}

// BeginAt opens the bureau's job with a clock of its own; nil is the system's.
func (w Site) BeginAt(
	ctx context.Context, s Bureau, at clock.Clock, hook Hook,
) (*batch.Batch, error) {
	job, err := batch.ReadJob(s.JobFile())
	if err != nil {
		return nil, err
	}
	o := batch.Options{
		Job: job, Folder: s.JobFolder(), Line: w.Line, Registry: w.Bank, Need: w.Need,
		LogKey: w.Line.CA.Signer, Clock: at,
	}
	if hook != nil {
		o.Driver, o.Registry = hook.Driver(), registry{w.Bank, hook}
	}
	return batch.Open(ctx, o)
}

// NewCard makes a blank card whose randomness repeats. With the applet's load file on
// it already, its issuing takes a tenth of the commands.
func NewCard(seed string, loaded bool) (*globalplatform.Card, error) {
	random := card.SeededRandom(seed)
	c, err := card.New(card.Options{Profile: card.P71, Random: random})
	if err != nil {
		return nil, err
	}
	if loaded {
		if _, err := c.Load(applet.CAP); err != nil {
			return nil, err
		}
	}
	return globalplatform.New(c, globalplatform.Options{Random: random})
}
