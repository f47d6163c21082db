package lines

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/applet"
	"ekrona.example/emulator/cap"
	"ekrona.example/emulator/vm"
)

func read(t testing.TB, path string) []byte {
	t.Helper()
	content, err := os.ReadFile(filepath.FromSlash(path))
	require.NoError(t, err)
	return content
}

// TestCommittedTable fits the committed CAP file, and each method ends where the
// next begins, so that no instruction is without one.
func TestCommittedTable(t *testing.T) {
	file, err := cap.Parse(applet.CAP)
	require.NoError(t, err)
	table, err := Parse(read(t, "../../applet/ekrona.cap.lines"))
	require.NoError(t, err)
	require.True(t, table.Fits(file), "run scripts/build-applet")
	for i, m := range table.Methods {
		header, ok := file.Methods.HeaderAt(m.Offset)
		require.True(t, ok, "%s at %d", &m, m.Offset)
		require.Equal(t, header.Code, m.Code, &m)
		end := len(file.Methods.Content)
		if i+1 < len(table.Methods) {
			end = table.Methods[i+1].Offset
		}
		at := m.Code
		for at < end {
			assert.NotZero(t, table.Methods[i].Line(at), "%s at %d", &m, at)
			assert.Same(t, &table.Methods[i], table.At(at))
			instruction, err := vm.InstructionAt(file.Methods.Content, at)
			require.NoError(t, err)
			at += instruction.Length
		}
		require.Equal(t, end, at, &m)
	}
	assert.Nil(t, table.At(0))
}

func TestTableOfDebugInformation(t *testing.T) {
	file, err := cap.Parse(read(t, "../cap/testdata/debug.cap"))
	require.NoError(t, err)
	table, err := Of(file)
	require.NoError(t, err)
	again, err := Parse(table.Encode())
	require.NoError(t, err)
	require.Equal(t, table, again)
	require.Equal(t, []Class{{"debugged/Refuser", 0, []cap.FieldDebug{
		{Name: "attempts", Descriptor: "S", Static: true, Place: 0},
	}}}, table.Classes)
	first := map[string]int{}
	for _, m := range table.Methods {
		first[m.String()] = m.Line(m.Code)
	}
	require.Equal(t, map[string]int{"Refuser.<init>": 12, "Refuser.install": 17,
		"Refuser.refuse": 21, "Refuser.process": 25}, first)

	plain, err := cap.Parse(applet.CAP)
	require.NoError(t, err)
	assert.False(t, table.Fits(plain))
	_, err = Of(plain)
	assert.EqualError(t, err, "lines: the CAP file has no debug information")
}

func TestMalformedTables(t *testing.T) {
	digest := "component ffa2e0e5394f3ceab0aaaf2d8e7ef21a604218b86b25700bf2ee35dfb5585ee3\n"
	for _, text := range []string{
		"component 00\n", "component x\n", digest + "0 1 2\n", digest + "method a b c\n",
		digest + "method a b c d 1 x\n", digest + "field a B 0\n", digest + "class a x\n",
		digest + "class a 1\nfield a B\n", digest + "variable a B 0 0 0\n",
		digest + "method a b c d 1 2\nvariable a B 0 0\n",
		digest + "method a b c d 1 2\n1 2\n", digest + "method a b c d 1 2\n1 2 3 4\n",
		digest[:len(digest)-1],
	} {
		_, err := Parse([]byte(text))
		assert.ErrorContains(t, err, "run scripts/build-applet", "%q", text)
	}
}
