package vm

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"slices"
)

// Snapshot is everything that a machine held between two commands: persistent and transient
// memory, packages, applet instances and what is selected. Its source of randomness is no
// part of it. A snapshot is of one machine, which can be set back to it any number of times.
type Snapshot struct {
	vm        *VM
	heap      heap
	packages  []*Package
	fields    []staticFields // by the index in packages
	roots     []namedRoot
	instances []instance
	selected  Instance
	number    int // of the last transaction
	gc        bool
}

// Copier is what Call.SetVolatile attaches that has pointers: Copy returns the same state,
// which later changes of the original do not affect.
type Copier interface{ Copy() (any, error) }

// Snapshot keeps what the machine holds. It refuses while a command runs, on a machine
// without power, and where a native has attached a state that cannot be copied.
func (v *VM) Snapshot() (*Snapshot, error) {
	if v.fp >= 0 || v.tx.open || !v.Powered() {
		return nil, errors.New("vm: the card is not at rest; reset it before a snapshot is taken")
	}
	s := &Snapshot{
		vm: v, packages: slices.Clone(v.packages),
		roots: slices.Clone(v.roots), instances: slices.Clone(v.instances),
		selected: v.selected, number: v.tx.number, gc: v.gcRequested, heap: v.heap,
	}
	s.heap.freeRefs, s.heap.codByCtx = slices.Clone(v.heap.freeRefs), slices.Clone(v.heap.codByCtx)
	s.heap.objects = make([]*object, len(v.heap.objects))
	for r, o := range v.heap.objects {
		var err error
		if s.heap.objects[r], err = o.copyOver(nil); err != nil {
			return nil, fmt.Errorf("vm: object %d cannot be in a snapshot: %w", r, err)
		}
	}
	s.fields = make([]staticFields, len(v.statics))
	for i, f := range v.statics {
		s.fields[i] = staticFields{slices.Clone(f.image), slices.Clone(f.refs)}
	}
	return s, nil
}

// RestoreSnapshot sets the machine back to a snapshot of it, whatever has happened since,
// and with power. Statistics go on; a cut that was asked for is off.
func (v *VM) RestoreSnapshot(s *Snapshot) error {
	if s.vm != v || v.fp >= 0 {
		return errors.New("vm: a snapshot is restored between commands, " +
			"on the machine that it was taken of")
	}
	objects := slices.Grow(v.heap.objects[:0], len(s.heap.objects))[:len(s.heap.objects)]
	for r, o := range s.heap.objects {
		var err error
		if objects[r], err = o.copyOver(objects[r]); err != nil {
			return fmt.Errorf("vm: object %d of the snapshot: %w", r, err)
		}
	}
	freeRefs := append(v.heap.freeRefs[:0], s.heap.freeRefs...)
	codByCtx := append(v.heap.codByCtx[:0], s.heap.codByCtx...)
	v.heap = s.heap
	v.heap.objects, v.heap.freeRefs, v.heap.codByCtx = objects, freeRefs, codByCtx
	v.packages = append(v.packages[:0], s.packages...)
	v.statics = slices.Grow(v.statics, len(s.fields))[:len(s.fields)]
	for i, f := range s.fields {
		v.statics[i] = staticFields{append(v.statics[i].image[:0], f.image...),
			append(v.statics[i].refs[:0], f.refs...)}
	}
	v.roots, v.instances = append(v.roots[:0], s.roots...), append(v.instances[:0], s.instances...)
	v.forget()
	v.tx.dead, v.tx.number = v.tx.dead[:0], s.number
	v.powered, v.muted, v.selected, v.gcRequested, v.cutIn = true, nil, s.selected, s.gc, 0
	return nil
}

// copyOver makes room, or a new object, hold what o holds.
func (o *object) copyOver(room *object) (*object, error) {
	if o == nil {
		return nil, nil
	}
	if room == nil {
		room = &object{}
	}
	into := *o
	into.cells = append(room.cells[:0], o.cells...)
	switch {
	case o.shared:
	case room.shared:
		into.bytes = bytes.Clone(o.bytes)
	default:
		into.bytes = append(room.bytes[:0], o.bytes...)
	}
	if o.volatile == nil {
		*room = into
		return room, nil
	}
	switch state := (*o.volatile).(type) {
	case Copier:
		copied, err := state.Copy()
		if err != nil {
			return nil, err
		}
		into.volatile = &copied
	default:
		if reflect.TypeOf(state).Kind() == reflect.Pointer {
			return nil, fmt.Errorf("a computation with it (%T) is in progress", state)
		}
	}
	*room = into
	return room, nil
}
