package suite

import (
	"context"
	"errors"
	"fmt"

	"ekrona.example/apdu"
	"ekrona.example/apdu/globalplatform"
	"ekrona.example/apdu/gpc"
	"ekrona.example/apdu/scp03"
	"ekrona.example/apdu/spec"
	"ekrona.example/applet"
	"ekrona.example/emulator/cap"
)

// Managed is the committed CAP file on a card that is reached through its security
// domain alone, as one in a reader is. Every case deletes the instance of the case
// before, with all that is in it, and installs a new one: use a card for tests.
type Managed struct {
	card         apdu.Card // gives answers as they come, 61xx too
	reset        func() error
	keys         scp03.KeySource
	capabilities Capabilities

	file   *cap.File
	loaded bool // by this target, so that it is the committed CAP file
}

// NewManaged makes a target of a card with those keys. reset takes its power away and
// gives it back.
func NewManaged(
	c apdu.Card, reset func() error, keys scp03.KeySource, capabilities Capabilities,
) (*Managed, error) {
	file, err := cap.Parse(applet.CAP)
	if err != nil {
		return nil, err
	}
	return &Managed{card: c, reset: reset, keys: keys, capabilities: capabilities,
		file: file}, nil
}

// Install implements [Target].
func (m *Managed) Install(ctx context.Context, parameters []byte) (apdu.Card, error) {
	if err := m.reset(); err != nil {
		return nil, err
	}
	client, err := globalplatform.Open(ctx, apdu.Framing{Card: m.card}, nil,
		scp03.Options{Keys: m.keys, Level: scp03.CMACEncryption})
	if err != nil {
		return nil, err
	}
	if err := m.clear(ctx, client); err != nil {
		return nil, err
	}
	if !m.loaded {
		if err := client.Load(ctx, m.file.Header.Package.AID, m.file.LoadFile()); err != nil {
			return nil, err
		}
		m.loaded = true
	}
	err = client.Install(ctx, gpc.ForInstall{
		LoadFile: m.file.Header.Package.AID, Module: []byte(spec.AppletAID),
		Instance: []byte(spec.AppletAID), Parameters: parameters,
	})
	if err != nil {
		return nil, err
	}
	return m.card, nil
}

// clear deletes the instance, at first with the load file it came from.
func (m *Managed) clear(ctx context.Context, client *globalplatform.Client) error {
	aid, related := []byte(spec.AppletAID), false
	if !m.loaded {
		aid, related = m.file.Header.Package.AID, true
	}
	err := client.Delete(ctx, aid, related)
	if errors.Is(err, apdu.SWNotFound) || errors.Is(err, apdu.SWFileNotFound) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("clearing the card: %w", err)
	}
	return nil
}

// Reset implements [Target].
func (m *Managed) Reset(context.Context) error { return m.reset() }

// Capabilities implements [Target].
func (m *Managed) Capabilities() Capabilities { return m.capabilities }
