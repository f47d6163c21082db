package inspect

import (
	"slices"

	"ekrona.example/emulator/vm"
)

// Recorder notes who writes what while a card works. Its Probe is the card's, or one of
// several ([vm.Probes]); Begin comes before each command.
type Recorder struct {
	machine *vm.VM
	names   *Names
	before  *Image // nil until Begin
	command int32
	sites   []vm.Site
	numbers map[vm.Site]int32
	places  map[place][]mark // by element
	account Account

	transaction int // that wrote last
}

// Account is what a command wrote.
type Account struct {
	Writes       int      `json:"writes"` // of bytecode and natives to persistent memory
	Bytes        int      `json:"bytes"`
	Transactions int      `json:"transactions"`
	Fill         int      `json:"fill"`     // most bytes of the commit buffer that were in use
	Capacity     int      `json:"capacity"` // of the commit buffer; 0 is without limit
	Outside      int      `json:"outside"`  // writes that no transaction would undo
	Thrown       []string `json:"thrown"`   // exceptions with their places, caught ones too
}

// place is an object, or the static fields of a package.
type place struct {
	object vm.Ref
	pkg    *vm.Package
}

// mark is who wrote an element last, and in which command.
type mark struct{ site, command int32 }

// NewRecorder makes a recorder that is of no machine yet.
func NewRecorder(names *Names) *Recorder {
	return &Recorder{names: names, sites: []vm.Site{{}}, numbers: map[vm.Site]int32{},
		places: map[place][]mark{}}
}

// Attach says which machine the probe is of.
func (r *Recorder) Attach(v *vm.VM) { r.machine = v }

// Probe sees writes and exceptions, and changes nothing.
func (r *Recorder) Probe() vm.Probe {
	return vm.Probe{Write: r.write, Throw: r.throw}
}

// Begin starts the account of a command.
func (r *Recorder) Begin() {
	r.before = Take(r.machine, r.names, Everything)
	r.command++
	r.account = Account{Capacity: r.machine.Transaction().Capacity, Thrown: []string{}}
}

// Again starts the account of the same command anew, which runs again from its beginning.
func (r *Recorder) Again() {
	r.command++
	r.account = Account{Capacity: r.account.Capacity, Thrown: []string{}}
	r.transaction = 0
}

// End returns what the command changed, and its account.
func (r *Recorder) End() ([]Change, Account) {
	after := Take(r.machine, r.names, Everything)
	changes := Diff(r.before, after)
	for i := range changes {
		changes[i].Where = r.writers(&changes[i])
	}
	return changes, r.account
}

func (r *Recorder) write(a *vm.Access) vm.Action {
	if a.Storage == vm.Persistent {
		r.count(a)
	}
	id := place{a.Object, a.Package}
	end := a.Index + a.Length
	if a.Package != nil {
		end = a.Index + a.Bytes
	}
	marks := r.places[id]
	if len(marks) < end {
		marks = append(marks, make([]mark, end-len(marks))...)
		r.places[id] = marks
	}
	m := mark{r.number(a.Site), r.command}
	for i := a.Index; i < end; i++ {
		marks[i] = m
	}
	return vm.Action{}
}

func (r *Recorder) count(a *vm.Access) {
	r.account.Writes++
	r.account.Bytes += a.Bytes
	t := r.machine.Transaction()
	if t.Open && a.Transaction > 0 {
		r.account.Fill = max(r.account.Fill, t.Used)
		if a.Transaction != r.transaction {
			r.transaction = a.Transaction
			r.account.Transactions++
		}
	} else {
		r.account.Outside++
	}
}

func (r *Recorder) throw(e *vm.Exception) vm.Action {
	r.account.Thrown = append(r.account.Thrown, Thrown(r.names, e))
	return vm.Action{}
}

// number is that of a site, which may come again: its native does not make it another.
func (r *Recorder) number(s vm.Site) int32 {
	s.Depth = 0
	n, known := r.numbers[s]
	if !known {
		n = int32(len(r.sites))
		r.sites = append(r.sites, s)
		r.numbers[s] = n
	}
	return n
}

// writers names who wrote what changed, in this command.
func (r *Recorder) writers(c *Change) []string {
	found := []string{}
	marks := r.places[place{c.ref, c.pkg}]
	for i := c.Offset; i < min(len(marks), c.Offset+max(c.length, 1)); i++ {
		if marks[i].site == 0 || marks[i].command != r.command {
			continue
		}
		if at := r.names.Site(r.sites[marks[i].site]); !slices.Contains(found, at) {
			found = append(found, at)
		}
	}
	return found
}

// LastWriter names who wrote an element of an object last, in whatever command; "" if that is
// not known.
func (r *Recorder) LastWriter(object vm.Ref, element int) string {
	marks := r.places[place{object: object}]
	if element >= len(marks) || marks[element].site == 0 {
		return ""
	}
	return r.names.Site(r.sites[marks[element].site])
}
