package trace

import (
	"fmt"

	"ekrona/apdu"
	"ekrona/apdu/gpc"
	"ekrona/apdu/tlv"
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
	0x0E: {name: "ERASE BINARY", clause: "ISO/IEC 7816-4:2013 §11.2.7"},
	0x20: {name: "VERIFY", clause: "ISO/IEC 7816-4:2013 §11.5.6", odd: true},
	0x22: {name: "MANAGE SECURITY ENVIRONMENT", clause: "ISO/IEC 7816-4:2013 §11.5.11"},
	0x24: {name: "CHANGE REFERENCE DATA", clause: "ISO/IEC 7816-4:2013 §11.5.7"},
	0x26: {name: "DISABLE VERIFICATION REQUIREMENT", clause: "ISO/IEC 7816-4:2013 §11.5.9"},
	0x28: {name: "ENABLE VERIFICATION REQUIREMENT", clause: "ISO/IEC 7816-4:2013 §11.5.8"},
	0x2A: {name: "PERFORM SECURITY OPERATION", clause: "ISO/IEC 7816-8:2021 §5.2", closed: true},
	0x2C: {name: "RESET RETRY COUNTER", clause: "ISO/IEC 7816-4:2013 §11.5.10"},
	0x44: {name: "ACTIVATE FILE", clause: "ISO/IEC 7816-9:2017 §7"},
	0x46: {name: "GENERATE ASYMMETRIC KEY PAIR", clause: "ISO/IEC 7816-8:2021 §5.1"},
	0x70: {name: "MANAGE CHANNEL", clause: "ISO/IEC 7816-4:2013 §11.1.2", open: true},
	0x82: {name: "EXTERNAL AUTHENTICATE", clause: "ISO/IEC 7816-4:2013 §11.5.4"},
	0x84: {name: "GET CHALLENGE", clause: "ISO/IEC 7816-4:2013 §11.5.3", open: true},
	0x86: {name: "GENERAL AUTHENTICATE", clause: "ISO/IEC 7816-4:2013 §11.5.5", odd: true},
	0x88: {name: "INTERNAL AUTHENTICATE", clause: "ISO/IEC 7816-4:2013 §11.5.2"},
	0xA4: {name: "SELECT", clause: "ISO/IEC 7816-4:2013 §11.1.1", open: true},
	0xB0: {name: "READ BINARY", clause: "ISO/IEC 7816-4:2013 §11.2.3", open: true, odd: true},
	0xB2: {name: "READ RECORD", clause: "ISO/IEC 7816-4:2013 §11.3.3", open: true, odd: true},
	0xC0: {name: "GET RESPONSE", clause: "ISO/IEC 7816-4:2013 §11.7.1", open: true},
	0xC2: {name: "ENVELOPE", clause: "ISO/IEC 7816-4:2013 §11.7.2"},
	0xCA: {name: "GET DATA", clause: "ISO/IEC 7816-4:2013 §11.4.3", open: true, odd: true},
	0xD6: {name: "UPDATE BINARY", clause: "ISO/IEC 7816-4:2013 §11.2.5", odd: true},
	0xDA: {name: "PUT DATA", clause: "ISO/IEC 7816-4:2013 §11.4.6", odd: true},
	0xDC: {name: "UPDATE RECORD", clause: "ISO/IEC 7816-4:2013 §11.3.5", odd: true},
	0xE2: {name: "APPEND RECORD", clause: "ISO/IEC 7816-4:2013 §11.3.6"},
}

// interindustry finds a command of the standard. Its class is not proprietary.
func interindustry(c apdu.Command) (instruction, bool) {
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
		), "not in the reference"
		if m.IsChained() && len(m.data) > 0 {
			m.add(chainPart(m.at, m.data))
			return
		}
		m.rest()
		return
	}
	m.root.Name, m.root.Clause = i.name, i.clause
	show(m.p1, "P1-P2", fmt.Sprintf("%02X%02X", m.P1, m.P2))
	m.instead, m.p1.Offset, m.p1.Raw = m.p1, 2, m.root.Raw[2:4]
	switch {
	case len(m.data) == 0:
	case secureClass(m.CLA):
		m.add(secured(m.at, m.data))
	case m.IsChained():
		m.add(chainPart(m.at, m.data))
	case i.open:
		n := leaf("", m.at, m.data)
		n.Children = objects(m.data, m.at, 0)
		for _, o := range n.Children {
			o.Detail = true
		}
		m.add(n)
	default:
		m.rest()
	}
}

