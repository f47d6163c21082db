package debugger

import (
	"cmp"
	"fmt"
	"slices"

	"ekrona.example/emulator/vm"
)

// File is a source file of which code is on the card.
type File struct {
	Name  string // such as Purse.java
	Path  string // with the folders of its package
	Lines []int  // those that have code, in order
}

// Methods are the names of the methods on the card, as breaks take them, in order.
func (d *Debugger) Methods() (names []string) {
	for _, p := range d.machine.Packages() {
		for _, start := range d.starts(p) {
			names = append(names, d.methodName(p, start))
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// Files are the source files that are known of what is on the card, in the order of their paths.
func (d *Debugger) Files() (files []File) {
	byPath := map[string]File{}
	for _, p := range d.machine.Packages() {
		for _, m := range d.names.Methods(p) {
			if len(m.Lines) == 0 {
				continue
			}
			f := byPath[m.Path()]
			f.Name, f.Path = m.Source, m.Path()
			for _, l := range m.Lines {
				f.Lines = append(f.Lines, l.Line)
			}
			byPath[f.Path] = f
		}
	}
	for _, f := range byPath {
		slices.Sort(f.Lines)
		f.Lines = slices.Compact(f.Lines)
		files = append(files, f)
	}
	slices.SortFunc(files, func(a, b File) int { return cmp.Compare(a.Path, b.Path) })
	return files
}

// starts are the first instructions of the methods of a package, those too that nothing calls.
func (d *Debugger) starts(p *vm.Package) (starts []int) {
	for _, m := range p.Methods() {
		starts = append(starts, m.Start())
	}
	for _, m := range d.names.Methods(p) {
		starts = append(starts, m.Code)
	}
	slices.Sort(starts)
	return slices.Compact(starts)
}

// methodName is what a method is called that begins at an instruction: its class and name, or its
// offset where nothing names it.
func (d *Debugger) methodName(p *vm.Package, start int) string {
	for _, m := range d.names.Methods(p) {
		if m.Code == start {
			return m.String()
		}
	}
	return fmt.Sprintf("method@%d", start)
}
