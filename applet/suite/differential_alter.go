package suite

import (
	"bytes"
	"slices"

	"ekrona.example/apdu"
	"ekrona.example/apdu/money"
)

// alteration draws a change of a command with so many bytes of data. It does the
// same to both sides, and never puts a given value where one side may have it.
func (t *differential) alteration(length int) func(*apdu.Command) {
	at, change := 0, byte(1)<<t.random.IntN(8)
	if length > 0 {
		at = t.random.IntN(length)
	}
	if t.oneIn(3) {
		change = byte(1 + t.random.IntN(255))
	}
	extra := t.bytes(1 + t.random.IntN(20))
	ne := []int{0, 1, 7, 255, 256, 1 + t.random.IntN(256)}[t.random.IntN(6)]
	header := t.random.IntN(4)
	switch t.random.IntN(10) {
	case 0: // a longer command
		return func(c *apdu.Command) { c.Data = append(c.Data, extra...) }
	case 1: // cut off
		return func(c *apdu.Command) { c.Data = c.Data[:at] }
	case 2: // bytes put in
		return func(c *apdu.Command) { c.Data = slices.Insert(c.Data, at, extra...) }
	case 3: // bytes left out
		return func(c *apdu.Command) {
			c.Data = slices.Delete(c.Data, at,
				min(at+len(extra), len(c.Data)))
		}
	case 4: // twice
		return func(c *apdu.Command) { c.Data = bytes.Repeat(c.Data, 2) }
	case 5:
		return func(c *apdu.Command) { c.Ne = ne }
	case 6:
		return func(c *apdu.Command) {
			switch header {
			case 0:
				c.CLA ^= change
			case 1:
				c.INS ^= change
			case 2:
				c.P1 ^= change
			default:
				c.P2 ^= change
			}
		}
	default: // one field wrong
		return func(c *apdu.Command) {
			if len(c.Data) > 0 {
				c.Data[at] ^= change
			}
		}
	}
}

func (t *differential) bytes(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(t.random.Uint32())
	}
	return b
}

// amount draws one of a size that matters.
func (t *differential) amount() money.Ore {
	switch t.random.IntN(12) {
	case 0:
		return money.Ore(t.random.Uint32())
	case 1:
		return 300_000
	case 2:
		return 300_001
	case 3:
		return 1
	default:
		return money.Ore(1 + t.random.IntN(100_000))
	}
}

// pick draws one of a list.
func pick[T any](t *differential, list []T) T { return list[t.random.IntN(len(list))] }
