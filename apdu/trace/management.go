package trace

import (
	"bytes"
	"fmt"

	"ekrona.example/apdu"
	"ekrona.example/apdu/gpc"
)

// isManagement reports whether a command that no application knows is for a security
// domain: its class is GlobalPlatform's, or it selects by name.
func isManagement(c apdu.Command) bool {
	if c.INS == gpc.InsSelect && c.CLA == gpc.ClassISO {
		return c.P1 == gpc.P1ByName
	}
	secure := c.CLA&^gpc.ClassPlain == gpc.SecureBit
	return (c.CLA == gpc.ClassPlain || secure) && gpc.CommandName(c) != ""
}

// isManagement reports whether a command that no application knows is decoded as one to a security
// domain. To an application of others, unmasked, only those are that carry keys and cryptograms.
func (d Decoder) isManagement(c apdu.Command) bool {
	return isManagement(c) && (!d.foreign || c.INS == gpc.InsSelect || carriesKeys(c))
}

// carriesKeys reports whether a command has keys, or what authenticates a secure channel.
func carriesKeys(c apdu.Command) bool {
	return c.INS == gpc.InsPutKey || c.INS == gpc.InsInitializeUpdate ||
		c.INS == gpc.InsExternalAuthenticate
}

// isManager reports whether a name selects the issuer security domain, as GPC and Visa name it.
func isManager(name []byte) bool {
	return len(name) == 0 || bytes.HasPrefix(name, []byte{0xA0, 0, 0, 1, 0x51}) ||
		bytes.HasPrefix(name, []byte{0xA0, 0, 0, 0, 0x03, 0, 0})
}

// managementClauses are where GPC 2.3.1 and its Amendment D 1.2 define the commands.
var managementClauses = map[byte]string{
	gpc.InsInitializeUpdate:     "GPC Amd D 1.2 §7.1.1",
	gpc.InsExternalAuthenticate: "GPC Amd D 1.2 §7.1.2",
	gpc.InsDelete:               "GPC 2.3.1 §11.2", gpc.InsGetData: "GPC 2.3.1 §11.3",
	gpc.InsGetStatus: "GPC 2.3.1 §11.4",
	gpc.InsInstall:   "GPC 2.3.1 §11.5", gpc.InsLoad: "GPC 2.3.1 §11.6",
	gpc.InsPutKey: "GPC 2.3.1 §11.8",
	gpc.InsSelect: "GPC 2.3.1 §11.9", gpc.InsSetStatus: "GPC 2.3.1 §11.10",
	gpc.InsStoreData: "GPC 2.3.1 §11.11",
}

// management decodes a command to a security domain. Of keys, install parameters and
// cryptograms it shows the length, and nothing of what secure messaging hides.
func (m *command) management() {
	m.root.Name, m.root.Clause = gpc.CommandName(m.Command), managementClauses[m.INS]
	if m.INS == gpc.InsLoad {
		m.root.Value = fmt.Sprintf("block %d", m.P2)
	}
	n := len(m.data)
	switch {
	case m.CLA&gpc.SecureBit != 0:
		m.add(secured(m.at, m.data))
	case m.INS == gpc.InsSelect && n == 0:
		m.add(remark(m.at, "the issuer security domain"))
	case m.INS == gpc.InsSelect:
		m.add(leaf("AID", m.at, m.data))
	case m.INS == gpc.InsGetData:
		m.instead = leaf("tag", 2, m.root.Raw[2:4])
		m.rest()
	case m.INS == gpc.InsInitializeUpdate:
		show(m.p1, "key set", keySet(m.P1))
		m.add(leaf("challenge", m.at, m.data))
	case m.INS == gpc.InsGetStatus:
		show(m.p1, "of", listed[m.P1])
		m.objects()
	case m.INS == gpc.InsSetStatus:
		show(m.p1, "of", fmt.Sprintf("%02X %X to %02X", m.P1, m.data, m.P2))
		if n > 0 {
			aid := leaf("AID", m.at, m.data)
			aid.Detail = true
			m.add(aid)
		}
	case m.INS == gpc.InsInstall:
		m.install()
	case m.INS == gpc.InsPutKey && n > 0:
		version := leaf("key set", m.at, m.data[:1])
		version.Value += ", in the place of " + replaced(m.P1)
		m.add(version, hidden("keys", m.at+1, m.data[1:], ""))
	case m.INS == gpc.InsDelete:
		m.add(leaf("what", m.at, m.data))
	case m.INS == gpc.InsLoad:
		m.add(&Node{Offset: m.at, Raw: m.data, Value: fmt.Sprintf("%d bytes", n)})
	default:
		m.rest()
	}
}

