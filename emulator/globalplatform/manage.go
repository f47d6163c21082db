package globalplatform

import "ekrona.example/emulator/card"

// Manage changes what is on the card without a key, as the program may that has the card: do
// loads, installs or deletes on the card below, one of them. The issuer security domain is
// selected then, and its session is over. What is recorded of an applet that is gone is dropped.
func (c *Card) Manage(do func(below *card.Card) error) error {
	c.last = Account{}
	defer func() { c.cut = 0 }()
	c.selected = true
	c.endSession()
	if err := c.act(func() error { return do(c.card) }); err != nil {
		return err
	}
	for _, a := range c.state.apps {
		if !c.hasApplet(a.aid) {
			return c.update(func(s *state) {
				s.apps = deleteFunc(s.apps, func(a app) bool { return !c.hasApplet(a.aid) })
				s.services = deleteFunc(s.services,
					func(v service) bool { return !c.hasApplet(v.applet) })
			})
		}
	}
	return nil
}
