package script_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/apdu"
	"ekrona.example/apdu/script"
)

// Bytes that a capture has hidden are no zeros: the line parses, prints as it is, and cannot be
// sent.
func TestHiddenBytes(t *testing.T) {
	for _, c := range []struct {
		line, canonical string
		hidden          []apdu.Span
	}{
		{"0020008008 24???????????? FF -> 9000", "VERIFY plaintext data=24????????????FF -> 9000",
			[]apdu.Span{{From: 6, To: 12}}},
		{"VERIFY plaintext data=24??", "VERIFY plaintext data=24??", []apdu.Span{{From: 6, To: 7}}},
		{"8004000003??41??", "8004000003??41??", []apdu.Span{{From: 5, To: 6}, {From: 7, To: 8}}},
		{"80??0000", "80??0000", []apdu.Span{{From: 1, To: 2}}},
		{"PAY data=E1?? ne=1 extended", "PAY data=E1?? ne=1 extended",
			[]apdu.Span{{From: 8, To: 9}}},
		{"00200080", "VERIFY plaintext", nil},
	} {
		step, err := words.Parse(c.line)
		require.NoError(t, err, c.line)
		assert.Equal(t, c.hidden, step.Hidden, c.line)
		assert.Equal(t, c.canonical, words.Text(step))
		again, err := words.Parse(c.canonical)
		require.NoError(t, err)
		assert.Equal(t, step, again)
		_, err = step.Bytes()
		assert.Equal(t, c.hidden != nil, errors.Is(err, script.ErrHidden), c.line)
	}
	for _, line := range []string{"00200080 08 ?", "?020", "VERIFY plaintext data=?", "??"} {
		_, err := words.Parse(line)
		assert.ErrorIs(t, err, script.ErrSyntax, line)
	}
	expected := script.Exactly(apdu.Response{Data: []byte{1, 2, 3}, SW: apdu.OK})
	expected.Hide([]apdu.Span{{From: 1, To: 9}})
	assert.Equal(t, "9000 : 01????", expected.String())
}

// Behind a word that sends a command stands what stands behind a command.
func TestWordsThatSend(t *testing.T) {
	v := script.Vocabulary{Words: []string{"select", "load"}, Sending: []string{"select"}}
	require.NoError(t, v.Check())
	for line, canonical := range map[string]string{
		"select F045 -> OK : 6F* # FCI": "select F045 -> 9000 : 6F*",
		"select F045 -> 6A82|6283":      "select F045 -> 6A82 | 6283",
		"select -> none":                "select -> none",
		"select F045":                   "select F045",
	} {
		step, err := v.Parse(line)
		require.NoError(t, err, line)
		assert.Nil(t, step.Pattern)
		assert.Equal(t, canonical, v.Text(step))
	}
	_, err := v.Parse("select F045 -> *")
	assert.ErrorContains(t, err, "xxxx for any answer")
	_, err = v.Parse("select F045 ->")
	assert.ErrorIs(t, err, script.ErrSyntax)
	v.Sending = append(v.Sending, "verify")
	assert.ErrorIs(t, v.Check(), script.ErrSyntax)
}

// No "*" covers a failure: only a pattern that begins with "error:" expects one.
func TestFailuresOfWords(t *testing.T) {
	failed := errors.New("no such file")
	for pattern, passes := range map[string]bool{"*": false, "* no such*": false, "": false,
		"err*": false, "error: *": true, "error: no such file": true, "error: another": false} {
		step, err := shellWords.Parse("load x -> " + pattern)
		require.NoError(t, err)
		got := step.Pattern.CheckFailure("error: no such file", failed)
		assert.Equal(t, passes, got == nil, pattern)
		if !passes {
			assert.ErrorIs(t, got, failed)
		}
	}
	var none *script.Pattern
	assert.Equal(t, failed, none.CheckFailure("error: no such file", failed))
}

// An error repeats of a long line its beginning.
func TestErrorsOfLongLinesAreShort(t *testing.T) {
	long := strings.Repeat("x1", 40_000)
	for _, line := range []string{long, "PAY data=" + long, "PAY p1=" + long, "PAY " + long + "=1",
		"PAY -> " + long, "00" + long, "READ RECORD log ne=" + long, "select \"" + long} {
		_, err := words.Parse(line)
		require.Error(t, err)
		assert.Less(t, len(err.Error()), 300, line[:20])
	}
}
