package trace

import (
	"ekrona.example/apdu"
	"ekrona.example/apdu/gpc"
)

// Rule names the bytes of the exchanges with one card that no log may show, for one
// [apdu.Recorder]. It remembers the command before: what GET RESPONSE brings belongs to it, and the
// last part of a chain belongs to those before it, on the same logical channel. It remembers which
// application is selected too, as [Follower] does: the vocabulary of one says nothing of what is
// secret to another. Exchanges are given to it in their order, and each reset. Make one with
// [Decoder.Rule] or [Follower.Rule].
type Rule struct {
	basic, others *Follower // others is that of all channels but the basic one
	channels      [apdu.MaxChannels]parts
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
	return &Rule{basic: f, others: others}
}

// Inside is the rule of what a secure channel to the card carries, where the same application is
// selected.
func (r *Rule) Inside() *Rule { return r.basic.Rule() }

// Reset takes note that the card was reset.
func (r *Rule) Reset() {
	r.basic.Reset()
	r.others.Reset()
	r.channels = [apdu.MaxChannels]parts{}
}

// Save keeps what the rule knows; restore has it know that again.
func (r *Rule) Save() (restore func()) {
	kept := *r
	basic, others := *r.basic, *r.others
	return func() {
		*r = kept
		*r.basic, *r.others = basic, others
	}
}

// Hidden are the bytes of a command that could come next.
func (r *Rule) Hidden(c apdu.Command) []apdu.Span {
	next, basic := *r, *r.basic
	next.basic = &basic
	return next.Secrets(c, apdu.Response{}).Command
}

// Secrets are the bytes of the next exchange. The response is empty when none came.
func (r *Rule) Secrets(c apdu.Command, response apdu.Response) apdu.Secrets {
	channel := apdu.ChannelOf(c.CLA)
	m := memory{r.others, &r.channels[channel]}
	if channel == 0 {
		m.application = r.basic
	}
	return m.secrets(c, response)
}

// memory is what a rule knows of the exchanges before on a channel.
type memory struct {
	application *Follower
	*parts
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

func (m memory) secrets(c apdu.Command, r apdu.Response) apdu.Secrets {
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
func (m memory) fetched(r apdu.Response) []apdu.Span {
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
	if maybe, is := find(d.possible, c); is && hasSecret(maybe.Out) {
		return true
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
