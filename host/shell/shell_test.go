package shell_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/apdu/spec"
	"ekrona.example/applet/vocabulary"
	"ekrona.example/emulator/card"
	"ekrona.example/host/shell"
)

// session is a session with a blank card.
func session(t *testing.T, seed string, more ...shell.Word) *shell.Session {
	t.Helper()
	c, err := shell.NewVirtual(card.Options{Profile: card.P71}, seed)
	require.NoError(t, err)
	s, err := shell.New(shell.VirtualTarget(c, "virtual", func() error { return nil }),
		shell.Options{Words: append(shell.Words(), more...), Names: *spec.Vocabulary(),
			Decoder: vocabulary.Decoder()})
	require.NoError(t, err)
	return s
}

// conversation splits a golden file into what goes in and what must come out.
func conversation(t *testing.T, path string) (in, out string) {
	t.Helper()
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	for line := range strings.Lines(string(content)) {
		switch {
		case strings.HasPrefix(line, ">"):
			in += strings.TrimPrefix(strings.TrimPrefix(line, ">"), " ")
		case strings.HasPrefix(line, "<"):
			out += strings.TrimPrefix(strings.TrimPrefix(line, "<"), " ")
		default:
			require.True(t, strings.TrimSpace(line) == "" || line[0] == '#', "%s: %q", path, line)
		}
	}
	return in, out
}

// converse does lines and returns their answers, a line each.
func converse(t *testing.T, s *shell.Session, in string) string {
	t.Helper()
	var out strings.Builder
	_ = s.Run(t.Context(), strings.NewReader(in), true, func(_ int, r shell.Result) error {
		out.WriteString(r.Line() + "\n")
		return nil
	})
	return out.String()
}

func TestConversations(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, path := range files {
		t.Run(filepath.Base(path), func(t *testing.T) {
			in, out := conversation(t, path)
			assert.Equal(t, out, converse(t, session(t, path), in))
		})
	}
}

// Words that a package adds are words like the others.
func TestWordsCanBeAdded(t *testing.T) {
	s := session(t, "", shell.Word{
		Name: "where", Usage: "where", Help: "where the card is",
		Run: func(_ context.Context, s *shell.Session, arguments []string) (shell.Answer, error) {
			switch {
			case len(arguments) > 1:
				return shell.Answer{}, shell.Usage("one at most")
			case len(arguments) > 0:
				return shell.Answer{}, errors.New("elsewhere")
			}
			return shell.Answer{Line: "  in\na " + s.Target().Where}, nil
		},
	})
	assert.Equal(t, "in a virtual\nin a virtual\n"+
		"error: in a virtual: expected \"out\", got \"in a virtual\"\n"+
		"error: elsewhere\nerror: elsewhere\nerror: where: one at most; it is \"where\"\n"+
		"where: where the card is\n",
		converse(t, s, "where\nwhere -> in*\nwhere -> out\nwhere x\nwhere x -> error: else*\n"+
			"where x y\nhelp where\n"))
}
