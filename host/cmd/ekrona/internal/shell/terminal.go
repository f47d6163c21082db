package shell

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/peterh/liner"
	"github.com/spf13/cobra"

	"ekrona/host/durable"
	"ekrona/host/shell"
)

// interact does the lines that a person types. A line that fails ends nothing.
func (f *flags) interact(c *cobra.Command, s *shell.Session) error {
	history, err := historyFile()
	if err != nil {
		return err
	}
	fmt.Fprintf(c.OutOrStdout(), "%s, ATR %X; \"help\" lists the words, Ctrl-D ends\n",
		s.Target().Where, s.Target().ATR)
	for {
		line, err := f.ask(c.Context(), s, history)
		switch {
		case errors.Is(err, io.EOF):
			fmt.Fprintln(c.OutOrStdout())
			return nil
		case errors.Is(err, liner.ErrPromptAborted):
			continue
		case err != nil:
			return err
		}
		r := s.Execute(c.Context(), line)
		if r.Blank {
			continue
		}
		f.done(r)
		if _, err := io.WriteString(c.OutOrStdout(), s.Text(r)); err != nil {
			return err
		}
		if err := c.Context().Err(); err != nil {
			return err
		}
	}
}

// ask reads one line. The terminal is as it was before and after, so that a word may ask for a
// secret itself.
func (f *flags) ask(ctx context.Context, s *shell.Session, history string) (string, error) {
	editor := liner.NewLiner()
	defer editor.Close()
	editor.SetCtrlCAborts(true)
	editor.SetTabCompletionStyle(liner.TabPrints)
	editor.SetCompleter(s.Complete)
	file, err := os.Open(history)
	if err == nil {
		_, err = editor.ReadHistory(file)
		err = errors.Join(err, file.Close())
	}
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return "", fmt.Errorf("history: %w", err)
	}
	type typed struct {
		line string
		err  error
	}
	got := make(chan typed, 1)
	go func() {
		line, err := editor.Prompt(s.Prompt())
		got <- typed{line, err}
	}()
	select {
	case <-ctx.Done():
		return "", ctx.Err()
	case t := <-got:
		if t.err != nil {
			return "", t.err
		}
		return t.line, keep(editor, s.Masked(t.line), history)
	}
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
