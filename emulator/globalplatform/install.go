package globalplatform

import (
	"bytes"
	"errors"

	"ekrona.example/apdu"
	"ekrona.example/apdu/gpc"
	"ekrona.example/emulator/card"
)

// grantable are the privileges that an applet may have here: those that it uses through
// org.globalplatform, beside Card Reset.
const grantable = gpc.PrivilegeCardReset | gpc.PrivilegeCardLock | gpc.PrivilegeCardTerminate |
	gpc.PrivilegeCVMManagement |
	gpc.PrivilegeGlobalLock | gpc.PrivilegeGlobalRegistry | gpc.PrivilegeGlobalService

// install is INSTALL (GPC §11.5).
func (c *Card) install(command apdu.Command) ([]byte, error) {
	if command.P2 != 0 {
		return nil, apdu.SWWrongP1P2
	}
	var err error
	c.target = nil
	data := command.Data
	switch purpose := command.P1; purpose {
	case gpc.InstallLoad:
		err = c.forLoad(data)
	case gpc.InstallInstall, gpc.InstallInstall | gpc.InstallMakeSelectable:
		err = c.forInstall(data, purpose&gpc.InstallMakeSelectable != 0)
	case gpc.InstallMakeSelectable:
		err = c.forMakeSelectable(data)
	case gpc.InstallPersonalization:
		err = c.forPersonalization(data)
	case gpc.InstallExtradition, gpc.InstallRegistryUpdate:
		err = apdu.SWNotSupported
	default:
		err = apdu.SWWrongP1P2
	}
	if err != nil {
		return nil, err
	}
	return nothingMore, nil
}

// forInstall makes an applet instance. Its registry entry is written first, and a new
// default applet replaces the old one last: a cut between leaves no applet and the old
// default, or the whole of what the command makes.
func (c *Card) forInstall(data []byte, selectable bool) error {
	f, err := gpc.ParseForInstall(data)
	if err != nil {
		return err
	}
	switch {
	case len(f.Token) > 0, f.Privileges&^grantable != 0:
		return apdu.SWWrongData
	case !selectable && f.Privileges&gpc.PrivilegeCardReset != 0: // GPC §11.5.2.3.2
		return apdu.SWWrongData
	case !c.hasModule(f.LoadFile, f.Module):
		return apdu.SWNotFound
	case c.taken(f.Instance):
		return apdu.SWConditions
	}
	a := app{aid: f.Instance, life: gpc.Installed, privileges: f.Privileges}
	if selectable {
		a.life = gpc.Selectable
	}
	if err := c.update(func(s *state) { s.setApp(a) }); err != nil {
		return err
	}
	err = c.act(func() error { return c.instantiate(f) })
	if errors.Is(err, card.ErrRefused) || errors.Is(err, apdu.SWWrongData) {
		return errors.Join(c.update(func(s *state) { s.dropApp(f.Instance) }), err)
	}
	if err != nil || f.Privileges == 0 {
		return err
	}
	return c.update((*state).oneDefault)
}

// instantiate runs the applet's install method. The applet must be known by the AID
// of the command.
func (c *Card) instantiate(f gpc.ForInstall) error {
	registered, err := c.card.InstallAs(f.Module, f.Instance, f.Privileges.Bytes(), f.Parameters)
	if err != nil || bytes.Equal(registered, f.Instance) {
		return err
	}
	if err := c.card.Delete(registered); err != nil {
		return err
	}
	return apdu.SWWrongData
}

// hasModule reports whether the load file is there and has the applet module.
func (c *Card) hasModule(loadFile, module []byte) bool {
	for _, p := range c.card.Packages() {
		if bytes.Equal(p.AID, loadFile) {
			for _, m := range p.Modules {
				if bytes.Equal(m, module) {
					return true
				}
			}
		}
	}
	return false
}

// taken reports whether the AID names anything on the card.
func (c *Card) taken(aid []byte) bool {
	return c.isDomain(aid) || c.hasApplet(aid) || c.hasLoadFile(aid)
}

func (c *Card) hasLoadFile(aid []byte) bool {
	for _, p := range c.card.Packages() {
		if bytes.Equal(p.AID, aid) {
			return true
		}
	}
	return false
}

// forMakeSelectable also makes an applet the default one, selectable before or not.
func (c *Card) forMakeSelectable(data []byte) error {
	f, err := gpc.ParseForMakeSelectable(data)
	if err != nil {
		return err
	}
	if len(f.Token) > 0 {
		return apdu.SWWrongData
	}
	if !c.hasApplet(f.Instance) {
		return apdu.SWNotFound
	}
	a := c.state.app(f.Instance)
	reset := f.Privileges & gpc.PrivilegeCardReset
	if a.life&gpc.LockedBit != 0 || a.life != gpc.Installed && reset == 0 {
		return apdu.SWConditions
	}
	if a.life == gpc.Installed {
		a.life = gpc.Selectable
	}
	a.privileges |= reset
	return c.update(func(s *state) {
		s.setApp(a)
		s.oneDefault()
	})
}

// forPersonalization has the STORE DATA commands that follow go to an applet that takes
// them, up to the last block (GPC §7.3.3).
func (c *Card) forPersonalization(data []byte) error {
	aid, err := gpc.ParseForPersonalization(data)
	if err != nil {
		return err
	}
	if !c.hasApplet(aid) {
		return apdu.SWNotFound
	}
	if !c.card.IsPersonalizable(aid) {
		return apdu.SWConditions
	}
	c.target = bytes.Clone(aid)
	return nil
}
