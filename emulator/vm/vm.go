package vm

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"sync"
)

// Limits are the sizes of a card; 0 means without limit, except for Frames,
// StackCells and Budget, where it means the default.
type Limits struct {
	NVMBytes    int // persistent memory for packages and objects
	RAMBytes    int // transient arrays; CLEAR_ON_DESELECT space is shared between contexts
	RAMUnit     int // the size of a transient array is rounded up to a multiple of it
	CommitBytes int // journal: old content plus 4 bytes for each entry
	// InstallBytes is what Applet.install may write, and make, on a card that keeps a journal of
	// it: what is written plus 4 bytes for each write, and 4 for each object made.
	InstallBytes int
	Frames       int // nested calls
	StackCells   int // 16-bit cells of all frames together
	Budget       int // bytecodes that one Enter may run
	Work         int // what its natives may do, as [Call.Work] measures it
}

// Defaults for the limits that always apply.
const (
	DefaultFrames     = 128
	DefaultStackCells = 8192
	DefaultBudget     = 50_000_000
	DefaultWork       = 60_000_000
	// DefaultBytes is the memory of either kind, without a limit of the card's: far more than cards
	// have, and no more than an applet that makes objects without end may take of this machine.
	DefaultBytes = 1 << 26
)

// Config is what a machine is made of.
type Config struct {
	API    *API
	Limits Limits
	Random io.Reader // the card's randomness
	Host   any       // what natives find at VM.Host: the runtime environment around the machine

	// EngineRAM returns the bytes of RAM that an instance of a native class takes on the
	// card, made by Call.NewEngine for an algorithm, which its first hidden field holds;
	// nil for none.
	EngineRAM func(class string, algorithm Value) int

	// Forgets reports whether instances of a native class lose at a reset what is in their
	// hidden fields but the first; nil stands for none.
	Forgets func(class string) bool

	Probe Probe // observes and may change what the machine does
}

// VM is one card's machine. It is not safe for concurrent use.
type VM struct {
	cfg Config
	// natives first, then CAP files in order of loading; nil where one was deleted
	packages []*Package
	statics  []staticFields // by the index in packages

	heap      heap
	tx        transaction
	roots     []namedRoot
	instances []instance // index is the Instance; 0 is the runtime environment
	selected  Instance

	running *activations // within Enter
	stack   []int32      // of running
	frames  []Call       // of running
	fp      int          // current activation; -1 outside Enter
	result  int32
	fuel    int // bytecodes that the current Enter may still run
	effort  int // what its natives may still do
	budget  int // of each Enter; 0 for that of the limits

	probe      Probe
	asking     bool       // the probe's function runs
	invocation Invocation // what the probe receives, kept so that a call allocates nothing
	access     Access
	cellBytes  []byte     // room for a fingerprint
	results    remembered // nil unless it is to remember

	stats       Stats
	install     installJournal
	cutAt       int // write before which the power goes, as asked for
	cutIn       int // writes left until then; 0 for none
	powered     bool
	muted       *CardFault
	gcRequested bool
}

type namedRoot struct {
	name string
	cell int32
}

// New makes an empty machine with power on.
func New(cfg Config) (*VM, error) {
	if cfg.API == nil {
		return nil, fmt.Errorf("vm: no API; set Config.API")
	}
	if cfg.Random == nil {
		return nil, fmt.Errorf("vm: no source of randomness; set Config.Random")
	}
	l := &cfg.Limits
	l.NVMBytes, l.RAMBytes = cmp.Or(l.NVMBytes, DefaultBytes), cmp.Or(l.RAMBytes, DefaultBytes)
	l.Frames = cmp.Or(l.Frames, DefaultFrames)
	l.StackCells = cmp.Or(l.StackCells, DefaultStackCells)
	l.Budget, l.Work = cmp.Or(l.Budget, DefaultBudget), cmp.Or(l.Work, DefaultWork)
	natives := len(cfg.API.packages) // most cards load one package beside them
	v := &VM{
		cfg:       cfg,
		probe:     cfg.Probe,
		packages:  append(make([]*Package, 0, natives+1), cfg.API.packages...),
		statics:   make([]staticFields, natives, natives+1),
		heap:      heap{objects: []*object{nil}},
		instances: []instance{{state: instanceLive}},
		fp:        -1,
		powered:   true,
	}
	return v, nil
}

// Host returns Config.Host.
func (v *VM) Host() any { return v.cfg.Host }

