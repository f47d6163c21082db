package trace

import (
	"ekrona.example/apdu"
	"ekrona.example/apdu/gpc"
)

// Rule names the bytes of the exchanges with one card that no log may show, for one
// [apdu.Recorder]. It remembers the command before: what GET RESPONSE brings belongs to it, and the
// last part of a chain belongs to those before it. It remembers which application is selected too,
// as [Follower] does: the vocabulary of one says nothing of what is secret to another. Exchanges
// are given to it in their order, and each reset. Make one with [Decoder.Rule] or [Follower.Rule].
type Rule struct {
	basic, others memory // others is that of all channels but the basic one
}

// Rule is the rule of a card that was just reset.
func (d Decoder) Rule() *Rule {
	f := d.Follow()
	f.Reset()
	return f.Rule()
}

// Rule is the rule of exchanges that go on from where the follower is, and takes note of what they
// select in the follower.
func (f *Follower) Rule() *Rule {
	hiding := f.all
	hiding.Unmasked = false // what is selected is known of the basic channel only
	others := hiding.Follow()
	if f.foreign {
		others.Reset()
	}
	return &Rule{basic: memory{application: f}, others: memory{application: others}}
}

// Inside is the rule of what a secure channel to the card carries, where the same application is
// selected.
func (r *Rule) Inside() *Rule { return r.basic.application.Rule() }

// Reset takes note that the card was reset.
func (r *Rule) Reset() {
	r.basic.application.Reset()
	r.others.application.Reset()
	r.basic.parts, r.others.parts = parts{}, parts{}
}

// Save keeps what the rule knows; restore has it know that again.
func (r *Rule) Save() (restore func()) {
	kept := *r
	basic, others := *r.basic.application, *r.others.application
	return func() {
		*r = kept
		*r.basic.application, *r.others.application = basic, others
	}
}

// Hidden are the bytes of a command that could come next.
func (r *Rule) Hidden(c apdu.Command) []apdu.Span {
	application := *r.basic.application
	next := &Rule{basic: memory{&application, r.basic.parts}, others: r.others}
	return next.Secrets(c, apdu.Response{}).Command
}

// Secrets are the bytes of the next exchange. The response is empty when none came.
func (r *Rule) Secrets(c apdu.Command, response apdu.Response) apdu.Secrets {
	if isOtherChannel(c.CLA) {
		return r.others.secrets(c, response)
	}
	return r.basic.secrets(c, response)
}

// isOtherChannel reports whether a class names a channel other than the basic one (ISO/IEC
// 7816-4:2013 §5.4.1, tables 2 and 3; GPC 2.3.1 §11.1.4).
func isOtherChannel(cla byte) bool { return cla&0x40 != 0 || cla&0x03 != 0 }

// memory is what a rule knows of the exchanges before.
type memory struct {
	application *Follower
	parts
}

// parts is what a rule knows of a message that may come in several.
type parts struct {
	// before is the last command that was no GET RESPONSE, without the chaining bit.
	before apdu.Command
	any    bool // there was one
	// chained reports that before is a part of a chain, and that more of it is to come.
	chained bool
	// begun reports that a part of the answer to before has come.
	begun bool
}

func (m *memory) secrets(c apdu.Command, r apdu.Response) apdu.Secrets {
	m.application.Note(c, r)
	decoder := m.application.Decoder()
	s := decoder.secrets(c, r)
	if m.any && isGetResponse(c) {
		s.Response = append(s.Response, m.fetched(r)...)
		m.begun = m.begun || len(r.Data) > 0
		return s
	}
	header := c
	header.CLA &^= apdu.ClassChaining
	follows := m.chained && sameHeader(header, m.before)
	if follows && decoder.hidesParts(c) {
		s.Command = everything(c.Data)
	}
	wrongLe := follows && r.SW>>8 == 0x6C // and the same part comes again
	m.before, m.any, m.begun = header, true, len(r.Data) > 0
	m.chained = c.IsChained() && r.SW == apdu.OK || wrongLe
	return s
}

// fetched are the secrets in what GET RESPONSE brought of the answer to the command before. Of
// an answer in several parts none is decoded.
func (m *memory) fetched(r apdu.Response) []apdu.Span {
	decoder := m.application.Decoder()
	if m.begun || r.SW != apdu.OK {
		if decoder.answersSecret(m.before) {
			return everything(r.Data)
		}
		return nil
	}
	return masked(decoder.Response(m.before, r), 0)
}

func everything(data []byte) []apdu.Span {
	if len(data) == 0 {
		return nil
	}
	return []apdu.Span{{From: 0, To: len(data)}}
}

// hidesParts reports whether a part of a chain of such commands may hold a secret.
func (d Decoder) hidesParts(c apdu.Command) bool {
	form, known := d.form(c)
	return !known && !d.foreign || hasSecret(form.In)
}

// answersSecret reports whether the response to such a command may hold a secret.
func (d Decoder) answersSecret(c apdu.Command) bool {
	if form, known := d.form(c); known {
		return hasSecret(form.Out)
	}
	if d.isManagement(c) {
		return c.CLA&gpc.SecureBit != 0 || c.INS == gpc.InsInitializeUpdate
	}
	if d.foreign {
		return false
	}
	i, known := interindustry(c)
	return !known || i.closed || secureClass(c.CLA)
}

func (d Decoder) secrets(c apdu.Command, r apdu.Response) apdu.Secrets {
	return apdu.Secrets{
		Command:  masked(d.Command(c), dataAt(c)),
		Response: masked(d.Response(c, r), 0),
	}
}

func masked(n *Node, at int) []apdu.Span {
	var spans []apdu.Span
	for _, l := range n.Leaves() {
		if l.Masked && len(l.Raw) > 0 {
			spans = append(spans, apdu.Span{From: l.Offset - at, To: l.Offset - at + len(l.Raw)})
		}
	}
	return spans
}
