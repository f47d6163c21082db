package adapter

import (
	"testing"

	"github.com/google/go-dap"
	"github.com/stretchr/testify/assert"
)

// completions are what may stand behind a text, and the text with the first of it in its place.
func (c *client) completions(text string, column int) (labels []string, first string) {
	c.t.Helper()
	m := &dap.CompletionsRequest{Request: c.request("completions")}
	m.Arguments = dap.CompletionsArguments{FrameId: 1, Text: text, Column: column}
	answer := c.ask(m).(*dap.CompletionsResponse)
	for i, item := range answer.Body.Targets {
		labels = append(labels, item.Label)
		if i == 0 {
			first = text[:item.Start-1] + item.Label + text[item.Start-1+item.Length:]
		}
	}
	return labels, first
}

// TestCompletionAtTheConsole: names of expressions where the card stands, in a method or between
// two lines, and lines of the shell there.
func TestCompletionAtTheConsole(t *testing.T) {
	c := launched(t, script, nil)
	c.configure()
	c.breakAt(c.source, 101)
	c.breakAt(dap.Source{Path: c.script}, 4)
	c.configured()
	c.stopped("breakpoint")
	for text, want := range map[string]string{
		"am": "amount", "amount + ba": "amount + balance", "this.ba": "this.balance",
		"log[nex": "log[next", "pin.l": "pin.limit", "AMOU": "amount",
		"'APDU": "'APDU buffer'",
	} {
		_, line := c.completions(text, len(text)+1)
		assert.Equal(t, want, line, text)
	}
	labels, line := c.completions("ba > 3", 3)
	assert.Equal(t, []string{"balance"}, labels)
	assert.Equal(t, "balance > 3", line, "what is behind the caret stays")
	for _, text := range []string{"sele", "nothing.", "(1+2).", "\u00e5", "12"} {
		labels, _ = c.completions(text, len(text)+1)
		assert.Empty(t, labels, text)
	}
	for _, column := range []int{-1, 0, 1, 99} {
		_, _ = c.completions("b\u00e5\U0001F600", column)
	}
	c.goOn()
	c.stopped("breakpoint")
	for text, want := range map[string]string{
		"sele": "select", "dump n": "dump nvm", "PurseApplet.bal": "PurseApplet.balance",
		"break PurseApplet.credit if am": "break PurseApplet.credit if amount",
	} {
		_, line := c.completions(text, len(text)+1)
		assert.Equal(t, want, line, text)
	}
	c.bye()
}

// TestWhereCompletionsStart: VS Code is told the length alone.
func TestWhereCompletionsStart(t *testing.T) {
	for client, want := range map[string]dap.CompletionItem{
		"":     {Label: "select", Start: 6, Length: 4},
		vsCode: {Label: "select", Length: 4},
	} {
		s := &server{client: client}
		assert.Equal(t, []dap.CompletionItem{want},
			s.items("dump sele", 5, []string{"cut", "select"}))
	}
}
