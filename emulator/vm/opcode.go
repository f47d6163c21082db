package vm

type opcode struct {
	mnemonic string
	length   int
	pops     int
	grows    int
	run      func(v *VM, f *Call)
}

var opcodes [256]opcode
