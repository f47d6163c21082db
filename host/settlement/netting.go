package settlement

import (
	"container/heap"
	"math/bits"
	"sort"

	"ekrona.example/apdu/message"
	"ekrona.example/apdu/money"
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
// Its time grows with the number of claims, and little more.
func netting(claims []claim, available map[message.DeviceID]money.Ore) []claim {
	var chosen []claim
	for _, connected := range components(claims) {
		set := newNet(connected, available)
		switch {
		case set.isSettled():
		case len(connected) <= exactNetting:
			set.findLargest()
		default:
			set.trim()
			set.enlarge()
		}
		for i, kept := range set.kept {
			if kept {
				chosen = append(chosen, connected[i])
			}
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

// settleable reports whether claims can be settled all at once.
func settleable(claims []claim, available map[message.DeviceID]money.Ore) bool {
	return newNet(claims, available).isSettled()
}

// net is a connected set of claims, some of which are kept, and what they leave in the wallets.
type net struct {
	claims []claim // in order of arrival
	kept   []bool
	from   []int   // wallet of each claim
	to     []int   // -1: an online holding
	of     [][]int // claims of each wallet, in order
	pays   []int   // kept claims of each wallet
	left   []money.Ore
}

// newNet returns the set with every claim kept.
func newNet(claims []claim, available map[message.DeviceID]money.Ore) *net {
	s := &net{claims: claims, kept: make([]bool, len(claims)), from: make([]int, len(claims)),
		to: make([]int, len(claims))}
	numbers := map[message.DeviceID]int{}
	wallet := func(id message.DeviceID) int {
		n, known := numbers[id]
		if !known {
			n = len(s.left)
			numbers[id], s.of, s.pays = n, append(s.of, nil), append(s.pays, 0)
			s.left = append(s.left, available[id])
		}
		return n
	}
	for i, c := range claims {
		s.from[i], s.to[i] = wallet(c.from), -1
		s.of[s.from[i]] = append(s.of[s.from[i]], i)
		if c.to != "" {
			s.to[i] = wallet(c.to)
		}
		s.keep(i, true)
	}
	return s
}

// keep adds a claim to those that are kept, or drops it.
func (s *net) keep(i int, kept bool) {
	if s.kept[i] == kept {
		return
	}
	amount, one := s.claims[i].amount, 1
	if !kept {
		amount, one = -amount, -1
	}
	s.kept[i] = kept
	s.pays[s.from[i]] += one
	s.left[s.from[i]] -= amount
	if s.to[i] >= 0 {
		s.left[s.to[i]] += amount
	}
}

// isSettled reports whether no wallet that pays is below zero.
func (s *net) isSettled() bool {
	for wallet, left := range s.left {
		if left < 0 && s.pays[wallet] > 0 {
			return false
		}
	}
	return true
}

// findLargest tries every subset and keeps the one with the most claims, among equals the one with
// the oldest.
func (s *net) findLargest() {
	best, n := 0, len(s.claims)
	for mask := range 1 << n {
		more := bits.OnesCount(uint(mask)) - bits.OnesCount(uint(best))
		if more > 0 || more == 0 && mask > best {
			if s.keepMask(mask); s.isSettled() {
				best = mask
			}
		}
	}
	s.keepMask(best)
}

// keepMask keeps the claims of a mask, in which the oldest is the highest bit.
func (s *net) keepMask(mask int) {
	for i := range s.claims {
		s.keep(i, mask&(1<<(len(s.claims)-1-i)) != 0)
	}
}

// trim drops the newest claim of a wallet that would be below zero, until none is.
func (s *net) trim() {
	newest := make([]int, len(s.of)) // of a wallet's claims, how many are not dropped
	due := &newestFirst{}
	below := func(wallet int) {
		if s.left[wallet] < 0 && newest[wallet] > 0 {
			heap.Push(due, s.of[wallet][newest[wallet]-1])
		}
	}
	for wallet, claims := range s.of {
		newest[wallet] = len(claims)
		below(wallet)
	}
	for due.Len() > 0 {
		i := heap.Pop(due).(int)
		wallet := s.from[i]
		if !s.kept[i] || s.left[wallet] >= 0 {
			continue
		}
		s.keep(i, false)
		newest[wallet]--
		below(wallet)
		if s.to[i] >= 0 {
			below(s.to[i])
		}
	}
}

// enlarge adds the dropped claims that still fit, oldest first, again and again: each that is
// added may let its payee pay another one.
func (s *net) enlarge() {
	for again := true; again; {
		again = false
		for i, c := range s.claims {
			if s.kept[i] || s.left[s.from[i]] < c.amount {
				continue
			}
			s.keep(i, true)
			again = again || s.to[i] >= 0 && s.hasDropped(s.to[i])
		}
	}
}

// hasDropped reports whether a wallet can pay a claim that is dropped.
func (s *net) hasDropped(wallet int) bool {
	for _, i := range s.of[wallet] {
		if !s.kept[i] && s.claims[i].amount <= s.left[wallet] {
			return true
		}
	}
	return false
}

// newestFirst is a heap of claims.
type newestFirst []int

// Len, Less, Swap, Push and Pop implement heap.Interface.
func (l newestFirst) Len() int           { return len(l) }
func (l newestFirst) Less(i, j int) bool { return l[i] > l[j] }
func (l newestFirst) Swap(i, j int)      { l[i], l[j] = l[j], l[i] }

// Push adds a claim.
func (l *newestFirst) Push(claim any) { *l = append(*l, claim.(int)) }

// Pop removes the last.
func (l *newestFirst) Pop() any {
	last := (*l)[len(*l)-1]
	*l = (*l)[:len(*l)-1]
	return last
}
