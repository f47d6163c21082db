package api

import (
	_ "embed" // for exports.txt
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"

	"ekrona.example/emulator/vm"
)

//go:embed exports.txt
var exportsText string

// Access flags of an export file (JCVM 3.0.5 §5.7, §5.9).
const (
	accStatic    = 0x0008
	accInterface = 0x0200
	accAbstract  = 0x0400
	accShareable = 0x0800
)

// exportTable is the parsed list of the API: what CAP files may import.
type exportTable struct {
	packages  []vm.NativePackage
	constants map[string]int32 // "javacard/framework/APDU.STATE_INITIAL"
}

// parseTable reads the list that exportgen writes, one item a line:
//
//	package NAME AID MAJOR.MINOR
//	class TOKEN FLAGS NAME SUPER-OR-DASH INTERFACE...
//	method TOKEN FLAGS NAME DESCRIPTOR
//	field TOKEN FLAGS NAME DESCRIPTOR
//	const NAME DESCRIPTOR VALUE
//
// Flags are four hexadecimal digits. Anything else is an error.
func parseTable(text string) (*exportTable, error) {
	t := &exportTable{constants: map[string]int32{}}
	for number, line := range strings.Split(strings.TrimSuffix(text, "\n"), "\n") {
		if err := t.parseLine(strings.Split(line, " ")); err != nil {
			return nil, fmt.Errorf(
				"api: the table of exports, line %d: %w; generate it again with exportgen",
				number+1, err)
		}
	}
	return t, nil
}

func (t *exportTable) parseLine(words []string) error {
	switch {
	case words[0] == "package" && len(words) == 4:
		return t.parsePackage(words[1], words[2], words[3])
	case words[0] == "class" && len(words) >= 5:
		return t.parseClass(words[1:])
	case (words[0] == "method" || words[0] == "field") && len(words) == 5:
		return t.parseMember(words)
	case words[0] == "const" && len(words) == 4:
		class, err := t.lastClass()
		if err != nil {
			return err
		}
		value, err := strconv.ParseInt(words[3], 10, 32)
		t.constants[class.Name+"."+words[1]] = int32(value)
		return err
	}
	return fmt.Errorf("%q with %d words is not known", words[0], len(words))
}

func (t *exportTable) parsePackage(name, aid, version string) error {
	p := vm.NativePackage{Name: name}
	var err error
	if p.AID, err = hex.DecodeString(aid); err != nil {
		return err
	}
	major, minor, _ := strings.Cut(version, ".")
	if p.Major, err = parseByte(major); err != nil {
		return err
	}
	if p.Minor, err = parseByte(minor); err != nil {
		return err
	}
	t.packages = append(t.packages, p)
	return nil
}

func (t *exportTable) parseClass(words []string) error {
	if len(t.packages) == 0 {
		return fmt.Errorf("class %s stands before any package", words[2])
	}
	token, flags, err := parseTokenAndFlags(words[0], words[1])
	if err != nil {
		return err
	}
	class := vm.NativeClass{
		Name: words[2], Token: token, Interfaces: words[4:],
		Interface: flags&accInterface != 0, Abstract: flags&accAbstract != 0,
		Shareable: flags&accShareable != 0,
	}
	if words[3] != "-" {
		class.Super = words[3]
	}
	last := &t.packages[len(t.packages)-1]
	last.Classes = append(last.Classes, class)
	return nil
}

func (t *exportTable) parseMember(words []string) error {
	class, err := t.lastClass()
	if err != nil {
		return err
	}
	token, flags, err := parseTokenAndFlags(words[1], words[2])
	if err != nil {
		return err
	}
	if words[0] == "field" { // static fields with a token: the machine has none in native classes
		return fmt.Errorf("class %s exports the field %s, which the machine cannot hold",
			class.Name, words[3])
	}
	class.Methods = append(class.Methods, vm.NativeMethod{
		Name: words[3], Descriptor: words[4], Token: token,
		Static: flags&accStatic != 0, Abstract: flags&accAbstract != 0,
	})
	return nil
}

func (t *exportTable) lastClass() (*vm.NativeClass, error) {
	if len(t.packages) == 0 || len(t.packages[len(t.packages)-1].Classes) == 0 {
		return nil, fmt.Errorf("a member stands before any class")
	}
	classes := t.packages[len(t.packages)-1].Classes
	return &classes[len(classes)-1], nil
}

func parseTokenAndFlags(token, flags string) (byte, uint16, error) {
	number, err := parseByte(token)
	if err != nil {
		return 0, 0, err
	}
	bits, err := strconv.ParseUint(flags, 16, 16)
	return number, uint16(bits), err
}

func parseByte(text string) (byte, error) {
	number, err := strconv.ParseUint(text, 10, 8)
	return byte(number), err
}
