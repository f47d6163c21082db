package atr

import (
	"encoding/hex"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func unhex(t testing.TB, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(text)
	require.NoError(t, err)
	return b
}

// ATRs of real cards, from public reports at github.com/martinpaljak/GlobalPlatformPro.
func TestATRsOfRealCards(t *testing.T) {
	for _, row := range []struct {
		source, atr string
		protocols   []int
		fi, di      int
		historical  string
		extended    bool
	}{
		{"issue 221, NXP P71 by contact", "3BD518FF8191FE1FC38073C821100A", []int{1}, 372, 12,
			"8073C82110", false},
		{"issue 355, NXP P71 without contact", "3B8580018073C821100E", []int{0, 1}, 372, 1,
			"8073C82110", false},
		{"issue 103, Gemalto ID Core 30", "3B7F96000080318065B08456511012FFFE829000", []int{0}, 512,
			32, "80318065B08456511012FFFE829000", false},
		{"issue 169, NXP JCOP 3", "3BDC18FF8191FE1FC38073C821136605036351000250", []int{1}, 372, 12,
			"8073C8211366050363510002", false},
	} {
		a, err := Parse(unhex(t, row.atr))
		require.NoError(t, err, row.source)
		assert.Equal(t, row.protocols, a.Protocols(), row.source)
		fi, di, ok := a.Speed()
		assert.True(t, ok, row.source)
		assert.Equal(t, [2]int{row.fi, row.di}, [2]int{fi, di}, row.source)
		assert.Equal(t, unhex(t, row.historical), a.Historical, row.source)
		assert.Equal(t, row.extended, a.ExtendedLength(), row.source)
		assert.Equal(t, unhex(t, row.atr), a.Bytes(), row.source)
	}
	a, err := Parse(unhex(t, "3B058073C82150"))
	require.NoError(t, err)
	assert.True(t, a.ExtendedLength())
}

func TestNoATRs(t *testing.T) {
	for name, text := range map[string]string{
		"nothing": "", "one byte": "3B", "no convention": "3A00",
		"cut in the interface bytes": "3BF011", "cut in the historical bytes": "3B0201",
		"too long":         "3B00" + hex.EncodeToString(make([]byte, MaxLength)),
		"wrong check byte": "3BD518FF8191FE1FC38073C821100B",
	} {
		_, err := Parse(unhex(t, text))
		assert.ErrorIs(t, err, ErrMalformed, name)
	}
}

// What is accepted encodes back, and nothing that is asked of it fails.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{"3BD518FF8191FE1FC38073C821100A", "3B8580018073C821100E", "3B00",
		"3F6500009C02"} {
		f.Add(unhex(f, seed))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		a, err := Parse(b)
		if err != nil {
			require.ErrorIs(t, err, ErrMalformed)
			return
		}
		require.Equal(t, b, a.Bytes())
		require.NotEmpty(t, a.Protocols())
		a.Speed()
		a.ExtendedLength()
	})
}
