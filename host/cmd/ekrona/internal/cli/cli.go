// Package cli holds what the commands of ekrona share: exit codes, groups, answers for a
// person or a script, the card that a command line names, PINs and PUKs. Start at
// [CardFlags], [HolderSecret] and [Answer].
//
// It trusts the command line. Secrets come from a file, the environment or a prompt, and
// never from the command line, which all users of a machine can read.
//
// Every command that ends with an answer has --json, and answers all of them in one way:
//
//   - Standard output holds one JSON value and nothing else, an object, or an array where
//     the command lists; what happens meanwhile is on standard error. A command that reports
//     until it is stopped writes one object for each event.
//   - Keys are lower_snake_case. Nothing is a key that is no name of a field: what a text
//     names is an element of an array.
//   - Amounts of money are integers in keys that end in _ore; a time that something took is
//     in one that ends in seconds or in _us (microseconds).
//   - Bytes are hex in a string, dates YYYY-MM-DD, files are named as on the command line.
//   - An error is a line on standard error, with or without an answer; the exit code says
//     whether the thing was done.
package cli

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"ekrona.example/apdu"
)

// Exit codes, for scripts.
const (
	ExitFailed   = 1 // not done
	ExitUsage    = 2 // the command line is wrong
	ExitViolated = 3 // done, and an invariant of the protocol does not hold
)

// exitError is an error with an exit code of its own.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string { return e.err.Error() }
func (e *exitError) Unwrap() error { return e.err }

// Exit gives an error an exit code.
func Exit(code int, err error) error { return &exitError{code, err} }

// Code is the exit code of an error: 0 without one, ExitFailed for one that has none.
func Code(err error) int {
	var exit *exitError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &exit):
		return exit.code
	}
	return ExitFailed
}

// Usage marks an error of the command line.
func Usage(format string, arguments ...any) error {
	return Exit(ExitUsage, fmt.Errorf(format, arguments...))
}

// FlagFile is the error of a flag that names a file: wrong usage if the file cannot be opened.
func FlagFile(flag string, err error) error {
	err = fmt.Errorf("%s: %w", flag, err)
	if _, unread := errors.AsType[*fs.PathError](err); unread {
		return Exit(ExitUsage, err)
	}
	return err
}

// OpenFile opens the file that a flag names for reading. The error is one of usage: what cannot be
// opened, and what is a folder.
func OpenFile(flag, path string) (*os.File, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, FlagFile(flag, err)
	}
	if info, err := file.Stat(); err == nil && info.IsDir() {
		_ = file.Close()
		return nil, Usage("%s: %s is a folder: name a file", flag, path)
	}
	return file, nil
}

// OpenInput is OpenFile, or standard input for "-".
func OpenInput(c *cobra.Command, flag, path string) (io.ReadCloser, error) {
	if path == "-" {
		return io.NopCloser(c.InOrStdin()), nil
	}
	return OpenFile(flag, path)
}

// ReadText reads what [OpenInput] opens.
func ReadText(c *cobra.Command, flag, path string) (string, error) {
	in, err := OpenInput(c, flag, path)
	if err != nil {
		return "", err
	}
	text, err := io.ReadAll(in)
	return string(text), errors.Join(err, in.Close())
}

// CheckFolder refuses what a flag names and is no folder; "" is none that is named.
func CheckFolder(flag, path string) error {
	if path == "" {
		return nil
	}
	info, err := os.Stat(path)
	if err != nil {
		return FlagFile(flag, err)
	}
	if !info.IsDir() {
		return Usage("%s: %s is no folder", flag, path)
	}
	return nil
}

// Group is a command that only holds others.
func Group(use, short string, commands ...*cobra.Command) *cobra.Command {
	c := &cobra.Command{
		Use: use, Short: short,
		RunE: func(c *cobra.Command, arguments []string) error {
			if len(arguments) > 0 {
				return Usage(
					"%s: no command %q; see %q",
					c.CommandPath(),
					apdu.Brief(arguments[0]),
					c.CommandPath()+" --help",
				)
			}
			return c.Help()
		},
	}
	c.AddCommand(commands...)
	return c
}

// Exactly demands n arguments; what describes them.
func Exactly(n int, what string) cobra.PositionalArgs {
	return func(c *cobra.Command, arguments []string) error {
		if len(arguments) != n {
			return Usage("%s takes %s; see %q", c.CommandPath(), what, c.CommandPath()+" --help")
		}
		return nil
	}
}

// Together refuses flags that a command line gives and that change nothing there: why says with
// what they go.
func Together(c *cobra.Command, why string, flags ...string) error {
	for _, name := range flags {
		if f := c.Flags().Lookup(name); f != nil && f.Changed {
			return Usage("--%s: %s", name, why)
		}
	}
	return nil
}

// Alone refuses every flag but those that are named.
func Alone(c *cobra.Command, why string, flags ...string) error {
	var err error
	c.Flags().Visit(func(f *pflag.Flag) {
		if err == nil && !slices.Contains(flags, f.Name) {
			err = Usage("--%s: %s", f.Name, why)
		}
	})
	return err
}
