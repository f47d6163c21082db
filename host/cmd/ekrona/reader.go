package main

import (
	"context"

	"github.com/spf13/cobra"

	"ekrona/apdu"
	"ekrona/apdu/trace"
)

// cardFlags say which card a command works on. Whatever holds it, a command sees an
// [apdu.Card] and nothing else.
type cardFlags struct {
	file   string
	traced bool

	// makeBlank has a virtual card made when there is none in the file, for commands
	// that begin with a blank one.
	makeBlank bool
}

// add gives the flags to a command.
func (f *cardFlags) add(c *cobra.Command) {
	c.Flags().StringVar(&f.file, "card", "", "the virtual card that lives in this file, as \"ekrona card emulate --state\" keeps it")
	c.Flags().BoolVar(&f.traced, "trace", false, "show every command to the card and its answer on standard error, decoded, without secrets")
}

// named tells whether the command line names a card.
func (f *cardFlags) named() bool { return f.file != "" }

// open takes hold of the card, which has just been reset. Nobody else can use it
// until Close.
func (f *cardFlags) open(_ context.Context, c *cobra.Command) (*openCard, error) {
	if !f.named() {
		return nil, usage("%s: name the card: --card FILE", c.CommandPath())
	}
	opened, err := openVirtual(f.file, f.makeBlank)
	if err != nil {
		return nil, err
	}
	if f.traced {
		opened.Card = trace.Card{Card: opened.Card, To: c.ErrOrStderr()}
	}
	return opened, nil
}

// openCard is a card at a command's disposal. It takes whole commands and gives
// whole answers, whatever the length.
type openCard struct {
	apdu.Card
	ATR   []byte
	Where string       // the reader, or the file
	Reset func() error // takes power away and gives it back
	Close func() error
}
