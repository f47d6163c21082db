package adapter

import (
	"strings"
	"unicode/utf16"

	"github.com/google/go-dap"
)

// vsCode is the client that takes where a completion starts from 0, whatever it has asked for, and
// goes by the length alone where no start is said.
const vsCode = "vscode"

// complete says what may stand at the caret of the console: a name of an expression, and a line of
// the shell while no command is in progress.
func (s *server) complete(m *dap.CompletionsRequest) {
	r := &dap.CompletionsResponse{Response: response(m)}
	r.Body.Targets = []dap.CompletionItem{}
	lines := strings.Split(m.Arguments.Text, "\n")
	line := utf16.Encode([]rune(lines[min(max(0, m.Arguments.Line-1), len(lines)-1)]))
	caret := min(max(0, m.Arguments.Column-1), len(line))
	typed := string(utf16.Decode(line[:caret]))
	from, names := s.looking().Suggest(s.scope(m.Arguments.FrameId), typed)
	r.Body.Targets = append(r.Body.Targets, s.items(typed, from, names)...)
	if !s.stand.Within && !s.done {
		from := strings.LastIndexAny(typed, " \t") + 1
		for _, whole := range s.player.Bench.Complete(typed) {
			word := []string{strings.TrimRight(whole[from:], " ")}
			r.Body.Targets = append(r.Body.Targets, s.items(typed, from, word)...)
		}
	}
	s.send(r)
}

// items are the names that begin as what is typed from an index on, for the client.
func (s *server) items(typed string, from int, names []string) (list []dap.CompletionItem) {
	units := func(text string) int { return len(utf16.Encode([]rune(text))) }
	last := typed[from:]
	for _, name := range names {
		if len(name) < len(last) || !strings.EqualFold(name[:len(last)], last) {
			continue
		}
		item := dap.CompletionItem{Label: name, Length: units(last)}
		if s.client != vsCode {
			item.Start = units(typed[:from]) + 1
		}
		list = append(list, item)
	}
	return list
}
