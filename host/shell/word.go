package shell

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"ekrona.example/apdu"
	"ekrona.example/apdu/script"
)

// Word is what a line may begin with beside a command.
type Word struct {
	Name  string // in lower case, no hex
	Usage string // the word with its arguments, such as "cut N"
	Help  string // one line
	// Secret is the number of an argument, from 1, that no history may keep; 0 for none.
	Secret int
	// Plain reports that the arguments are what the word takes, and so no secret typed where none
	// belongs: a history keeps none of the others. Nil for a word beside which nobody types one.
	Plain func(arguments []string) bool
	// Line is where among the arguments a line of its own begins, whose secrets no history keeps;
	// nil where none does.
	Line func(arguments []string) int
	// Sends reports that the word sends one command: its answer is the card's, and behind "->"
	// stands what stands behind a command. Run is [Session.Exchange] then.
	Sends bool
	// Complete returns what the last argument, of which last is typed, may be; nil for a word
	// that knows of nothing. What does not begin with last is left out by the caller.
	Complete func(s *Session, before []string, last string) []string
	// Run does it. An error is shown in place of the answer; [Usage] makes that of wrong
	// arguments.
	Run func(ctx context.Context, s *Session, arguments []string) (Answer, error)
}

// Answer is what a word answers.
type Answer struct {
	// Line is the answer in one line, which scripts expect and a pipe gets. Blanks in a row,
	// line breaks too, count as one blank.
	Line string
	// Text is the answer for a person, in lines; Line if empty.
	Text string
	// Value is the answer for a program, as encoding/json writes it; Line if nil.
	Value any

	sent *sent // by a word that sends a command
}

// sent is a command that a word has sent, and its response.
type sent struct {
	command  apdu.Command
	response apdu.Response
}

// unanswered is the error of a command that was sent, and to which no answer came.
type unanswered struct{ error }

func (u unanswered) Unwrap() error { return u.error }

// OK is the answer of words that have nothing to say.
var OK = Answer{Line: "ok"}

// errUsage marks wrong arguments.
var errUsage = errors.New("usage")

// Usage is the error of a word that got arguments that it does not take; its usage is added.
func Usage(format string, arguments ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{errUsage}, arguments...)...)
}

// find finds a word of the session's table.
func (s *Session) find(name string) (Word, bool) {
	for _, w := range s.words {
		if w.Name == name {
			return w, true
		}
	}
	return Word{}, false
}

// joined is a table in the order of the words; of two with one name the later one counts.
func joined(words []Word) []Word {
	byName := map[string]Word{}
	for _, w := range words {
		byName[w.Name] = w
	}
	table := make([]Word, 0, len(byName))
	for _, w := range byName {
		table = append(table, w)
	}
	slices.SortFunc(table, func(a, b Word) int { return cmp.Compare(a.Name, b.Name) })
	return table
}

// Language is what lines may have: what applications call their commands, the words of a table,
// and bytes that are no command.
func Language(names script.Vocabulary, words []Word) script.Vocabulary {
	names.Malformed, names.Words, names.Sending = true, nil, nil
	for _, w := range joined(words) {
		names.Words = append(names.Words, w.Name)
		if w.Sends {
			names.Sending = append(names.Sending, w.Name)
		}
	}
	return names
}

// run runs a word.
func (s *Session) run(ctx context.Context, w Word, arguments []string) (Answer, error) {
	answer, err := w.Run(ctx, s, arguments)
	if errors.Is(err, errUsage) {
		return answer, fmt.Errorf("%s: %s; it is %q", w.Name,
			strings.TrimPrefix(err.Error(), errUsage.Error()+": "), w.Usage)
	}
	if err != nil {
		return answer, err
	}
	answer.Line = strings.Join(strings.Fields(answer.Line), " ")
	return answer, nil
}

// sends reports whether a word sends one command.
func (s *Session) sends(name string) bool {
	w, _ := s.find(name)
	return w.Sends
}
