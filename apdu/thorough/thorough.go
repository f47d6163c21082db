// Package thorough tells a test of a long row of cases, such as a power cut at each write, which of
// them to try: a sample, or with EKRONA_THOROUGH=1 in the environment each one.
package thorough

import "os"

// All reports whether each case of every row is to be tried.
func All() bool { return os.Getenv("EKRONA_THOROUGH") == "1" }

// Tries reports whether the n-th case of a row, the first of which is 0, is tried where one case of
// so many is enough. Those tried are spread evenly, without a period that could fall together with
// one of the row's own; the first is always one of them.
func Tries(n, of int) bool {
	const golden = 2654435769 // 2^32 divided by the golden ratio: multiples of it spread evenly
	return All() || uint64(uint32(n)*golden)*uint64(of) < 1<<32
}
