package inspect

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"ekrona.example/emulator/vm"
)

// Profile counts bytecodes by the calls that led to them and by line. Its Probe is the card's,
// or one of several.
type Profile struct {
	names   *Names
	machine *vm.VM
	root    *node
	current *node
	depth   int
	lines   map[lineOf]int
}

// lineOf is an instruction's method and offset.
type lineOf struct {
	method *vm.Method
	pc     int
}

// node is a method with the calls that led to it.
type node struct {
	method *vm.Method
	below  []*node
	own    int // bytecodes of the method itself
	calls  int
}

// NewProfile makes an empty profile, of no machine yet.
func NewProfile(names *Names) *Profile {
	root := &node{}
	return &Profile{names: names, root: root, depth: -1, lines: map[lineOf]int{}}
}

// Hold keeps what has been counted; setBack has the profile as it was then, as often as it is
// called, for a card that is set back.
func (p *Profile) Hold() (setBack func()) {
	root, lines := p.root.clone(), maps.Clone(p.lines)
	return func() {
		p.root, p.lines, p.current = root.clone(), maps.Clone(lines), nil
	}
}

func (n *node) clone() *node {
	c := *n
	c.below = make([]*node, len(n.below))
	for i, b := range n.below {
		c.below[i] = b.clone()
	}
	return &c
}

// Attach says which machine the probe is of.
func (p *Profile) Attach(v *vm.VM) { p.machine = v }

// Probe sees instructions and calls, and changes nothing.
func (p *Profile) Probe() vm.Probe {
	return vm.Probe{Instruction: p.instruction, Call: p.call}
}

func (p *Profile) instruction(s vm.Site) vm.Action {
	if p.current == nil || p.depth != s.Depth || p.current.method != s.Method {
		p.current, p.depth = p.stack(), s.Depth
	}
	p.current.own++
	p.lines[lineOf{s.Method, s.PC}]++
	return vm.Action{}
}

func (p *Profile) call(i *vm.Invocation) vm.Action {
	p.stack().child(i.Callee).calls++
	p.current = nil
	return vm.Action{}
}

// stack finds the node of what runs.
func (p *Profile) stack() *node {
	var methods []*vm.Method
	p.machine.Frames(func(f vm.Frame) bool {
		if f.Method != nil {
			methods = append(methods, f.Method)
		}
		return true
	})
	at := p.root
	for _, m := range slices.Backward(methods) {
		at = at.child(m)
	}
	return at
}

func (n *node) child(m *vm.Method) *node {
	for _, c := range n.below {
		if c.method == m {
			return c
		}
	}
	c := &node{method: m}
	n.below = append(n.below, c)
	return c
}

// all is the bytecodes of a method and of what it called.
func (n *node) all() int {
	sum := n.own
	for _, c := range n.below {
		sum += c.all()
	}
	return sum
}

// Spent is what a method took.
type Spent struct {
	Method    string `json:"method"`
	Calls     int    `json:"calls"`
	Own       int    `json:"own"` // bytecodes of the method itself
	All       int    `json:"all"` // with what it called
	recursion int
}

// Methods are the methods that were called, those of most own bytecodes first.
func (p *Profile) Methods() []Spent {
	byName := map[string]*Spent{}
	p.root.spend(p.names, byName)
	list := []Spent{}
	for _, s := range byName {
		list = append(list, *s)
	}
	slices.SortFunc(list, func(a, b Spent) int {
		if a.Own != b.Own {
			return b.Own - a.Own
		}
		return strings.Compare(a.Method, b.Method)
	})
	return list
}

func (n *node) spend(names *Names, byName map[string]*Spent) {
	for _, c := range n.below {
		name := names.Method(c.method)
		s := byName[name]
		if s == nil {
			s = &Spent{Method: name}
			byName[name] = s
		}
		s.Calls, s.Own = s.Calls+c.calls, s.Own+c.own
		if s.recursion == 0 {
			s.All += c.all()
		}
		s.recursion++
		c.spend(names, byName)
		s.recursion--
	}
}

// Line is what a source line took.
type Line struct {
	File      string `json:"file"`
	Line      int    `json:"line"`
	Bytecodes int    `json:"bytecodes"`
}

// Lines are the source lines that ran, those of most bytecodes first. What has no line is
// left out.
func (p *Profile) Lines() []Line {
	sums := map[Line]int{}
	for at, n := range p.lines {
		if file, line := p.names.Line(at.method, at.pc); line > 0 {
			sums[Line{File: file, Line: line}] += n
		}
	}
	list := []Line{}
	for l, n := range sums {
		l.Bytecodes = n
		list = append(list, l)
	}
	slices.SortFunc(list, func(a, b Line) int {
		if a.Bytecodes != b.Bytecodes {
			return b.Bytecodes - a.Bytecodes
		}
		if n := strings.Compare(a.File, b.File); n != 0 {
			return n
		}
		return a.Line - b.Line
	})
	return list
}

// Bytecodes is how many ran.
func (p *Profile) Bytecodes() int { return p.root.all() }

// WriteFolded writes a line for each stack: methods from the outermost on, with ";" between
// them, and the bytecodes of the last. Flame graph programs read it.
func (p *Profile) WriteFolded(out io.Writer) {
	p.root.fold(p.names, "", func(stack string, n int) { fmt.Fprintf(out, "%s %d\n", stack, n) })
}

func (n *node) fold(names *Names, prefix string, write func(stack string, n int)) {
	for _, c := range n.below {
		stack := prefix + strings.ReplaceAll(names.Method(c.method), ";", ",")
		if c.own > 0 {
			write(stack, c.own)
		}
		c.fold(names, stack+";", write)
	}
}
