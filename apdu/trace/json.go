package trace

import (
	"encoding/json"
	"fmt"
	"time"
)

// jsonNode has the names that programs read. Raw bytes stand on leaves alone, so that no
// part gives away what one of its own masks.
type jsonNode struct {
	Name     string  `json:"name,omitempty"`
	Clause   string  `json:"clause,omitempty"`
	Tag      string  `json:"tag,omitempty"`
	Offset   int     `json:"offset"`
	Length   int     `json:"length"`
	Raw      string  `json:"raw,omitempty"`
	Value    string  `json:"value,omitempty"`
	Masked   bool    `json:"masked,omitempty"`
	Children []*Node `json:"children,omitempty"`
}

// MarshalJSON gives name, clause, tag and raw bytes in hex, offset and length in bytes,
// value, masked, children. What is empty is left out, and so are bytes that are masked.
func (n *Node) MarshalJSON() ([]byte, error) {
	out := jsonNode{
		Name: n.Name, Clause: n.Clause, Offset: n.Offset, Length: len(n.Raw), Value: n.Value,
		Masked: n.Masked, Children: n.Children,
	}
	if n.Tag != 0 {
		out.Tag = n.Tag.String()
	}
	if len(n.Children) == 0 && !n.Masked {
		out.Raw = fmt.Sprintf("%X", n.Raw)
	}
	return json.Marshal(out)
}

// MarshalJSON gives label, began (RFC 3339), took_us (microseconds), command, response,
// error, and wire: the exchanges that carried it. What is empty is left out.
func (e Exchange) MarshalJSON() ([]byte, error) {
	out := struct {
		Label    string     `json:"label,omitempty"`
		Began    *time.Time `json:"began,omitempty"`
		Took     int64      `json:"took_us"`
		Command  *Node      `json:"command"`
		Response *Node      `json:"response,omitempty"`
		Err      string     `json:"error,omitempty"`
		Wire     []Exchange `json:"wire,omitempty"`
	}{
		Label: e.Label, Took: e.Took.Microseconds(), Command: e.Command, Response: e.Response,
		Wire: e.Wire,
	}
	if !e.Began.IsZero() {
		out.Began = &e.Began
	}
	if e.Err != nil {
		out.Err = e.Err.Error()
	}
	return json.Marshal(out)
}
