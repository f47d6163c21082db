package trace

import (
	"fmt"

	"ekrona.example/apdu"
	"ekrona.example/apdu/gpc"
	"ekrona.example/apdu/tlv"
)

// instruction is a command of ISO/IEC 7816-4:2013 §11, or 7816-8:2021.
type instruction struct {
	name, clause string
	// open reports that the command's data is no secret.
	open bool
	// closed reports that the response may hold a secret.
	closed bool
	// odd reports that the instruction byte plus one is the same command, with its data in BER-TLV
	// (ISO/IEC 7816-4:2013 §5.4.2).
	odd bool
}

var instructions = map[byte]instruction{
	0x0E: {name: "ERASE BINARY", clause: "ISO/IEC 7816-4:2013 §11.2.7", odd: true},
	0x20: {name: "VERIFY", clause: "ISO/IEC 7816-4:2013 §11.5.6", odd: true},
	0x22: {name: "MANAGE SECURITY ENVIRONMENT", clause: "ISO/IEC 7816-4:2013 §11.5.11"},
	0x24: {name: "CHANGE REFERENCE DATA", clause: "ISO/IEC 7816-4:2013 §11.5.7"},
	0x26: {name: "DISABLE VERIFICATION REQUIREMENT", clause: "ISO/IEC 7816-4:2013 §11.5.9"},
	0x28: {name: "ENABLE VERIFICATION REQUIREMENT", clause: "ISO/IEC 7816-4:2013 §11.5.8"},
	0x2A: {name: "PERFORM SECURITY OPERATION", clause: "ISO/IEC 7816-8:2021 §5.2", closed: true},
	0x2C: {name: "RESET RETRY COUNTER", clause: "ISO/IEC 7816-4:2013 §11.5.10"},
	0x44: {name: "ACTIVATE FILE", clause: "ISO/IEC 7816-9:2017 §7"},
	0x46: {name: "GENERATE ASYMMETRIC KEY PAIR", clause: "ISO/IEC 7816-8:2021 §5.1", open: true,
		odd: true},
	0x70: {name: "MANAGE CHANNEL", clause: "ISO/IEC 7816-4:2013 §11.1.2", open: true},
	0x82: {name: "EXTERNAL AUTHENTICATE", clause: "ISO/IEC 7816-4:2013 §11.5.4"},
	0x84: {name: "GET CHALLENGE", clause: "ISO/IEC 7816-4:2013 §11.5.3", open: true},
	0x86: {name: "GENERAL AUTHENTICATE", clause: "ISO/IEC 7816-4:2013 §11.5.5", odd: true},
	0x88: {name: "INTERNAL AUTHENTICATE", clause: "ISO/IEC 7816-4:2013 §11.5.2"},
	0xA4: {name: "SELECT", clause: "ISO/IEC 7816-4:2013 §11.1.1", open: true},
	0xB0: {name: "READ BINARY", clause: "ISO/IEC 7816-4:2013 §11.2.3", open: true, odd: true},
	0xB2: {name: "READ RECORD", clause: "ISO/IEC 7816-4:2013 §11.3.3", open: true, odd: true},
	0xC0: {name: "GET RESPONSE", clause: "ISO/IEC 7816-4:2013 §11.7.1", open: true},
	0xC2: {name: "ENVELOPE", clause: "ISO/IEC 7816-4:2013 §11.7.2", odd: true},
	0xCA: {name: "GET DATA", clause: "ISO/IEC 7816-4:2013 §11.4.3", open: true, odd: true},
	0xD6: {name: "UPDATE BINARY", clause: "ISO/IEC 7816-4:2013 §11.2.5", odd: true},
	0xDA: {name: "PUT DATA", clause: "ISO/IEC 7816-4:2013 §11.4.6", odd: true},
	0xDC: {name: "UPDATE RECORD", clause: "ISO/IEC 7816-4:2013 §11.3.5", odd: true},
	0xE2: {name: "APPEND RECORD", clause: "ISO/IEC 7816-4:2013 §11.3.6"},

	0xA0: {name: "SEARCH BINARY", clause: "ISO/IEC 7816-4:2013 §11.2.6", odd: true},
	0xA2: {name: "SEARCH RECORD", clause: "ISO/IEC 7816-4:2013 §11.3.7", open: true},
	0xD0: {name: "WRITE BINARY", clause: "ISO/IEC 7816-4:2013 §11.2.4", odd: true},
	0xD2: {name: "WRITE RECORD", clause: "ISO/IEC 7816-4:2013 §11.3.4"},
	0x0C: {name: "ERASE RECORD", clause: "ISO/IEC 7816-4:2013 §11.3.8"},
	0x04: {name: "DEACTIVATE FILE", clause: "ISO/IEC 7816-9:2017 §7"},
	0xE0: {name: "CREATE FILE", clause: "ISO/IEC 7816-9:2017 §7", open: true},
	0xE4: {name: "DELETE FILE", clause: "ISO/IEC 7816-9:2017 §7", open: true},
	0xE6: {name: "TERMINATE DF", clause: "ISO/IEC 7816-9:2017 §7", open: true},
	0xE8: {name: "TERMINATE EF", clause: "ISO/IEC 7816-9:2017 §7", open: true},
	0xFE: {name: "TERMINATE CARD USAGE", clause: "ISO/IEC 7816-9:2017 §7", open: true},
}

