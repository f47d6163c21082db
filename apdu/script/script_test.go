package script_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"ekrona.example/apdu"
	"ekrona.example/apdu/script"
	"ekrona.example/apdu/spec"
)

// words are what the e-krona's applet calls its commands and status words.
var words = spec.Vocabulary()

func TestParse(t *testing.T) {
	for _, c := range []struct{ line, hex, canonical string }{
		{"SELECT data=F0454B524F4E4101 -> 9000 : 6F17*", "00A4040008F0454B524F4E410100",
			"SELECT data=F0454B524F4E4101 -> 9000 : 6F17*"},
		{"  select   data=F0454B524F4E4101   # the applet", "00A4040008F0454B524F4E410100",
			"SELECT data=F0454B524F4E4101"},
		{"VERIFY p2=80 data=241234FFFFFFFFFF -> ok|63Cx", "0020008008241234FFFFFFFFFF",
			"VERIFY plaintext data=241234FFFFFFFFFF -> 9000 | 63Cx"},
		{"verify enciphered -> pin_wrong", "00200088", "VERIFY enciphered -> 63Cx"},
		{"00 84 00 00 08 -> OK : ????????????????", "0084000008",
			"GET CHALLENGE ne=8 -> 9000 : ????????????????"},
		{"READ RECORD log p1=02 -> RECORD_NOT_FOUND :", "00B2020C000000",
			"READ RECORD log p1=02 -> 6A83 :"},
		{"00 20 00 81", "00200081", "00200081"},
		{"PAY cla=90 data=E1 ne=0 -> 9000", "90120000" + "01E1", "PAY cla=90 data=E1 ne=0 -> 9000"},
		{"PAY data=E1 ne=1 extended", "80120000000001E10001", "PAY data=E1 ne=1 extended"},
		{"GET DATA balance -> CONDITIONS | SECURITY", "00CA00C400",
			"GET DATA balance -> 6985 | 6982"},
		{"PUT DATA first PIN data=00 -> 6A80", "00DA00D10100",
			"PUT DATA first PIN data=00 -> 6A80"},
	} {
		t.Run(c.line, func(t *testing.T) {
			step, err := words.Parse(c.line)
			require.NoError(t, err)
			assert.Equal(t, c.hex, step.Command.String())
			assert.Equal(t, c.canonical, words.Text(step))
			again, err := words.Parse(words.Text(step))
			require.NoError(t, err)
			assert.Equal(t, step, again)
		})
	}
}

func TestParseRefuses(t *testing.T) {
	for _, c := range []struct{ line, says string }{
		{"", "no command"},
		{"# only a comment", "no command"},
		{"8002\r8003", "neither LF nor CRLF"},
		{"# a comment\r80020000 -> 9000", "neither LF nor CRLF"},
		{"80020000 -> 9000\u202880020000", "neither LF nor CRLF"},
		{"-> 9000", "no command before"},
		{"PAYMENT data=00", `"PAYMENT" is neither`},
		{"PAY data=0", "data: \"0\" is not its value; it takes hex, two digits for each byte"},
		{"PAY data=", "data: \"\" is not its value; it takes hex"},
		{"PAY p1=1", "p1: \"1\" is not its value; it takes two hex digits, such as 02"},
		{"PAY ne=x", "ne: \"x\" is not its value; it takes a decimal number"},
		{"PAY p1=01 p1=02", "p1 is given twice"},
		{"PAY colour=red", "not an option"},
		{"PAY ne=70000", "do not fit"},
		{"VERIFY extended", "no extended form"},
		{"PAY extended=1", "not an option"},
		{"00A404", "at least 4"},
		{"PAY ->", `"" is not a status word`},
		{"PAY -> 900", "not a status word"},
		{"PAY -> 9000 |", "not a status word"},
		{"PAY -> 9000 : A", "half a byte"},
		{"PAY -> 9000 : A?", "neither a byte"},
		{"PAY -> 9000 : *AA", "neither a byte"},
	} {
		_, err := words.Parse(c.line)
		require.ErrorIs(t, err, script.ErrSyntax, c.line)
		assert.ErrorContains(t, err, c.says, c.line)
	}
}

func TestParseAll(t *testing.T) {
	lines, err := words.ParseAll(
		strings.NewReader("# a script\n\nGET CHALLENGE -> 9000\n  # more\nACTIVATE\n"))
	require.NoError(t, err)
	require.Len(t, lines, 2)
	assert.Equal(t, 3, lines[0].Number)
	assert.Equal(t, 5, lines[1].Number)
	assert.Equal(t, "ACTIVATE", lines[1].Text)
	assert.Nil(t, lines[1].Step.Expected)
	_, err = words.ParseAll(strings.NewReader("ACTIVATE\nWHAT\n"))
	assert.ErrorContains(t, err, "line 2: ")
	_, err = words.ParseAll(strings.NewReader(strings.Repeat("0", script.MaxLine+1)))
	assert.Error(t, err)
}

