package trace

import (
	"bytes"
	"slices"

	"ekrona.example/apdu"
	"ekrona.example/apdu/gpc"
	"ekrona.example/apdu/tlv"
)

// Follower decodes exchanges in their order. It takes note of which application is selected, so
// that what goes to one is not shown by the names of another, whose headers may be the same.
type Follower struct {
	all, now Decoder
	foreign  bool // another is selected, or none
}

// Follow is a follower from somewhere within a log: until an application is selected or the card is
// reset, any may be.
func (d Decoder) Follow() *Follower { return &Follower{all: d, now: d} }

// Foreign reports whether commands go to no application with a vocabulary, nor to a card manager,
// as far as is known: another is selected, none since a reset, or it is not known which.
func (f *Follower) Foreign() bool { return f.foreign || f.now.unsure }

// Decoder is that of the application that is selected.
func (f *Follower) Decoder() Decoder { return f.now }

// Reset takes note that the card was reset: none of those with a vocabulary is selected until one
// is selected again, and what comes before goes to no one, or to another.
func (f *Follower) Reset() { f.now, f.foreign = f.all.Selected(nil), true }

// Note takes note of a command and its response, empty if none came. What is selected after a
// SELECT by name that is refused depends on who refused it (JCRE 3.0.4 §4.5.2, GPC 2.3.1 §11.9):
// with 6A82 there is no such application, and the one before stays; with 6999 it did not accept to
// be selected, and none is; with another status word the card may have refused, or the application
// after it was selected. Which of both it is, is then not known: see [Decoder.Unsure].
func (f *Follower) Note(c apdu.Command, r apdu.Response) {
	if !byName(c) || r.SW == apdu.SWFileNotFound {
		return
	}
	name, known := f.nameOf(c, r)
	next := f.all.Selected(name)
	foreign := len(next.Vocabularies) == 0 && !isManager(name)
	switch {
	case hasSelected(r) && !known:
		f.now, f.foreign = f.all.Unsure(), false
	case hasSelected(r):
		f.now, f.foreign = next, foreign
	case r.SW == apdu.SWSelectFailed:
		f.Reset()
	case !sameVocabularies(f.now, next) || f.foreign != foreign:
		f.now, f.foreign = f.all.Unsure(), false
	default:
		f.now.travel = f.now.travel && next.travel
	}
}

// nameOf is the name of what a SELECT by name has selected. Of the beginning of a name it is what
// the file control information says (ISO/IEC 7816-4:2013 §7.4.3, tag 84); without, one with a
// vocabulary may be selected, or another that begins so: which is not known.
func (f *Follower) nameOf(c apdu.Command, r apdu.Response) (name []byte, known bool) {
	if !f.begins(c.Data) {
		return c.Data, true
	}
	if fci, err := tlv.NewBERReader(r.Data).Next(); err == nil && fci.Tag == gpc.TagFCI {
		parts := tlv.NewBERReader(fci.Value)
		for o, err := parts.Next(); err == nil; o, err = parts.Next() {
			isName := o.Tag == gpc.TagAIDOfFCI && bytes.HasPrefix(o.Value, c.Data)
			if isName && !f.begins(o.Value) {
				return o.Value, true
			}
		}
	}
	return c.Data, false
}

// begins reports whether a name is the beginning of one with a vocabulary, and not all of it.
func (f *Follower) begins(name []byte) bool {
	return slices.ContainsFunc(f.all.Vocabularies, func(v Vocabulary) bool {
		return slices.ContainsFunc(v.AIDs, func(own []byte) bool {
			return 0 < len(name) && len(name) < len(own) && bytes.HasPrefix(own, name)
		})
	})
}

// sameVocabularies reports whether two decoders of one follower know the same applications.
func sameVocabularies(a, b Decoder) bool {
	return slices.EqualFunc(a.Vocabularies, b.Vocabularies, func(x, y Vocabulary) bool {
		return slices.EqualFunc(x.AIDs, y.AIDs, bytes.Equal)
	})
}

// Exchange decodes the next exchange.
func (f *Follower) Exchange(e apdu.Exchange) Exchange {
	response := e.Response
	if e.Err != nil {
		response = apdu.Response{}
	}
	f.Note(e.Command, response)
	return f.now.Exchange(e)
}

// byName reports whether a command selects an application by its name, on the basic channel.
func byName(c apdu.Command) bool {
	return c.CLA == gpc.ClassISO && c.INS == gpc.InsSelect && c.P1 == gpc.P1ByName
}

// hasSelected reports whether a response to SELECT says that it was done, a warning included
// (ISO/IEC 7816-4:2013 §5.6, table 6).
func hasSelected(r apdu.Response) bool {
	switch first := r.SW & 0xFF00; {
	case r.SW == apdu.OK, first == apdu.SWMoreData:
		return true
	default:
		return first == 0x6200 || first == 0x6300
	}
}

// Hide marks bytes of the encoded command and response that are hidden where the exchange comes
// from: no renderer shows them.
func (e Exchange) Hide(masked apdu.Secrets) {
	cover(e.Command, 0, masked.Command)
	if e.Response != nil {
		cover(e.Response, 0, masked.Response)
	}
}
