package pcsc

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestHistoricalBytes(t *testing.T) {
	for _, row := range []struct {
		name       string
		atr        []byte
		historical []byte
	}{
		{"contact, four interface bytes groups", shortATR, shortATR[9:14]},
		{"contactless, as PC/SC part 3 makes it up", []byte{0x3B, 0x83, 0x80, 0x01, 1, 2, 3, 0x82},
			[]byte{1, 2, 3}},
		{"no interface bytes", []byte{0x3B, 0x02, 1, 2}, []byte{1, 2}},
		{"none", []byte{0x3B, 0x00}, []byte{}},
		{"empty", nil, nil},
		{"cut in the interface bytes", shortATR[:6], nil},
		{"cut in the historical bytes", shortATR[:12], nil},
		{"TD without end", []byte{0x3B, 0x80, 0x80, 0x80, 0x80}, nil},
	} {
		assert.Equal(t, row.historical, historical(row.atr), row.name)
	}
}

func TestCardTakesExtended(t *testing.T) {
	for _, row := range []struct {
		name     string
		atr      []byte
		extended bool
	}{
		{"the bit is set", extendedATR, true},
		{"the bit is not set", shortATR, false},
		{"behind another object", []byte{0x3B, 0x08, 0x80, 0x31, 0xFF, 0x73, 0, 0, 0x40, 0}, true},
		{"before a status", []byte{0x3B, 0x08, 0x00, 0x73, 0, 0, 0x40, 5, 0x90, 0}, true},
		{"the status is no object", []byte{0x3B, 0x08, 0x00, 0x31, 0xFF, 0x31, 0xFF, 0x73, 0, 0x40},
			false},
		{"two bytes of capabilities", []byte{0x3B, 0x04, 0x80, 0x72, 0xFF, 0xFF}, false},
		{"cut", []byte{0x3B, 0x03, 0x80, 0x73, 0x40}, false},
		{"another category", []byte{0x3B, 0x05, 0x10, 0x73, 0, 0, 0x40}, false},
	} {
		assert.Equal(t, row.extended, cardTakesExtended(row.atr), row.name)
	}
}

// Any answer of cards and readers is parsed within its bounds.
func FuzzWhatCardsAndReadersSay(f *testing.F) {
	f.Add(shortATR)
	f.Add(extendedATR)
	f.Add([]byte{0x3B, 0x80, 0x80})
	f.Add([]byte{featureProperties, 4, 0x42, 0x33, 0, 0x12})
	f.Fuzz(func(t *testing.T, said []byte) {
		h := historical(said)
		assert.LessOrEqual(t, len(h), 15)
		if cardTakesExtended(said) {
			assert.NotEmpty(t, h)
		}
		value, found := simpleTLV(said, featureProperties)
		assert.True(t, found || value == nil)
		readerCarriesExtended(&fakeHandle{properties: said})
	})
}
