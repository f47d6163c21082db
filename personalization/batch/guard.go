package batch

import (
	"context"
	"crypto"
	"errors"
	"io"
	"sync"

	"ekrona.example/apdu/message"
	"ekrona.example/host/banking"
	"ekrona.example/personalization"
)

// fault is an error on the host's side: it is not the card's, and the next
// card would fail too.
type fault struct{ err error }

func (f *fault) Error() string { return f.err.Error() }
func (f *fault) Unwrap() error { return f.err }

// hostFault marks an error as the host's.
func hostFault(err error) error {
	if err == nil {
		return nil
	}
	return &fault{err}
}

func isOurs(err error) bool {
	var f *fault
	var issuers *personalization.IssuerFault
	return errors.As(err, &f) || errors.As(err, &issuers)
}

// guarded is a registry that one goroutine uses at a time. Its error about the device
// that was asked for is not the host's fault.
type guarded struct {
	mu sync.Mutex
	banking.IssuerDesk
}

func aboutDevice(err error) error {
	if errors.Is(err, banking.ErrNoDevice) || errors.Is(err, banking.ErrTaken) {
		return err
	}
	return hostFault(err)
}

// AddDevice is banking.IssuerDesk's.
func (g *guarded) AddDevice(ctx context.Context, d banking.Device) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	return aboutDevice(g.IssuerDesk.AddDevice(ctx, d))
}

// Device is banking.IssuerDesk's.
func (g *guarded) Device(ctx context.Context, id message.DeviceID) (banking.Device, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	d, err := g.IssuerDesk.Device(ctx, id)
	return d, aboutDevice(err)
}

// FirstCrisis is banking.IssuerDesk's.
func (g *guarded) FirstCrisis(
	ctx context.Context, id message.DeviceID,
) (banking.FirstCrisis, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	first, err := g.IssuerDesk.FirstCrisis(ctx, id)
	return first, aboutDevice(err)
}

// ReserveDevice is banking.IssuerDesk's.
func (g *guarded) ReserveDevice(
	ctx context.Context, r banking.Reservation,
) (message.DeviceID, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	id, err := g.IssuerDesk.ReserveDevice(ctx, r)
	return id, hostFault(err)
}

// ReportLost is banking.IssuerDesk's.
func (g *guarded) ReportLost(ctx context.Context, id message.DeviceID) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	return hostFault(g.IssuerDesk.ReportLost(ctx, id))
}

// signer is a key that one goroutine uses at a time, as a TPM requires.
type signer struct {
	mu sync.Mutex
	crypto.Signer
}

// Sign is crypto.Signer's.
func (s *signer) Sign(random io.Reader, digest []byte, o crypto.SignerOpts) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	signed, err := s.Signer.Sign(random, digest, o)
	return signed, hostFault(err)
}

// source is a reader that one goroutine uses at a time.
type source struct {
	mu sync.Mutex
	io.Reader
}

// Read is io.Reader's.
func (s *source) Read(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.Reader.Read(p)
}
