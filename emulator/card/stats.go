package card

import (
	"slices"
	"strings"

	"ekrona.example/emulator/vm"
)

// Stats is the account of one command, loading, installation or deletion.
type Stats struct {
	Bytecodes     int // instructions that ran
	Invocations   int // methods that were entered, the API's included
	Writes        int // persistent writes
	WrittenBytes  int // and their bytes
	OwnWrites     int // those that cryptographic operations make themselves, among the writes
	Copies        int // array copies from RAM to persistent memory, which are among the writes
	CopiedBytes   int
	CommandBytes  int // on the wire; 0 for what is no command
	ResponseBytes int // data and status word
	MaxStack      int // most cells of 16 bits in use on the stack
	MaxFrames     int // deepest nesting of calls

	Crypto []vm.CryptoCount // cryptographic operations, sorted by kind and size
}

func accountOf(s vm.Stats) Stats {
	return Stats{
		Bytecodes: s.Bytecodes, Invocations: s.Invocations, Writes: s.Writes,
		WrittenBytes: s.WrittenBytes, OwnWrites: s.OwnWrites,
		Copies: s.Copies, CopiedBytes: s.CopiedBytes, MaxStack: s.MaxStack,
		MaxFrames: s.MaxFrames,
		Crypto:    s.Crypto(),
	}
}

// LastCommand returns the account of the last one, also of one that was cut off.
func (c *Card) LastCommand() Stats { return c.last }

// Add returns the account of both, for a tap of several commands.
func (s Stats) Add(t Stats) Stats {
	sum := Stats{
		Bytecodes: s.Bytecodes + t.Bytecodes, Invocations: s.Invocations + t.Invocations,
		Writes: s.Writes + t.Writes, WrittenBytes: s.WrittenBytes + t.WrittenBytes,
		OwnWrites: s.OwnWrites + t.OwnWrites,
		Copies:    s.Copies + t.Copies, CopiedBytes: s.CopiedBytes + t.CopiedBytes,
		CommandBytes: s.CommandBytes + t.CommandBytes, ResponseBytes: s.ResponseBytes +
			t.ResponseBytes,
		MaxStack: max(s.MaxStack, t.MaxStack), MaxFrames: max(s.MaxFrames, t.MaxFrames),
	}
	counts := map[vm.CryptoOp]int{}
	for _, op := range slices.Concat(s.Crypto, t.Crypto) {
		counts[op.CryptoOp] += op.Count
	}
	for op, n := range counts {
		sum.Crypto = append(sum.Crypto, vm.CryptoCount{CryptoOp: op, Count: n})
	}
	slices.SortFunc(sum.Crypto, func(a, b vm.CryptoCount) int {
		if n := strings.Compare(a.Kind, b.Kind); n != 0 {
			return n
		}
		return a.Size - b.Size
	})
	return sum
}