// rest hides data that nothing is known of.
func (m *command) rest() {
	if len(m.data) > 0 {
		m.add(hidden("", m.at, m.data, ""))
	}
}

// secured is data under secure messaging, which may be authenticated only, and clear.
func secured(at int, data []byte) *Node {
	return &Node{
		Offset: at,
		Raw:    data,
		Value:  fmt.Sprintf("under secure messaging, %d bytes", len(data)),
		Masked: true,
	}
}

// objects adds data objects that a conversation leaves out.
func (m *command) objects() {
	parts := objects(m.data, m.at, 0, managementDictionary)
	if parts == nil {
		m.rest()
	}
	for _, n := range parts {
		n.Detail = true
		m.add(n)
	}
}

// lengthValue is a field of INSTALL after its length.
type lengthValue struct {
	name   string
	long   bool // its length may have two or three bytes
	hidden bool // it may hold a secret
	detail bool // conversations leave it out
}

// Fields of INSTALL (GPC 2.3.1 tables 11-42, 11-43).
var (
	forLoad = []lengthValue{
		{name: "load file"}, {name: "security domain", detail: true}, {name: "hash", detail: true},
		{name: "parameters", long: true, detail: true}, {name: "token", long: true, detail: true},
	}
	forInstall = []lengthValue{
		{
			name: "load file",
		}, {name: "module"}, {name: "instance"}, {name: "privileges", detail: true},
		{name: "parameters", long: true, hidden: true}, {name: "token", long: true, detail: true},
	}
)

// install decodes INSTALL. The parameters for the applet may hold secrets, and of a
// command that does not parse nothing is shown.
func (m *command) install() {
	var fields []lengthValue
	if m.P1 == gpc.InstallLoad {
		if _, err := gpc.ParseForLoad(m.data); err == nil {
			fields = forLoad
		}
	} else if m.P1&gpc.InstallInstall != 0 {
		if _, err := gpc.ParseForInstall(m.data); err == nil {
			fields = forInstall
		}
	}
	if fields == nil {
		m.add(hidden("", m.at, m.data, ""))
		return
	}
	at, rest := m.at, m.data
	for _, f := range fields {
		n := f.take(at, rest)
		if n == nil {
			break
		}
		m.add(n)
		at, rest = at+len(n.Raw), rest[len(n.Raw):]
	}
	if len(rest) > 0 {
		m.add(hidden("", at, rest, ""))
	}
}

// take takes the field from the front of b, which stands at index at; nil if there is
// none.
func (f lengthValue) take(at int, b []byte) *Node {
	if len(b) == 0 {
		return nil
	}
	header, n := 1, int(b[0])
	switch {
	case f.long && b[0] == 0x81 && len(b) > 1:
		header, n = 2, int(b[1])
	case f.long && b[0] == 0x82 && len(b) > 2:
		header, n = 3, int(b[1])<<8|int(b[2])
	}
	if n > len(b)-header {
		return nil
	}
	value := b[header : header+n]
	node := &Node{
		Name:   f.name,
		Offset: at,
		Raw:    b[:header+n],
		Value:  fmt.Sprintf("%X", value),
		Detail: f.detail,
	}
	if f.hidden {
		at, n := installParameters(value)
		node.hide(header+at, n)
	}
	return node
}

