package message

import (
	"encoding/hex"

	"ekrona.example/apdu/layout"
	"ekrona.example/apdu/spec"
)

// Hash is a SHA-256: an identity or a chain head.
type Hash [spec.HashLength]byte

// String is the hash in hex.
func (h Hash) String() string { return hex.EncodeToString(h[:]) }

// Random is an unpredictable number.
type Random [spec.RandomLength]byte

// Nonce names one session of a card, which draws it.
type Nonce [spec.NonceLength]byte

func creditOf(p *spec.CreditVerdict) layout.Value {
	return layout.ByteOf[spec.CreditVerdict]{P: p,
		Valid: func(v spec.CreditVerdict) bool { return v <= spec.CreditNotTaken }}
}

func lifeCycleOf(p *spec.LifeCycle) layout.Value {
	return layout.ByteOf[spec.LifeCycle]{P: p, Valid: func(l spec.LifeCycle) bool {
		for _, row := range spec.LifeCycles {
			if row.State == l {
				return true
			}
		}
		return false
	}}
}

func roleOf(p *spec.Role, allowed ...spec.Role) layout.Value {
	return layout.ByteOf[spec.Role]{P: p, Valid: func(r spec.Role) bool {
		for _, a := range allowed {
			if a == r {
				return true
			}
		}
		return false
	}}
}

// groupOf is the place of a group: any number.
func groupOf(p *uint8) layout.Value {
	return layout.ByteOf[uint8]{P: p, Valid: func(uint8) bool { return true }}
}

// Values that never vary.
var (
	versionValue  = layout.Fixed([]byte{spec.MessageVersion, spec.AlgorithmECDSAP256SHA256})
	currencyValue = layout.Fixed([]byte{spec.Currency >> 8, spec.Currency & 0xFF})
)

// MarshalBinary gives the content of the data object.
func (h *Hash) MarshalBinary() ([]byte, error) { return h[:], nil }

// UnmarshalBinary takes the content of the data object.
func (h *Hash) UnmarshalBinary(b []byte) error { return layout.Bytes(h[:]).UnmarshalBinary(b) }

// MarshalBinary gives the content of the data object.
func (r *Random) MarshalBinary() ([]byte, error) { return r[:], nil }

// UnmarshalBinary takes the content of the data object.
func (r *Random) UnmarshalBinary(b []byte) error { return layout.Bytes(r[:]).UnmarshalBinary(b) }

// MarshalBinary gives the content of the data object.
func (n *Nonce) MarshalBinary() ([]byte, error) { return n[:], nil }

// UnmarshalBinary takes the content of the data object.
func (n *Nonce) UnmarshalBinary(b []byte) error { return layout.Bytes(n[:]).UnmarshalBinary(b) }
