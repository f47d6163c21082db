package main

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// Tags of the constant pool and flags of an export file (JCVM 3.0.5 §5.6, §5.9).
const (
	exportMagic = 0x00FACADE

	tagUTF8    = 1
	tagInteger = 3
	tagClass   = 7
	tagPackage = 13

	accessInterface = 0x0200
)

// exportedPackage is a package as one export file describes it.
type exportedPackage struct {
	name         string
	aid          []byte
	major, minor byte
	classes      []exportedClass
}

// exportedClass is a class or an interface. super is empty for an interface and
// for java/lang/Object.
type exportedClass struct {
	token      byte
	access     uint16
	name       string
	super      string
	interfaces []string
	fields     []exportedField
	methods    []exportedMethod
}

type exportedField struct {
	token            byte
	access           uint16
	name, descriptor string
	constant         bool
	value            int32
}

type exportedMethod struct {
	token            byte
	access           uint16
	name, descriptor string
}

// constant is one entry of the constant pool, of the kind its tag says.
type constant struct {
	tag   byte
	text  string
	value int32
	name  uint16
	pkg   exportedPackage
}

// reader consumes an export file; the first error sticks.
type reader struct {
	rest []byte
	pool []constant
	err  error
}

var errTruncated = errors.New("the export file ends too early: take it from the kit again")

func (r *reader) take(n int) []byte {
	if r.err != nil || len(r.rest) < n {
		if r.err == nil {
			r.err = errTruncated
		}
		return make([]byte, n)
	}
	taken := r.rest[:n]
	r.rest = r.rest[n:]
	return taken
}

func (r *reader) u1() byte   { return r.take(1)[0] }
func (r *reader) u2() uint16 { return binary.BigEndian.Uint16(r.take(2)) }
func (r *reader) u4() uint32 { return binary.BigEndian.Uint32(r.take(4)) }

// at returns the constant of the given index, which must have the given tag.
func (r *reader) at(index uint16, tag byte) constant {
	if r.err == nil && (int(index) >= len(r.pool) || r.pool[index].tag != tag) {
		r.err = fmt.Errorf("constant %d is not of kind %d: take the export file from the kit again",
			index, tag)
	}
	if r.err != nil {
		return constant{}
	}
	return r.pool[index]
}

func (r *reader) utf8(index uint16) string { return r.at(index, tagUTF8).text }

func (r *reader) className() string { return r.utf8(r.at(r.u2(), tagClass).name) }

// parseExportFile decodes an export file of format 2.1, 2.2 or 2.3 (JCVM 3.0.5 §5).
func parseExportFile(content []byte) (exportedPackage, error) {
	r := &reader{rest: content}
	if r.u4() != exportMagic {
		return exportedPackage{}, errors.New("not an export file: the magic number is wrong")
	}
	minor, major := r.u1(), r.u1()
	if r.err == nil && (major != 2 || minor < 1 || minor > 3) {
		return exportedPackage{},
			fmt.Errorf("export file format %d.%d is not known: use a kit for Java Card 3.0", major,
				minor)
	}
	for n := int(r.u2()); n > 0 && r.err == nil; n-- {
		r.pool = append(r.pool, r.constant())
	}
	p := r.at(r.u2(), tagPackage).pkg
	p.name = r.utf8(r.packageNameIndex(p))
	if minor >= 3 {
		for n := int(r.u1()); n > 0; n-- {
			r.at(r.u2(), tagPackage)
		}
	}
	for n := int(r.u1()); n > 0 && r.err == nil; n-- {
		p.classes = append(p.classes, r.class(minor))
	}
	if r.err == nil && len(r.rest) != 0 {
		r.err = fmt.Errorf("%d bytes follow the last class", len(r.rest))
	}
	return p, r.err
}

// packageNameIndex finds the name of p, which its constant holds by index.
func (r *reader) packageNameIndex(p exportedPackage) uint16 {
	for _, c := range r.pool {
		if c.tag == tagPackage && string(c.pkg.aid) == string(p.aid) {
			return c.name
		}
	}
	return 0
}

func (r *reader) constant() constant {
	c := constant{tag: r.u1()}
	switch c.tag {
	case tagUTF8:
		c.text = string(r.take(int(r.u2())))
	case tagInteger:
		c.value = int32(r.u4())
	case tagClass:
		c.name = r.u2()
	case tagPackage:
		r.u1() // flags: whether it is a library
		c.name = r.u2()
		c.pkg.minor, c.pkg.major = r.u1(), r.u1()
		c.pkg.aid = r.take(int(r.u1()))
	default:
		if r.err == nil {
			r.err = fmt.Errorf("constant tag %d is not known", c.tag)
		}
	}
	return c
}

func (r *reader) class(formatMinor byte) exportedClass {
	c := exportedClass{token: r.u1(), access: r.u2(), name: r.className()}
	var supers []string
	for n := int(r.u2()); n > 0 && r.err == nil; n-- {
		supers = append(supers, r.className())
	}
	for n := int(r.u1()); n > 0 && r.err == nil; n-- {
		c.interfaces = append(c.interfaces, r.className())
	}
	if c.access&accessInterface != 0 {
		for _, super := range supers {
			if super != "java/lang/Object" {
				c.interfaces = append(c.interfaces, super)
			}
		}
	} else if len(supers) > 0 {
		c.super = supers[len(supers)-1] // the kits list them from Object downward
	}
	for n := int(r.u2()); n > 0 && r.err == nil; n-- {
		c.fields = append(c.fields, r.field())
	}
	for n := int(r.u2()); n > 0 && r.err == nil; n-- {
		c.methods = append(c.methods,
			exportedMethod{r.u1(), r.u2(), r.utf8(r.u2()), r.utf8(r.u2())})
	}
	if formatMinor >= 3 {
		r.u1() // count of inheritable public method tokens, which the methods repeat
	}
	return c
}

func (r *reader) field() exportedField {
	f := exportedField{token: r.u1(), access: r.u2(), name: r.utf8(r.u2()),
		descriptor: r.utf8(r.u2())}
	for n := int(r.u2()); n > 0 && r.err == nil; n-- {
		name := r.utf8(r.u2())
		value := r.take(int(r.u4()))
		if name == "ConstantValue" && len(value) == 2 {
			f.constant = true
			f.value = r.at(binary.BigEndian.Uint16(value), tagInteger).value
		}
	}
	return f
}
