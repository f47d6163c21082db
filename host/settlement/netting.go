package settlement

import (
	"math/bits"
	"sort"

	"ekrona/apdu/message"
	"ekrona/apdu/money"
)

// claim is money that one shadow wallet owes: to another one, or to an online holding when to is
// empty.
type claim struct {
	n      int64 // the payment's order of arrival: smaller is older
	from   message.DeviceID
	to     message.DeviceID
	amount money.Ore
}

// exactNetting is the size of a connected set of claims up to which the largest settleable subset
// is searched exactly.
const exactNetting = 12

// netting chooses claims that can all be settled together: with them carried out at once, no wallet
// that pays ends below zero (available is what each can pay). Wallets that no claim connects are
// netted separately. A connected set that can be settled whole is settled whole. Otherwise, of a
// set up to exactNetting the part with the most claims is settled, the older claims first; of a
// larger one a part that cannot be enlarged by any single claim. The result is in order of arrival.
func netting(claims []claim, available map[message.DeviceID]money.Ore) []claim {
	var chosen []claim
	for _, connected := range components(claims) {
		switch {
		case settleable(connected, available):
			chosen = append(chosen, connected...)
		case len(connected) <= exactNetting:
			chosen = append(chosen, largest(connected, available)...)
		default:
			chosen = append(chosen,
				enlarged(trimmed(connected, available), connected, available)...)
		}
	}
	sort.Slice(chosen, func(i, j int) bool { return chosen[i].n < chosen[j].n })
	return chosen
}

// components splits claims into sets that share no wallet, each in order of arrival.
func components(claims []claim) [][]claim {
	parent := map[message.DeviceID]message.DeviceID{}
	var root func(message.DeviceID) message.DeviceID
	root = func(d message.DeviceID) message.DeviceID {
		if p, seen := parent[d]; seen && p != d {
			parent[d] = root(p)
		} else {
			parent[d] = d
		}
		return parent[d]
	}
	for _, c := range claims {
		if c.to != "" {
			parent[root(c.from)] = root(c.to)
		}
	}
	sorted := append([]claim(nil), claims...)
	sort.Slice(sorted, func(i, j int) bool { return sorted[i].n < sorted[j].n })
	index, sets := map[message.DeviceID]int{}, [][]claim(nil)
	for _, c := range sorted {
		r := root(c.from)
		i, seen := index[r]
		if !seen {
			i = len(sets)
			index[r], sets = i, append(sets, nil)
		}
		sets[i] = append(sets[i], c)
	}
	return sets
}

// after returns the balance of each paying wallet when all claims are settled.
func after(
	claims []claim, available map[message.DeviceID]money.Ore,
) map[message.DeviceID]money.Ore {
	left := map[message.DeviceID]money.Ore{}
	for _, c := range claims {
		if _, seen := left[c.from]; !seen {
			left[c.from] = available[c.from]
		}
	}
	for _, c := range claims {
		left[c.from] -= c.amount
		if _, pays := left[c.to]; pays {
			left[c.to] += c.amount
		}
	}
	return left
}

func settleable(claims []claim, available map[message.DeviceID]money.Ore) bool {
	for _, left := range after(claims, available) {
		if left < 0 {
			return false
		}
	}
	return true
}

// largest tries every subset and returns the one with the most claims, among equals the one with
// the oldest.
func largest(claims []claim, available map[message.DeviceID]money.Ore) []claim {
	var best []claim
	bestMask := 0
	for mask := 1; mask < 1<<len(claims); mask++ {
		more := bits.OnesCount(uint(mask)) - bits.OnesCount(uint(bestMask))
		if more < 0 || more == 0 && mask < bestMask {
			continue
		}
		var subset []claim
		for i, c := range claims {
			if mask&(1<<(len(claims)-1-i)) != 0 { // the oldest is the highest bit
				subset = append(subset, c)
			}
		}
		if settleable(subset, available) {
			best, bestMask = subset, mask
		}
	}
	return best
}

// trimmed drops the newest claim of a wallet that would be below zero, until none is.
func trimmed(claims []claim, available map[message.DeviceID]money.Ore) []claim {
	kept := append([]claim(nil), claims...)
	for {
		left, drop := after(kept, available), -1
		for i, c := range kept {
			if left[c.from] < 0 {
				drop = i
			}
		}
		if drop < 0 {
			return kept
		}
		kept = append(kept[:drop], kept[drop+1:]...)
	}
}

// enlarged adds back to kept, oldest first, the claims that still fit.
func enlarged(kept, all []claim, available map[message.DeviceID]money.Ore) []claim {
	in := map[int64]bool{}
	for _, c := range kept {
		in[c.n] = true
	}
	for again := true; again; {
		again = false
		for _, c := range all {
			if !in[c.n] && settleable(append(kept[:len(kept):len(kept)], c), available) {
				kept, in[c.n], again = append(kept, c), true, true
			}
		}
	}
	return kept
}
