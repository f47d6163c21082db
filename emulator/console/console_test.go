package console_test

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona/apdu"
	"ekrona/emulator/card"
	"ekrona/emulator/console"
)

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

func converse(t *testing.T, in string, options console.Options) string {
	t.Helper()
	var out bytes.Buffer
	require.NoError(t, console.Run(context.Background(), strings.NewReader(in), &out, options))
	return out.String()
}

func TestConversations(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, path := range files {
		t.Run(filepath.Base(path), func(t *testing.T) {
			in, out := conversation(t, path)
			assert.Equal(t, out, converse(t, in, console.Options{Profile: card.P71, Seed: path}))
			exchanges := 0
			options := console.Options{Profile: card.P71, Seed: path,
				Sink: func(apdu.Exchange) { exchanges++ }}
			assert.Equal(t, out, converse(t, in, options), "a sink changes nothing")
			assert.Positive(t, exchanges)
		})
	}
}

// Every line is answered before the next one is read, so that a script may wait.
func TestAnswersAtOnce(t *testing.T) {
	inReader, inWriter := io.Pipe()
	outReader, outWriter := io.Pipe()
	done := make(chan error, 1)
	go func() {
		done <- console.Run(context.Background(), inReader, outWriter,
			console.Options{Profile: card.P71})
		outWriter.Close()
	}()
	for _, turn := range [][2]string{{"reset\n", "ok\n"}, {"# nothing\n80260000\n", "6999\n"},
		{"cut 1\n", "ok\n"}} {
		_, err := io.WriteString(inWriter, turn[0])
		require.NoError(t, err)
		answer := make([]byte, len(turn[1]))
		_, err = io.ReadFull(outReader, answer)
		require.NoError(t, err)
		assert.Equal(t, turn[1], string(answer))
	}
	inWriter.Close()
	assert.NoError(t, <-done)
}

func TestASeedMakesARunRepeat(t *testing.T) {
	in, _ := conversation(t, "testdata/random.txt")
	run := func(seed string) (string, string) {
		var transcript strings.Builder
		out := converse(t, in,
			console.Options{Profile: card.P71, Seed: seed, Transcript: &transcript})
		return out, transcript.String()
	}
	first, transcript := run("one")
	again, sameTranscript := run("one")
	other, _ := run("two")
	assert.Equal(t, first, again)
	assert.Equal(t, transcript, sameTranscript)
	assert.NotEqual(t, first, other)
	random, _ := run("")
	assert.NotEqual(t, first, random)
	assert.Contains(t, transcript, "command 8078080010")
}

func TestALineThatIsTooLongDoesNotEndTheRun(t *testing.T) {
	long := strings.Repeat("00", 200_000)
	assert.Equal(t, "error: a line has at most 262144 bytes; this one was skipped\nok\n",
		converse(t, long+"\nreset", console.Options{Profile: card.P71}))
}

func TestEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	err := console.Run(ctx, strings.NewReader("reset\n"), io.Discard,
		console.Options{Profile: card.P71})
	assert.ErrorIs(t, err, context.Canceled)
}

func TestUnwritableOutput(t *testing.T) {
	r, w := io.Pipe()
	r.Close()
	err := console.Run(context.Background(), strings.NewReader("reset\n"), w,
		console.Options{Profile: card.P71})
	assert.ErrorContains(t, err, "write")
}
