package week

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/apdu/money"
)

// figure9 is that of the Riksbank's report: Anna has 200 kr and pays Bertil 80, of which he pays
// Cecilia 50; she synchronises first.
func figure9(l Liquidity) Scene {
	return Scene{Seed: 1, Holds: []money.Ore{200_00, 0, 0}, Payments: []Paying{{0, 1, 80_00},
		{1, 2, 50_00}}, Online: []int{2, 1, 0}, Liquidity: l}
}

func TestFigure9WaitsUnlessSomethingIsDone(t *testing.T) {
	for name, c := range map[string]struct {
		Liquidity
		want Played
	}{
		"queue": {Liquidity{}, Played{Claims: Claims{Count: 2, Waited: 1, Median: time.Hour,
			Longest: time.Hour}, Paid: 2}},
		"pool": {Liquidity{PoolCap: 100_00}, Played{Claims: Claims{Count: 2, PoolMost: 50_00},
			Paid: 2}},
		"provenance": {Liquidity{Provenance: true}, Played{Claims: Claims{Count: 2, Carried: 386,
			CarriedMost: 386, AtBanks: 1, AtOthers: 1}, Paid: 2}},
		"locked": {Liquidity{Locked: true}, Played{Claims: Claims{Count: 1, Refused: 1},
			Paid: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := figure9(c.Liquidity).Play(t.Context())
			require.NoError(t, err)
			assert.Equal(t, c.want, got)
		})
	}
}
