package gpc

import (
	"fmt"
	"math"

	"ekrona.example/apdu/tlv"
)

// MaxLoadFile is the most that a load file may have, in bytes, more than any card's
// memory: LOAD numbers 256 blocks of at most 64 KB.
const MaxLoadFile = 1 << 20

// AppendLoadFile writes a load file: the load file data block after tag C4 and its
// length (GPC table 11-58).
func AppendLoadFile(out, block []byte) ([]byte, error) {
	n := len(block)
	switch {
	case n > MaxLoadFile:
		return nil, fmt.Errorf("globalplatform: a load file of %d bytes; the most is %d", n,
			MaxLoadFile)
	case n <= math.MaxUint16:
		return tlv.Append(out, TagLoadFileBlock, block)
	}
	return append(append(out, byte(TagLoadFileBlock), 0x83, byte(n>>16), byte(n>>8), byte(n)),
		block...), nil
}

// ParseLoadFile gives the load file data block of a load file, and how many
// signatures (DAP blocks) came before it.
func ParseLoadFile(b []byte) (block []byte, signatures int, err error) {
	r := tlv.NewReader(b)
	for r.At(TagDAPBlock) {
		if _, err := r.Next(); err != nil {
			return nil, 0, fmt.Errorf("%w: DAP block: %w", ErrMalformed, err)
		}
		signatures++
	}
	if rest := r.Rest(); len(rest) > 5 && rest[0] == byte(TagLoadFileBlock) && rest[1] == 0x83 &&
		rest[2] > 0 {
		n := int(rest[2])<<16 | int(rest[3])<<8 | int(rest[4])
		if n != len(rest)-5 || n > MaxLoadFile {
			return nil, 0, fmt.Errorf("%w: a load file data block of %d bytes in %d", ErrMalformed,
				n, len(rest)-5)
		}
		return rest[5:], signatures, nil
	}
	object, err := r.Expect(TagLoadFileBlock)
	if err == nil {
		err = r.End()
	}
	if err != nil {
		return nil, 0, fmt.Errorf("%w: load file data block: %w", ErrMalformed, err)
	}
	return object.Value, signatures, nil
}
