package gpc

import (
	"encoding/hex"
	"strings"
)

// Hex is bytes that are shown in hex.
type Hex []byte

// String is the bytes in hex.
func (h Hex) String() string { return strings.ToUpper(hex.EncodeToString(h)) }

// MarshalText returns the bytes in hex.
func (h Hex) MarshalText() ([]byte, error) { return []byte(h.String()), nil }
