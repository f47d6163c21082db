package apdu

import (
	"cmp"
	"slices"
	"strings"
)

// mostNearest is how many names are offered in place of one that is not there, and nearEnough by
// how many letters they may be farther than the nearest.
const (
	mostNearest = 3
	nearEnough  = 2
)

// Nearest finds those of names that a misspelt one may mean, the nearest first, at most three:
// before all others those that begin with it, then by the number of letters that are wrong,
// missing or too many, whatever their case. A name counts by its last part too, behind a point or
// a slash. Where none is near, it finds none.
func Nearest(name string, names []string) []string {
	type near struct {
		name     string
		later    int // 0 of a name that begins so, 1 of others
		distance int
	}
	name = strings.ToLower(Brief(name))
	var found []near
	for _, n := range names {
		lower := strings.ToLower(n)
		d := Distance(name, lower)
		if at := strings.LastIndexAny(lower, "./"); at >= 0 && !strings.ContainsAny(name, "./") {
			d = min(d, Distance(name, lower[at+1:]))
		}
		if d <= max(1, len(name)/3) || len(name) > 2 && strings.Contains(lower, name) {
			later := 1
			if len(name) > 2 && strings.HasPrefix(lower, name) {
				later = 0
			}
			found = append(found, near{n, later, d})
		}
	}
	slices.SortStableFunc(found, func(a, b near) int {
		return cmp.Or(cmp.Compare(a.later, b.later), cmp.Compare(a.distance, b.distance),
			cmp.Compare(a.name, b.name))
	})
	found = slices.CompactFunc(found, func(a, b near) bool { return a.name == b.name })
	var nearest []string
	for _, n := range found[:min(len(found), mostNearest)] {
		if n.distance <= found[0].distance+nearEnough {
			nearest = append(nearest, n.name)
		}
	}
	return nearest
}

// Unknown says what a name that is not there may have meant: "; nearest: this, that", or which
// names there are, if they are few; "" otherwise.
func Unknown(name string, names []string) string {
	const few = 8
	if nearest := Nearest(name, names); len(nearest) > 0 {
		return "; nearest: " + strings.Join(nearest, ", ")
	}
	if len(names) > 0 && len(names) <= few {
		return "; there are: " + strings.Join(names, ", ")
	}
	return ""
}

// Distance is how many letters must be changed, added or taken away, or exchanged with their
// neighbour, to make b of a (Damerau and Levenshtein, each place changed once).
func Distance(a, b string) int {
	rows := make([][]int, len(a)+1)
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			change := 1
			if a[i-1] == b[j-1] {
				change = 0
			}
			rows[i][j] = min(rows[i-1][j]+1, rows[i][j-1]+1, rows[i-1][j-1]+change)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				rows[i][j] = min(rows[i][j], rows[i-2][j-2]+1)
			}
		}
	}
	return rows[len(a)][len(b)]
}
