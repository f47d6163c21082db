package batchtest

import (
	"context"

	"ekrona.example/apdu/message"
	"ekrona.example/host/banking"
)

// registry has a hook before and after whatever changes it.
type registry struct {
	banking.IssuerDesk
	hook Hook
}

// around makes a change between two steps.
func (r registry) around(change func() error) error {
	if err := r.hook("before the registry"); err != nil {
		return err
	}
	if err := change(); err != nil {
		return err
	}
	return r.hook("after the registry")
}

// AddDevice is banking.IssuerDesk's.
func (r registry) AddDevice(ctx context.Context, d banking.Device) error {
	return r.around(func() error { return r.IssuerDesk.AddDevice(ctx, d) })
}

// ReserveDevice is banking.IssuerDesk's.
func (r registry) ReserveDevice(
	ctx context.Context, reservation banking.Reservation,
) (id message.DeviceID, err error) {
	err = r.around(func() (err error) {
		id, err = r.IssuerDesk.ReserveDevice(ctx, reservation)
		return err
	})
	return id, err
}

// ReportLost is banking.IssuerDesk's.
func (r registry) ReportLost(ctx context.Context, id message.DeviceID) error {
	return r.around(func() error { return r.IssuerDesk.ReportLost(ctx, id) })
}
