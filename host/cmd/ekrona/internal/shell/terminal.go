package shell

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"

	"github.com/peterh/liner"
	"github.com/spf13/cobra"
	"golang.org/x/term"

	"ekrona.example/host/durable"
	"ekrona.example/host/shell"
)

// errInterrupted is what Ctrl-C makes of a line that is at work.
var errInterrupted = errors.New("interrupted")

// typing is a terminal at which lines are typed.
type typing struct {
	editor         *liner.State
	usual, editing liner.ModeApplier
	history        string
	interrupts     chan os.Signal
}

// interact does the lines that a person types. A line that fails ends nothing, and neither does
// Ctrl-C: it ends the line that is typed, or is at work. Pressed again before that has ended, it
// ends the program, for a reader may never answer.
func (f *flags) interact(c *cobra.Command, s *shell.Session) error {
	t, err := newTyping(s)
	if err != nil {
		return err
	}
	defer t.editor.Close()
	if t.edits() {
		f.prompt = t.secret
	}
	signal.Reset(os.Interrupt) // which ended the program until now
	signal.Notify(t.interrupts, os.Interrupt)
	fmt.Fprintf(c.OutOrStdout(), "%s, ATR %X; \"help\" lists the words, \"quit\" ends\n",
		s.Target().Where, s.Target().ATR)
	for !s.Ended() {
		ends, err := f.turn(c, s, t)
		if err != nil || ends {
			return err
		}
	}
	return nil
}

// turn does the next line; at the end of the input it reports that it was the last.
func (f *flags) turn(c *cobra.Command, s *shell.Session, t *typing) (ends bool, err error) {
	line, err := t.line(c.Context(), s.Prompt())
	switch {
	case errors.Is(err, io.EOF):
		fmt.Fprintln(c.OutOrStdout())
		return true, nil
	case errors.Is(err, liner.ErrPromptAborted):
		return false, nil
	case err != nil:
		return true, err
	}
	if err := keep(t.editor, s.Masked(line), t.history); err != nil {
		return true, err
	}
	var r shell.Result
	interrupted := t.work(c.Context(), func(ctx context.Context) { r = s.Execute(ctx, line) })
	if r.Blank {
		return false, nil
	}
	if interrupted && errors.Is(r.Failed, context.Canceled) {
		r.Failed = errInterrupted
		ends = f.waits
	}
	f.done(r)
	if _, err := io.WriteString(c.OutOrStdout(), s.Text(r)); err != nil {
		return true, err
	}
	if ends {
		return true, errInterrupted
	}
	return false, c.Context().Err()
}

// work does something until Ctrl-C, and reports whether that was pressed. Pressed again it ends the
// program.
func (t *typing) work(ctx context.Context, do func(context.Context)) (interrupted bool) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		select {
		case <-t.interrupts:
			interrupted = true
			signal.Reset(os.Interrupt)
			cancel()
		case <-done:
		}
	}()
	do(ctx)
	close(done)
	<-ended
	signal.Notify(t.interrupts, os.Interrupt)
	return interrupted
}

// newTyping readies the terminal, which it leaves as it was.
func newTyping(s *shell.Session) (*typing, error) {
	history, err := historyFile()
	if err != nil {
		return nil, err
	}
	t := &typing{history: history, interrupts: make(chan os.Signal, 1)}
	if t.usual, err = liner.TerminalMode(); err != nil {
		return nil, fmt.Errorf("terminal: %w", err)
	}
	t.editor = liner.NewLiner()
	t.editor.SetCtrlCAborts(true)
	t.editor.SetTabCompletionStyle(liner.TabPrints)
	t.editor.SetCompleter(s.Complete)
	if t.editing, err = liner.TerminalMode(); err == nil {
		err = t.usual.ApplyMode()
	}
	if err != nil {
		err = fmt.Errorf("terminal: %w", err)
	} else {
		err = read(t.editor, history)
	}
	if err != nil {
		return nil, errors.Join(err, t.editor.Close())
	}
	return t, nil
}

// edits reports whether lines are edited here, and Ctrl-C is a key.
func (t *typing) edits() bool {
	columns, _, err := term.GetSize(int(os.Stdin.Fd()))
	return err == nil && columns > 0 && liner.TerminalSupported()
}

// line reads one line, until the context ends.
func (t *typing) line(ctx context.Context, prompt string) (string, error) {
	type typed struct {
		line string
		err  error
	}
	if err := t.editing.ApplyMode(); err != nil {
		return "", fmt.Errorf("terminal: %w", err)
	}
	interrupts := t.interrupts
	if t.edits() { // Ctrl-C is a key until the line is whole, and meant for its work then
		interrupts = nil
		select {
		case <-t.interrupts:
		default:
		}
	}
	got := make(chan typed, 1)
	go func() {
		line, err := t.editor.Prompt(prompt)
		got <- typed{line, err}
	}()
	for {
		select {
		case <-ctx.Done():
			return "", errors.Join(ctx.Err(), t.usual.ApplyMode())
		case <-interrupts: // the terminal has dropped what was typed
			fmt.Print("\n", prompt)
		case answer := <-got:
			if err := t.usual.ApplyMode(); err != nil { // a word may ask for a secret itself
				return "", fmt.Errorf("terminal: %w", err)
			}
			return answer.line, answer.err
		}
	}
}

// secret asks for a PIN by the editor, so that nothing else waits for what is typed after Ctrl-C.
func (t *typing) secret(prompt string) (string, error) {
	if err := t.editing.ApplyMode(); err != nil {
		return "", fmt.Errorf("terminal: %w", err)
	}
	answer, err := t.editor.PasswordPrompt(prompt)
	switch {
	case errors.Is(err, liner.ErrPromptAborted):
		err = errInterrupted
	case errors.Is(err, io.EOF) || err == nil && answer == "":
		err = errors.New("nothing entered")
	}
	return answer, errors.Join(err, t.usual.ApplyMode())
}

// read reads the history that is kept.
func read(editor *liner.State, history string) error {
	file, err := os.Open(history)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err == nil {
		_, err = editor.ReadHistory(file)
		err = errors.Join(err, file.Close())
	}
	if err != nil {
		return fmt.Errorf("history: %w", err)
	}
	return nil
}

// keep adds a line to the history.
func keep(editor *liner.State, line, history string) error {
	if line == "" {
		return nil
	}
	editor.AppendHistory(line)
	var content writer
	if _, err := editor.WriteHistory(&content); err != nil {
		return fmt.Errorf("history: %w", err)
	}
	return durable.Replace(history, content, durable.OwnerOnly)
}

// writer is bytes that grow.
type writer []byte

func (w *writer) Write(p []byte) (int, error) {
	*w = append(*w, p...)
	return len(p), nil
}

// historyFile is where the lines of shells are kept, of all of them.
func historyFile() (string, error) {
	folder, err := os.UserConfigDir()
	if err != nil {
		return "", fmt.Errorf("history: %w", err)
	}
	folder = filepath.Join(folder, "ekrona")
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return "", fmt.Errorf("history: %w", err)
	}
	return filepath.Join(folder, "shell-history"), nil
}
