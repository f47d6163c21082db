package shell

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Words are the words of every session.
func Words() []Word {
	return slices.Concat([]Word{
		{Name: "help", Usage: "help [WORD]", Help: "list the words, or say what one does",
			Complete: func(s *Session, _ []string, _ string) []string { return s.names.Words },
			Run:      help},
	}, cardWords(), contentWords())
}

func help(_ context.Context, s *Session, arguments []string) (Answer, error) {
	if len(arguments) > 1 {
		return Answer{}, Usage("one word at most")
	}
	type row struct {
		Word  string `json:"word"`
		Usage string `json:"usage"`
		Help  string `json:"help"`
	}
	rows, names, text := []row{}, []string{}, &strings.Builder{}
	for _, w := range s.words {
		if len(arguments) == 0 || arguments[0] == w.Name {
			rows, names = append(rows, row{w.Name, w.Usage, w.Help}), append(names, w.Name)
			fmt.Fprintf(text, "%-*s %s\n", usageWidth, w.Usage, w.Help)
		}
	}
	if len(rows) == 0 {
		return Answer{}, fmt.Errorf("there is no word %q; help lists them", arguments[0])
	}
	line := strings.Join(names, " ")
	if len(arguments) == 1 {
		line = rows[0].Usage + ": " + rows[0].Help
	} else {
		text.WriteString("\n" + grammar)
	}
	return Answer{Line: line, Text: text.String(), Value: rows}, nil
}

// usageWidth aligns what words do.
const usageWidth = 40

// grammar is what a line may be beside a word.
const grammar = `Any other line is a command, sent exactly as it is: an APDU in hex, or a name with its options.

  00 A4 04 00 07 A0000000031010 00        hex, with blanks where you like
  VERIFY plaintext data=241234FFFFFFFFFF  a name, in either case; cla=, p1=, p2=, data=, ne=, extended
  00840000 08 -> 9000 : ????????????????  what must come: status words, "x" for any digit, names of
                                          status words, "|" between them; data, "??" any byte, "*" more
  80600012 00 -> none                     no answer must come, as after cut
  cut 3 -> ok                             what a word must answer, "*" for anything
  # a comment                             at the end of a line too
`

// nothing demands that a word gets no arguments.
func nothing(arguments []string) error {
	if len(arguments) > 0 {
		return Usage("it takes nothing")
	}
	return nil
}

// number reads the only argument as a number from least on.
func number(arguments []string, least int, what string) (int, error) {
	if len(arguments) == 1 {
		if n, err := strconv.Atoi(arguments[0]); err == nil && n >= least {
			return n, nil
		}
	}
	return 0, Usage("%s, %d or more", what, least)
}
