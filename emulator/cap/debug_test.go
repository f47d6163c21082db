package cap

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// debug.cap is testdata/debug/Refuser.java, converted by ant-javacard with
// debug="true" for Java Card 3.0.4, which makes a file of format 2.2.
func TestDebugComponent(t *testing.T) {
	data, err := os.ReadFile(filepath.Join("testdata", "debug.cap"))
	require.NoError(t, err)
	f, err := Parse(data)
	require.NoError(t, err)
	require.Equal(t, [2]int{2, 2}, [2]int{f.Header.FormatMajor, f.Header.FormatMinor})
	require.Equal(t, "debugged", f.Debug.Package)
	require.Len(t, f.Debug.Classes, 1)
	class := f.Debug.Classes[0]
	require.Equal(t, "debugged/Refuser", class.Name)
	require.Equal(t, "Refuser.java", class.Source)
	found := map[string]int{}
	for _, m := range class.Methods {
		if m.Name == "install" {
			require.Equal(t, f.Applets[0].InstallOffset, m.Offset)
		}
		require.NotEmpty(t, m.Lines, m.Name)
		found[m.Name] = m.Lines[0].Line
	}
	require.Equal(t, map[string]int{"<init>": 12, "install": 17, "refuse": 21, "process": 25},
		found)

	again, err := ParseLoadFile(f.LoadFile())
	require.NoError(t, err)
	require.Equal(t, f, again)
}