// Enter runs fn as the runtime environment, in context 0, with a new budget of
// bytecodes. The error is a *JavaException that nothing caught, a *CardFault, a
// *PowerCut, a *ProbeMisuse, or an *InternalError; after the last four the card
// answers nothing until Reset. Enter does not nest.
func (v *VM) Enter(fn func(c *Call)) (err error) {
	switch {
	case v.muted != nil:
		return v.muted
	case !v.powered:
		return fmt.Errorf("vm: the card has no power; reset it")
	case v.fp >= 0:
		return errors.New("vm: Enter within Enter: the machine runs a command, and neither a " +
			"native nor a probe may start another")
	}
	given := cmp.Or(v.budget, v.cfg.Limits.Budget)
	defer func() {
		err = v.recovered(recover())
		v.stats.Bytecodes += given - v.fuel
		v.fp = -1
		v.vacate()
		v.releaseDead()
		v.releaseGlobals()
		switch t := err.(type) {
		case *CardFault:
			v.muted = t
		case *InternalError, *ProbeMisuse:
			v.powered = false
		}
	}()
	v.fuel, v.effort = given, v.cfg.Limits.Work
	v.occupy()
	v.runAs(0, fn)
	return nil
}

// activations are the stack and the frames that a machine needs while a command runs.
type activations struct {
	stack  []int32
	frames []Call
}

// idle keeps activations between commands: of thousands of cards few run at a time.
var idle sync.Pool

func (v *VM) occupy() {
	cells, frames := v.cfg.Limits.StackCells, v.cfg.Limits.Frames
	v.running, _ = idle.Get().(*activations)
	if a := v.running; a == nil || len(a.stack) < cells || len(a.frames) < frames {
		v.running = &activations{make([]int32, cells), make([]Call, frames)}
	}
	v.stack, v.frames = v.running.stack[:cells:cells], v.running.frames[:frames:frames]
}

// vacate gives the activations back. Cells keep their values, which no activation can read
// before it writes them (VM.enter); frames refer to their machine no more.
func (v *VM) vacate() {
	clear(v.frames[:min(v.stats.MaxFrames, len(v.frames))])
	idle.Put(v.running)
	v.running, v.stack, v.frames = nil, nil, nil
}

// SetBudget has each Enter from now on run so many bytecodes at most; 0 is what the limits say.
func (v *VM) SetBudget(bytecodes int) { v.budget = bytecodes }

// CutBefore has power lost before the n-th persistent write from now on, 1
// being the next; 0 cancels it. The Enter that is cut returns a *PowerCut.
func (v *VM) CutBefore(n int) { v.cutAt, v.cutIn = n, n }

// Powered reports whether the card runs: neither cut nor mute.
func (v *VM) Powered() bool { return v.powered && v.muted == nil }

// Mute reports whether the card has stopped by itself, at a fault, and still has power.
func (v *VM) Mute() bool { return v.powered && v.muted != nil }

// Reset takes power away and gives it back (JCRE 3.0.5 §3.6, §7.5): an open
// transaction is rolled back, all transient memory is zero, installations
// that did not end are undone, and no applet is selected.
func (v *VM) Reset() {
	v.fp = -1
	v.rollBack()
	v.releaseDead()
	for _, o := range v.heap.objects {
		if o == nil {
			continue
		}
		o.volatile = nil
		if v.cfg.Forgets != nil && o.kind == InstanceObject && v.cfg.Forgets(o.class.name) {
			clear(o.cells[1:])
		}
		if o.storage != Persistent {
			o.shareZeros() // RAM of a card without power costs nothing
			o.clear()
		}
	}
	v.powered, v.muted, v.selected, v.gcRequested, v.cutIn = true, nil, 0, false, 0
	v.install = installJournal{}
	v.undoPending()
}

// releaseDead makes the references of objects deleted by aborts available again, once
// no frame can hold them.
func (v *VM) releaseDead() {
	v.heap.freeRefs = append(v.heap.freeRefs, v.tx.dead...)
	v.tx.dead = v.tx.dead[:0]
}

// Selected returns the applet instance whose CLEAR_ON_DESELECT memory exists.
func (v *VM) Selected() Instance { return v.selected }

// Activate makes an applet instance the one whose CLEAR_ON_DESELECT memory exists, and clears
// nothing: that of the one before is of another logical channel.
func (v *VM) Activate(i Instance) { v.selected = i }

// Select makes an applet instance the selected one; 0 for none. CLEAR_ON_DESELECT
// memory of the context that was selected before is cleared unless the new
// instance is of the same context (JCRE 3.0.5 §5.1).
func (v *VM) Select(i Instance) {
	old := v.contextOf(v.selected)
	v.selected = i
	if old == v.contextOf(i) {
		return
	}
	for _, o := range v.heap.objects {
		if o != nil && o.storage == ClearOnDeselect && o.ctx == old {
			o.clear()
		}
	}
}

func (v *VM) root(name string) Ref {
	for i := range v.roots {
		if v.roots[i].name == name {
			return Ref(v.roots[i].cell)
		}
	}
	return 0
}

func (v *VM) setRoot(name string, r Ref) {
	for i := range v.roots {
		if v.roots[i].name == name {
			v.roots[i].cell = int32(r)
			return
		}
	}
	v.roots = append(v.roots, namedRoot{name, int32(r)})
}

// classNamed returns a native class, which must exist.
func (v *VM) classNamed(name string) *Class {
	c := v.cfg.API.byName[name]
	if c == nil {
		panic(&InternalError{Value: "no native class " + name, Where: v.where()})
	}
	return c
}