func TestRunChecks(t *testing.T) {
	card := apdu.CardFunc(func(context.Context, apdu.Command) (apdu.Response, error) {
		return apdu.Response{Data: []byte{1, 2, 3}, SW: apdu.OK}, nil
	})
	for _, c := range []struct{ expected, says string }{
		{"9000", ""}, {"6A80 | 9000 : 010203", ""}, {"9000 : 01*", ""}, {"9000 : *", ""},
		{"9xxx : 01??03", ""}, {"9000 : 010203*", ""},
		{"6A80", "expected status 6A80, got 9000 OK"},
		{"9000 :", "differs at byte 0"},
		{"9000 : 0102", "differs at byte 2"},
		{"9000 : 01020304", "differs at byte 3"},
		{"9000 : 0102??04*", "differs at byte 3"},
		{"9000 : 010303", "differs at byte 1"},
	} {
		step, err := words.Parse("ACTIVATE -> " + c.expected)
		require.NoError(t, err)
		_, err = words.Run(context.Background(), card, step)
		if c.says == "" {
			assert.NoError(t, err, c.expected)
		} else {
			assert.ErrorContains(t, err, c.says, c.expected)
		}
	}
}

// A status word that is not the expected one is named as the vocabulary does.
func TestRunNamesTheStatusWord(t *testing.T) {
	for sw, name := range map[apdu.StatusWord]string{
		spec.SWFunds: "9401 FUNDS", 0x63C2: "63C2 PIN_WRONG",
		apdu.SWFileNotFound: "6A82 FILE_NOT_FOUND", 0x9499: "9499",
	} {
		card := apdu.CardFunc(func(context.Context, apdu.Command) (apdu.Response, error) {
			return apdu.Response{SW: sw}, nil
		})
		step, err := words.Parse("ACTIVATE -> 9000")
		require.NoError(t, err)
		_, err = words.Run(t.Context(), card, step)
		assert.EqualError(t, err, "expected status 9000, got "+name)
	}
}

// A script can use every title of the applet's vocabulary, and not just any title.
func TestVocabularies(t *testing.T) {
	require.NoError(t, words.Check())
	for _, title := range []string{
		"", "DE READ", "READ  ALL", "READ extended", "READ p1=1", "READ #1", "A -> B",
	} {
		v := script.Vocabulary{Commands: []script.Command{{Title: title}}}
		assert.ErrorIs(t, v.Check(), script.ErrSyntax, title)
	}
}

// Without a vocabulary commands are hex, and status words have the standards' names.
func TestNoVocabulary(t *testing.T) {
	var none script.Vocabulary
	for _, c := range []struct{ line, canonical string }{
		{"00 A4 04 00 -> file_not_found | ok", "00A40400 -> 6A82 | 9000"},
		{"00 A4 04 00 -> tries_left | more_data", "00A40400 -> 63Cx | 61xx"},
		{"80120000 -> WRONG_LE : ", "80120000 -> 6Cxx :"},
	} {
		step, err := none.Parse(c.line)
		require.NoError(t, err)
		assert.Equal(t, c.canonical, none.Text(step))
	}
	for _, line := range []string{"PAY data=E1", "00A40400 -> FUNDS", "00A40400 -> QUERY"} {
		_, err := none.Parse(line)
		assert.ErrorIs(t, err, script.ErrSyntax, line)
	}
}

// Any command, known or not, prints and parses to itself.
func TestCommandsRoundTrip(t *testing.T) {
	var headers []apdu.Command
	for _, c := range spec.Commands {
		for _, v := range c.Variants {
			headers = append(headers, v.APDU())
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		c := rapid.OneOf(rapid.SampledFrom(headers),
			rapid.Just(apdu.Command{CLA: 0xB0, INS: 1})).Draw(t, "header")
		c.CLA |= byte(rapid.SampledFrom([]int{0, apdu.ClassChaining}).Draw(t, "chained"))
		if n := rapid.IntRange(0, 300).Draw(t, "n"); n > 0 {
			c.Data = rapid.SliceOfN(rapid.Byte(), n, n).Draw(t, "data")
		}
		c.Ne = rapid.SampledFrom([]int{0, 1, 255, 256, 257, 65536}).Draw(t, "ne")
		c.Extended = rapid.Bool().Draw(t, "extended")
		c.Extended = c.IsExtended()
		step, err := words.Parse(words.Text(script.Step{Command: c}))
		require.NoError(t, err)
		require.Equal(t, c, step.Command)
	})
}

// FuzzParse: what parses prints in a form that parses to the same.
func FuzzParse(f *testing.F) {
	for _, s := range []string{"SELECT data=F045 -> 9000 : 6F*", "0020008008 # x",
		"PAY ne=5 extended -> 6xxx|FUNDS : ??", "READ RECORD log p1=03"} {
		f.Add(s)
	}
	for _, s := range []string{"cut 3 -> ok #", `load "a b" c#d ->  x * y`, "0020 -> none"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, line string) {
		for _, v := range []*script.Vocabulary{words, shellWords} {
			step, err := v.Parse(line)
			if err != nil {
				require.ErrorIs(t, err, script.ErrSyntax)
				continue
			}
			again, err := v.Parse(v.Text(step))
			require.NoError(t, err)
			require.Equal(t, step, again)
			require.Equal(t, v.Text(step), v.Text(again))
		}
	})
}

