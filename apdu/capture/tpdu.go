package capture

import "ekrona.example/apdu"

// Sizes of what T=0 carries (ISO/IEC 7816-3:2006 §10.3): a header with P3, data of one direction,
// a status word.
const (
	header      = 5
	statusWord  = 2
	instruction = 1 // index of INS, P1 and P3 in the header
	parameter   = 2
	third       = 4
)

// outgoing are the instructions with data from the card and none to it, for any class of UICCs
// and others (ISO/IEC 7816-4:2013 §11, ETSI TS 102 221 §10.1.2).
var outgoing = map[byte]bool{0x12: true, 0x70: true, 0x84: true, 0xB0: true, 0xB2: true,
	0xC0: true, 0xCA: true, 0xF2: true}

// insStatus is STATUS of a UICC, without data, and GET STATUS of GlobalPlatform, with data and one
// of these bits in P1.
const (
	insStatus   = 0xF2
	statusKinds = 0xF0
)

// split takes what a card got and gave apart, n bytes of it the command; with n below 0 as T=0
// has it: P3 is the length of data in the direction that the instruction has. A command with data
// in both directions, which T=0 does not carry, is recognised by its length.
func split(b []byte, n int) (command, response []byte) {
	if n < 0 || n > len(b) {
		n = commandIn(b)
	}
	return b[:n:n], b[n:]
}

func commandIn(b []byte) int {
	if len(b) < header+statusWord {
		return max(0, min(len(b), header)) // nothing came, or no more than a status word
	}
	data, p3 := len(b)-header-statusWord, int(b[third])
	isOut := outgoing[b[instruction]]
	if b[instruction] == insStatus && b[parameter]&statusKinds != 0 {
		isOut = false
	}
	switch {
	case data == 0, p3 == 0, isOut && (data <= p3), data < p3:
		return header
	}
	return header + p3
}

// isResponse reports whether bytes end in a status word.
func isResponse(b []byte) bool {
	r, err := apdu.ParseResponse(b)
	return err == nil && r.SW.Check() == nil
}
