package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"ekrona/personalization/pki/keys/secret"
)

// holderSecret is where a PIN or a PUK comes from. None is ever on a command line,
// which all users of a machine can read.
type holderSecret struct {
	kind        string // "PIN"
	flag        string // with a file
	file        string
	environment string
	chosen      bool // a new one, asked for twice
}

// given tells whether it can be had without asking.
func (s holderSecret) given() bool { return s.file != "" || os.Getenv(s.environment) != "" }

// read brings the digits: from the file, the environment, the letter if it has any, or
// the terminal.
func (s holderSecret) read(ctx context.Context, letter string) (string, error) {
	switch {
	case s.file != "":
		digits, err := secret.ReadFile(s.file)
		if err != nil {
			return "", fmt.Errorf("%s: %w", s.flag, err)
		}
		return string(digits), nil
	case os.Getenv(s.environment) != "":
		return os.Getenv(s.environment), nil
	case letter != "":
		return letter, nil
	}
	digits, err := secret.Terminal(ctx, secret.Request{Kind: s.kind, For: "the card", New: s.chosen})
	if errors.Is(err, secret.ErrNone) {
		return "", usage("the card's %s is needed: give it with %s FILE or in %s, or work at a terminal", s.kind, s.flag, s.environment)
	}
	return string(digits), err
}
