package vocabulary

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"ekrona.example/apdu"
	"ekrona.example/apdu/message"
	"ekrona.example/apdu/money"
	"ekrona.example/apdu/script"
	"ekrona.example/apdu/spec"
	"ekrona.example/apdu/tlv"
)

// Script is the applet's vocabulary for scripts, its commands with named fields, and behind it
// those of the standards, for what else is on the card.
func Script() *script.Vocabulary {
	v := *spec.Vocabulary()
	v.Commands = slices.Clone(v.Commands)
	standard := script.Standard()
	for i := range v.Commands {
		c := &v.Commands[i]
		h := c.Command
		if variant, known := spec.Find(h.CLA, h.INS, h.P1, h.P2); known {
			c.Fields = scriptFields(variant.In)
		}
		for _, s := range standard { // whose name this one takes
			if s.Title == c.Title && s.Command.CLA == h.CLA && s.Command.INS == h.INS {
				c.Fields = append(c.Fields, missing(c.Fields, s.Fields)...)
			}
		}
	}
	v.Commands = append(v.Commands, standard...)
	return &v
}

// Showing are the words of "ekrona shell" that leave a card as it is. What the CAP files are, which
// load says, other tools are told.
var Showing = []string{"help", "load", "writes", "cause", "memory", "list", "snapshot", "watch",
	"changes", "dump", "left", "symbols", "profile", "coverage", "tear", "fuzz", "break", "breaks",
	"unbreak", "where", "locals", "stack", "print", "disassemble"}

// missing are those of the fields that the others do not have.
func missing(others, fields []script.Field) []script.Field {
	return slices.DeleteFunc(slices.Clone(fields), func(f script.Field) bool {
		return slices.ContainsFunc(others, func(o script.Field) bool { return o.Name == f.Name })
	})
}

// scriptFields are the fields of a command that are no templates, by name.
func scriptFields(rows []spec.Field) []script.Field {
	var fields []script.Field
	for _, row := range rows {
		name := strings.ToLower(strings.ReplaceAll(row.Name, "_", "-"))
		if row.Layout != nil || name == "" {
			continue
		}
		kind, minimum, _ := row.Value()
		tag := row.WireTag()
		fields = append(fields, script.Field{Name: name, Help: forms[kind].help,
			Set: func(c *apdu.Command, text string) error {
				value, err := parse(kind, minimum, text)
				switch {
				case err != nil:
				case tag == 0:
					c.Data = append(c.Data, value...)
				default:
					c.Data, err = tlv.Append(c.Data, tag, value)
				}
				return err
			}})
	}
	return fields
}

// form is how a script writes the values of a kind.
type form struct {
	help  string
	parse func(minimum int, text string) ([]byte, error) // nil for hex
}

// hexHelp is what all kinds take that have no form of their own, and those that have one too.
const hexHelp = "hex"

// forms are by kind; of a kind that is not here values are hex.
var forms = func() map[spec.Kind]form {
	name := form{"a name, or " + hexHelp + " after 0x", func(_ int, text string) ([]byte, error) {
		return []byte(text), nil
	}}
	all := map[spec.Kind]form{
		spec.KindDeviceID: name, spec.KindAuthority: name, spec.KindHolder: name,
		spec.KindAmount: {"kronor, such as 45 or 45.50, or hex after 0x", parseAmount},
		spec.KindCounter: {"a number, or hex after 0x", func(n int, text string) ([]byte, error) {
			value, err := strconv.ParseUint(text, 10, 8*n)
			return bigEndian(value, n), err
		}},
		spec.KindCurrency: {"SEK, or hex after 0x", func(n int, text string) ([]byte, error) {
			if text != "SEK" {
				return nil, fmt.Errorf("currency %q", text)
			}
			return bigEndian(spec.Currency, n), nil
		}},
		spec.KindDate: {"a date such as 2026-11-22, or hex after 0x",
			func(_ int, text string) ([]byte, error) {
				day, err := message.ParseDate(text)
				if err != nil {
					return nil, err
				}
				return day.Bytes()
			}},
	}
	for kind := spec.KindBytes; kind <= spec.KindMessageVersion; kind++ {
		if all[kind].parse == nil {
			all[kind] = form{help: hexHelp}
		}
	}
	return all
}()

func parseAmount(n int, text string) ([]byte, error) {
	amount, err := money.Parse(text)
	if err == nil && uint64(amount) >= 1<<(8*n) {
		err = fmt.Errorf("amount %q does not fit %d bytes", text, n)
	}
	return bigEndian(uint64(amount), n), err
}

func bigEndian(value uint64, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[n-1-i] = byte(value >> (8 * i))
	}
	return b
}

// parse reads a value as a script has it.
func parse(kind spec.Kind, minimum int, text string) ([]byte, error) {
	digits, isHex := strings.CutPrefix(text, "0x")
	if read := forms[kind].parse; read != nil && !isHex {
		return read(minimum, text)
	}
	return apdu.ParseHex(digits)
}
