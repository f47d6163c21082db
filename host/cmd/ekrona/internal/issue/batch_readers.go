package issue

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/spf13/cobra"

	"ekrona.example/host/cmd/ekrona/internal/cli"
	"ekrona.example/host/pcsc"
	"ekrona.example/host/progress"
	"ekrona.example/personalization/batch"
	"ekrona.example/personalization/batch/virtual"
)

// openReaders finds where cards come from: PC/SC, or the files of virtual cards, which
// are put in one after the other. stop is called when there are no more.
func (f *batchFlags) openReaders(
	c *cobra.Command, show progress.Show, stop func(),
) (batch.Readers, progress.Show, error) {
	if len(f.cards) == 0 {
		system, err := pcsc.Establish()
		if err != nil {
			return nil, nil, err
		}
		return &pcscReaders{system: system, instruments: f.wiring.Batch, open: f.opener(c)}, show,
			nil
	}
	var names []string
	for i := range f.readers {
		names = append(names, fmt.Sprintf("virtual reader %d", i+1))
	}
	operator := &virtual.VirtualOperator{Readers: virtual.NewReaders(names...), Empty: stop}
	for _, path := range f.cards {
		inFile := &CardInFile{Path: path, open: func() (*cli.OpenCard, error) {
			cards := f.recorded(path)
			cards.File, cards.MakeBlank, cards.Seed = path, true, f.recording.Of(path)
			return cards.Open(c.Context(), c)
		}}
		operator.Stack = append(operator.Stack, f.wiring.Batch.card(inFile))
	}
	operator.Load(names...)
	return operator.Readers, func(e progress.Event) {
		show(e)
		operator.Handle(e)
	}, nil
}

// recorded are the flags of one card of the batch.
func (f *batchFlags) recorded(label string) *cli.CardFlags {
	return &cli.CardFlags{Trace: f.trace, Recording: f.kept, Label: label}
}

// opener has what goes to cards in readers recorded. The first card in a reader is told from the
// next by a number.
func (f *batchFlags) opener(c *cobra.Command) func(*pcsc.Card) (batch.Tap, error) {
	var number atomic.Int64
	return func(connected *pcsc.Card) (batch.Tap, error) {
		opened, err := f.recorded(fmt.Sprintf("%s, card %d", connected.Reader(),
			number.Add(1))).OpenConnected(c, connected)
		if err != nil {
			return nil, errors.Join(err, connected.Close())
		}
		return pcscTap{opened}, nil
	}
}

// pcscTap is a card in a reader that is recorded.
type pcscTap struct{ *cli.OpenCard }

// Close implements batch.Tap.
func (t pcscTap) Close() error { return t.OpenCard.Close() }

// Instruments wrap the journal and the cards of a batch, where they are not nil. Tests kill
// the program in them.
type Instruments struct {
	Driver driver.Driver // of the journal
	Card   func(virtual.Card) virtual.Card
	Tap    func(batch.Tap) batch.Tap
}

func (i Instruments) card(c virtual.Card) virtual.Card {
	if i.Card == nil {
		return c
	}
	return i.Card(c)
}

func (i Instruments) tap(t batch.Tap) batch.Tap {
	if i.Tap == nil {
		return t
	}
	return i.Tap(t)
}

// CardInFile is a virtual card that is opened when it is put in for the first time.
type CardInFile struct {
	Path string
	*cli.OpenCard

	open func() (*cli.OpenCard, error) // nil records nothing
}

// Reset opens the card, or switches its power off and on.
func (c *CardInFile) Reset() error {
	if c.OpenCard != nil {
		return c.OpenCard.Reset()
	}
	open := c.open
	if open == nil {
		open = func() (*cli.OpenCard, error) { return cli.OpenVirtual(c.Path, true) }
	}
	opened, err := open()
	if err == nil {
		c.OpenCard = opened
	}
	return err
}

// pcscReaders are the readers of this machine.
type pcscReaders struct {
	system      *pcsc.System
	instruments Instruments
	open        func(*pcsc.Card) (batch.Tap, error)
}

// Watch implements batch.Readers.
func (r *pcscReaders) Watch(ctx context.Context, report func(batch.Event)) error {
	return r.system.Watch(ctx, func(e pcsc.Event) {
		switch e.Kind {
		case pcsc.CardInserted, pcsc.CardRemoved:
			report(batch.Event{Reader: e.Reader, Inserted: e.Kind == pcsc.CardInserted})
		}
	})
}

// Connect implements batch.Readers.
func (r *pcscReaders) Connect(
	ctx context.Context, reader string, busy func(error),
) (batch.Tap, error) {
	card, err := r.system.ConnectWhenFree(ctx, reader, busy)
	if err != nil {
		return nil, err
	}
	opened, err := r.open(card)
	if err != nil {
		return nil, err
	}
	return r.instruments.tap(opened), nil
}
