package vm

import "sort"

// Stats counts what commands cost. It grows until ResetStats.
type Stats struct {
	Bytecodes    int // instructions run, counted when an Enter ends
	Invocations  int // methods entered, natives included
	Writes       int // persistent writes
	WrittenBytes int // and their bytes
	OwnWrites    int // those that cryptographic operations make themselves, among the writes
	Copies       int // array copies from RAM to persistent memory
	CopiedBytes  int
	MaxStack     int // most stack cells that bytecode had reserved
	MaxFrames    int // deepest nesting of calls

	crypto    map[CryptoOp]int
	operating bool // a native has counted an operation and has not ended
}

// CryptoOp is a kind of cryptographic operation and its size, as natives count it.
type CryptoOp struct {
	Kind string
	Size int // bits of a key, or bytes of data
}

// CryptoCount is how often an operation ran.
type CryptoCount struct {
	CryptoOp
	Count int
}

func (s *Stats) countCrypto(kind string, size int) {
	if s.crypto == nil {
		s.crypto = map[CryptoOp]int{}
	}
	s.crypto[CryptoOp{kind, size}]++
	s.operating = true
}

// Crypto returns the cryptographic operations, by kind and size.
func (s Stats) Crypto() []CryptoCount {
	counts := make([]CryptoCount, 0, len(s.crypto))
	for op, n := range s.crypto {
		counts = append(counts, CryptoCount{op, n})
	}
	sort.Slice(counts, func(i, j int) bool {
		if counts[i].Kind != counts[j].Kind {
			return counts[i].Kind < counts[j].Kind
		}
		return counts[i].Size < counts[j].Size
	})
	return counts
}

// Stats returns the counts since the last ResetStats.
func (v *VM) Stats() Stats { return v.stats }

// ResetStats starts counting anew.
func (v *VM) ResetStats() { v.stats = Stats{} }
