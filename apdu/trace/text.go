package trace

import (
	"fmt"
	"io"
	"strings"

	"ekrona.example/apdu"
	"ekrona.example/apdu/tlv"
)

// nameWidth aligns the values of a template.
const nameWidth = 22

// Text renders exchanges as a conversation: commands begin with ">" and responses with
// "<". Its zero value shows no raw bytes.
type Text struct {
	// Raw adds the bytes of each command and response in hex, those masked as "**".
	Raw bool
	// Whole shows long values whole, and all data objects with their tags.
	Whole bool
}

// Log writes the exchanges with one card, and its resets.
type Log struct {
	text   Text
	out    io.Writer
	follow *Follower
}

// Log begins a log of a card that was just reset. Errors of out are ignored: its owner has to check
// for them.
func (t Text) Log(out io.Writer, d Decoder) *Log {
	l := &Log{text: t, out: out, follow: d.Follow()}
	l.follow.Reset()
	return l
}

// Exchange writes an exchange when it is over: the sink of an [apdu.Recorder].
func (l *Log) Exchange(e apdu.Exchange) {
	_, _ = io.WriteString(l.out, l.text.Exchange(l.follow.Exchange(e)))
}

// Malformed writes what was sent and is no command, hidden, and the answer.
func (l *Log) Malformed(m apdu.Malformed) {
	_, _ = io.WriteString(l.out, l.text.Exchange(l.follow.Decoder().Malformed(m)))
}

// ResetLine is what a line about a reset begins with; the answer to it follows, in hex.
const ResetLine = "reset, ATR "

// WordLine is what a line begins with about what was done to a virtual card beside commands and
// resets.
const WordLine = "done: "

// Word writes what was done, in one line.
func (l *Log) Word(line string) { _, _ = fmt.Fprintf(l.out, "%s%s\n", WordLine, line) }

// Reset writes that the card was reset, and its answer.
func (l *Log) Reset(atr []byte) {
	l.follow.Reset()
	_, _ = fmt.Fprintf(l.out, "%s%X\n", ResetLine, atr)
}

// Exchange is the exchange in lines.
func (t Text) Exchange(e Exchange) string {
	switch {
	case e.Response != nil:
		return t.Command(e.Command) + t.Response(e.Response)
	case e.Err != nil:
		return t.Command(e.Command) + fmt.Sprintf("< no answer: %v\n", e.Err)
	}
	return t.Command(e.Command) + "< no answer\n"
}

// Command is the command in lines, the first beginning with ">".
func (t Text) Command(n *Node) string { return t.message("> "+n.Title(), n) }

// Response is the response in lines, the first beginning with "<".
func (t Text) Response(n *Node) string {
	if n.Value == "" {
		return t.message("< "+n.Name, n)
	}
	return t.message("< "+n.Name+": "+n.Value, n)
}

func (t Text) message(first string, n *Node) string {
	p := &printer{whole: t.Whole}
	p.line("%s", first)
	p.depth++
	if t.Raw {
		p.line("= %s", rawText(n))
	}
	p.nodes(n.Children)
	return p.String()
}

// rawText is the bytes of a message in hex.
func rawText(n *Node) string {
	var out strings.Builder
	for _, l := range n.Leaves() {
		if l.Masked {
			out.WriteString(strings.Repeat("**", len(l.Raw)))
		} else {
			fmt.Fprintf(&out, "%X", l.Raw)
		}
	}
	return out.String()
}

// printer writes indented lines.
type printer struct {
	strings.Builder
	depth int
	whole bool
	// taken is how many messages, each inside the other, are being shown by their parts: data
	// objects with their tags, as nobody knows them by their names alone.
	taken int
}

func (p *printer) line(format string, args ...any) {
	p.WriteString(strings.Repeat("  ", p.depth))
	fmt.Fprintf(p, format+"\n", args...)
}

func (p *printer) nodes(nodes []*Node) {
	for _, n := range nodes {
		if n.Detail && (!p.whole && p.taken == 0 || n.framing) {
			continue
		}
		name, value := n.Name, n.Value
		if (p.whole || p.taken > 0) && n.Tag != 0 && name != n.Tag.String() {
			name = n.Tag.String() + " " + name
		}
		switch {
		case p.whole:
			value = n.wholeValue()
		case p.taken > 0:
			value = n.lineValue()
		}
		parts := len(n.Children) > 0 && !n.Masked
		switch {
		case name == "" && (p.whole || n.sum) && parts:
			p.taken++
			p.nodes(n.Children)
			p.taken--
			continue
		case name == "":
			p.line("%s", value)
		case parts:
			p.line("%s", strings.TrimSuffix(name+": "+value, " "))
		default:
			p.line("%-*s %s", nameWidth, name, value)
		}
		p.depth++
		p.nodes(n.Children)
		p.depth--
	}
}

// wholeValue is the value, of which nothing is left out.
func (n *Node) wholeValue() string {
	if content := n.content(); n.isHex(Shortened(content)) {
		return fmt.Sprintf("%X", content)
	}
	return n.Value
}

// lineValue is the value, of whose bytes no more is shown than a line holds.
func (n *Node) lineValue() string {
	if content := n.content(); n.isHex(fmt.Sprintf("%X", content)) {
		return Shortened(content)
	}
	return n.Value
}

// content is what the part holds: a data object's value, or all bytes.
func (n *Node) content() []byte {
	if n.Tag != 0 {
		if o, err := tlv.NewBERReader(n.Raw).Next(); err == nil {
			return o.Value
		}
	}
	return n.Raw
}

// isHex reports whether the part has no parts and the value is this text of its bytes.
func (n *Node) isHex(text string) bool {
	return !n.Masked && len(n.Children) == 0 && n.Value == text
}
