package vm

import (
	"os"
	"path/filepath"
	"sort"
	"testing"

	"github.com/stretchr/testify/require"

	"ekrona.example/emulator/cap"
)

// TestTableAgreesWithTheConverter decodes every method of real CAP files from end to
// end by the instruction table. Oracle's converter lists where constant pool indices
// are in the code; the table must find exactly those.
func TestTableAgreesWithTheConverter(t *testing.T) {
	files := []string{filepath.Join("..", "..", "applet", "ekrona.cap")}
	for _, name := range []string{"lib", "vault", "core", "guest"} {
		files = append(files, filepath.Join("..", "testdata", "probe", name+".cap"))
	}
	for _, name := range files {
		data, err := os.ReadFile(name)
		require.NoError(t, err)
		f, err := cap.Parse(data)
		require.NoError(t, err)
		one, two := []int(nil), []int(nil)
		for i, h := range f.Methods.Handlers {
			if h.CatchType != 0 {
				two = append(two, 1+8*i+6)
			}
		}
		for _, c := range f.Descriptor.Classes {
			for _, m := range c.Methods {
				if m.Interface || m.Abstract {
					continue
				}
				header, ok := f.Methods.HeaderAt(m.Offset)
				require.True(t, ok)
				end := header.Code + m.CodeBytes
				for at := header.Code; at < end; {
					e := &opcodes[f.Methods.Content[at]]
					require.NotNil(t, e.run, "%s: offset %d", name, at)
					switch e.operand {
					case opFieldRef, opFieldCell, opFieldInt:
						one = append(one, at+1)
					case opStaticRef, opStaticByte, opStaticShort, opStaticInt, opVirtual,
						opSpecial, opStaticMethod, opClass,
						opFieldRefWide, opFieldCellWide, opFieldIntWide:
						two = append(two, at+1)
					case opInterface:
						two = append(two, at+2)
					case opCast:
						if atype := f.Methods.Content[at+1]; atype == 0 || atype == atypeRef {
							two = append(two, at+2)
						}
					}
					length := e.length
					w := &walk{m: &Method{code: f.Methods.Content}, end: end}
					_, err := w.targets(at, e, &length)
					require.NoError(t, err)
					at += length
					require.LessOrEqual(t, at, end,
						"%s: the last instruction of the method at %d ends outside", name, m.Offset)
				}
			}
		}
		sort.Ints(one)
		sort.Ints(two)
		require.Equal(t, f.RefLocation.Byte, one, name)
		require.Equal(t, f.RefLocation.Byte2, two, name)
	}
}
