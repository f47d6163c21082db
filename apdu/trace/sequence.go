package trace

import (
	"slices"

	"ekrona.example/apdu"
)

// insGetResponse fetches the rest of an answer (ISO/IEC 7816-4:2013 §11.7.1).
const insGetResponse = 0xC0

// Sequence decodes the exchanges with one card, in their order, as whole messages: see
// [Join].
func (d Decoder) Sequence(exchanges []apdu.Exchange) []Exchange {
	var out []Exchange
	for _, e := range Join(exchanges) {
		out = append(out, d.Exchange(e))
	}
	return out
}

// Join makes whole messages of what went over the wire, as [apdu.Framing] splits them: the
// parts of a chain become one command (ISO/IEC 7816-4:2013 §5.3.3), what GET RESPONSE
// brought after 61xx one response (§5.3.4), and a command that was given again with the Le
// of 6Cxx counts once. Wire of such an exchange are those it was made of. The others, and
// a chain that was broken off, pass as they are.
func Join(exchanges []apdu.Exchange) []apdu.Exchange {
	var out []apdu.Exchange
	for len(exchanges) > 0 {
		n := extent(exchanges)
		if n == 1 {
			out = append(out, exchanges[0])
		} else {
			out = append(out, join(exchanges[:n]))
		}
		exchanges = exchanges[n:]
	}
	return out
}

// extent is how many exchanges from the front are one message, at least 1.
func extent(all []apdu.Exchange) int {
	n := 0
	for isPart(all[n]) { // of a chain, and more is to come
		n++
		if n == len(all) || !sameCommand(all[0], all[n]) {
			return 1
		}
	}
	n++
	if n < len(all) && all[n-1].Response.SW>>8 == 0x6C && sameCommand(all[n-1], all[n]) &&
		slices.Equal(all[n-1].Command.Data, all[n].Command.Data) {
		n++
	}
	for n < len(all) && all[n-1].Response.SW>>8 == 0x61 && isGetResponse(all[n].Command) {
		n++
		if n < len(all) && all[n-1].Response.SW>>8 == 0x6C && isGetResponse(all[n].Command) {
			n++
		}
	}
	return n
}

// isPart reports whether e is a part of a chain that the card took, and not the last.
func isPart(e apdu.Exchange) bool {
	return e.Command.IsChained() && e.Err == nil && e.Response.SW == apdu.OK
}

func isGetResponse(c apdu.Command) bool {
	return c.INS == insGetResponse && c.CLA&classProprietary == 0
}

// sameCommand reports whether two exchanges have the same header but for the chaining bit.
func sameCommand(a, b apdu.Exchange) bool {
	return sameHeader(a.Command, b.Command)
}

func sameHeader(x, y apdu.Command) bool {
	return x.CLA&^apdu.ClassChaining == y.CLA&^apdu.ClassChaining && x.INS == y.INS &&
		x.P1 == y.P1 &&
		x.P2 == y.P2
}

// join makes one exchange of several.
func join(parts []apdu.Exchange) apdu.Exchange {
	first, last := parts[0], parts[len(parts)-1]
	whole := apdu.Exchange{
		Label:   first.Label,
		Command: first.Command,
		Began:   first.Began,
		Err:     last.Err,
		Carried: first.Carried,
	}
	if first.Command.IsChained() {
		whole.Command.CLA &^= apdu.ClassChaining
	}
	whole.Command.Data, whole.Command.Ne = nil, 0
	commanded := true // the command goes on
	for _, p := range parts {
		whole.Took += p.Took
		if commanded {
			whole.Masked.Command = shifted(
				whole.Masked.Command,
				p.Masked.Command,
				len(whole.Command.Data),
			)
			whole.Command.Data = append(whole.Command.Data, p.Command.Data...)
			whole.Command.Ne = p.Command.Ne
			commanded = isPart(p)
		} else if !isGetResponse(p.Command) {
			whole.Command.Ne = p.Command.Ne
		}
		if p.Err == nil {
			whole.Masked.Response = shifted(
				whole.Masked.Response,
				p.Masked.Response,
				len(whole.Response.Data),
			)
			whole.Response.Data = append(whole.Response.Data, p.Response.Data...)
			whole.Response.SW = p.Response.SW
		}
	}
	if whole.Err != nil {
		whole.Response, whole.Masked.Response = apdu.Response{}, nil
	}
	whole.Wire = parts
	return whole
}

// shifted appends spans that count from index at.
func shifted(to, spans []apdu.Span, at int) []apdu.Span {
	for _, s := range spans {
		to = append(to, apdu.Span{From: s.From + at, To: s.To + at})
	}
	return to
}
