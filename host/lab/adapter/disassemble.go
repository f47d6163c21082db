package adapter

import (
	"fmt"
	"sort"
	"strconv"

	"github.com/google/go-dap"

	"ekrona.example/apdu"
	"ekrona.example/emulator/debugger"
)

// reference is an address as the protocol has it.
func reference(address int) string { return fmt.Sprintf("0x%X", address) }

// mostInstructions is the most that an answer has: a client asks for what its window shows.
const mostInstructions = 10_000

// disassemble answers with as many instructions as are asked for, as the protocol wants it: where
// there is none, it says so in the instruction's place.
func (s *server) disassemble(m *dap.DisassembleRequest) {
	a := m.Arguments
	address, err := strconv.ParseInt(a.MemoryReference, 0, 64)
	if err != nil || address < 0 {
		s.refuse(m, fmt.Errorf("%q is no address: a frame of the stack has one",
			apdu.Brief(a.MemoryReference)))
		return
	}
	if a.InstructionCount < 0 || a.InstructionCount > mostInstructions {
		s.refuse(m, fmt.Errorf("%d instructions: give 0 to %d", a.InstructionCount,
			mostInstructions))
		return
	}
	list := s.player.Debugger.Listing(int(address))
	wanted := int(address) + a.Offset
	first := sort.Search(len(list), func(i int) bool { return list[i].Address >= wanted }) +
		a.InstructionOffset
	r := &dap.DisassembleResponse{Response: response(m)}
	r.Body.Instructions = []dap.DisassembledInstruction{}
	for i := first; i < first+a.InstructionCount; i++ {
		r.Body.Instructions = append(r.Body.Instructions, s.instruction(list, i, wanted+i-first))
	}
	s.send(r)
}

// instruction is one of a list, or none at an address.
func (s *server) instruction(
	list []debugger.Code, i, none int,
) dap.DisassembledInstruction {
	if i < 0 || i >= len(list) {
		return dap.DisassembledInstruction{Address: reference(max(0, none)),
			Instruction: "no code"}
	}
	c := list[i]
	shown := dap.DisassembledInstruction{Address: reference(c.Address),
		InstructionBytes: fmt.Sprintf("% X", c.Bytes), Instruction: c.Disassembly.String()}
	if c.Offset == 0 {
		shown.Symbol = c.Method
	}
	if c.Line > 0 {
		shown.Location, shown.Line = s.source(c.Source), c.Line
	}
	return shown
}
