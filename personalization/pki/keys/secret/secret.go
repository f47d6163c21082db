// Package secret reads the passphrases and PINs that protect keys and cards: from a
// file, or from the terminal without echo. Start with [From] for keys; [ReadFile] and
// [Terminal] are its two halves.
//
// It trusts the file system to keep other users away from a file with a secret. No
// error of it repeats a secret.
package secret

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"
)

// Environment names the variable with the path of a passphrase file.
const Environment = "EKRONA_PASSPHRASE_FILE"

// limitBytes bounds a secret: longer files are none.
const limitBytes = 1024

// Errors of this package.
var (
	ErrWrong = errors.New("wrong passphrase or PIN")
	ErrNone  = errors.New("a passphrase is needed: give it with --passphrase-file or " +
		Environment + ", or run the command at a prompt, where it can ask")
)

// Request is what is asked for.
type Request struct {
	Kind string // what it is called: "PIN"; "" is a passphrase
	For  string // what it opens, for a person: "key file root.key"
	New  bool   // a secret to be chosen, not one that exists
}

// Source returns secrets. The caller clears what it returns.
type Source func(ctx context.Context, r Request) ([]byte, error)

// Ask asks the source. A nil source has none.
func (s Source) Ask(ctx context.Context, r Request) ([]byte, error) {
	if s == nil {
		return nil, fmt.Errorf("%s: %w", r.For, ErrNone)
	}
	answer, err := s(ctx, r)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", r.For, err)
	}
	return answer, nil
}

// From is the source of the command line: the file at path; without one, the
// file that [Environment] names; without that, the terminal.
func From(path string) Source {
	return func(ctx context.Context, r Request) ([]byte, error) {
		file := path
		if file == "" {
			file = os.Getenv(Environment)
		}
		if file != "" {
			return ReadFile(file)
		}
		return Terminal(ctx, r)
	}
}

// Once asks the source once for each thing and remembers the answer, for commands that
// open a key more than once. It is for one goroutine.
func Once(source Source) Source {
	known := map[string][]byte{}
	return func(ctx context.Context, r Request) ([]byte, error) {
		if answer, found := known[r.For]; found {
			return bytes.Clone(answer), nil
		}
		answer, err := source(ctx, r)
		if err == nil {
			known[r.For] = bytes.Clone(answer)
		}
		return answer, err
	}
}

// ReadFile reads a secret, the first and only line of a file that its owner alone
// may read. A file that is not there is no fs.ErrNotExist, which is what a key is that
// is not there.
func ReadFile(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("%v", err)
	}
	if info.Mode().IsRegular() && info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("%s: others may read it (mode %o): run chmod 600 on it", path,
			info.Mode().Perm())
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("%v", err)
	}
	content, err := io.ReadAll(io.LimitReader(file, limitBytes+1))
	if err = errors.Join(err, file.Close()); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	line, rest, _ := bytes.Cut(content, []byte("\n"))
	line = bytes.TrimSuffix(line, []byte("\r"))
	if len(line) == 0 || len(rest) > 0 || len(content) > limitBytes {
		return nil, fmt.Errorf("%s: it must hold one line of at most %d bytes", path, limitBytes)
	}
	return line, nil
}

// Terminal asks at the terminal, without echo, a new secret twice. Without a terminal
// it answers [ErrNone].
func Terminal(ctx context.Context, r Request) ([]byte, error) {
	if r.Kind == "" {
		r.Kind = "passphrase"
	}
	if !r.New {
		return prompt(ctx, r.Kind+" for "+r.For)
	}
	first, err := prompt(ctx, "new "+r.Kind+" for "+r.For)
	if err != nil {
		return nil, err
	}
	second, err := prompt(ctx, "the same again")
	if err != nil {
		return nil, err
	}
	defer clear(second)
	if !bytes.Equal(first, second) {
		return nil, fmt.Errorf("the two entered for the new %s differ: start again", r.Kind)
	}
	return first, nil
}

// prompt reads one line. Interrupted, it leaves the terminal with its echo; the
// reader that waits then ends with the program.
func prompt(ctx context.Context, text string) ([]byte, error) {
	input := int(os.Stdin.Fd())
	before, err := term.GetState(input)
	if err != nil {
		return nil, ErrNone // not a terminal
	}
	type answer struct {
		line []byte
		err  error
	}
	answers := make(chan answer, 1)
	fmt.Fprint(os.Stderr, strings.ToUpper(text[:1])+text[1:]+": ")
	go func() {
		line, err := term.ReadPassword(input)
		answers <- answer{line, err}
	}()
	select {
	case <-ctx.Done():
		return nil, errors.Join(ctx.Err(), term.Restore(input, before))
	case a := <-answers:
		fmt.Fprintln(os.Stderr)
		if a.err != nil {
			return nil, fmt.Errorf("reading from the terminal: %w", a.err)
		}
		if len(a.line) == 0 {
			return nil, errors.New("nothing entered")
		}
		return a.line, nil
	}
}