// installParameters finds what the applet gets of the parameters field, the value of C9.
func installParameters(field []byte) (at, length int) {
	r := newReader(field, 0)
	for !r.Empty() {
		o, err := r.Next()
		if err != nil {
			break
		}
		if o.Tag == gpc.TagAppParameters {
			return r.at() - len(o.Value), len(o.Value)
		}
	}
	return 0, len(field)
}

// listed are what P1 of GET STATUS asks for.
var listed = map[byte]string{
	gpc.StatusISD: "the issuer security domain", gpc.StatusApplications: "applications",
	gpc.StatusLoadFiles: "load files", gpc.StatusLoadFileModules: "load files and their modules",
}

func keySet(version byte) string {
	if version == gpc.DefaultKeyFirst {
		return "the first one"
	}
	return fmt.Sprintf("%02X", version)
}

func replaced(version byte) string {
	if version == 0 {
		return "none, or the initial keys"
	}
	return fmt.Sprintf("%02X", version)
}

// managementAnswer decodes what a security domain answered.
func managementAnswer(c apdu.Command, data []byte) []*Node {
	switch {
	case c.CLA&gpc.SecureBit != 0:
		n := secured(0, data)
		n.Detail = len(data) == 1 // as below
		return []*Node{n}
	case c.INS == gpc.InsInitializeUpdate:
		parts := initializeUpdate(data)
		if parts == nil { // a part of it, which may hold the cryptogram
			return []*Node{hidden("", 0, data, "")}
		}
		return summed(0, data, parts)
	case len(data) == 1 && data[0] == 0: // nothing more to say (GPC 2.3.1 §11.5.3.1)
		return []*Node{detail("confirmation", 0, data)}
	}
	names := managementDictionary
	if c.INS == gpc.InsSelect { // of any application
		names = usualDictionary
	}
	return summed(0, data, objects(data, 0, 0, names))
}

// Lengths of the response to INITIALIZE UPDATE in bytes (GPC Amd D 1.2 table 7-3).
const (
	diversification = 10
	keyInformation  = 3
	cardChallenge   = 8
	cardCryptogram  = 8
	sequenceCounter = 3
)

// initializeUpdate takes the response to INITIALIZE UPDATE apart; nil if its length is
// neither of the two.
func initializeUpdate(data []byte) []*Node {
	const shortest = diversification + keyInformation + cardChallenge + cardCryptogram
	if len(data) != shortest && len(data) != shortest+sequenceCounter {
		return nil
	}
	var nodes []*Node
	at := 0
	for _, part := range []struct {
		name   string
		length int
	}{
		{"key diversification data", diversification}, {"key information", keyInformation},
		{"card challenge", cardChallenge}, {"card cryptogram", cardCryptogram},
	} {
		nodes = append(nodes, leaf(part.name, at, data[at:at+part.length]))
		at += part.length
	}
	nodes[3] = hidden("card cryptogram", nodes[3].Offset, nodes[3].Raw, "")
	if at < len(data) {
		nodes = append(nodes, leaf("sequence counter", at, data[at:]))
	}
	return nodes
}

// Drawn is where a response has bytes that a card draws, or counts, whatever is on it: a challenge
// (ISO/IEC 7816-4:2013 §11.5.3), and in the answer to INITIALIZE UPDATE challenge, cryptogram and
// sequence counter.
func Drawn(c apdu.Command, r apdu.Response) []apdu.Span {
	const insGetChallenge = 0x84
	from := len(r.Data)
	switch {
	case c.INS == insGetChallenge && c.CLA&apdu.ClassProprietary == 0:
		from = 0
	case c.INS == gpc.InsInitializeUpdate && c.CLA&apdu.ClassProprietary != 0:
		from = min(diversification+keyInformation, len(r.Data))
	}
	if from == len(r.Data) {
		return nil
	}
	return []apdu.Span{{From: from, To: len(r.Data)}}
}
