package vm

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestInstructionAt(t *testing.T) {
	tests := []struct {
		code        []byte
		mnemonic    string
		length      int
		conditional bool
	}{
		{[]byte{0x00}, "nop", 1, false},
		{[]byte{0x60, 0x02}, "ifeq", 2, true},
		{[]byte{0xA7, 0x00, 0x02}, "if_scmple_w", 3, true},
		{[]byte{0x70, 0x00}, "goto", 2, false},
		{[]byte{0x8E, 1, 0, 0, 0}, "invokeinterface", 5, false},
		{[]byte{0x73, 0, 9, 0, 1, 0, 2, 0, 9, 0, 9}, "stableswitch", 11, false},
		{[]byte{0x75, 0, 9, 0, 1, 0, 2, 0, 9}, "slookupswitch", 9, false},
	}
	for _, tt := range tests {
		got, err := InstructionAt(tt.code, 0)
		require.NoError(t, err)
		assert.Equal(t, Instruction{tt.code[0], tt.mnemonic, tt.length}, got)
		assert.Equal(t, tt.conditional, got.IsConditional(), tt.mnemonic)
		for n := range tt.code {
			_, err := InstructionAt(tt.code[:n], 0)
			assert.Error(t, err, "%s cut to %d bytes", tt.mnemonic, n)
		}
	}
	for _, code := range [][]byte{{0xB9}, {0xFF}} {
		_, err := InstructionAt(code, 0)
		assert.Error(t, err)
	}
}

func TestIsPush(t *testing.T) {
	pushes := map[string]bool{
		"sconst_0": true, "sspush": true, "aload_0": true, "sload": true, "getfield_a_this": true,
		"getstatic_b": true,
		"new":         false, "jsr": false, "dup": false, "invokestatic": false, "iconst_0": false,
		"saload": false,
	}
	for op, e := range opcodes {
		if want, named := pushes[e.mnemonic]; named {
			assert.Equal(t, want, Instruction{Opcode: byte(op)}.IsPush(), e.mnemonic)
			delete(pushes, e.mnemonic)
		}
	}
	assert.Empty(t, pushes)
}

// TestInvertedCondition: the opposite of each condition is its partner's name.
func TestInvertedCondition(t *testing.T) {
	opposite := map[string]string{"eq": "ne", "lt": "ge", "gt": "le", "null": "nonnull"}
	for one, other := range map[string]string{"eq": "ne", "lt": "ge", "gt": "le"} {
		opposite["_scmp"+one] = "_scmp" + other
	}
	opposite["_acmpeq"] = "_acmpne"
	for one, other := range opposite {
		for _, wide := range []string{"", "_w"} {
			found := false
			for op, e := range opcodes {
				if e.mnemonic == "if"+one+wide {
					i := Instruction{Opcode: byte(op)}
					require.True(t, i.IsConditional())
					inverse := Instruction{Opcode: i.InvertedCondition()}
					assert.Equal(t, "if"+other+wide, opcodes[inverse.Opcode].mnemonic)
					assert.EqualValues(t, op, inverse.InvertedCondition())
					found = true
				}
			}
			assert.True(t, found, one)
		}
	}
}