// interindustryAnswer decodes a response to such a command.
func interindustryAnswer(c apdu.Command, data []byte) []*Node {
	i, known := interindustry(c)
	switch {
	case !known, i.closed:
		return []*Node{hidden("", 0, data, "")}
	case secureClass(c.CLA):
		return []*Node{secured(0, data)}
	}
	return summed(data, objects(data, 0, 0))
}

// summed is data with a line for a conversation, and its parts for the other renderers.
func summed(data []byte, parts []*Node) []*Node {
	for _, p := range parts {
		p.Detail = true
	}
	return []*Node{{Raw: data, Value: Shortened(data), Children: parts}}
}

// maxNesting bounds how deep data objects are taken apart.
const maxNesting = 8

// objects takes BER-TLV data objects that fill b apart; nil if they do not.
func objects(b []byte, at, depth int) []*Node {
	var nodes []*Node
	for r := newReader(b, at); !r.Empty(); {
		begin := r.at()
		o, err := r.Next()
		if err != nil {
			return nil
		}
		nodes = append(nodes, object(o, begin, depth))
	}
	return nodes
}

func object(o tlv.Object, at, depth int) *Node {
	row := tags[o.Tag]
	n := &Node{
		Name:   row.name,
		Clause: row.clause,
		Offset: at,
		Raw:    o.Raw,
		Tag:    o.Tag,
		Value:  fmt.Sprintf("%X", o.Value),
	}
	if n.Name == "" {
		n.Name = o.Tag.String()
	}
	if o.Tag.IsConstructed() && depth < maxNesting {
		header := len(o.Raw) - len(o.Value)
		if inside := objects(o.Value, at+header, depth+1); inside != nil {
			n.Value = ""
			n.Children = append([]*Node{frame(at, o.Raw[:header])}, inside...)
		}
	}
	return n
}

// tagRow names a data object.
type tagRow struct{ name, clause string }

// tags are the data objects that interindustry commands and security domains answer.
var tags = map[tlv.Tag]tagRow{
	0x06:       {"object identifier", "ISO/IEC 7816-6"},
	0x42:       {"issuer identification number", "GPC 2.3.1 §H.1"},
	0x45:       {"card image number", "GPC 2.3.1 §H.1"},
	0x50:       {"application label", "ISO/IEC 7816-4:2013 §8.2.2"},
	0x61:       {"application template", "ISO/IEC 7816-4:2013 §8.2.2"},
	0x62:       {"file control parameters", "ISO/IEC 7816-4:2013 §7.4.1"},
	0x64:       {"file management data", "ISO/IEC 7816-4:2013 §7.4.1"},
	gpc.TagFCI: {"file control information", "ISO/IEC 7816-4:2013 §7.4.1"},
	gpc.TagAIDOfFCI: {
		"DF name or module",
		"ISO/IEC 7816-4:2013 §7.4.3; GPC 2.3.1 table 11-36",
	},
	gpc.TagProprietary: {"proprietary data", "ISO/IEC 7816-4:2013 §7.4.3"},
	gpc.TagMaxData:     {"maximum length of command data", "GPC 2.3.1 table 11-83"},
	gpc.TagAID:         {"AID", "ISO/IEC 7816-4:2013 §8.2.1"},
	gpc.TagCardData:    {"card data", "GPC 2.3.1 §H.2"},
	gpc.TagCapability:  {"card capability information", "GPC 2.3.1 §H.4"},
	gpc.TagRecognition: {"card recognition data", "GPC 2.3.1 §H.2"},
	gpc.TagCPLC: {
		"card production life cycle data",
		"Visa GlobalPlatform 2.1.1 Card Implementation Requirements",
	},
	gpc.TagSequenceCounter: {"sequence counter", "GPC 2.3.1 §11.3"},
	gpc.TagKeyTemplate:     {"key information template", "GPC 2.3.1 table 11-28"},
	gpc.TagKeyInfo:         {"key information", "GPC 2.3.1 table 11-28"},
	gpc.TagResources:       {"extended card resources", "ETSI TS 102 226 §8.2.1.7.2"},
	gpc.TagTagList:         {"tag list", "ISO/IEC 7816-4:2013 §8.4.1"},
	gpc.TagStatus:          {"registry entry", "GPC 2.3.1 table 11-36"},
	gpc.TagLifeCycle:       {"life cycle state", "GPC 2.3.1 table 11-36"},
	gpc.TagPrivileges:      {"privileges", "GPC 2.3.1 table 11-36"},
	gpc.TagLoadFileOf:      {"load file", "GPC 2.3.1 table 11-36"},
	gpc.TagDomain:          {"security domain", "GPC 2.3.1 table 11-36"},
	gpc.TagVersion:         {"load file version", "GPC 2.3.1 table 11-36"},
}
