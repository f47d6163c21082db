package suite

import (
	"cmp"
	"iter"
	"maps"
	"slices"
)

// inOrder goes through a map in the order of its keys. A case sends the same commands in the same
// order in each run: a fault is found again by the number of its command.
func inOrder[K cmp.Ordered, V any](m map[K]V) iter.Seq2[K, V] {
	return func(yield func(K, V) bool) {
		for _, key := range slices.Sorted(maps.Keys(m)) {
			if !yield(key, m[key]) {
				return
			}
		}
	}
}
