package card

import (
	"errors"
	"fmt"

	"ekrona.example/emulator/api"
	"ekrona.example/emulator/cap"
	"ekrona.example/emulator/vm"
)

// installed is an applet instance that can be selected.
type installed struct {
	instance vm.Instance
	aid      AID
}

// installation is an Applet.install in progress.
type installation struct {
	instance   vm.Instance
	pkg        *vm.Package
	aid        AID // of the command, then the one that the applet registered
	registered bool
}

// Applet describes an applet instance.
type Applet struct {
	AID     AID // of the instance
	Module  AID // in its CAP file
	Package AID
}

// Package describes a loaded CAP file.
type Package struct {
	AID          AID
	Name         string // "" if the CAP file has none
	Major, Minor byte
	Modules      []AID // of the applets that it can install
}

// Load puts a CAP file onto the card. What it imports must be there already: the API,
// or packages loaded before. Errors are ErrRefused and say what is wrong with the file,
// which import is missing or that memory does not suffice.
func (c *Card) Load(capFile []byte) (Package, error) {
	file, err := cap.Parse(capFile)
	if err != nil {
		return Package{}, fmt.Errorf("load: %w: %w", ErrRefused, err)
	}
	return c.load(file)
}

func (c *Card) load(file *cap.File) (Package, error) {
	var loaded *vm.Package
	err := c.account(func() error {
		err := c.setAside()
		if err == nil {
			loaded, err = c.machine.Load(file)
		}
		return err
	})
	if err != nil {
		err = fmt.Errorf("load: %w", orRefused(err))
		c.note("%v", err)
		return Package{}, err
	}
	p := describePackage(loaded)
	c.note("load %s (writes %d)", p.AID, c.last.Writes)
	return p, nil
}

// orRefused marks an error that left the card as it was and running.
func orRefused(err error) error {
	var bug *vm.InternalError
	var misuse *vm.ProbeMisuse
	if errors.Is(err, ErrPowerLost) || errors.Is(err, ErrMute) || errors.Is(err, ErrNotKept) ||
		errors.As(err, &bug) || errors.As(err, &misuse) {
		return err
	}
	return fmt.Errorf("%w: %w", ErrRefused, err)
}

func describePackage(p *vm.Package) Package {
	major, minor := p.Version()
	described := Package{AID: p.AID(), Name: p.Name(), Major: major, Minor: minor}
	for _, module := range p.Applets() {
		described.Modules = append(described.Modules, module)
	}
	return described
}

// setAside deselects the applet that is selected, as selecting a card manager
// would. The error is that of a card that stopped.
func (c *Card) setAside() error {
	if c.current == 0 {
		return nil
	}
	return c.machine.Enter(c.deselect)
}

// installOffset is where the parameters are in the array that Applet.install receives.
// The array is as long as the APDU buffer, a global array like it (JCRE §6.2.2), and
// they come after a command header, as on cards that pass their APDU buffer: an applet
// that assumes offset 0 fails here too, and one that reads past its parameters finds
// zeros and no end.
const installOffset = 5

// maxInstallBytes is the most that the parameter bLength of Applet.install may say
// (Java Card API 3.0.5, Applet.install).
const maxInstallBytes = 127

// Install makes an instance of the applet module, to be known as instance, and
// returns the AID that it registered. The applet's install method gets instance, an
// empty control field and parameters, each after its length in one byte (JCRE §3.1,
// Applet.install). The instance is there if the method registers it and returns;
// otherwise nothing of it remains.
func (c *Card) Install(module, instance AID, parameters []byte) (AID, error) {
	return c.InstallAs(module, instance, nil, parameters)
}

// InstallUsed returns how many bytes of Profile.InstallBytes the last installation has used.
func (c *Card) InstallUsed() int { return c.installed }

// InstallAs is Install with a control field, in which a card manager gives the applet
// its privileges (GPC 2.3.1 §11.5.2.3.2).
func (c *Card) InstallAs(module, instance AID, control, parameters []byte) (AID, error) {
	if err := instance.check(); err != nil {
		return nil, fmt.Errorf("install: %w: %w", ErrRefused, err)
	}
	pkg, err := c.packageOf(module)
	if err != nil {
		return nil, err
	}
	if _, taken := c.byAID(instance); taken {
		return nil, fmt.Errorf(
			"install: %w: there is an applet %s already; delete it or choose another AID",
			ErrRefused, instance)
	}
	data := append([]byte{byte(len(instance))}, instance...)
	data = append(data, byte(len(control)))
	data = append(data, control...)
	data = append(data, byte(len(parameters)))
	data = append(data, parameters...)
	if len(data) > maxInstallBytes {
		return nil, fmt.Errorf("install: %w: AID, control field and parameters take %d bytes; "+
			"the most is %d (Java Card API 3.0.5, Applet.install)",
			ErrRefused, len(data), maxInstallBytes)
	}
	var registered AID
	err = c.account(func() error {
		registered, err = c.runInstall(pkg, module, instance, data)
		return err
	})
	if err != nil {
		err = fmt.Errorf("install %s: %w", instance, orRefused(err))
		c.note("%v", err)
		return nil, err
	}
	c.note("install %s %s with %q -> %s (writes %d)", module, instance,
		fmt.Sprintf("%X", parameters), registered, c.last.Writes)
	return registered, nil
}

