package card

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"

	"ekrona.example/apdu"
	"ekrona.example/emulator/api"
	"ekrona.example/emulator/vm"
)

// Options are what a card is made with.
type Options struct {
	Profile Profile

	// Random is the card's source of randomness; nil is the system's. With
	// SeededRandom a run repeats.
	Random io.Reader

	// Interface is the card's interface; applets may ask for it.
	Interface Interface

	// Transcript, if not nil, gets every event in the life of the card, a line
	// each. It holds whatever the commands hold, secrets included.
	Transcript io.Writer

	// Probe sees what the card's machine does, and may change it.
	Probe vm.Probe
}

// Interface is the transmission protocol and medium, as APDU.getProtocol returns it
// (Java Card API 3.0.5, APDU.PROTOCOL_*).
type Interface int8

// The interfaces.
const (
	Contact     Interface = 0x01       // T=1
	Contactless Interface = -128 + 0x1 // ISO/IEC 14443 type A, block protocol
)

// Card is a Java Card.
type Card struct {
	options Options
	random  *source
	machine *vm.VM
	entry   entryPoints

	manager Manager // nil if it has none

	applets []installed // as findApplets found them
	current vm.Instance // selected applet on the channel in use, 0 for none
	channels
	selecting  bool        // the command in progress is the one that selected it
	reselected vm.Instance // applet that the command in progress selects again, 0 for none
	install    *installation
	installed  int // bytes of InstallBytes that the last one has used

	dead error // why the card answers nothing until a reset; nil while it runs
	cut  int   // persistent write of the next command before which power goes; 0 for none
	last Stats
	// thrown is the last exception that came out of an applet in the last command; nil for none
	thrown *vm.JavaException
	file   string // where it is saved after every change; empty if nowhere
}

var _ apdu.Card = (*Card)(nil)

// New makes a blank card, powered and with nothing on it.
func New(options Options) (*Card, error) {
	c, err := newCard(options, vm.New)
	if err != nil {
		return nil, fmt.Errorf("card: %w", err)
	}
	if err := c.machine.Enter(func(call *vm.Call) {
		api.CreateAPDU(call, options.Profile.APDUBuffer)
	}); err != nil {
		return nil, fmt.Errorf("card: %w", err)
	}
	c.note("card %s", c.options.Profile.Name)
	return c, nil
}

// newCard makes a card around the machine that build makes.
func newCard(options Options, build func(vm.Config) (*vm.VM, error)) (*Card, error) {
	if options.Random == nil {
		options.Random = rand.Reader
	}
	if options.Interface == 0 {
		options.Interface = Contact
	}
	c := &Card{options: options, random: &source{options.Random}}
	linked, err := api.Linked(&options.Profile.Product)
	if err != nil {
		return nil, err
	}
	c.machine, err = build(vm.Config{
		API: linked, Host: environment{c}, Limits: options.Profile.limits(),
		Random: c.random, Probe: options.Probe,
		EngineRAM: options.Profile.Product.EngineRAM, Forgets: options.Profile.Product.Forgets,
	})
	if err != nil {
		return nil, err
	}
	c.entry, err = findEntryPoints(c.machine)
	return c, err
}

// Profile returns the card's profile.
func (c *Card) Profile() Profile { return c.options.Profile }

// Reset takes power away and gives it back: a transaction that was open is rolled
// back, transient memory is zero and nothing is selected (JCRE §3.6, §7.5).
func (c *Card) Reset() {
	c.machine.Reset()
	var collectErr error
	// cut off: the machine has undone it, save for what the runtime environment made for it
	if c.install != nil {
		_, collectErr = c.machine.Collect()
	}
	c.current, c.selecting, c.reselected, c.install, c.cut = 0, false, 0, nil, 0
	c.channels = channels{}
	c.endSession()
	wasCut := c.dead != nil
	c.dead = errors.Join(collectErr, c.findApplets()) // nil unless the emulator itself is at fault
	if wasCut && c.dead == nil {
		c.dead = c.keep()
	}
	c.note("reset")
}

