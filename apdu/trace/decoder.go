package trace

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"time"

	"ekrona.example/apdu"
)

// Decoder decodes exchanges. Its zero value knows what every card has.
type Decoder struct {
	// Vocabularies are those of applications, searched in their order. A command in
	// none of them is decoded as one to a security domain, or as an interindustry
	// command.
	Vocabularies []Vocabulary
	// ShowUnknown shows the data of commands that nothing is known of, and all responses but
	// what a vocabulary calls secret: for who typed the command, not for a log.
	ShowUnknown bool
	// Unmasked shows, in logs too, all bytes to and from an application that was selected and has
	// no vocabulary here, PINs too: for who tests an application of their own. Of PUT KEY and of
	// the authentication of secure channels it shows no more than otherwise.
	Unmasked bool

	foreign bool // such an application is selected, and Unmasked says so
	ours    bool // one with a vocabulary is selected
	travel  bool // that of a travel document is selected
	// unsure reports that it is not known what is selected: any of these, or another.
	unsure   bool
	possible []Vocabulary
}

// New makes a Decoder that knows these applications.
func New(vocabularies ...Vocabulary) Decoder { return Decoder{Vocabularies: vocabularies} }

// Selected is the decoder for an application that was selected by this name, whole or the
// beginning of it: without the vocabularies of others, whose headers may be the same.
func (d Decoder) Selected(name []byte) Decoder {
	d.Vocabularies = slices.DeleteFunc(slices.Clone(d.Vocabularies), func(v Vocabulary) bool {
		return !slices.ContainsFunc(v.AIDs, func(own []byte) bool {
			return len(name) > 0 && bytes.HasPrefix(own, name)
		})
	})
	d.ours = len(d.Vocabularies) > 0
	d.travel = bytes.Equal(name, TravelDocument)
	d.foreign = d.Unmasked && len(d.Vocabularies) == 0 && !isManager(name)
	d.ShowUnknown = d.ShowUnknown || d.foreign
	return d
}

// Unsure is the decoder where it is not known what is selected: it gives no command the name that
// one application has for it, and hides what any of them, or one without vocabulary, would keep
// secret.
func (d Decoder) Unsure() Decoder {
	d.possible, d.Vocabularies = d.Vocabularies, nil
	d.unsure, d.travel, d.Unmasked = true, false, false
	return d
}

// Exchange is an [apdu.Exchange], decoded.
type Exchange struct {
	Label    string
	Began    time.Time
	Took     time.Duration
	Command  *Node
	Response *Node      // nil when none came
	Err      error      // why none came
	Wire     []Exchange // what carried it, as far as it was recorded
}

// Exchange decodes an exchange. What the Recorder masked is masked here too.
func (d Decoder) Exchange(e apdu.Exchange) Exchange {
	out := Exchange{
		Label:   e.Label,
		Began:   e.Began,
		Took:    e.Took,
		Err:     e.Err,
		Command: d.Command(e.Command),
	}
	cover(out.Command, dataAt(e.Command), e.Masked.Command)
	if e.Err == nil {
		out.Response = d.Response(e.Command, e.Response)
		cover(out.Response, 0, e.Masked.Response)
	}
	rule := d.Follow().Rule()
	for _, below := range e.Wire {
		s := rule.Secrets(below.Command, below.Response)
		below.Masked = apdu.Secrets{
			Command:  slices.Concat(below.Masked.Command, s.Command),
			Response: slices.Concat(below.Masked.Response, s.Response),
		}
		below.Command.Data = apdu.Zeroed(below.Command.Data, s.Command)
		below.Response.Data = apdu.Zeroed(below.Response.Data, s.Response)
		out.Wire = append(out.Wire, d.Exchange(below))
	}
	return out
}

// cover masks leaves that a Recorder wrote zeros into; spans count from index at.
func cover(n *Node, at int, spans []apdu.Span) {
	if len(spans) == 0 {
		return
	}
	for _, l := range n.Leaves() {
		for _, s := range spans {
			if !l.Masked && at+s.From < l.Offset+len(l.Raw) && l.Offset < at+s.To {
				l.Masked, l.Value = true, fmt.Sprintf("%d bytes, hidden", len(l.Raw))
			}
		}
	}
	n.join()
}

