package applet_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/apdu/spec"
	"ekrona.example/applet/suite"
	"ekrona.example/applet/vocabulary"
	"ekrona.example/emulator/card"
)

// A command of the spec is everywhere; this says where one is still missing. What the
// test cannot see is tested where it is: that a case of the suite brings each status word
// (TestOnEmulator), that random lives draw it (TestDifferential), and that what was generated
// is current (go generate ./apdu/spec).
func TestACommandIsEverywhere(t *testing.T) {
	accounts, err := suite.Accounts(t.Context(), card.Unlimited)
	require.NoError(t, err)
	for _, c := range spec.Commands {
		for _, v := range c.Variants {
			assert.Equal(t, v.Title(), vocabulary.Decoder().Command(v.APDU(name(c))).Name,
				"%s: the trace has another name", v.Title())
		}
		if c == spec.GetResponse { // part of what any command answers
			continue
		}
		for _, file := range []struct{ path, must, what string }{
			{"../apdu/spec/" + snake(c.Class) + ".go", "command(Command{", "its row"},
			{"src/main/java/ekrona/" + c.Class + ".java",
				"class " + c.Class + " extends Command {", "the applet's class"},
			{"client/" + snake(c.Class) + ".go", "func (c *Client) ", "the client's method"},
		} {
			text, err := os.ReadFile(filepath.FromSlash(file.path))
			if assert.NoError(t, err, "%s: %s is missing", c.Name, file.what) {
				assert.Contains(t, string(text), file.must, "%s: %s is missing in %s", c.Name,
					file.what, file.path)
			}
		}
		if c == spec.GetChallenge { // drawn anew by SELECT, in every life
			continue
		}
		measured := false
		for _, a := range accounts {
			measured = measured || strings.HasPrefix(a.Name, c.Name)
		}
		assert.True(t, measured, "%s: it is not measured; add it to everyCommand in "+
			"applet/suite/measure.go", c.Name)
	}
}

// name is the data by which the trace knows whose SELECT it is.
func name(c *spec.Command) []byte {
	if c == spec.Select {
		return []byte(spec.AppletAID)
	}
	return nil
}

// snake writes the name of a class as that of its files.
func snake(class string) string {
	var b strings.Builder
	for i, r := range class {
		if unicode.IsUpper(r) && i > 0 {
			b.WriteByte('_')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}