// paymentInstructions are those of a proprietary class that every payment application has.
var paymentInstructions = map[byte]instruction{
	0x16: {name: "CARD BLOCK", clause: "EMV 4.3 Book 3 §6.5.3"},
	0x18: {name: "APPLICATION UNBLOCK", clause: "EMV 4.3 Book 3 §6.5.2"},
	0x1E: {name: "APPLICATION BLOCK", clause: "EMV 4.3 Book 3 §6.5.1"},
	0xA8: {name: "GET PROCESSING OPTIONS", clause: "EMV 4.3 Book 3 §6.5.8", open: true},
	0xAE: {name: "GENERATE AC", clause: "EMV 4.3 Book 3 §6.5.5", open: true},
}

// interindustry finds a command of the standard, whose class is not proprietary, or of payment
// applications.
func interindustry(c apdu.Command) (instruction, bool) {
	if c.CLA&^gpc.SecureBit == classProprietary {
		i, known := paymentInstructions[c.INS]
		return i, known
	}
	i, known := instructions[c.INS]
	if !known && c.INS&1 != 0 {
		i, known = instructions[c.INS&^1]
		known = known && i.odd
	}
	return i, known && c.CLA&classProprietary == 0
}

// secureClass reports whether an interindustry class asks for secure messaging (ISO/IEC
// 7816-4:2013 §5.4.1, tables 2 and 3).
func secureClass(cla byte) bool {
	if cla&0x40 != 0 {
		return cla&0x20 != 0
	}
	return cla&0x0C != 0
}

// interindustry decodes a command that is for no application whose vocabulary is known.
func (m *command) interindustry() {
	i, known := interindustry(m.Command)
	if !known {
		m.root.Name, m.root.Value = fmt.Sprintf(
			"%02X %02X %02X %02X",
			m.CLA,
			m.INS,
			m.P1,
			m.P2,
		), m.unknown()
		switch {
		case len(m.data) == 0:
		case m.showUnknown:
			m.add(leaf("", m.at, m.data))
		case m.IsChained():
			m.add(chainPart(m.at, m.data))
		default:
			m.rest()
		}
		return
	}
	m.root.Name, m.root.Clause = i.name, i.clause
	show(m.p1, "P1-P2", fmt.Sprintf("%02X%02X", m.P1, m.P2))
	if tag, is := tagIn(m.Command); is {
		show(m.p1, "tag", tag)
	}
	m.instead, m.p1.Offset, m.p1.Raw = m.p1, 2, m.root.Raw[2:4]
	switch {
	case m.INS == gpc.InsSelect && !secureClass(m.CLA) && !m.IsChained():
		m.selecting()
	case len(m.data) == 0:
	case m.foreign:
		m.open()
	case secureClass(m.CLA):
		m.add(secured(m.at, m.data))
	case m.IsChained():
		m.add(chainPart(m.at, m.data))
	case i.open:
		m.open()
	default:
		m.rest()
	}
}

