package trace

import (
	"fmt"

	"ekrona.example/apdu/tlv"
)

// Node is a part of a command or response.
type Node struct {
	// Name is what the part is called: a command, a field, a status word. Empty for
	// bytes that have only a value.
	Name string
	// Clause is where a standard defines it, with its edition; empty if unknown.
	Clause string
	// Offset is the index of Raw in the message, the encoded command or response.
	Offset int
	// Raw are the part's bytes; none for a remark.
	Raw []byte
	// Tag is the tag of a data object, which Raw begins with; 0 for other parts.
	Tag tlv.Tag
	// Value is what the bytes say, in words.
	Value string
	// Children are the parts of the part. Joined, their bytes are Raw.
	Children []*Node
	// Masked reports that the bytes are secret or may be: no renderer shows them.
	Masked bool
	// Detail reports that a conversation leaves the part out: lengths, and what the part
	// above says already.
	Detail bool

	framing bool // it is length, tag or header: of no interest but to programs
	sum     bool // Value is the bytes of its parts; a conversation shows these, if there are any
}

// Leaves are the parts without parts of their own, in their order.
func (n *Node) Leaves() []*Node {
	if len(n.Children) == 0 {
		return []*Node{n}
	}
	var all []*Node
	for _, c := range n.Children {
		all = append(all, c.Leaves()...)
	}
	return all
}

// join has the node, and each part that sums up its own, say their bytes anew: without what is
// masked.
func (n *Node) join() {
	for _, c := range n.Children {
		c.join()
	}
	if n.sum {
		n.Value = shortened(rawText(n))
	}
}

// Title is the node's name with its value, "READ RECORD log, number 1".
func (n *Node) Title() string {
	if n.Value == "" {
		return n.Name
	}
	return n.Name + ", " + n.Value
}

// detail makes a leaf that a conversation leaves out.
func detail(name string, at int, raw []byte) *Node {
	return &Node{Name: name, Offset: at, Raw: raw, Value: fmt.Sprintf("%X", raw), Detail: true,
		framing: true}
}

// leaf makes a leaf that shows its bytes.
func leaf(name string, at int, raw []byte) *Node {
	return &Node{Name: name, Offset: at, Raw: raw, Value: fmt.Sprintf("%X", raw)}
}

// hidden makes a leaf that shows only how long it is.
func hidden(name string, at int, raw []byte, remark string) *Node {
	return &Node{
		Name:   name,
		Offset: at,
		Raw:    raw,
		Value:  fmt.Sprintf("%d bytes, hidden%s", len(raw), remark),
		Masked: true,
	}
}

// hide masks n's bytes but for the first header and what follows the secret, so that the
// framing of what a Recorder masked still parses.
func (n *Node) hide(header, secret int) {
	n.Value, n.Masked = fmt.Sprintf("%d bytes, hidden", secret), true
	end := header + secret
	if header == 0 && end == len(n.Raw) {
		return
	}
	n.Children = []*Node{
		frame(n.Offset, n.Raw[:header]),
		hidden("secret", n.Offset+header, n.Raw[header:end], ""),
	}
	if end < len(n.Raw) {
		n.Children = append(n.Children, hidden("rest", n.Offset+end, n.Raw[end:], ""))
	}
	for _, c := range n.Children {
		c.Detail = true
	}
}

// remark makes a node without bytes.
func remark(at int, format string, arguments ...any) *Node {
	return &Node{Offset: at, Value: fmt.Sprintf(format, arguments...)}
}

// Shortened is bytes that say nothing to a reader, in hex: all of them, or as many as a line
// holds.
func Shortened(b []byte) string { return shortened(fmt.Sprintf("%X", b)) }

func shortened(hex string) string {
	const line = 2 * 32
	if len(hex) <= line {
		return hex
	}
	return fmt.Sprintf("%s... %d more bytes", hex[:line], (len(hex)-line)/2)
}
