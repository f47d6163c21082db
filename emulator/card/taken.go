package card

import (
	"fmt"
	"slices"
	"strings"

	"ekrona.example/emulator/vm"
)

// Taken is what the packages and objects of one kind take of a card's memory.
type Taken struct {
	Kind      string `json:"kind"`
	Count     int    `json:"count"`
	NVM       int    `json:"nvm"`       // bytes of persistent memory, all together
	Transient int    `json:"transient"` // bytes of transient memory, all together
}

// The kinds of what an applet's package takes itself; the objects of an API class have the
// name of the class, with what they take of transient memory where they do.
const (
	TakenCode       = "code and static fields"
	TakenInstances  = "instances of its classes"
	TakenPersistent = "persistent arrays"
	TakenTransient  = "transient arrays"
)

// Taken returns what is taken of the card's memory, by kind: the packages' own first, then
// the objects of the API by name. A key's array counts with its key.
func (c *Card) Taken() []Taken {
	kinds := map[string]*Taken{}
	add := func(kind string, count, nvm, ram int) {
		t := kinds[kind]
		if t == nil {
			t = &Taken{Kind: kind}
			kinds[kind] = t
		}
		t.Count, t.NVM, t.Transient = t.Count+count, t.NVM+nvm, t.Transient+ram
	}
	for _, p := range c.machine.Packages() {
		add(TakenCode, 1, p.CodeBytes(), 0)
	}
	inside := map[vm.Ref]string{} // an array of an API object
	c.machine.Look(func(o vm.Object) {
		if o.Class != "" && o.Owner != 0 {
			for _, r := range o.Refs {
				inside[r] = kindOfClass(o)
			}
		}
	})
	c.machine.Look(func(o vm.Object) {
		kind, part := inside[o.Ref]
		switch {
		case o.NVM == 0 && o.RAM == 0:
		case o.Array && part:
			add(kind, 0, o.NVM, o.RAM)
		case o.Class != "":
			add(kindOfClass(o), 1, o.NVM, o.RAM)
		case !o.Array:
			add(TakenInstances, 1, o.NVM, o.RAM)
		case o.Storage == vm.Persistent:
			add(TakenPersistent, 1, o.NVM, o.RAM)
		default:
			add(TakenTransient, 1, o.NVM, o.RAM)
		}
	})
	own := []string{TakenCode, TakenInstances, TakenPersistent, TakenTransient}
	var list []Taken
	for _, t := range kinds {
		list = append(list, *t)
	}
	slices.SortFunc(list, func(a, b Taken) int {
		i, j := slices.Index(own, a.Kind), slices.Index(own, b.Kind)
		switch {
		case i >= 0 && j >= 0:
			return i - j
		case i >= 0 || j >= 0:
			return j - i // -1 for the one that is no kind of its own
		}
		return strings.Compare(a.Kind, b.Kind)
	})
	return list
}

func kindOfClass(o vm.Object) string {
	name := o.Class[strings.LastIndexByte(o.Class, '/')+1:]
	name = strings.TrimPrefix(name, "Initialized") // the API makes every digest of this class
	if o.RAM > 0 {
		return fmt.Sprintf("%s of %d bytes", name, o.RAM)
	}
	return name
}
