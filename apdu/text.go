package apdu

import (
	"encoding/hex"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// String is the command in hex, upper case, without spaces; it is what
// [ParseCommandText] reads. A command that cannot be encoded gives its header and
// the reason. It may hold secrets (PIN blocks): log package trace's rendering
// instead.
func (c Command) String() string {
	b, err := c.Bytes()
	if err != nil {
		return fmt.Sprintf("%02X%02X%02X%02X (%v)", c.CLA, c.INS, c.P1, c.P2, err)
	}
	return fmt.Sprintf("%X", b)
}

// MarshalText encodes the command in hex, as a transcript keeps it.
func (c Command) MarshalText() ([]byte, error) {
	b, err := c.Bytes()
	if err != nil {
		return nil, err
	}
	return fmt.Appendf(nil, "%X", b), nil
}

// UnmarshalText is [ParseCommandText] for encoding.TextUnmarshaler.
func (c *Command) UnmarshalText(text []byte) error {
	p, err := ParseCommandText(string(text))
	if err == nil {
		*c = p
	}
	return err
}

// ParseCommandText decodes a command written in hex; blanks between bytes are allowed.
func ParseCommandText(s string) (Command, error) {
	b, err := ParseHex(s)
	if err != nil {
		return Command{}, err
	}
	return ParseCommand(b)
}

// String is data and status word in hex, upper case, without spaces.
func (r Response) String() string { return fmt.Sprintf("%X", r.Bytes()) }

// briefLength is the most of a text that [Brief] leaves, in characters.
const briefLength = 40

// Brief is a text that an error repeats, so that the error stays one line: its beginning and how
// long it is, if it is long.
func Brief(text string) string {
	all := []rune(text)
	if len(all) <= briefLength {
		return text
	}
	return fmt.Sprintf("%s... (%d characters)", string(all[:briefLength]), len(all))
}

// maxWord is the longest word that an error shows whole, in characters: an answer of a short
// command in hex.
const maxWord = 600

// OneLine is an error's text in one line, in which no word is longer than a line may be: what a
// user gives may be a megabyte.
func OneLine(text string) string {
	words := strings.Fields(Joined(text))
	for i, word := range words {
		if len(word) > maxWord {
			words[i] = Brief(word)
		}
	}
	return strings.Join(words, " ")
}

// Joined is the lines of a text in one: errors that were joined have a line each, and would read as
// one sentence without what parts them. What would steer a terminal, as the name of a file may, is
// escaped as in a string of Go.
func Joined(text string) string {
	joined := ""
	for line := range strings.Lines(text) {
		line = strings.Join(strings.Fields(line), " ")
		switch {
		case line == "" || joined == "":
			joined += line
		case strings.ContainsAny(joined[len(joined)-1:], ".,:;!?([{"):
			joined += " " + line
		default:
			joined += "; " + line
		}
	}
	return visible(joined)
}

// visible escapes what is no text: control characters, and bytes that are not UTF-8.
func visible(text string) string {
	var shown strings.Builder
	for i, r := range text {
		_, size := utf8.DecodeRuneInString(text[i:])
		if unicode.IsControl(r) || r == utf8.RuneError && size == 1 {
			quoted := strconv.Quote(text[i : i+size])
			shown.WriteString(quoted[1 : len(quoted)-1])
			continue
		}
		shown.WriteRune(r)
	}
	return shown.String()
}

// ParseHex decodes hex digits in either case; blanks between whole bytes are allowed.
func ParseHex(s string) ([]byte, error) {
	var out []byte
	for _, word := range strings.Fields(s) {
		b, err := hex.DecodeString(word)
		if err != nil {
			return nil, notHex(word)
		}
		out = append(out, b...)
	}
	return out, nil
}

// notHex says what of a word is no hex, and repeats no more of it: it may be a secret's bytes.
func notHex(word string) error {
	for _, r := range word {
		if !strings.ContainsRune("0123456789ABCDEFabcdef", r) {
			return fmt.Errorf("apdu: %q is not hex: write two digits for each byte",
				string(r))
		}
	}
	return fmt.Errorf("apdu: an odd number of digits, %d, is not hex: write two digits for each "+
		"byte", len(word))
}

// digitRun is what may be the bytes of a secret, or its digits.
var digitRun = regexp.MustCompile(`[0-9A-Fa-f]*[0-9][0-9A-Fa-f]*`)

// Guarded is [Brief] of a line that may hold a secret, which no error repeats: of what may be a
// PIN, or a command in hex with one, only the first byte is left.
func Guarded(text string) string {
	const shortestPIN, longestPIN = 4, 12
	return Brief(digitRun.ReplaceAllStringFunc(text, func(digits string) string {
		switch n := len(digits); {
		case n < shortestPIN:
			return digits
		case n > longestPIN:
			return digits[:2] + "..."
		}
		return "..."
	}))
}
