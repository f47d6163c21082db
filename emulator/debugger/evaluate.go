package debugger

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"ekrona.example/emulator/inspect"
	"ekrona.example/emulator/vm"
)

// sort is what a value is.
type sort uint8

// The sorts.
const (
	anything  sort = iota // not known yet, where an expression is only checked
	aSize                 // a number
	aTruth                // true or false
	aRef                  // a reference
	aCell                 // of no known type: a number, a truth or a reference
	ofPackage             // static fields
)

// value is what an expression, or a part of it, stands for. Where an expression is only checked,
// its number and its reference may be unknown, and are of no account.
type value struct {
	sort    sort
	size    string // of a number, its descriptor: B, S or I
	n       int32  // a number or a cell; 1 and 0 for true and false
	literal bool   // it is written in the expression
	shown   string // if it shows otherwise than by its number

	ref     vm.Ref          // 0 is null
	object  *inspect.Object // that it refers to, or that has the static fields; nil for none
	class   *vm.Class       // of an object that is not known
	element string          // descriptor of the elements of an array that is not known
}

// scope is where the names of an expression are looked up.
type scope interface {
	// name finds what the first names of a path stand for, and says how many they are.
	name(path []string) (v value, used int, err error)
	// member is a part of a value: a field, or the length of an array.
	member(v value, of, name string) (value, error)
	// at is an element of an array.
	at(v value, of string, index int32) (value, error)
}

// evaluation is an expression that is being evaluated, or only checked.
type evaluation struct {
	scope    scope
	checking bool
}

// of evaluates a part of an expression.
func (e evaluation) of(n *node) (value, error) {
	switch {
	case n.op == aNumber:
		return value{sort: aSize, size: "I", n: n.number, literal: true}, nil
	case n.op == aName, n.op == aMember:
		return e.path(n)
	case n.op == anIndex:
		return e.index(n)
	case n.b == nil:
		return e.unary(n)
	case n.op == "&&", n.op == "||":
		return e.logical(n)
	}
	a, err := e.of(n.a)
	if err != nil {
		return value{}, err
	}
	b, err := e.of(n.b)
	if err != nil {
		return value{}, err
	}
	switch n.op {
	case "==", "!=":
		isSame, err := e.same(n, a, b)
		return truth(isSame == (n.op == "==")), err
	case "&", "|", "^":
		if a.sort == aTruth && b.sort == aTruth {
			return truth(bits(n.op, a.n, b.n) != 0), nil
		}
	}
	if err := cmp.Or(isNumeric(a, n.a), isNumeric(b, n.b)); err != nil {
		return value{}, err
	}
	return e.arithmetic(n, a.n, b.n)
}

func truth(is bool) value {
	if is {
		return value{sort: aTruth, n: 1}
	}
	return value{sort: aTruth}
}

// path evaluates names with points between.
func (e evaluation) path(n *node) (value, error) {
	names, base := []string{}, n
	for base.op == aMember {
		names, base = append(names, base.text), base.a
	}
	var v value
	var err error
	used := 0
	if base.op == aName {
		names = append(names, base.text)
		slices.Reverse(names)
		v, used, err = e.first(names)
	} else {
		slices.Reverse(names)
		v, err = e.of(base)
	}
	for i := used; i < len(names) && err == nil; i++ {
		of := base.String()
		for _, name := range names[min(1, used):i] {
			of += "." + name
		}
		v, err = e.scope.member(v, of, names[i])
	}
	return v, err
}

// first finds the first names of a path.
func (e evaluation) first(names []string) (value, int, error) {
	switch names[0] {
	case "true", "false":
		return truth(names[0] == "true"), 1, nil
	case "null":
		return value{sort: aRef}, 1, nil
	}
	return e.scope.name(names)
}

func (e evaluation) index(n *node) (value, error) {
	of, err := e.of(n.a)
	if err != nil {
		return value{}, err
	}
	index, err := e.of(n.b)
	if err == nil {
		err = isNumeric(index, n.b)
	}
	if err != nil {
		return value{}, err
	}
	return e.scope.at(of, n.a.String(), index.n)
}

func (e evaluation) unary(n *node) (value, error) {
	if n.op == "!" {
		is, err := e.isTrue(n.a)
		return truth(!is), err
	}
	v, err := e.of(n.a)
	if err != nil {
		return value{}, err
	}
	made := value{sort: aSize, size: "I", n: v.n}
	switch n.op {
	case negation:
		made.n = -v.n
	case "~":
		made.n = ^v.n
	case "byte":
		made.n, made.size = int32(int8(v.n)), "B"
	case "short":
		made.n, made.size = int32(int16(v.n)), "S"
	}
	return made, isNumeric(v, n.a)
}

