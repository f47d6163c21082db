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

	"ekrona.example/host/durable"
	"ekrona.example/host/shell"
)

// interact does the lines that a person types. A line that fails ends nothing.
func (f *flags) interact(c *cobra.Command, s *shell.Session) error {
	history, err := historyFile()
	if err != nil {
		return err
	}
	usual, err := liner.TerminalMode()
	if err != nil {
		return fmt.Errorf("terminal: %w", err)
	}
	editor := liner.NewLiner()
	defer editor.Close()
	editor.SetCtrlCAborts(true)
	editor.SetTabCompletionStyle(liner.TabPrints)
	editor.SetCompleter(s.Complete)
	editing, err := liner.TerminalMode()
	if err != nil {
		return fmt.Errorf("terminal: %w", err)
	}
	if err := read(editor, history); err != nil {
		return err
	}
	if err := usual.ApplyMode(); err != nil {
		return fmt.Errorf("terminal: %w", err)
	}
	fmt.Fprintf(c.OutOrStdout(), "%s, ATR %X; \"help\" lists the words, \"quit\" ends\n",
		s.Target().Where, s.Target().ATR)
	for !s.Ended() {
		if err := editing.ApplyMode(); err != nil {
			return fmt.Errorf("terminal: %w", err)
		}
		line, err := ask(c.Context(), editor, s.Prompt())
		if failed := usual.ApplyMode(); failed != nil { // a word may ask for a secret itself
			return fmt.Errorf("terminal: %w", failed)
		}
		switch {
		case errors.Is(err, io.EOF):
			fmt.Fprintln(c.OutOrStdout())
			return nil
		case errors.Is(err, liner.ErrPromptAborted):
			continue
		case err != nil:
			return err
		}
		if err := keep(editor, s.Masked(line), history); err != nil {
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
	return nil
}

// ask reads one line, until the context ends.
func ask(ctx context.Context, editor *liner.State, prompt string) (string, error) {
	type typed struct {
		line string
		err  error
	}
	got := make(chan typed, 1)
	go func() {
		line, err := editor.Prompt(prompt)
		got <- typed{line, err}
	}()
	select {
	case <-ctx.Done():
		return "", ctx.Err()
	case t := <-got:
		return t.line, t.err
	}
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
