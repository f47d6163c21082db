package cli

import (
	"context"
	"errors"
	"fmt"
	"os"

	"ekrona.example/personalization/pki/keys/secret"
)

// HolderSecret is where a PIN or a PUK comes from: never the command line, which all users
// of a machine can read.
type HolderSecret struct {
	Kind        string // "PIN"
	Flag        string // with a file
	File        string
	Environment string
	Chosen      bool // a new one, asked for twice
}

// Given reports whether it is known without a prompt.
func (s HolderSecret) Given() bool { return s.File != "" || os.Getenv(s.Environment) != "" }

// Read returns the digits: from the file, the environment, the PIN letter if it has any, or
// a prompt.
func (s HolderSecret) Read(ctx context.Context, letter string) (string, error) {
	switch {
	case s.File != "":
		digits, err := secret.ReadFile(s.File)
		if err != nil {
			return "", fmt.Errorf("%s: %w", s.Flag, err)
		}
		return string(digits), nil
	case os.Getenv(s.Environment) != "":
		return os.Getenv(s.Environment), nil
	case letter != "":
		return letter, nil
	}
	digits, err := secret.Terminal(ctx,
		secret.Request{Kind: s.Kind, For: "the card", New: s.Chosen})
	if errors.Is(err, secret.ErrNone) {
		return "", Usage("the card's %s is needed: give it with %s FILE or in %s, or run the "+
			"command at a prompt, where it can ask", s.Kind, s.Flag, s.Environment)
	}
	return string(digits), err
}

// PlainPINFlag allows a PIN to go to a card in a PC/SC reader in clear, in all commands.
// Whether the card accepts it is up to its policy: flag PLAINTEXT_PIN.
const (
	PlainPINFlag  = "plain-pin"
	PlainPINUsage = "allow PIN and PUK to go to a card in a reader in clear"
)

// PlainPIN is the error of a command that would send a PIN in clear and may not. why gives
// the reason why it is not enciphered, and what else to do.
func PlainPIN(why string) error {
	return Usage("the PIN would go to the card in clear: %s add --%s if nobody can listen to "+
		"this reader", why, PlainPINFlag)
}
