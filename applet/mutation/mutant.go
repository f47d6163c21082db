package mutation

import (
	"bytes"
	"fmt"
	"regexp"

	"ekrona.example/applet/campaign"
	"ekrona.example/emulator/cap"
)

// Mutant is one change of the bytecode.
type Mutant struct {
	Place
	Change string // what it is, in words
	At     int    // offset of the instruction in the Method component's content

	nth     int // among those of this change and key, from 1
	bytes   []byte
	partner *Mutant // a change that goes with it
}

// key names the mutant in the lists.
func (m Mutant) key() string {
	return fmt.Sprintf("%s%s%s %d", m.Place.key(), campaign.Separator, m.Change, m.nth)
}

// String describes the mutant in one line.
func (m Mutant) String() string { return fmt.Sprintf("%s: %s %d", m.Place, m.Change, m.nth) }

// The changes.
const (
	inverted = "condition inverted"
	dropped  = "call dropped"
	torn     = "transaction dropped"
)

// The calls that enclose a transaction.
const (
	begins  = "javacard/framework/JCSystem.beginTransaction"
	commits = "javacard/framework/JCSystem.commitTransaction"
)

// Opcodes that take a call's place.
const (
	opNop    = 0x00
	opConst0 = 0x03
	opPop    = 0x3B
	opPop2   = 0x3C
)

// checks are the names of methods that refuse what is wrong.
var checks = regexp.MustCompile(`^(require|demand|check)`)

const constructor = "<init>"

// Mutants are all of them, in the order of their offsets: every condition inverted;
// every call dropped whose result is void, but for constructors; every call to a
// check dropped that has a result, which is then 0; and every transaction dropped,
// its begin and its commit.
func (l *Listing) Mutants() []Mutant {
	var all []Mutant
	var begin *Mutant
	seen := map[string]int{}
	for n, i := range l.Instructions {
		m := Mutant{Place: i.Place, At: i.At}
		switch call, isCall := l.callee(i); {
		case i.IsConditional():
			m.Change = inverted
			m.bytes = append([]byte{i.InvertedCondition()},
				l.file.Methods.Content[i.At+1:i.At+i.Length]...)
		case isCall && !l.isConstructor(i):
			m.Change = dropped
			m.bytes = call.withoutIt(i.Length)
			// takes the place of the last argument too
			if before := l.Instructions[n-1]; m.bytes == nil && before.IsPush() {
				call.pops--
				m.At, m.bytes = before.At, call.withoutIt(before.Length+i.Length)
			}
		}
		if m.bytes == nil {
			continue
		}
		m.nth = 1
		seen[m.key()]++
		m.nth = seen[m.key()]
		all = append(all, m)
		switch call, _ := l.callee(i); call.name {
		case begins:
			begin = &m
		case commits:
			whole := *begin
			whole.Change, whole.partner = torn, &m
			all = append(all, whole)
		}
	}
	return all
}

// isConstructor reports whether the call is that of a constructor, of this package or
// of another. Those alone are called by a constant of a static method and are not
// static, but for private methods, which have other names.
func (l *Listing) isConstructor(i Instruction) bool {
	if i.Mnemonic != "invokespecial" {
		return false
	}
	constant, _, _ := i.Callee(l.file.Methods.Content[i.At:])
	c := l.file.Constants[constant]
	m := l.target(c)
	return m == nil && c.External || m != nil && m.Name == constructor
}

// withoutIt is the code, of the same length, that takes the call's arguments from
// the stack and does nothing; nil if the call is not one to be dropped.
func (c callee) withoutIt(length int) []byte {
	code := bytes.Repeat([]byte{opPop2}, c.pops/2)
	if c.pops%2 == 1 {
		code = append(code, opPop)
	}
	switch {
	case c.result == cap.ResultVoid:
	case c.result == cap.ResultCell && checks.MatchString(c.name):
		code = append(code, opConst0)
	default:
		return nil
	}
	if len(code) > length {
		return nil
	}
	return append(code, bytes.Repeat([]byte{opNop}, length-len(code))...)
}

// notDropped are the calls that should be dropped and are not, because taking their
// arguments from the stack needs more room than they leave.
func (l *Listing) notDropped(mutants []Mutant) []Place {
	taken := map[int]bool{}
	for _, m := range mutants {
		taken[m.At+len(m.bytes)] = true
	}
	var places []Place
	for _, i := range l.Instructions {
		call, ok := l.callee(i)
		if ok && !l.isConstructor(i) && call.withoutIt(1<<8) != nil && !taken[i.At+i.Length] {
			places = append(places, i.Place)
		}
	}
	return places
}

// loadFile is the whole load file with the mutant's change; with none for a mutant
// without one.
func (l *Listing) loadFile(m Mutant) []byte {
	block := l.file.LoadFile()
	method := l.file.Component(cap.TagMethod)
	content := bytes.Index(block, method) + len(method) - len(l.file.Methods.Content)
	copy(block[content+m.At:], m.bytes)
	if m.partner != nil {
		copy(block[content+m.partner.At:], m.partner.bytes)
	}
	return block
}
