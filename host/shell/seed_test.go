package shell_test

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/apdu"
	"ekrona.example/applet/vocabulary"
	"ekrona.example/emulator/card"
	"ekrona.example/emulator/globalplatform"
	"ekrona.example/host/shell"
)

const initializeUpdate = "8050000008010203040506070800"

// blankSession is a session with a blank card, which its first line may make anew.
func blankSession(t *testing.T, seed string) *shell.Session {
	t.Helper()
	again := func(seed string) (*globalplatform.Card, error) {
		return shell.NewVirtual(card.Options{Profile: card.P71}, seed)
	}
	c, err := again(seed)
	require.NoError(t, err)
	target := shell.VirtualTarget(c, "virtual", func() error { return nil })
	target.Again = again
	return sessionWith(t, target)
}

func sessionWith(t *testing.T, target shell.Target) *shell.Session {
	t.Helper()
	s, err := shell.New(target, shell.Options{Words: shell.Words(), Names: *vocabulary.Script(),
		Decoder: vocabulary.Decoder()})
	require.NoError(t, err)
	return s
}

// recorded does lines and returns the transcript.
func recorded(t *testing.T, s *shell.Session, seed, lines string) string {
	t.Helper()
	var script bytes.Buffer
	record := s.Transcript(&script, seed)
	require.NoError(t, s.Run(t.Context(), strings.NewReader(lines), false,
		func(_ int, r shell.Result) error {
			record(r)
			return nil
		}))
	return script.String()
}

func replay(t *testing.T, s *shell.Session, script string) error {
	t.Helper()
	return s.Run(t.Context(), strings.NewReader(script), false,
		func(int, shell.Result) error { return nil })
}

// A transcript of a virtual card has its seed, and so the same random numbers again: in a session
// with another card, with content that was prepared, and with a card that is not made anew.
func TestATranscriptRepeatsRandomNumbers(t *testing.T) {
	in := "load ../../emulator/examples/hello/hello.cap\ninstall F048454C4C4F01\n" +
		initializeUpdate + "\nreset\n" + initializeUpdate + "\n"
	script := recorded(t, blankSession(t, "one"), "one", in)
	require.True(t, strings.HasPrefix(script, "seed one -> ok\n"), script)
	require.NoError(t, replay(t, blankSession(t, "two"), script))
	require.Error(t, replay(t, blankSession(t, "two"), strings.Replace(script, "seed one",
		"seed other", 1)))

	prepared := blankSession(t, "two")
	for _, line := range strings.Split(in, "\n")[:2] {
		require.NoError(t, prepared.Prepare(t.Context(), line).Err())
	}
	require.NoError(t, replay(t, prepared, script))

	made, err := shell.NewVirtual(card.Options{Profile: card.P71}, "made")
	require.NoError(t, err)
	kept, err := made.Snapshot()
	require.NoError(t, err)
	file := shell.VirtualTarget(made, "file", func() error { return nil })
	made.SetRandom(card.SeededRandom("one"), card.SeededRandom("one card manager"))
	script = recorded(t, sessionWith(t, file), "one", initializeUpdate+"\n")
	require.NoError(t, made.RestoreSnapshot(kept))
	require.NoError(t, replay(t, sessionWith(t, file), script))
}

// Whoever is told what is done is told the seed first, and of what was prepared what is on the card
// that the first line makes; that is a script with the same random numbers.
func TestWhatIsToldRepeatsRandomNumbers(t *testing.T) {
	for _, first := range []string{"", "seed other\n", initializeUpdate + "\nseed other\n"} {
		s := blankSession(t, "one")
		told, answers := "", ""
		s.ObserveWord(func(line string) { told += line + "\n" })
		s.Observe(func(e apdu.Exchange) {
			told += e.Command.String() + "\n"
			answers += e.Response.String() + "\n"
		})
		s.Seeded("one")
		for _, line := range []string{"load ../../emulator/examples/hello/hello.cap",
			"install F048454C4C4F01"} {
			require.NoError(t, s.Prepare(t.Context(), line).Err())
		}
		require.Empty(t, told)
		require.NoError(t, replay(t, s, first+initializeUpdate+"\n"))
		require.NoError(t, s.Close())
		assert.Equal(t, 1, strings.Count(told, "load "), told)
		again := blankSession(t, "two")
		got := ""
		again.Observe(func(e apdu.Exchange) { got += e.Response.String() + "\n" })
		require.NoError(t, replay(t, again, told), told)
		assert.Equal(t, answers, got, told)
	}
	s := blankSession(t, "one")
	told := ""
	s.ObserveWord(func(line string) { told += line + "\n" })
	s.Seeded("one two")
	require.NoError(t, s.Close())
	assert.Equal(t, "seed \"one two\"\n", told, "where nothing more is done")
}

// Of a card in a reader no random answer is expected, and a seed is passed over and said.
func TestATranscriptOfACardInAReader(t *testing.T) {
	n := byte(0)
	drawing := shell.Target{Where: "reader", Close: func() error { return nil },
		Reset: func() error { return nil }, Card: apdu.CardFunc(
			func(_ context.Context, c apdu.Command) (apdu.Response, error) {
				n++
				return apdu.Response{Data: bytes.Repeat([]byte{n}, 29), SW: apdu.OK}, nil
			})}
	script := recorded(t, sessionWith(t, drawing), "", initializeUpdate+"\n0084000008\n")
	assert.Contains(t, script, strings.Repeat("01", 13)+strings.Repeat("??", 16))
	assert.Contains(t, script, strings.Repeat("??", 29))
	n = 0
	var notes []string
	s, err := shell.New(drawing, shell.Options{Words: shell.Words(), Names: *vocabulary.Script(),
		Decoder: vocabulary.Decoder(), Note: func(line string) { notes = append(notes, line) }})
	require.NoError(t, err)
	require.NoError(t, replay(t, s, "seed one -> ok\n"+script))
	require.Len(t, notes, 1)
	assert.Contains(t, notes[0], "expect ?? where")
}
