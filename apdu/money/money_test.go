package money

import (
	"math"
	"math/big"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestParse(t *testing.T) {
	for text, want := range map[string]Ore{"0": 0, "200": 20000, "200.5": 20050, "200.05 kr": 20005,
		"7 kr": 700, "3kr": 300} {
		got, err := Parse(text)
		require.NoError(t, err, text)
		require.Equal(t, want, got, text)
	}
	for _, text := range []string{"", "-1", "+1", "1.", ".5", "1.005", "1e3", "1 000", "kr",
		"99999999999999999999", "1,50", " 1", "1  kr"} {
		_, err := Parse(text)
		require.Error(t, err, text)
	}
}

func TestFormatParsesBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := Ore(rapid.Int64Range(0, math.MaxInt64).Draw(t, "a"))
		back, err := Parse(a.String())
		require.NoError(t, err)
		require.Equal(t, a, back)
	})
	require.Equal(t, "-5.01 kr", Ore(-501).String())
	require.Equal(t, "-92233720368547758.08 kr", Ore(math.MinInt64).String())
}

func TestArithmeticIsExactOrRefused(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := rapid.Int64().Draw(t, "a"), rapid.Int64().Draw(t, "b")
		for _, c := range []struct {
			got  func() (Ore, error)
			want *big.Int
		}{
			{func() (Ore, error) { return Ore(a).Add(Ore(b)) },
				new(big.Int).Add(big.NewInt(a), big.NewInt(b))},
			{func() (Ore, error) { return Ore(a).Sub(Ore(b)) },
				new(big.Int).Sub(big.NewInt(a), big.NewInt(b))},
		} {
			got, err := c.got()
			if c.want.IsInt64() {
				require.NoError(t, err)
				require.Equal(t, c.want.Int64(), int64(got))
			} else {
				require.Error(t, err)
			}
		}
	})
	_, err := Ore(0).Sub(math.MinInt64)
	require.Error(t, err)
}
