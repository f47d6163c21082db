package settlement

import (
	"slices"

	"ekrona.example/apdu/message"
)

// inRings divides claims that can be settled together into groups that can be settled one after the
// other: the wallets of a group pay each other in a ring, or it is the claims on one wallet alone.
// What a wallet gets comes from its own group and from groups before, so that each group, with what
// it pays to later ones, leaves no wallet below zero. No ring can be divided further without
// knowing what its wallets hold.
func inRings(claims []claim) (groups [][]claim) {
	s := &strong{of: map[message.DeviceID][]claim{}, seen: map[message.DeviceID]int{},
		lowest: map[message.DeviceID]int{}, onPath: map[message.DeviceID]bool{}}
	for _, c := range claims {
		s.of[c.from] = append(s.of[c.from], c)
	}
	for _, c := range claims {
		s.from(c.from)
	}
	slices.Reverse(s.groups) // who pays comes before who is paid
	return s.groups
}

// strong finds the strongly connected sets of wallets by Tarjan's algorithm (Depth-first search and
// linear graph algorithms, 1972), without recursion: a ring has as many wallets as there are cards.
type strong struct {
	of     map[message.DeviceID][]claim // of each payer
	seen   map[message.DeviceID]int     // in which order, from 1
	lowest map[message.DeviceID]int     // that can be come to from here, on the path
	onPath map[message.DeviceID]bool
	path   []message.DeviceID // whose set is not known yet
	groups [][]claim          // who is paid before who pays
}

// step is a wallet whose claims are followed.
type step struct {
	wallet message.DeviceID
	next   int // of its claims
}

func (s *strong) enter(wallet message.DeviceID) step {
	s.seen[wallet] = len(s.seen) + 1
	s.lowest[wallet] = s.seen[wallet]
	s.path, s.onPath[wallet] = append(s.path, wallet), true
	return step{wallet: wallet}
}

// from follows the claims from one payer on.
func (s *strong) from(first message.DeviceID) {
	if s.seen[first] > 0 {
		return
	}
	for steps := []step{s.enter(first)}; len(steps) > 0; {
		at := &steps[len(steps)-1]
		if claims := s.of[at.wallet]; at.next < len(claims) {
			to := claims[at.next].to
			at.next++
			switch {
			case len(s.of[to]) == 0: // it pays nobody
			case s.seen[to] == 0:
				steps = append(steps, s.enter(to))
			case s.onPath[to]:
				s.lowest[at.wallet] = min(s.lowest[at.wallet], s.seen[to])
			}
			continue
		}
		done := at.wallet
		steps = steps[:len(steps)-1]
		if len(steps) > 0 {
			before := steps[len(steps)-1].wallet
			s.lowest[before] = min(s.lowest[before], s.lowest[done])
		}
		if s.lowest[done] == s.seen[done] {
			s.leave(done)
		}
	}
}

// leave takes the set whose first wallet this is off the path.
func (s *strong) leave(first message.DeviceID) {
	var group []claim
	for {
		last := len(s.path) - 1
		wallet := s.path[last]
		s.path, s.onPath[wallet] = s.path[:last], false
		group = append(group, s.of[wallet]...)
		if wallet == first {
			break
		}
	}
	s.groups = append(s.groups, group)
}
