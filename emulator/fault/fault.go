package fault

import (
	"fmt"
	"strconv"
	"strings"
)

// Fault is one fault: a model, at the n-th bytecode that a command executes.
type Fault struct {
	Model Model
	N     int // the bytecode, from 0
	// Element is which of the values that the bytecode reads, from 0: a native that it calls may
	// read many bytes.
	Element int
}

// String is the fault's name, as [Parse] reads it: skip#1242, read=FF#95, read=FF#95.12.
func (f Fault) String() string {
	name := f.Model.Name + "#" + strconv.Itoa(f.N)
	if f.Element > 0 {
		name += "." + strconv.Itoa(f.Element)
	}
	return name
}

// Parse reads the name of a fault.
func Parse(name string) (Fault, error) {
	model, at, ok := strings.Cut(name, "#")
	if !ok {
		return Fault{}, fmt.Errorf("%q is no name of a fault, such as skip#1242", name)
	}
	f := Fault{}
	var err error
	if f.Model, err = ModelNamed(model); err != nil {
		return Fault{}, err
	}
	n, element, hasElement := strings.Cut(at, ".")
	if f.N, err = strconv.Atoi(n); err == nil && hasElement {
		f.Element, err = strconv.Atoi(element)
	}
	if err != nil || f.N < 0 || f.Element < 0 {
		return Fault{}, fmt.Errorf("%q names no bytecode: give its number in the command after "+
			"the #, from 0", name)
	}
	return f, nil
}
