package shell

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"ekrona.example/apdu"
)

// Words are the words of every session.
func Words() []Word {
	return slices.Concat([]Word{
		{Name: "help", Usage: "help [WORD|COMMAND]",
			Help: "list the words and how lines are written, or say what one takes",
			Complete: func(s *Session, before []string, _ string) []string {
				if len(before) == 0 {
					return append(slices.Clone(s.names.Words), s.titles("")...)
				}
				return s.titles(strings.Join(before, " "))
			},
			Run: help},
		{Name: "quit", Usage: "quit", Help: "end the session", Run: quit},
	}, cardWords(), contentWords(), secureWords(), seedWords())
}

// helpRow is a word for a program.
type helpRow struct {
	Word  string `json:"word"`
	Usage string `json:"usage"`
	Help  string `json:"help"`
}

func help(_ context.Context, s *Session, arguments []string) (Answer, error) {
	if len(arguments) > 0 {
		return s.helpWith(strings.Join(arguments, " "))
	}
	rows, names, text := []helpRow{}, []string{}, &strings.Builder{}
	for _, w := range s.words {
		rows, names = append(rows, helpRow{w.Name, w.Usage, w.Help}), append(names, w.Name)
		fmt.Fprintf(text, "%-*s %s\n", usageWidth, w.Usage, w.Help)
	}
	text.WriteString("\n" + grammar)
	return Answer{Line: strings.Join(names, " "), Text: text.String(), Value: rows}, nil
}

// helpWith says what one word does, or which options a command has.
func (s *Session) helpWith(name string) (Answer, error) {
	if w, found := s.find(name); found {
		return Answer{Line: w.Usage + ": " + w.Help, Value: helpRow{w.Name, w.Usage, w.Help}}, nil
	}
	for _, c := range s.names.Commands {
		if !strings.EqualFold(c.Title, name) {
			continue
		}
		text := &strings.Builder{}
		fmt.Fprintf(text, "%s  %v\n", c.Title, c.Command)
		for _, f := range c.Fields {
			fmt.Fprintf(text, "  %-*s %s\n", usageWidth, f.Name+"=", f.Help)
		}
		options := c.Options()
		return Answer{Line: c.Title + " " + strings.Join(options, " "), Text: text.String(),
			Value: options}, nil
	}
	return Answer{}, fmt.Errorf("there is no word and no command %q; help lists the words, Tab "+
		"the commands", apdu.Brief(name))
}

func quit(_ context.Context, s *Session, arguments []string) (Answer, error) {
	if err := Nothing(arguments); err != nil {
		return Answer{}, err
	}
	s.ended = true
	return OK, nil
}

// usageWidth aligns what words do.
const usageWidth = 40

// grammar is what a line may be beside a word.
const grammar = `Any other line is a command, sent exactly as it is: an APDU in hex, or a name with its options.

  00 A4 04 00 07 A0000000031010 00        hex, with blanks where you like
  VERIFY plaintext data=241234FFFFFFFFFF  a name, in either case; cla=, p1=, p2=, data=, ne=, extended
  READ RECORD sfi=1 record=2              fields of its own: "help READ RECORD" lists them
  00840000 08 -> 9000 : ????????????????  what must come: status words, "x" for any digit, names of
                                          status words, "|" between them; data, "??" any byte, "*" more
  80600012 00 -> none                     no answer must come, as after cut
  select A000000003 -> 9000               select and verify are answered by the card, as commands
  cut 3 -> ok                             what another word must answer, "*" for anything
  load x.cap -> error: *                  that it must fail: nothing else covers a failure
  # a comment                             at the end of a line too
`

// Nothing demands that a word gets no arguments.
func Nothing(arguments []string) error {
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
