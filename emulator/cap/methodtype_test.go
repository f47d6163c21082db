package cap

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestMethodType(t *testing.T) {
	d := &Descriptor{constantTypes: [][]byte{
		{0x1},
		nil,
		{0xB, 0x4, 0x1}, // ([BS)V
		// (I class [class boolean) int
		{0x5, 0x6, 0x8, 0x0, 0x0, 0x5, 0xE, 0x0, 0x0, 0x0, 0x2, 0x2, 0x5},
		{0x6, 0x8, 0x1, 0x1, 0x1, 0x6, 0x0, 0x1, 0x2, 0x3}, // class (class)
	}}
	for constant, want := range map[int]MethodType{
		0: {0, ResultVoid}, 2: {2, ResultVoid}, 3: {5, ResultInt}, 4: {1, ResultCell},
	} {
		got, ok := d.MethodType(constant)
		assert.True(t, ok)
		assert.Equal(t, want, got, "constant %d", constant)
	}
	for _, constant := range []int{-1, 1, 5} {
		_, ok := d.MethodType(constant)
		assert.False(t, ok, "constant %d", constant)
	}
	_, ok := (*Descriptor)(nil).MethodType(0)
	assert.False(t, ok)
}

// In debug.cap the only method that Refuser calls by a constant of its own is
// refuse(short), and ISOException.throwIt(short) from there.
func TestMethodTypesOfACAPFile(t *testing.T) {
	data, err := os.ReadFile(filepath.Join("testdata", "debug.cap"))
	require.NoError(t, err)
	f, err := Parse(data)
	require.NoError(t, err)
	methods := 0
	for i, c := range f.Constants {
		typed, ok := f.Descriptor.MethodType(i)
		if c.Kind == ConstStaticMethod && !c.External {
			require.True(t, ok)
			header, ok := f.Methods.HeaderAt(c.Offset)
			require.True(t, ok)
			receiver := header.Args - typed.Args
			assert.True(t, receiver == 0 || receiver == 1,
				"constant %d: %d arguments by type, %d by header", i, typed.Args, header.Args)
			methods++
		}
	}
	assert.Positive(t, methods)
}
