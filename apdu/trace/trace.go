// Package trace shows commands and responses as a conversation: names of commands
// and data objects, amounts in kronor, days, roles, status words with their
// meaning. It reads everything from packages spec and gpc and knows no command itself.
//
// PIN blocks, tokens, keys and cryptograms are never shown, nor is the data of a command
// that could hold one and does not parse, or that is not in the spec. Hashes,
// points and signatures are shortened. Nothing here can fail: what does not parse is said to, and shown in
// hex.
//
// Start at [Card], which traces whatever goes through it. Put it outside of
// apdu.Framing to see whole messages, inside to see what goes over the wire.
package trace

import (
	"context"
	"fmt"
	"io"
	"strings"

	"ekrona/apdu"
	"ekrona/apdu/gpc"
	"ekrona/apdu/spec"
	"ekrona/apdu/tlv"
)

// Card traces a card: each exchange is written when it is over.
type Card struct {
	Card apdu.Card
	To   io.Writer
}

// Transmit sends c and writes the exchange. An error of To is the card's user's
// affair and stops nothing.
func (t Card) Transmit(ctx context.Context, c apdu.Command) (apdu.Response, error) {
	r, err := t.Card.Transmit(ctx, c)
	text := Command(c)
	if err != nil {
		text += fmt.Sprintf("< no answer: %v\n", err)
	} else {
		text += Response(c, r)
	}
	_, _ = io.WriteString(t.To, text)
	return r, err
}

// Command is the command in lines, the first beginning with ">".
func Command(c apdu.Command) string {
	p := &printer{}
	if isManagement(c) {
		p.management(c)
		return p.String()
	}
	v, known := spec.Find(c.CLA, c.INS, c.P1, c.P2)
	switch {
	case !known:
		p.line("> %02X %02X %02X %02X, not in the reference", c.CLA, c.INS, c.P1, c.P2)
	case v.AnyP1:
		p.line("> %s, number %d", v.Title(), c.P1)
	default:
		p.line("> %s", v.Title())
	}
	p.depth = 1
	switch {
	case len(c.Data) == 0:
		if known && v.NoData != "" {
			p.line("no data: %s", v.NoData)
		}
	case c.IsChained():
		p.line("part of a chain, %d bytes", len(c.Data))
	case !known:
		p.line("%d bytes, hidden", len(c.Data))
	default:
		p.whole(v.In, c.Data, hasSecret(v.In))
	}
	return p.String()
}

// Response is the response to c in lines, the first beginning with "<".
func Response(c apdu.Command, r apdu.Response) string {
	p := &printer{}
	if isManagement(c) {
		p.managementAnswer(c, r)
		return p.String()
	}
	_, known := spec.Status(r.SW)
	switch {
	case !known && c.INS == gpc.InsSelect: // the card manager answers for an applet that is not there
		p.line("< %04X: %s", uint16(r.SW), gpc.Meaning(r.SW))
	case r.SW == apdu.OK:
		p.line("< %s", r.SW.String())
	default:
		p.line("< %s: %s", spec.StatusName(r.SW), spec.StatusMeaning(r.SW))
	}
	p.depth = 1
	v, known := spec.Find(c.CLA, c.INS, c.P1, c.P2)
	switch {
	case len(r.Data) == 0:
	case known && r.SW == apdu.OK:
		p.whole(v.Out, r.Data, false)
	default:
		p.line("%d bytes, not whole", len(r.Data))
	}
	return p.String()
}

// hasSecret tells whether one of the fields is a secret.
func hasSecret(fields []spec.Field) bool {
	for _, f := range fields {
		if kind, _, _ := f.Value(); kind == spec.KindSecret {
			return true
		}
	}
	return false
}

// printer writes indented lines.
type printer struct {
	strings.Builder
	depth int
}

func (p *printer) line(format string, args ...any) {
	p.WriteString(strings.Repeat("  ", p.depth))
	fmt.Fprintf(p, format+"\n", args...)
}

// whole shows data objects that fill b, or b itself when they do not.
func (p *printer) whole(fields []spec.Field, b []byte, secret bool) {
	inner := &printer{depth: p.depth}
	r := tlv.NewReader(b)
	err := inner.fields(fields, r)
	if err == nil {
		err = r.End()
	}
	switch {
	case err == nil:
		p.WriteString(inner.String())
	case secret:
		p.line("%d bytes, hidden: they do not parse", len(b))
	default:
		p.line("does not parse: %v", err)
		p.line("%X", b)
	}
}

// fields shows data objects from the front of r.
func (p *printer) fields(fields []spec.Field, r *tlv.Reader) error {
	for _, f := range fields {
		tag := f.WireTag()
		if tag == 0 {
			raw := r.Rest()
			size := len(raw)
			if f.Min == f.Max {
				size = f.Max
			}
			if err := r.Skip(size); err != nil {
				return err
			}
			p.value(f.Name, f.Kind, raw[:size])
			continue
		}
		if f.Presence == spec.Optional && !r.At(tag) {
			continue
		}
		o, err := r.Expect(tag)
		if err != nil {
			return err
		}
		if f.Layout == nil {
			kind, _, _ := f.Value()
			p.value(f.Name, kind, o.Value)
			continue
		}
		if err := p.template(f, o.Value, r); err != nil {
			return err
		}
	}
	return nil
}

// template shows a template's content and, of a message, the signatures that
// follow it.
func (p *printer) template(f spec.Field, content []byte, r *tlv.Reader) error {
	p.line("%s: %s", f.Name, f.Text())
	p.depth++
	defer func() { p.depth-- }()
	inside := tlv.NewReader(content)
	if err := p.fields(f.Layout.Fields, inside); err != nil {
		return err
	}
	if err := inside.End(); err != nil {
		return err
	}
	for _, signer := range f.Layout.Signers {
		o, err := r.Expect(spec.TagSignature)
		if err != nil {
			return err
		}
		p.value("signed by "+signer, spec.KindSignature, o.Value)
	}
	return nil
}
