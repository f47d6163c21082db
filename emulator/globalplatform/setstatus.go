package globalplatform

import (
	"ekrona.example/apdu"
	"ekrona.example/apdu/gpc"
)

// setStatus is SET STATUS (GPC §11.10): the card's life cycle, and locking and
// unlocking applets one by one or all together.
func (c *Card) setStatus(command apdu.Command) ([]byte, error) {
	switch command.P1 {
	case gpc.StatusISD:
		return nil, c.setCardStatus(gpc.LifeCycle(command.P2))
	case gpc.StatusApplications:
		return nil, c.lockApplet(command.Data, command.P2&byte(gpc.LockedBit) != 0)
	case gpc.SetStatusDomainTree:
		if !c.isDomain(command.Data) {
			return nil, apdu.SWNotFound
		}
		return nil, c.lockAll(command.P2&byte(gpc.LockedBit) != 0)
	}
	return nil, apdu.SWWrongP1P2
}

// setCardStatus goes along figure 5-1 of GPC.
func (c *Card) setCardStatus(to gpc.LifeCycle) error {
	from := c.state.life
	allowed := to == gpc.Terminated ||
		from == gpc.OPReady && to == gpc.Initialized ||
		from == gpc.Initialized && to == gpc.Secured ||
		from == gpc.Secured && to == gpc.CardLocked ||
		from == gpc.CardLocked && to == gpc.Secured
	if !allowed {
		return apdu.SWConditions
	}
	return c.update(func(s *state) { s.life = to })
}

func (c *Card) lockApplet(aid []byte, lock bool) error {
	if !c.hasApplet(aid) {
		return apdu.SWNotFound
	}
	a := c.state.app(aid)
	if (a.life&gpc.LockedBit != 0) == lock {
		return apdu.SWConditions
	}
	a.life ^= gpc.LockedBit
	return c.update(func(s *state) { s.setApp(a) })
}

func (c *Card) lockAll(lock bool) error {
	return c.update(func(s *state) {
		for _, found := range c.card.Applets() {
			if a := s.app(found.AID); (a.life&gpc.LockedBit != 0) != lock {
				a.life ^= gpc.LockedBit
				s.setApp(a)
			}
		}
	})
}

func (c *Card) hasApplet(aid []byte) bool {
	for _, a := range c.card.Applets() {
		if string(a.AID) == string(aid) {
			return true
		}
	}
	return false
}
