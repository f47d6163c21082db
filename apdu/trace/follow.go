package trace

import (
	"ekrona.example/apdu"
	"ekrona.example/apdu/gpc"
)

// Follower decodes exchanges in their order. It takes note of which application is selected, so
// that what goes to one is not shown by the names of another, whose headers may be the same.
type Follower struct {
	all, now Decoder
	foreign  bool
}

// Follow is a follower from somewhere within a log: until an application is selected or the card is
// reset, any may be.
func (d Decoder) Follow() *Follower { return &Follower{all: d, now: d} }

// Foreign reports whether commands go to no application with a vocabulary, nor to a card manager:
// another is selected, or none since a reset.
func (f *Follower) Foreign() bool { return f.foreign }

// Decoder is that of the application that is selected.
func (f *Follower) Decoder() Decoder { return f.now }

// Reset takes note that the card was reset: none of those with a vocabulary is selected until one
// is selected again, and what comes before goes to no one, or to another.
func (f *Follower) Reset() { f.now, f.foreign = f.all.Selected(nil), true }

// Note takes note of a command and its response. One that selects by name and is refused, or has no
// answer, may have selected all the same, since the application is the one that refuses (JCRE 3.0.5
// §4.5.2): one with a vocabulary is then taken for selected, so that nothing to it is shown.
func (f *Follower) Note(c apdu.Command, r apdu.Response) {
	if !byName(c) || r.SW == apdu.SWFileNotFound {
		return
	}
	next := f.all.Selected(c.Data)
	if hasSelected(r) || f.foreign && len(next.Vocabularies) > 0 {
		f.now, f.foreign = next, len(next.Vocabularies) == 0 && !isManager(c.Data)
	}
}

// Exchange decodes the next exchange.
func (f *Follower) Exchange(e apdu.Exchange) Exchange {
	if e.Err == nil {
		f.Note(e.Command, e.Response)
	}
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
