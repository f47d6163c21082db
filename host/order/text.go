package order

import (
	"encoding/hex"
	"fmt"
)

// MarshalText returns the id in hex.
func (i ID) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, i[:]), nil }

// UnmarshalText reads the id in hex.
func (i *ID) UnmarshalText(text []byte) error {
	content, err := hex.DecodeString(string(text))
	if err != nil || len(content) != len(i) {
		return fmt.Errorf("order id %q: give %d bytes in hex", text, len(i))
	}
	copy(i[:], content)
	return nil
}

// MarshalText returns the kind's name.
func (k Kind) MarshalText() ([]byte, error) {
	if k < Load || k > Refund {
		return nil, fmt.Errorf("%s has no name", k)
	}
	return []byte(k.String()), nil
}

// UnmarshalText reads the kind's name.
func (k *Kind) UnmarshalText(text []byte) error {
	for kind := Load; kind <= Refund; kind++ {
		if kind.String() == string(text) {
			*k = kind
			return nil
		}
	}
	return fmt.Errorf("unknown order kind %q", text)
}
