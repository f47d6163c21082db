package message

import (
	"encoding/hex"

	"ekrona.example/apdu/layout"
)

// UnmarshalText takes a name, or "" for none. As text and JSON, ids and names are what
// they are on the wire.
func (n *Name) UnmarshalText(text []byte) (err error) {
	if *n = ""; len(text) > 0 {
		*n, err = ParseName(string(text))
	}
	return err
}

// UnmarshalText takes an id, or "" for none.
func (d *DeviceID) UnmarshalText(text []byte) (err error) {
	if *d = ""; len(text) > 0 {
		*d, err = ParseDeviceID(string(text))
	}
	return err
}

// MarshalText gives the hash in hex.
func (h Hash) MarshalText() ([]byte, error) { return []byte(h.String()), nil }

// UnmarshalText takes the hash in hex.
func (h *Hash) UnmarshalText(text []byte) error {
	content, err := hex.DecodeString(string(text))
	if err != nil {
		return layout.Malformed("hash: %w", err)
	}
	return h.UnmarshalBinary(content)
}