func (c *Card) packageOf(module AID) (*vm.Package, error) {
	for _, p := range c.machine.Packages() {
		for _, m := range p.Applets() {
			if module.equal(m) {
				return p, nil
			}
		}
	}
	return nil, fmt.Errorf(
		"install: %w: no loaded package has an applet %s; load its CAP file first", ErrRefused,
		module)
}

// runInstall returns the AID that the applet registered.
func (c *Card) runInstall(pkg *vm.Package, module, instance AID, data []byte) (AID, error) {
	method, err := c.machine.InstallMethod(pkg, module)
	if err != nil {
		return nil, err
	}
	if err := c.setAside(); err != nil {
		return nil, err
	}
	id := c.machine.NewInstance(pkg, module)
	// a reset that finds it cleans up
	c.install = &installation{instance: id, pkg: pkg, aid: instance}
	var thrown *vm.JavaException
	done := false
	// CLEAR_ON_DESELECT memory of an applet can be made while it is installed: it
	// counts as the selected one.
	c.settle(id)
	c.current = 0
	c.machine.BeginInstall()
	err = c.machine.Enter(func(call *vm.Call) {
		thrown = c.guarded(call, func() {
			length := max(c.options.Profile.APDUBuffer, installOffset+len(data))
			array := call.NewJCREArray(vm.ByteArray, length, vm.ClearOnReset,
				vm.GlobalArray|vm.Temporary)
			call.PutBytes(array, installOffset, data)
			defer call.Delete(array)
			call.InvokeAs(id, method, vm.RefValue(array), vm.ShortValue(installOffset),
				vm.Value(int8(len(data))))
		})
		// An abort of install's, or of what it left open, may have deleted the applet or its AID.
		info, _ := c.machine.InstanceInfo(id)
		if done = thrown == nil && c.applet(id) != 0 && info.AID != 0; done {
			c.machine.ActivateInstance(id)
		}
	})
	c.settle(0)
	c.installed = c.machine.EndInstall()
	if err != nil {
		return nil, err // only a reset helps, and it undoes the installation
	}
	defer func() { c.install = nil }()
	if !done {
		c.machine.DropInstance(id)
		if _, err := c.machine.Collect(); err != nil { // the AID object, if it had registered
			return nil, err
		}
		if thrown != nil {
			return nil, fmt.Errorf("its install method threw %w", thrown)
		}
		if c.install.registered {
			return nil, errors.New("its install method registered an instance in a transaction " +
				"that was aborted, or left open: commit it before install returns")
		}
		return nil, errors.New("its install method returned without registering an instance: " +
			"call register")
	}
	return c.install.aid, c.findApplets()
}

// Delete deletes the applet instance, or else the package, of this AID. It refuses
// while something on the card needs it: for a package, its instances and packages
// that import it; for an instance, references to its objects (JCRE §11.3.4).
func (c *Card) Delete(aid AID) error {
	err := c.account(func() error {
		if err := c.setAside(); err != nil {
			return err
		}
		if found, ok := c.byAID(aid); ok {
			if _, active := c.elsewhere(found.instance); active {
				return fmt.Errorf("applet %s is selected on another logical channel", aid)
			}
			return c.deleteInstance(found)
		}
		if p := c.machine.PackageByAID(aid); p != nil && !p.Native() {
			return c.machine.DeletePackage(p)
		}
		return fmt.Errorf("there is no applet or package %s on the card", aid)
	})
	if err != nil {
		err = fmt.Errorf("delete %s: %w", aid, orRefused(err))
		c.note("%v", err)
		return err
	}
	c.note("delete %s (writes %d)", aid, c.last.Writes)
	return nil
}

// deleteInstance notifies an applet that implements AppletEvent that it will be deleted
// (uninstall, what it throws is ignored), and deletes it.
func (c *Card) deleteInstance(found installed) error {
	err := c.machine.Enter(func(call *vm.Call) {
		if applet := c.applet(found.instance); call.InstanceOf(applet, appletEventClass) {
			c.guarded(call, func() { call.Invoke(c.entry.uninstall, applet) })
		}
	})
	if err != nil {
		return err
	}
	if err := c.machine.DeleteInstance(found.instance); err != nil {
		return err
	}
	if err := c.findApplets(); err != nil {
		return err
	}
	_, err = c.machine.Collect() // its AID object, if no other applet keeps it
	return err
}

// findApplets reads from the machine which applets there are.
func (c *Card) findApplets() error {
	c.applets = nil
	return c.machine.Enter(func(call *vm.Call) {
		for _, info := range c.machine.Instances() {
			if info.Live {
				c.applets = append(c.applets, installed{info.ID, api.AIDBytes(call, info.AID)})
			}
		}
	})
}

func (c *Card) byAID(aid []byte) (installed, bool) {
	for _, a := range c.applets {
		if a.aid.equal(aid) {
			return a, true
		}
	}
	return installed{}, false
}

// Applets lists the applet instances, in the order in which SELECT finds them: that
// of installation, where one that was deleted leaves its place to the next.
func (c *Card) Applets() []Applet {
	var list []Applet
	for _, a := range c.applets {
		info, _ := c.machine.InstanceInfo(a.instance)
		list = append(list, Applet{AID: a.aid, Module: info.Module, Package: info.Package.AID()})
	}
	return list
}

// Packages lists the loaded packages, without the API.
func (c *Card) Packages() []Package {
	var list []Package
	for _, p := range c.machine.Packages() {
		if !p.Native() {
			list = append(list, describePackage(p))
		}
	}
	return list
}
