package lab

import (
	"bytes"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"ekrona.example/apdu/spec"
	"ekrona.example/applet"
	"ekrona.example/applet/suite"
	"ekrona.example/emulator/cap"
	"ekrona.example/emulator/card"
	"ekrona.example/emulator/globalplatform"
	"ekrona.example/emulator/vm"
	"ekrona.example/host/cmd/ekrona/internal/cli"
	"ekrona.example/host/durable"
	"ekrona.example/host/lab"
	"ekrona.example/host/lab/verdict"
	"ekrona.example/personalization/cardkeys"
	"ekrona.example/personalization/preflight"
)

// openReader opens a card in a reader, with a model of it.
func (f *conformFlags) openReader(c *cobra.Command, s *verdict.Subject) (*cli.OpenCard, error) {
	model := &lab.Subject{Profile: card.P71, CAPs: f.subject.caps, InstallAll: true}
	if len(f.subject.caps) > 0 {
		var err error
		if model, err = f.subject.subject(c); err != nil {
			return nil, err
		}
		model.InstallAll = len(model.Install) == 0
	}
	bench, err := model.Open(c.Context())
	if err != nil {
		return nil, fmt.Errorf("the model: %w", err)
	}
	if len(f.subject.caps) == 0 {
		if err := installOurs(bench.Managed, applet.CAP); err != nil {
			return nil, fmt.Errorf("the model: %w", err)
		}
	}
	s.Model = bench.Managed
	return f.cards.Open(c.Context(), c)
}

// installOurs puts the e-krona applet onto a card, and its CAP file if it is not there yet.
func installOurs(managed *globalplatform.Card, capFile []byte) error {
	return managed.Manage(func(below *card.Card) error {
		if capFile != nil {
			if _, err := below.Load(capFile); err != nil {
				return err
			}
		}
		return preflight.Install(below, spec.DefaultSlots)
	})
}

// openVirtual makes the virtual card that the flags name.
func (f *conformFlags) openVirtual(
	c *cobra.Command, s *verdict.Subject, ours bool,
) (*cli.OpenCard, error) {
	profile, err := cli.ProfileOf(f.subject.profile)
	if err != nil {
		return nil, err
	}
	subject := &lab.Subject{Profile: profile, Seed: f.cards.Seed}
	if f.cards.File != "" || len(f.subject.caps) > 0 {
		if subject, err = f.subject.subject(c); err != nil {
			return nil, err
		}
	}
	if f.cards.File != "" {
		if _, err := os.Stat(f.cards.File); err != nil {
			return nil, cli.Usage("--card: %w", err)
		}
	}
	subject.InstallAll = len(subject.Install) == 0 && !ours
	bench, err := subject.Open(c.Context())
	if err != nil {
		return nil, err
	}
	if ours && len(subject.Install) == 0 {
		if err := installOurs(bench.Managed, nil); err != nil {
			return nil, err
		}
	}
	where := "virtual " + profile.Name
	if f.cards.File != "" {
		where = "a copy of " + f.cards.File
	}
	s.Model, s.Virtual = bench.Managed, true
	if s.AID == nil && f.cards.File == "" && !ours {
		for _, a := range bench.Managed.Below().Applets() {
			s.AID = a.AID
		}
	}
	f.cards.Tables = subject.Tables
	return f.cards.OpenCopy(c, bench.Managed, where, profile)
}

// ours is the last CAP file, if it is the e-krona applet's, this build or another; else nil.
func (f *conformFlags) ours() (*cap.File, error) {
	if len(f.subject.caps) == 0 {
		return nil, nil
	}
	name := f.subject.caps[len(f.subject.caps)-1]
	content, err := durable.Read(name)
	if err != nil {
		return nil, cli.Usage("--cap: %w", err)
	}
	file, err := cap.Parse(content)
	if err != nil {
		return nil, fmt.Errorf("--cap %s: %w", name, err)
	}
	if cli.IsEkrona(file) {
		return file, nil
	}
	return nil, nil
}

const noKeys = "it installs and deletes the applet: give the card's keys with --keys, and allow " +
	"it with --delete-applet, which is for good"

// addSuite finds where the applet's suite may run.
func (f *conformFlags) addSuite(
	s *verdict.Subject, opened *cli.OpenCard, ours *cap.File,
) (err error) {
	switch {
	case f.noSuite:
		s.NoSuite = "by --no-suite"
	case s.AID != nil && !bytes.Equal(s.AID, []byte(spec.AppletAID)):
		s.NoSuite = "the application under test is not the e-krona applet"
	case f.keys != "" && (s.Virtual || f.delete):
		source, err := cardkeys.Read(f.keys)
		if err != nil {
			return cli.FlagFile("--keys", err)
		}
		s.Suite, err = managedTarget(opened, source)
		return err
	case s.Virtual && ours != nil:
		s.Suite = suite.NewChangedEmulator(opened.Virtual.Below().Profile(), ours.LoadFile(),
			vm.Probe{})
	default:
		s.NoSuite = noKeys
	}
	return nil
}
