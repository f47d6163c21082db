package lab

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"

	"ekrona.example/apdu"
)

// fuzzed is one command of a fuzzed sequence: an APDU, or a reset, with the power cut in it or
// not.
type fuzzed struct {
	raw   []byte // nil for a reset
	cut   int    // the write before which the power is cut; 0 for none
	words string // a line that is no command, which is never changed
}

// line is the command as the shell takes it.
func (f fuzzed) line() string {
	switch {
	case f.words != "":
		return f.words
	case f.raw == nil:
		return "reset"
	}
	return fmt.Sprintf("%X", f.raw)
}

// sequence is commands in their order, from one of the states in which the script leaves the
// card.
type sequence struct {
	from int // lines of the script that come before
	list []fuzzed
}

func (s sequence) clone() sequence {
	s.list = slices.Clone(s.list)
	for i := range s.list {
		s.list[i].raw = bytes.Clone(s.list[i].raw)
	}
	return s
}

// mutated changes a sequence in one to three ways. others are where parts may come from.
func mutated(r *rand.Rand, q sequence, others []sequence, cuts bool) sequence {
	q = q.clone()
	s := q.list
	for range 1 + r.IntN(3) {
		at := r.IntN(len(s))
		switch choice := r.IntN(18); {
		case choice == 0 && len(s) > 1:
			s = slices.Delete(s, at, at+1)
		case choice == 1:
			s = slices.Insert(s, at, s[r.IntN(len(s))])
		case choice == 2:
			other := r.IntN(len(s))
			s[at], s[other] = s[other], s[at]
		case choice == 3:
			s = slices.Insert(s, at, fuzzed{}) // a reset
		case choice == 4: // a part of another, in the place of what follows or before it
			from := others[r.IntN(len(others))].list
			first := r.IntN(len(from))
			part := from[first : first+1+r.IntN(len(from)-first)]
			rest := s[at:]
			if r.IntN(2) == 0 {
				rest = nil
			}
			s = slices.Concat(s[:at], part, rest)
		case choice == 5 && cuts && s[at].raw != nil:
			s[at].cut = 1 + r.IntN(1<<r.IntN(cutBits)) // early writes more often
		case choice == 6: // some lines again and again
			last := at + 1 + r.IntN(min(maxRepeated, len(s)-at))
			again := slices.Repeat(slices.Clone(s[at:last]), 1+r.IntN(1<<(1+r.IntN(repeatBits))))
			s = slices.Insert(s, last, again...)
		case s[at].raw != nil:
			s[at].raw = mutatedCommand(r, s[at].raw, others)
		}
		s = s[:min(len(s), maxSequence)]
	}
	q.list = s
	return q.clone()
}

const (
	maxSequence = 40
	cutBits     = 6 // of the number of the write at most
	maxRepeated = 3 // lines that are repeated together
	repeatBits  = 5 // of how often at most
	headerBytes = 4
)

// interesting are bytes at which code behaves in another way.
var interesting = []byte{0x00, 0x01, 0x02, 0x7F, 0x80, 0x81, 0x82, 0xFE, 0xFF, 0x10, 0x40}

// lengths are sizes of data at which code behaves in another way: buffers of 16 and 32 bytes, those
// that a signed byte or a short APDU holds, and one more or less.
var lengths = []int{0, 1, 2, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65, 127, 128, 129, 253, 254,
	255}

func anyByte(r *rand.Rand) byte {
	if r.IntN(2) == 0 {
		return interesting[r.IntN(len(interesting))]
	}
	return byte(r.IntN(256))
}

// nearByte is a byte at a border, any, or one next to what was there.
func nearByte(r *rand.Rand, b byte) byte {
	if r.IntN(3) == 0 {
		return b + byte(r.IntN(5)) - 2
	}
	return anyByte(r)
}

// mutatedCommand changes one thing of a command.
func mutatedCommand(r *rand.Rand, raw []byte, others []sequence) []byte {
	raw = bytes.Clone(raw)
	command, err := apdu.ParseCommand(raw)
	if err != nil || r.IntN(12) == 0 { // the bytes as they are
		if len(raw) > 0 {
			raw[r.IntN(len(raw))] = anyByte(r)
		}
		if r.IntN(3) == 0 {
			raw = raw[:r.IntN(len(raw)+1)]
		}
		if len(raw) < headerBytes {
			raw = append(raw, make([]byte, headerBytes-len(raw))...)
		}
		return raw
	}
	switch choice := r.IntN(12); {
	case choice == 0:
		command.CLA = anyByte(r)
	case choice == 1:
		command.INS = anyByte(r)
	case choice <= 3:
		command.P1 = nearByte(r, command.P1)
	case choice <= 5:
		command.P2 = nearByte(r, command.P2)
	case choice == 6:
		command.Ne = []int{0, 1, 2, 255, apdu.MaxShortNe}[r.IntN(5)]
	case choice == 7:
		if from := donor(r, others); from != nil {
			command.Data = from
		}
	default:
		command.Data = mutatedData(r, command.Data)
	}
	if len(command.Data) > maxShortData && !command.Extended {
		command.Data = command.Data[:maxShortData]
	}
	changed, err := command.Bytes()
	if err != nil {
		return raw
	}
	return changed
}

const maxShortData = 255

// donor is the data of some other command.
func donor(r *rand.Rand, others []sequence) []byte {
	from := others[r.IntN(len(others))]
	if c, err := apdu.ParseCommand(from.list[r.IntN(len(from.list))].raw); err == nil {
		return bytes.Clone(c.Data)
	}
	return nil
}

// mutatedData changes some bytes of data, or how many there are.
func mutatedData(r *rand.Rand, data []byte) []byte {
	if len(data) == 0 {
		data = []byte{anyByte(r)}
	}
	at := r.IntN(len(data))
	switch r.IntN(9) {
	case 0:
		return data[:at]
	case 8: // another length, of the same bytes again and again
		n := lengths[r.IntN(len(lengths))]
		return slices.Repeat(data, n/len(data)+1)[:n]
	case 1:
		return slices.Delete(data, at, at+1)
	case 2:
		return slices.Insert(data, at, anyByte(r))
	case 3:
		n := min(1+r.IntN(16), maxShortData-len(data))
		if n <= 0 {
			return data
		}
		return append(data, bytes.Repeat([]byte{anyByte(r)}, n)...)
	case 4:
		data[at] += byte(r.IntN(9)) - 4
	case 5:
		data[at] ^= 1 << r.IntN(8)
	default:
		data[at] = anyByte(r)
	}
	return data
}
