package audit

import (
	"fmt"

	"ekrona.example/apdu/message"
	"ekrona.example/host/session"
)

// Observed returns a device as it answers a Challenge: State and records, without what it sent to
// others. Signatures are not verified.
func Observed(r session.Reading) (Device, error) {
	state, err := message.Parse[message.State](r.State)
	if err != nil {
		return Device{}, fmt.Errorf("audit: State: %w", err)
	}
	d := Device{State: state}
	for _, encoded := range r.Records {
		record, err := message.ParseRecord(encoded)
		if err != nil {
			return Device{}, fmt.Errorf("audit: record: %w", err)
		}
		d.Records = append(d.Records, record)
	}
	return d, nil
}
