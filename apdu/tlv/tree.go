package tlv

// Node is a data object with what is inside it.
type Node struct {
	Object
	Children []Node // of a constructed tag
}

// Bounds of [Parse].
const (
	MaxDepth = 8       // templates inside templates
	MaxSize  = 1 << 16 // bytes of input
)

// Parse reads b as data objects to its end, and the content of every constructed
// one likewise.
func Parse(b []byte) ([]Node, error) {
	if len(b) > MaxSize {
		return nil, malformed("%d bytes, the limit is %d", len(b), MaxSize)
	}
	return parse(b, MaxDepth)
}

func parse(b []byte, depth int) ([]Node, error) {
	if depth == 0 {
		return nil, malformed("templates nest deeper than %d", MaxDepth)
	}
	var nodes []Node
	for r := NewReader(b); !r.Empty(); {
		o, err := r.Next()
		if err != nil {
			return nil, err
		}
		n := Node{Object: o}
		if o.Tag.IsConstructed() {
			if n.Children, err = parse(o.Value, depth-1); err != nil {
				return nil, err
			}
		}
		nodes = append(nodes, n)
	}
	return nodes, nil
}