// Bytes decodes a command and its response as others have logged them. What is no command
// or response is shown as such, the bytes of the command masked; a response of no bytes is
// none.
func (d Decoder) Bytes(commandBytes, responseBytes []byte) Exchange {
	c, err := apdu.ParseCommand(commandBytes)
	out := Exchange{Command: d.Command(c)}
	if err != nil {
		out.Command = malformed("no command", commandBytes, err)
	}
	if len(responseBytes) == 0 {
		return out
	}
	r, failed := apdu.ParseResponse(responseBytes)
	switch {
	case failed != nil:
		out.Response = malformed("no response", responseBytes, failed)
	case err != nil:
		out.Response = Decoder{}.Response(apdu.Command{CLA: classInvalid}, r)
	default:
		out.Response = d.Response(c, r)
	}
	return out
}

// errLengthHidden is what is wrong with a command of which only that is known.
var errLengthHidden = errors.New("its length, which is hidden, does not fit")

// Malformed decodes what was sent and is no command, with all hidden that may be a secret. Bytes
// that are hidden already may look like a command.
func (d Decoder) Malformed(m apdu.Malformed) Exchange {
	out := d.Bytes(m.Command, m.Response)
	if _, err := apdu.ParseCommand(m.Command); err == nil {
		out.Command = malformed("no command", m.Command, errLengthHidden)
	}
	out.Label, out.Began, out.Took, out.Err = m.Label, m.Began, m.Took, m.Err
	out.Hide(m.Hidden())
	return out
}

// classInvalid is no class (ISO/IEC 7816-4:2013 §5.4.1): nothing is known of a response to
// such a command.
const classInvalid = 0xFF

func malformed(what string, raw []byte, err error) *Node {
	return &Node{
		Name:     what,
		Value:    err.Error(),
		Raw:      raw,
		Children: []*Node{hidden("", 0, raw, "")},
	}
}

// Command decodes a command.
func (d Decoder) Command(c apdu.Command) *Node {
	m := newCommand(c)
	m.showUnknown, m.foreign = d.ShowUnknown, d.foreign
	m.ours, m.unsure = d.ours && apdu.ChannelOf(c.CLA) == 0, d.unsure
	m.travel = d.travel && apdu.ChannelOf(c.CLA) == 0
	form, known := d.form(c)
	switch {
	case known:
		m.ofForm(form)
	case d.isManagement(c):
		m.management()
	default:
		m.interindustry()
	}
	n := m.node()
	if maybe, is := find(d.possible, c); is && hasSecret(maybe.In) {
		cover(n, 0, []apdu.Span{{From: m.at, To: m.at + len(m.data)}})
	}
	return n
}

// form finds the form of a command in the vocabularies.
func (d Decoder) form(c apdu.Command) (Form, bool) { return find(d.Vocabularies, c) }

func find(vocabularies []Vocabulary, c apdu.Command) (Form, bool) {
	for _, v := range vocabularies {
		if f, known := v.find(c); known {
			return f, true
		}
	}
	return Form{}, false
}

// Response decodes a response to c.
func (d Decoder) Response(c apdu.Command, r apdu.Response) *Node {
	form, known := d.form(c)
	n := &Node{Raw: r.Bytes()}
	managed := !known && d.isManagement(c)
	n.Name, n.Value = d.status(c, r.SW, managed)
	data := n.Raw[:len(r.Data)]
	switch {
	case len(data) == 0:
	case known && r.SW == apdu.OK:
		n.Children = whole(form.Out, data, 0, hasSecret(form.Out))
	case known:
		n.Children = []*Node{{
			Raw:    data,
			Value:  fmt.Sprintf("%d bytes, not whole", len(data)),
			Masked: hasSecret(form.Out),
		}}
	case managed:
		n.Children = managementAnswer(c, data)
	default:
		n.Children = d.interindustryAnswer(c, data)
	}
	sw := detail("SW1-SW2", len(data), n.Raw[len(data):])
	sw.Clause = "ISO/IEC 7816-4:2013 §5.6"
	n.Children = append(n.Children, sw)
	if maybe, is := find(d.possible, c); is && hasSecret(maybe.Out) && len(data) > 0 {
		cover(n, 0, []apdu.Span{{From: 0, To: len(data)}})
	}
	return n
}