// shellWords are a vocabulary with words, which takes any bytes.
var shellWords = &script.Vocabulary{
	Commands: words.Commands, Statuses: words.Statuses, Malformed: true,
	Words: []string{"cut", "load", "select"},
}

// A line that begins with a word is the word's, whatever else it looks like; in capitals it is a
// command.
func TestWords(t *testing.T) {
	require.NoError(t, shellWords.Check())
	for _, c := range []struct {
		line, canonical, word string
		arguments             []string
	}{
		{"cut 3", "cut 3", "cut", []string{"3"}},
		{"  cut   3 -> ok  # the third", "cut 3 -> ok", "cut", []string{"3"}},
		{"load a#b.cap \"c d.cap\" #e -> f", "load a#b.cap \"c d.cap\"", "load",
			[]string{"a#b.cap", "c d.cap"}},
		{"load \"\" \"->\" \"#\" ->", "load \"\" \"->\" \"#\" ->", "load",
			[]string{"", "->", "#"}},
		{"select F045 -> 6F* *84 # FCI", "select F045 -> 6F* *84", "select", []string{"F045"}},
		{"SELECT data=F045 -> 9000", "SELECT data=F045 -> 9000", "", nil},
		{"002000 -> 6700", "002000 -> 6700", "", nil},
	} {
		step, err := shellWords.Parse(c.line)
		require.NoError(t, err, c.line)
		assert.Equal(t, c.word, step.Word, c.line)
		assert.Equal(t, c.arguments, step.Arguments, c.line)
		assert.Equal(t, c.canonical, shellWords.Text(step))
		again, err := shellWords.Parse(c.canonical)
		require.NoError(t, err)
		assert.Equal(t, step, again)
	}
	for _, line := range []string{
		`load "a`, `load "a"b`, `load "\q"`, "cute 3", "Cut 3", "00 2", "cut\u00a03x ->",
	} {
		step, err := shellWords.Parse(line)
		if err == nil {
			assert.Equal(t, "cut", step.Word, line)
			continue
		}
		assert.ErrorIs(t, err, script.ErrSyntax, line)
	}
	for _, word := range []string{"", "ca", "Cut", "cut3", "-x"} {
		v := script.Vocabulary{Words: []string{word}}
		assert.ErrorIs(t, v.Check(), script.ErrSyntax, word)
	}
}

func TestPatterns(t *testing.T) {
	for _, c := range []struct {
		pattern, answer string
		matches         bool
	}{
		{"ok", "ok", true}, {"ok", "okay", false}, {"ok*", "okay", true}, {"*", "", true},
		{"", "", true}, {"", "ok", false}, {"error: *key*", "error: no such key set", true},
		{"a*b*c", "a c b", false}, {"a*b*c", "abbc", true}, {"*a", "ba  a ", true},
		{"a b", "a   b", true},
	} {
		step, err := shellWords.Parse("cut -> " + c.pattern)
		require.NoError(t, err)
		assert.Equal(t, c.matches, step.Pattern.Matches(c.answer), c.pattern+" "+c.answer)
		assert.Equal(t, c.matches, step.Pattern.Check(c.answer) == nil)
	}
}

// No answer can be what is wanted.
func TestNoAnswer(t *testing.T) {
	step, err := words.Parse("ACTIVATE -> None")
	require.NoError(t, err)
	assert.Equal(t, "ACTIVATE -> none", words.Text(step))
	gone := errors.New("power")
	assert.NoError(t, words.Mismatch(step, apdu.Response{}, gone))
	assert.ErrorContains(t, words.Mismatch(step, apdu.Response{SW: apdu.OK}, nil), "9000")
	step.Expected = nil
	assert.ErrorIs(t, words.Mismatch(step, apdu.Response{}, gone), gone)
}

// What is mistyped may be a PIN: no error repeats it, in hex or by name.
func TestErrorsRepeatNoSecret(t *testing.T) {
	standard := &script.Vocabulary{Commands: script.Standard()}
	for _, line := range []string{
		"0020008008241357FFFFFFFFFZ", "0020008008241357FFFFFFFFF", "0020008008 241357FFFFFFFFF",
		"00 20 00 80 08 24 13 57FFFFFFFFF", "0020,0080,08,241357", "0x0020008008241357FFFFFFFFFF",
		"SEND 0020008008241357FFFFFFFFFF", "VERIFY plaintext 1357", "VERIFY plaintext pni=1357",
		"VERIFY plaintext data=241357FFFFX", "VERIFY plaintext data=1357X", "0020008004 1357X",
		"VERIFIED 1357", "VERIFY plaintext p1=01 1357", "0020008008241357FFFFFFFFFF = 9000",
	} {
		_, _, err := standard.ParseLine(line)
		require.Error(t, err, line)
		assert.NotContains(t, err.Error(), "1357", line)
		assert.NotContains(t, err.Error(), "57FF", line)
	}
}
