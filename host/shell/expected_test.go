package shell_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/apdu"
	"ekrona.example/apdu/script"
	"ekrona.example/applet/vocabulary"
	"ekrona.example/host/shell"
)

// No expectation but "error:" lets a word fail, whatever the word.
func TestNoStarCoversAFailure(t *testing.T) {
	s := session(t, "")
	for _, line := range []string{"load nothing.cap", "install F000000001", "delete F000000001",
		"restore nothing", "secure nothing", "cut x", "help nothing", "list more",
		"load ../../emulator/testdata/probe/core.cap"} {
		for _, pattern := range []string{"", " -> *", " -> * *", " -> *: *", " ->"} {
			assert.Error(t, s.Execute(t.Context(), line+pattern).Err(), line+pattern)
		}
		assert.NoError(t, s.Execute(t.Context(), line+" -> error: *").Err(), line)
	}
	assert.ErrorContains(t, s.Execute(t.Context(), "load nothing.cap -> *").Err(), `-> error: *`)
	assert.Error(t, s.Execute(t.Context(), "reset -> error: *").Err(), "it does not fail")
}

// The word select takes behind "->" what the command SELECT takes.
func TestSelectAsWordAndCommand(t *testing.T) {
	s := session(t, "")
	for expected, passes := range map[string]bool{"9000": true, "OK : 6F*": true,
		"9000 : 6F10??08*": true, "6A82 | 9000": true, "xxxx": true, "6A82": false,
		"9000 :": false, "none": false, "9000 : 6F": false} {
		for _, line := range []string{"select", "00A4040000", "SELECT"} {
			r := s.Execute(t.Context(), line+" -> "+expected)
			assert.Equal(t, passes, r.Err() == nil, line+" -> "+expected)
			assert.NotEmpty(t, r.Response)
			assert.NotNil(t, s.Record(1, r).Exchange)
		}
	}
	for _, line := range []string{"select -> *", "00A4040000 -> *"} {
		assert.ErrorContains(t, s.Execute(t.Context(), line).Err(), "xxxx for any answer")
	}
	r := s.Execute(t.Context(), "select F000000001 -> FILE_NOT_FOUND")
	require.NoError(t, r.Err())
	assert.Contains(t, s.Text(r), "next: another name")
	for _, line := range []string{"select 1", "verify 80 more", "select A B"} {
		assert.Error(t, s.Execute(t.Context(), line+" -> none").Err(),
			"nothing was sent: "+line)
	}
	for _, line := range []string{"load ../../emulator/testdata/probe/purse.cap",
		"install F050524F420801", "select F050524F420801 -> 9000", "cut 1",
		"80100000020064 -> none"} {
		require.NoError(t, s.Execute(t.Context(), line).Err(), line)
	}
	r = s.Execute(t.Context(), "select -> none")
	require.NoError(t, r.Err())
	assert.Equal(t, "none", r.Line())
	assert.Equal(t, "no answer, as expected\n", s.Text(r))
}

// A line with bytes that a capture has hidden is not sent.
func TestHiddenBytesAreNotSent(t *testing.T) {
	s := session(t, "")
	sent := 0
	s.Observe(func(apdu.Exchange) { sent++ })
	for _, line := range []string{"0020008008 ????????????????", "VERIFY plaintext data=24??",
		"80D8FF8103 81??00 -> none", "0020008008 ???????????????? -> xxxx"} {
		assert.ErrorIs(t, s.Execute(t.Context(), line).Err(), script.ErrHidden, line)
	}
	assert.Zero(t, sent)
}

// A power cut that was asked for is no fault of a reader; a card in a reader that does not
// answer may be.
func TestCutsAreNoSymptoms(t *testing.T) {
	s := session(t, "")
	for _, line := range []string{"load ../../emulator/testdata/probe/purse.cap",
		"install F050524F420801", "select F050524F420801 -> 9000", "cut 1"} {
		require.NoError(t, s.Execute(t.Context(), line).Err(), line)
	}
	r := s.Execute(t.Context(), "80100000020064")
	assert.Error(t, r.Err())
	assert.Empty(t, r.Known)
	assert.NotContains(t, s.Text(r), "known:")
	assert.Empty(t, s.Execute(t.Context(), "8040000000").Known, "the card is off")

	gone := errors.New("SCARD_E_NOT_TRANSACTED")
	s, err := shell.New(shell.Target{Where: "reader",
		Card: apdu.CardFunc(func(context.Context, apdu.Command) (apdu.Response, error) {
			return apdu.Response{}, gone
		})}, shell.Options{Words: shell.Words(), Decoder: vocabulary.Decoder()})
	require.NoError(t, err)
	assert.NotEmpty(t, s.Execute(t.Context(), "80100000").Known)
}

// Errors repeat of what was typed no more than its beginning.
func TestErrorsAreShort(t *testing.T) {
	s := session(t, "")
	long := strings.Repeat("ABx", 10_000)
	for _, line := range []string{long, "help " + long, "restore " + long, "install " + long,
		"delete " + long, "select " + long, "secure " + long, "secure test " + long,
		"verify " + long, "00A4 -> " + long, "install F000000001 " + long,
		"load " + long, "select " + strings.Repeat("AB", 10_000),
		"install " + strings.Repeat("AB", 10_000)} {
		err := s.Execute(t.Context(), line).Err()
		require.Error(t, err, line[:30])
		assert.Less(t, len(err.Error()), 400, line[:30])
	}
}

// What is misspelt gets the words and commands that may be meant.
func TestMisspelt(t *testing.T) {
	s := session(t, "")
	for line, want := range map[string]string{"memroy": "; nearest: memory",
		"isntall F0": "; nearest: install", "verfy": ", verify"} {
		assert.ErrorContains(t, s.Execute(t.Context(), line).Err(), want, line)
	}
}

// An applet can throw any two bytes: they are an answer like others, and a script can expect them.
func TestAnswersThatAreNoStatusWord(t *testing.T) {
	target := shell.Target{Where: "reader", Card: apdu.CardFunc(
		func(context.Context, apdu.Command) (apdu.Response, error) {
			return apdu.Response{Data: []byte{1}, SW: 0xFFFF}, nil
		})}
	s, err := shell.New(target, shell.Options{Words: shell.Words(), Names: *vocabulary.Script(),
		Decoder: vocabulary.Decoder()})
	require.NoError(t, err)
	var script strings.Builder
	record := s.Transcript(&script, "")
	for _, line := range []string{"B0FF000000", "B0FF000000 -> FFFF : 01", "B0FF000000 -> FFxx"} {
		r := s.Execute(t.Context(), line)
		require.NoError(t, r.Err(), line)
		assert.Equal(t, "01FFFF", r.Line())
		assert.Contains(t, s.Text(r), "< FFFF: no status word")
		assert.NotNil(t, s.Record(1, r).Exchange)
		assert.NotContains(t, strings.Join(s.Record(1, r).Next, ""), "chain")
		record(r)
	}
	assert.Error(t, s.Execute(t.Context(), "B0FF000000 -> 9000").Err())
	assert.Equal(t, 3, strings.Count(script.String(), "B0FF000000 -> FFFF : 01\n"))
}