// tagIn is the tag of a data object that the parameters of GET DATA and PUT DATA name, of one byte
// or of two (ISO/IEC 7816-4:2013 §11.4.3).
func tagIn(c apdu.Command) (string, bool) {
	switch {
	case c.INS != gpc.InsGetData && c.INS != insPutData:
	case c.P1 == 0 && c.P2 >= 0x40 && c.P2 != 0xFF:
		return fmt.Sprintf("%02X", c.P2), true
	case c.P1 >= 0x40:
		return fmt.Sprintf("%02X%02X", c.P1, c.P2), true
	}
	return "", false
}

// insPutData is PUT DATA by tag (ISO/IEC 7816-4:2013 §11.4.6).
const insPutData = 0xDA

// unknown says what can be said of a command of which nothing is known: to an application with a
// vocabulary, that it is not there, else what its first two bytes are by ISO/IEC 7816-4:2013.
func (m *command) unknown() string {
	const none, invalid6, invalid9 = 0xFF, 0x60, 0x90
	switch group := m.INS & 0xF0; {
	case m.ours:
		return "not in the reference"
	case m.unsure:
		return "to whom is not known, by the last SELECT and its answer"
	case m.CLA == none:
		return "no class of a command (ISO/IEC 7816-4:2013 §5.4.1)"
	case group == invalid6 || group == invalid9:
		return "no instruction byte (ISO/IEC 7816-4:2013 §5.4.2)"
	case m.CLA&classProprietary != 0:
		return "proprietary"
	case m.CLA&0xE0 == 0x20:
		return "class reserved (ISO/IEC 7816-4:2013 §5.4.1)"
	}
	return fmt.Sprintf("interindustry class; instruction %02X is not one of ISO/IEC 7816", m.INS)
}

// open shows data, and the data objects in it.
func (m *command) open() {
	m.add(summed(m.at, m.data, objects(m.data, m.at, 0, dictionaryOf(m.Command)))...)
}

// interindustryAnswer decodes a response to such a command.
func (d Decoder) interindustryAnswer(c apdu.Command, data []byte) []*Node {
	i, known := interindustry(c)
	switch {
	case (!known || i.closed) && !d.ShowUnknown:
		return []*Node{hidden("", 0, data, "")}
	case secureClass(c.CLA) && !d.foreign:
		return []*Node{secured(0, data)}
	case !known && !usualDictionary.knows(data):
		return summed(0, data, nil)
	}
	return summed(0, data, objects(data, 0, 0, dictionaryOf(c)))
}

// summed is data by its parts, or in one line if there are none.
func summed(at int, data []byte, parts []*Node) []*Node {
	for _, p := range parts {
		p.Detail = true
	}
	sum := &Node{Offset: at, Raw: data, Children: parts, sum: true}
	sum.join()
	return []*Node{sum}
}

// maxNesting bounds how deep data objects are taken apart.
const maxNesting = 8

// objects takes BER-TLV data objects that fill b apart; nil if they do not.
func objects(b []byte, at, depth int, names dictionary) []*Node {
	var nodes []*Node
	for r := (reader{tlv.NewBERReader(b), at + len(b)}); !r.Empty(); {
		begin := r.at()
		o, err := r.Next()
		if err != nil {
			return nil
		}
		nodes = append(nodes, object(o, begin, depth, names))
	}
	return nodes
}

func object(o tlv.Object, at, depth int, names dictionary) *Node {
	row := names.row(o)
	n := &Node{
		Name:   row.name,
		Clause: row.clause,
		Offset: at,
		Raw:    o.Raw,
		Tag:    o.Tag,
		Value:  row.value(o.Value),
	}
	if n.Name == "" {
		n.Name = o.Tag.String()
	}
	if o.Tag.IsConstructed() && depth < maxNesting {
		header := len(o.Raw) - len(o.Value)
		if row.inside != nil {
			if own := row.inside(o.Value); own != nil {
				names = append(dictionary{own}, names...)
			}
		}
		if inside := objects(o.Value, at+header, depth+1, names); inside != nil {
			n.Value = ""
			n.Children = append([]*Node{frame(at, o.Raw[:header])}, inside...)
		}
	} else if row.parts != nil {
		header := len(o.Raw) - len(o.Value)
		if parts := row.parts(o.Value, at+header); parts != nil {
			n.Children = append([]*Node{frame(at, o.Raw[:header])}, parts...)
		}
	}
	return n
}
