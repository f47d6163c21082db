package script

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"ekrona.example/apdu"
)

// Pattern is what the answer of a word must be: text in which "*" stands for anything.
type Pattern struct{ text string }

// PatternOf is the pattern of an answer. A "#" behind a blank, which would begin a comment, is
// anything in it.
func PatternOf(answer string) *Pattern {
	words := strings.Fields(answer)
	for i, word := range words {
		if word[0] == '#' {
			words[i] = "*" + word[1:]
		}
	}
	return &Pattern{strings.Join(words, " ")}
}

// String is the pattern's text.
func (p *Pattern) String() string { return p.text }

// Matches reports whether an answer is as the pattern has it; blanks at its ends, and how many
// stand in a row, do not count.
func (p *Pattern) Matches(answer string) bool {
	parts := strings.Split(p.text, "*")
	answer = blanks(answer)
	rest, found := strings.CutPrefix(answer, parts[0])
	if !found || len(parts) == 1 {
		return found && rest == ""
	}
	for _, part := range parts[1 : len(parts)-1] {
		if _, rest, found = strings.Cut(rest, part); !found {
			return false
		}
	}
	return strings.HasSuffix(rest, parts[len(parts)-1])
}

// ErrorPrefix begins the answer of a word that failed, and the pattern that expects one.
const ErrorPrefix = "error:"

// CheckFailure returns what is wrong when the step's word has failed, with that answer: failed
// itself, or nil where the pattern expects such a failure. Only one that begins with
// [ErrorPrefix] does.
func (p *Pattern) CheckFailure(answer string, failed error) error {
	switch {
	case p == nil || !p.Matches(answer):
		return failed
	case !strings.HasPrefix(p.text, ErrorPrefix):
		return fmt.Errorf("%w (where that is expected, write %q)", failed,
			arrow+" "+ErrorPrefix+" *")
	}
	return nil
}

// Check returns how an answer differs from what is expected of the step's word.
func (p *Pattern) Check(answer string) error {
	if p == nil || p.Matches(answer) {
		return nil
	}
	return fmt.Errorf("expected %q, got %q", p.text, answer)
}

func blanks(text string) string { return strings.Join(strings.Fields(text), " ") }

// isWord reports whether a vocabulary may have the word: it is no hex, and nothing that means
// something else.
func isWord(word string) bool {
	return word != "" && strings.Trim(word, "abcdefghijklmnopqrstuvwxyz-") == "" &&
		!strings.HasPrefix(word, "-") && !isHex(word)
}

// wordOf finds the word that a line begins with.
func (v *Vocabulary) wordOf(line string) (string, bool) {
	line = strings.TrimSpace(line)
	if end := strings.IndexFunc(line, unicode.IsSpace); end >= 0 {
		line = line[:end]
	}
	for _, word := range v.Words {
		if word == line {
			return word, true
		}
	}
	return "", false
}

// parseWord reads a line that begins with a word.
func (v *Vocabulary) parseWord(word, line string) (step Step, err error) {
	step.Word = word
	rest := strings.TrimPrefix(strings.TrimSpace(line), word)
	for {
		rest = strings.TrimLeftFunc(rest, unicode.IsSpace)
		var argument string
		switch {
		case rest == "", rest[0] == '#':
			return step, nil
		case strings.HasPrefix(rest, arrow):
			expected := withoutComment(rest[len(arrow):])
			if slices.Contains(v.Sending, word) {
				step.Expected, err = v.parseExpected(expected)
			} else {
				step.Pattern = &Pattern{blanks(expected)}
			}
			return step, err
		case rest[0] == '"':
			quoted, err := strconv.QuotedPrefix(rest)
			if err != nil {
				return Step{}, syntax("%s: an argument in quotes does not end", word)
			}
			if argument, err = strconv.Unquote(quoted); err != nil {
				return Step{}, syntax("%s: %s: %w", word, apdu.Brief(quoted), err)
			}
			if rest = rest[len(quoted):]; rest != "" && !isBlank(rest[0]) {
				return Step{}, syntax("%s: no blank behind %s", word, apdu.Brief(quoted))
			}
		default:
			end := strings.IndexFunc(rest, unicode.IsSpace)
			if end < 0 {
				end = len(rest)
			}
			argument, rest = rest[:end], rest[end:]
		}
		step.Arguments = append(step.Arguments, argument)
	}
}

const arrow = "->"

func isBlank(b byte) bool { return unicode.IsSpace(rune(b)) && b < 0x80 }

// withoutComment cuts off a comment that follows a blank.
func withoutComment(text string) string {
	for i := range len(text) {
		if text[i] == '#' && (i == 0 || isBlank(text[i-1])) {
			return text[:i]
		}
	}
	return text
}

// wordText is the canonical line of a word.
func (s Step) wordText() string {
	text := s.Word
	for _, a := range s.Arguments {
		isPlain := a != "" && !strings.HasPrefix(a, arrow) && a[0] != '"' && a[0] != '#' &&
			!strings.ContainsFunc(a, func(r rune) bool {
				return unicode.IsSpace(r) || !unicode.IsPrint(r) || r == unicode.ReplacementChar
			})
		if !isPlain {
			a = strconv.Quote(a)
		}
		text += " " + a
	}
	if s.Expected != nil {
		text += " " + arrow + " " + s.Expected.String()
	}
	if s.Pattern != nil {
		text += " " + arrow
		if s.Pattern.text != "" {
			text += " " + s.Pattern.text
		}
	}
	return text
}
