package console

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"ekrona/emulator/card"
)

// Whatever is written, each line that wants an answer gets one of one line, and the
// run ends with its input. Loading files is left out: their content is what
// emulator/cap fuzzes.
func FuzzRun(f *testing.F) {
	f.Add([]byte("00A4040000\nreset\ncut 3\n# a remark\n\ninstall F000000001 F000000001 C9 00\n"))
	f.Add([]byte("80 CA 9F 7F 00\r\ncut -1\ncut\nreset now\ninstall\n00A40400FF"))
	f.Fuzz(func(t *testing.T, in []byte) {
		lines := slices.DeleteFunc(strings.Split(string(in), "\n"), func(line string) bool {
			return strings.HasPrefix(strings.TrimSpace(line), "load")
		})
		wanted := 0
		for _, line := range lines {
			if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
				wanted++
			}
		}
		var out bytes.Buffer
		require.NoError(t, Run(t.Context(), strings.NewReader(strings.Join(lines, "\n")), &out,
			Options{Profile: card.P71, Seed: "fuzz"}))
		require.Equal(t, wanted, strings.Count(out.String(), "\n"), "%q", out.String())
	})
}