// command is a command that is being decoded.
type command struct {
	apdu.Command
	root             *Node
	cla, ins, p1, p2 *Node
	lc, le           *Node
	data             []byte
	at               int // of data in the message
	content          []*Node
	instead          *Node // of P1 and P2, when they are one value
	showUnknown      bool
	foreign          bool
	ours             bool // it is for an application with a vocabulary
	unsure           bool // it is not known for which application
	travel           bool // it is for that of a travel document
}

// dataAt is the index of the data in the encoded command.
func dataAt(c apdu.Command) int {
	const header = 4
	switch {
	case len(c.Data) == 0, !fits(c):
		return header
	case c.IsExtended():
		return header + 3
	}
	return header + 1
}

// fits reports whether c can be encoded.
func fits(c apdu.Command) bool {
	return len(c.Data) <= apdu.MaxExtendedData && c.Ne >= 0 && c.Ne <= apdu.MaxExtendedNe
}

// newCommand takes the framing apart (ISO/IEC 7816-3:2006 §12.1.3). Of a command that
// cannot be encoded it has header and data.
func newCommand(c apdu.Command) *command {
	raw, err := c.Bytes()
	if err != nil {
		raw = append([]byte{c.CLA, c.INS, c.P1, c.P2}, c.Data...)
	}
	m := &command{Command: c, root: &Node{Raw: raw}, at: dataAt(c)}
	m.cla, m.ins = detail("CLA", 0, raw[0:1]), detail("INS", 1, raw[1:2])
	m.p1, m.p2 = detail("P1", 2, raw[2:3]), detail("P2", 3, raw[3:4])
	m.data = raw[m.at : m.at+len(c.Data)]
	if m.at > 4 {
		m.lc = detail("Lc", 4, raw[4:m.at])
	}
	if end := m.at + len(c.Data); end < len(raw) {
		m.le = detail("Le", end, raw[end:])
		m.le.Value = fmt.Sprint(c.Ne)
	}
	return m
}

// add appends to the content.
func (m *command) add(nodes ...*Node) { m.content = append(m.content, nodes...) }

// show names a byte of the header and has conversations show it.
func show(n *Node, name, value string) { n.Name, n.Value, n.Detail = name, value, false }

// node puts the command together.
func (m *command) node() *Node {
	parts := []*Node{m.cla, m.ins, m.p1, m.p2, m.lc}
	if m.instead != nil {
		parts = []*Node{m.cla, m.ins, m.instead, m.lc}
	}
	for _, n := range append(append(parts, m.content...), m.le) {
		if n != nil {
			m.root.Children = append(m.root.Children, n)
		}
	}
	return m.root
}

// ofForm decodes a command of a vocabulary.
func (m *command) ofForm(f Form) {
	m.root.Name, m.root.Clause = f.Name, f.Clause
	if f.Numbered {
		m.root.Value = fmt.Sprintf("number %d", m.P1)
	}
	switch {
	case len(m.data) == 0:
		if f.NoData != "" {
			m.add(remark(m.at, "no data: %s", f.NoData))
		}
	case m.IsChained():
		part := chainPart(m.at, m.data)
		part.Masked = hasSecret(f.In)
		m.add(part)
	default:
		m.add(whole(f.In, m.data, m.at, hasSecret(f.In))...)
	}
}

// chainPart is data that is not whole, and may hold a part of a secret.
func chainPart(at int, data []byte) *Node {
	return &Node{
		Offset: at,
		Raw:    data,
		Value:  fmt.Sprintf("part of a chain, %d bytes", len(data)),
		Masked: true,
	}
}
