package inspect

import (
	"fmt"
	"slices"

	"ekrona.example/emulator/vm"
)

// Coverage counts how often each instruction of CAP files ran. Its Probe is the card's, or one
// of several. It may be shared by cards that do not run at the same time.
type Coverage struct {
	names  *Names
	counts map[*vm.Method][]int // by offset from the method's start
	last   *vm.Method
	now    []int
	total  int
}

// NewCoverage makes a coverage in which nothing ran.
func NewCoverage(names *Names) *Coverage {
	return &Coverage{names: names, counts: map[*vm.Method][]int{}}
}

// Probe sees instructions, and changes nothing.
func (c *Coverage) Probe() vm.Probe { return vm.Probe{Instruction: c.instruction} }

func (c *Coverage) instruction(s vm.Site) vm.Action {
	if s.Method != c.last {
		c.last, c.now = s.Method, c.counts[s.Method]
	}
	at := s.PC - s.Method.Start()
	if at >= len(c.now) {
		c.now = append(c.now, make([]int, at+1-len(c.now))...)
		c.counts[s.Method] = c.now
	}
	if c.now[at] == 0 {
		c.total++
	}
	c.now[at]++
	return vm.Action{}
}

// Reached is how many instructions ran.
func (c *Coverage) Reached() int { return c.total }

// Covered is a method with what of it ran.
type Covered struct {
	Package      string        `json:"package"`
	Method       string        `json:"method"`
	Source       string        `json:"source,omitempty"` // file with its package's folders
	Instructions int           `json:"instructions"`
	Reached      int           `json:"reached"`
	Lines        []CoveredLine `json:"lines"` // empty if they are not known
}

// CoveredLine is a source line of a method.
type CoveredLine struct {
	Line         int `json:"line"`
	Instructions int `json:"instructions"`
	Reached      int `json:"reached"`
	Count        int `json:"count"` // how often the instruction of it that ran most did
}

// Report lists the methods of packages, in the order of their code. Methods that no
// descriptor, debug information or table lists, and that never ran, are not in it.
func (c *Coverage) Report(packages []*vm.Package) []Covered {
	list := []Covered{}
	for _, p := range packages {
		code := p.File().Methods.Content
		for _, m := range c.methods(p) {
			list = append(list, c.covered(p, m, code))
		}
	}
	return list
}

// methodCode is a method's code, from one offset to before another.
type methodCode struct {
	start, end int
	method     *vm.Method // nil if it never ran
}

// methods finds where the methods of a package are.
func (c *Coverage) methods(p *vm.Package) []methodCode {
	byStart := map[int]*methodCode{}
	file := p.File()
	if file.Descriptor != nil {
		for _, class := range file.Descriptor.Classes {
			for _, d := range class.Methods {
				if h, ok := file.Methods.HeaderAt(d.Offset); ok && !d.Interface && !h.Abstract {
					byStart[h.Code] = &methodCode{start: h.Code, end: h.Code + d.CodeBytes}
				}
			}
		}
	}
	for m, counts := range c.counts {
		if m.Package() != p {
			continue
		}
		if byStart[m.Start()] == nil {
			byStart[m.Start()] = &methodCode{start: m.Start(), end: m.Start() + len(counts)}
		}
		byStart[m.Start()].method = m
	}
	list := []methodCode{}
	for _, m := range byStart {
		list = append(list, *m)
	}
	slices.SortFunc(list, func(a, b methodCode) int { return a.start - b.start })
	return list
}

// covered counts what ran of a method.
func (c *Coverage) covered(p *vm.Package, m methodCode, code []byte) Covered {
	source := c.names.of(p).table.At(m.start)
	covered := Covered{Package: p.Name(), Lines: []CoveredLine{}}
	switch {
	case source != nil && source.Code == m.start:
		covered.Method, covered.Source = source.String(), source.Path()
	case m.method != nil:
		covered.Method, source = c.names.Method(m.method), nil
	default:
		covered.Method, source = unnamed(p, m.start), nil
	}
	lines := map[int]*CoveredLine{}
	counts := c.counts[m.method]
	for at := m.start; at < m.end; {
		i, err := vm.InstructionAt(code, at)
		if err != nil {
			break
		}
		n := 0
		if at-m.start < len(counts) {
			n = counts[at-m.start]
		}
		covered.count(n)
		if source != nil {
			if line := source.Line(at); line > 0 {
				if lines[line] == nil {
					lines[line] = &CoveredLine{Line: line}
				}
				lines[line].count(n)
			}
		}
		at += i.Length
	}
	for _, l := range lines {
		covered.Lines = append(covered.Lines, *l)
	}
	slices.SortFunc(covered.Lines, func(a, b CoveredLine) int { return a.Line - b.Line })
	return covered
}

func (c *Covered) count(n int) {
	c.Instructions++
	if n > 0 {
		c.Reached++
	}
}

func (l *CoveredLine) count(n int) {
	l.Instructions++
	l.Count = max(l.Count, n)
	if n > 0 {
		l.Reached++
	}
}

// unnamed is how the machine names a method that nothing names.
func unnamed(p *vm.Package, start int) string {
	return fmt.Sprintf("%s method@%d", Short(p.Name()), start)
}