// logical evaluates its second operand only where that counts.
func (e evaluation) logical(n *node) (value, error) {
	a, err := e.isTrue(n.a)
	if isDone := a == (n.op == "||"); err != nil || isDone && !e.checking {
		return truth(a), err
	}
	b, err := e.isTrue(n.b)
	return truth(b), err
}

// isTrue evaluates what is true or false.
func (e evaluation) isTrue(n *node) (bool, error) {
	v, err := e.of(n)
	if err == nil {
		err = isTrueOrFalse(v, n)
	}
	return v.n&1 != 0, err
}

// what says what a value is, for errors.
func (v value) what() string {
	switch v.sort {
	case aTruth:
		return "a boolean"
	case aRef:
		return "a reference"
	case ofPackage:
		return "a package"
	case aSize:
		return "a number (" + inspect.TypeName(v.size) + ")"
	}
	return "of no known type"
}

func isNumeric(v value, n *node) error {
	if v.sort == aSize || v.sort == aCell || v.sort == anything {
		return nil
	}
	return fmt.Errorf("%s is %s, and no number", n, v.what())
}

func isTrueOrFalse(v value, n *node) error {
	if v.sort == aTruth || v.sort == aCell || v.sort == anything {
		return nil
	}
	return fmt.Errorf("%s is %s, and neither true nor false: compare it", n, v.what())
}

// same compares two values.
func (e evaluation) same(n *node, a, b value) (bool, error) {
	for _, v := range []value{a, b} {
		if v.sort == ofPackage {
			return false, fmt.Errorf("%s: a package cannot be compared", n)
		}
	}
	isOpen := func(v value) bool { return v.sort == aCell || v.sort == anything }
	switch {
	case a.sort == aRef && (b.sort == aRef || isOpen(b)), b.sort == aRef && isOpen(a):
		return a.reference() == b.reference(), nil
	case a.sort == aTruth && (b.sort == aTruth || isOpen(b)), b.sort == aTruth && isOpen(a):
		return a.n&1 == b.n&1, nil
	case a.sort == aRef || b.sort == aRef || a.sort == aTruth || b.sort == aTruth:
		return false, fmt.Errorf("%s is %s and %s %s: they cannot be compared", n.a, a.what(),
			n.b, b.what())
	}
	var err error
	switch {
	case a.literal:
		a.n, err = asSmall(a.n, n.a, b, n.b)
	case b.literal:
		b.n, err = asSmall(b.n, n.b, a, n.a)
	}
	return a.n == b.n, err
}

// reference is what a value refers to, a cell too.
func (v value) reference() vm.Ref {
	if v.sort == aCell {
		return vm.Ref(v.n)
	}
	return v.ref
}

// asSmall is a number of an expression that a byte or a short is compared with: in hex, it is all
// bits of that, so that buffer[0] is 0x80 where a dump shows 80; and what no byte is, or no
// short, is a mistake.
func asSmall(n int32, literal *node, with value, of *node) (int32, error) {
	size := 16
	switch {
	case with.literal || with.sort == anything || with.sort == aSize && with.size == "I":
		return n, nil
	case with.sort == aSize && with.size == "B":
		size = 8
	}
	lowest, after := -int32(1)<<(size-1), int32(1)<<(size-1)
	switch {
	case n >= lowest && n < after:
		return n, nil
	case n >= after && n < 2*after && strings.HasPrefix(strings.ToLower(literal.text), "0x"):
		return n - 2*after, nil
	case with.sort == aCell:
		return n, nil
	}
	return 0, fmt.Errorf("%s is a %s, which is never %s", of, inspect.TypeName(with.size), literal)
}

func bits(op string, a, b int32) int32 {
	switch op {
	case "&":
		return a & b
	case "|":
		return a | b
	}
	return a ^ b
}

// arithmetic does what Java does with two ints.
func (e evaluation) arithmetic(n *node, a, b int32) (value, error) {
	made := value{sort: aSize, size: "I"}
	switch n.op {
	case "<":
		return truth(a < b), nil
	case "<=":
		return truth(a <= b), nil
	case ">":
		return truth(a > b), nil
	case ">=":
		return truth(a >= b), nil
	case "/", "%":
		switch {
		case b == 0 && e.checking && n.b.op != aNumber:
		case b == 0:
			return value{}, fmt.Errorf("%s: division by zero", n)
		case n.op == "/":
			made.n = a / b
		default:
			made.n = a % b
		}
	case "+":
		made.n = a + b
	case "-":
		made.n = a - b
	case "*":
		made.n = a * b
	case "<<":
		made.n = a << (b & 31)
	case ">>":
		made.n = a >> (b & 31)
	case ">>>":
		made.n = int32(uint32(a) >> (b & 31))
	default:
		made.n = bits(n.op, a, b)
	}
	return made, nil
}
