package vm

import "bytes"

// The content of a byte array may be memory that other arrays share, of this card and of
// others, until it is written: zeros, or the first values in a CAP file. Thousands of cards
// have most of their logs empty.

// zeros is what arrays share that nothing has been written to.
var zeros [maxArrayLength]byte

// shareZeros releases the array's bytes, which become zeros; other objects have none.
func (o *object) shareZeros() {
	if n := len(o.bytes); n > 0 {
		o.setShared(zeros[:n:n])
	}
}

// setShared makes content the array's bytes until the first write.
func (o *object) setShared(content []byte) { o.bytes, o.shared = content, true }

// written returns the array's bytes, for writing.
func (o *object) written() []byte {
	if o.shared {
		o.bytes, o.shared = bytes.Clone(o.bytes), false
	}
	return o.bytes
}
