package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"sync"

	"github.com/spf13/cobra"

	"ekrona.example/host/audit"
)

// JSONFlag adds the flag of commands that answer as JSON too.
func JSONFlag(c *cobra.Command, asJSON *bool) {
	c.Flags().BoolVar(asJSON, "json", false, "answer as JSON")
}

// Answer prints one line for a person, or a value for a script.
func Answer(c *cobra.Command, asJSON bool, value any, format string, arguments ...any) error {
	if asJSON {
		return WriteJSON(c.OutOrStdout(), value)
	}
	_, err := fmt.Fprintf(c.OutOrStdout(), format+"\n", arguments...)
	return err
}

// WriteJSON writes a value for a script.
func WriteJSON(out io.Writer, v any) error {
	encoder := json.NewEncoder(out)
	encoder.SetIndent("", "  ")
	return encoder.Encode(v)
}

// TemporaryFolder makes a folder for one run. remove deletes it.
func TemporaryFolder() (folder string, remove func() error, err error) {
	folder, err = os.MkdirTemp("", "ekrona-")
	return folder, func() error { return os.RemoveAll(folder) }, err
}

// Violated is the error of books in which invariants do not hold, nil if all hold.
func Violated(violations []audit.Violation) error {
	if len(violations) == 0 {
		return nil
	}
	return Exit(
		ExitViolated,
		fmt.Errorf(
			"%d violation(s) of the protocol, the first: %s",
			len(violations),
			violations[0],
		),
	)
}

// Locked is a writer for several that write at the same time.
func Locked(out io.Writer) io.Writer { return &locked{out: out} }

type locked struct {
	mu  sync.Mutex
	out io.Writer
}

// Write implements io.Writer.
func (l *locked) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.out.Write(p)
}