// CutBefore has the power fail before the n-th persistent write, counted from 1,
// of the next command, loading, installation or deletion. One with fewer writes
// ends as usual, and the cut is off; 0 takes it back.
func (c *Card) CutBefore(n int) { c.cut = max(0, n) }

// Transmit sends a command; see [apdu.Card]. Errors are ErrPowerLost, ErrMute,
// ErrNotKept, or report a bug in the emulator.
func (c *Card) Transmit(ctx context.Context, command apdu.Command) (apdu.Response, error) {
	return apdu.Over(ctx, command, c.transmit)
}

// TransmitBytes sends a command as it goes over the wire, well formed or not, and
// returns response data and status word.
func (c *Card) TransmitBytes(command []byte) ([]byte, error) {
	response, err := c.transmit(command)
	if err != nil {
		return nil, err
	}
	return response.Bytes(), nil
}

func (c *Card) transmit(command []byte) (apdu.Response, error) {
	var response apdu.Response
	err := c.account(func() error {
		var err error
		response, err = c.answer(command)
		return err
	})
	if err != nil {
		c.note("command %X -> %v", command, err)
		return apdu.Response{}, err
	}
	c.last.CommandBytes, c.last.ResponseBytes = len(command), len(response.Data)+2
	c.note("command %X -> %v (writes %d, bytecodes %d)", command, response, c.last.Writes,
		c.last.Bytecodes)
	return response, nil
}

// account runs one action of the card with its statistics and the cut that was asked
// for, and collects garbage if an applet has requested it.
func (c *Card) account(action func() error) error {
	if c.dead != nil {
		return c.dead
	}
	c.machine.ResetStats()
	c.machine.CutBefore(c.cut)
	c.cut, c.thrown = 0, nil
	err := action()
	if err == nil {
		_, err = c.machine.CollectIfRequested()
	}
	err = stopped(err)
	c.machine.CutBefore(0)
	if !c.machine.Powered() {
		c.dead = err
	}
	c.last = accountOf(c.machine.Stats())
	if c.dead == nil && c.last.Writes > 0 {
		if c.dead = c.keep(); c.dead != nil {
			return c.dead
		}
	}
	return err
}

// Thrown is the last exception that came out of an applet in the last command, loading,
// installation or deletion; nil for none. Its status word is the answer, 6F00 if it has none.
func (c *Card) Thrown() *vm.JavaException { return c.thrown }

// Memory returns how much memory is free.
func (c *Card) Memory() (Memory, error) {
	var m Memory
	err := c.machine.Enter(func(call *vm.Call) {
		m = Memory{call.AvailableMemory(vm.Persistent), call.AvailableMemory(vm.ClearOnReset),
			call.AvailableMemory(vm.ClearOnDeselect)}
	})
	return m, stopped(err)
}

// Look calls see with every object on the card, which no reader can access.
func (c *Card) Look(see func(vm.Object)) { c.machine.Look(see) }

// SetProbe has another probe than that of its options see what the machine does, until it is called
// with nil: then it is that one again. It refuses while a command runs.
func (c *Card) SetProbe(p *vm.Probe) error {
	if p == nil {
		p = &c.options.Probe
	}
	return c.machine.SetProbe(*p)
}

// Machine returns the card's machine, for tools that look into it or watch it: between
// commands, and in a probe's function. Commands go through the card.
func (c *Card) Machine() *vm.VM { return c.machine }

// Fingerprint hashes what the card's applets hold; see [vm.Fingerprint].
func (c *Card) Fingerprint() vm.Fingerprint { return c.machine.Fingerprint() }

// note writes a line of the transcript. A transcript that cannot be written must
// not change what the card does.
func (c *Card) note(format string, arguments ...any) {
	if c.options.Transcript != nil {
		_, _ = fmt.Fprintf(c.options.Transcript, format+"\n", arguments...)
	}
}
