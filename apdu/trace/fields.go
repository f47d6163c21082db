package trace

import (
	"fmt"

	"ekrona.example/apdu/tlv"
)

// reader takes fields from the front of bytes that stand at an index of the message.
type reader struct {
	*tlv.Reader
	end int // index of the message behind the last byte
}

func newReader(b []byte, at int) reader { return reader{tlv.NewReader(b), at + len(b)} }

// at is the index of the next byte.
func (r reader) at() int { return r.end - len(r.Rest()) }

// whole decodes fields that fill b, or shows b itself when they do not; it shows b only
// if no secret can be in it.
func whole(fields []Field, b []byte, at int, secret bool) []*Node {
	r := newReader(b, at)
	nodes, err := r.fields(fields)
	if err == nil {
		err = r.End()
	}
	switch {
	case err == nil:
		return nodes
	case secret:
		return []*Node{hidden("", at, b, ": they do not parse")}
	}
	return []*Node{remark(at, "does not parse: %v", err), leaf("", at, b)}
}

// fields takes fields from the front.
func (r reader) fields(fields []Field) ([]*Node, error) {
	var nodes []*Node
	for _, f := range fields {
		if f.Tag == 0 {
			at, raw := r.at(), r.Rest()
			size := len(raw)
			if f.Length > 0 {
				size = f.Length
			}
			if err := r.Skip(size); err != nil {
				return nil, err
			}
			nodes = append(nodes, f.value(at, raw[:size], 0))
			continue
		}
		if f.Optional && !r.At(f.Tag) {
			continue
		}
		n, err := r.object(f)
		if err != nil {
			return nil, err
		}
		nodes = append(nodes, n)
	}
	return nodes, nil
}

// object takes a data object and, of a template, what follows it and belongs to it.
func (r reader) object(f Field) (*Node, error) {
	at, from := r.at(), r.Rest()
	o, err := r.Expect(f.Tag)
	if err != nil {
		return nil, err
	}
	header := len(o.Raw) - len(o.Value)
	if !f.Template {
		return f.value(at, o.Raw, header), nil
	}
	n := &Node{Name: f.Name, Clause: f.Clause, Offset: at, Tag: f.Tag, Value: f.Meaning}
	inside := newReader(o.Value, at+header)
	fields, err := inside.fields(f.Fields)
	if err == nil {
		err = inside.End()
	}
	if err != nil {
		return nil, err
	}
	after, err := r.fields(f.After)
	if err != nil {
		return nil, err
	}
	n.Children = append(append([]*Node{frame(at, o.Raw[:header])}, fields...), after...)
	n.Raw = from[:r.at()-at]
	return n, nil
}

// frame is the tag and the length of a data object.
func frame(at int, raw []byte) *Node { return detail("tag and length", at, raw) }

// value is a value in words. The first header bytes of raw are tag and length.
func (f Field) value(at int, raw []byte, header int) *Node {
	n := &Node{Name: f.Name, Clause: f.Clause, Offset: at, Raw: raw, Tag: f.Tag}
	value := raw[header:]
	switch {
	case f.Secret:
		n.hide(header, len(value))
	case f.Parts != nil:
		f.parts(n, value, header)
	case f.Text != nil:
		n.Value = f.Text(value)
	default:
		n.Value = fmt.Sprintf("%X", value)
	}
	return n
}

// parts takes a value without tags apart.
func (f Field) parts(n *Node, value []byte, header int) {
	size := 0
	for _, part := range f.Parts {
		size += part.Length
	}
	if size == 0 {
		n.Value = fmt.Sprintf("%X", value)
		return
	}
	n.Value = fmt.Sprint(len(value) / size)
	at := n.Offset + header
	if header > 0 {
		n.Children = append(n.Children, frame(n.Offset, n.Raw[:header]))
	}
	for len(value) >= size {
		for _, part := range f.Parts {
			n.Children = append(n.Children, part.value(at, value[:part.Length], 0))
			at, value = at+part.Length, value[part.Length:]
		}
	}
	if len(value) > 0 {
		rest := leaf("", at, value)
		rest.Value += " left over"
		n.Children = append(n.Children, rest)
	}
}
