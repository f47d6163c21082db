package message

import (
	"encoding/binary"
	"fmt"
	"math"

	"ekrona.example/apdu/layout"
	"ekrona.example/apdu/money"
)

// MaxAmount is the most that a message carries: unsigned, 4 bytes, big-endian, öre.
const MaxAmount money.Ore = math.MaxUint32

// CheckAmount refuses what no message carries: less than 0 or more than [MaxAmount].
// Encoding checks it too.
func CheckAmount(a money.Ore) error {
	if a < 0 || a > MaxAmount {
		return fmt.Errorf("amount %s: a message carries 0 to %s", a, MaxAmount)
	}
	return nil
}

// AmountOf is the place of an amount in a layout: 4 bytes of öre.
func AmountOf(p *money.Ore) layout.Value { return amount{p} }

type amount struct{ p *money.Ore }

// MarshalBinary gives the content of the data object.
func (a amount) MarshalBinary() ([]byte, error) { return appendAmount(nil, *a.p) }

// UnmarshalBinary takes the content of the data object.
func (a amount) UnmarshalBinary(b []byte) error {
	var wire layout.Uint32
	if err := wire.UnmarshalBinary(b); err != nil {
		return err
	}
	*a.p = money.Ore(wire)
	return nil
}

func appendAmount(dst []byte, a money.Ore) ([]byte, error) {
	if err := CheckAmount(a); err != nil {
		return nil, layout.Malformed("%w", err)
	}
	return binary.BigEndian.AppendUint32(dst, uint32(a)), nil
}

// amountAt reads the amount in the first 4 bytes of b.
func amountAt(b []byte) money.Ore { return money.Ore(binary.BigEndian.Uint32(b)) }
