package thorough

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestSampleIsSpreadOverTheRow(t *testing.T) {
	t.Setenv("EKRONA_THOROUGH", "")
	for _, of := range []int{1, 2, 3, 4, 5, 9} {
		tried, gap, longest := 0, 0, 0
		assert.True(t, Tries(0, of))
		for n := range 10_000 {
			if gap++; Tries(n, of) {
				tried++
				gap = 0
			}
			longest = max(longest, gap)
		}
		assert.InDelta(t, 10_000/of, tried, 3, "one of %d", of)
		assert.Less(t, longest, 3*of, "one of %d", of)
		for period := 2; period <= of; period++ {
			met := map[int]bool{}
			for n := range 1_000 {
				if Tries(n, of) {
					met[n%period] = true
				}
			}
			assert.Len(t, met, period, "one of %d meets every place of a period of %d", of, period)
		}
	}
}

func TestThoroughIsEachCase(t *testing.T) {
	t.Setenv("EKRONA_THOROUGH", "1")
	for n := range 100 {
		assert.True(t, Tries(n, 9))
	}
}
