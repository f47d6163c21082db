package issue

import (
	"context"
	"database/sql/driver"
	"fmt"

	"ekrona.example/host/cmd/ekrona/internal/cli"
	"ekrona.example/host/pcsc"
	"ekrona.example/host/progress"
	"ekrona.example/personalization/batch"
	"ekrona.example/personalization/batch/virtual"
)

// openReaders finds where cards come from: PC/SC, or the files of virtual cards, which
// are put in one after the other. stop is called when there are no more.
func (f *batchFlags) openReaders(
	show progress.Show, stop func(),
) (batch.Readers, progress.Show, error) {
	if len(f.cards) == 0 {
		system, err := pcsc.Establish()
		if err != nil {
			return nil, nil, err
		}
		return pcscReaders{system, f.wiring.Batch}, show, nil
	}
	var names []string
	for i := range f.readers {
		names = append(names, fmt.Sprintf("virtual reader %d", i+1))
	}
	operator := &virtual.VirtualOperator{Readers: virtual.NewReaders(names...), Empty: stop}
	for _, path := range f.cards {
		operator.Stack = append(operator.Stack, f.wiring.Batch.card(&CardInFile{Path: path}))
	}
	operator.Load(names...)
	return operator.Readers, func(e progress.Event) {
		show(e)
		operator.Handle(e)
	}, nil
}

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
}

// Reset opens the card, or switches its power off and on.
func (c *CardInFile) Reset() error {
	if c.OpenCard != nil {
		return c.OpenCard.Reset()
	}
	opened, err := cli.OpenVirtual(c.Path, true)
	if err == nil {
		c.OpenCard = opened
	}
	return err
}

// pcscReaders are the readers of this machine.
type pcscReaders struct {
	system      *pcsc.System
	instruments Instruments
}

// Watch implements batch.Readers.
func (r pcscReaders) Watch(ctx context.Context, report func(batch.Event)) error {
	return r.system.Watch(ctx, func(e pcsc.Event) {
		switch e.Kind {
		case pcsc.CardInserted, pcsc.CardRemoved:
			report(batch.Event{Reader: e.Reader, Inserted: e.Kind == pcsc.CardInserted})
		}
	})
}

// Connect implements batch.Readers.
func (r pcscReaders) Connect(
	ctx context.Context, reader string, busy func(error),
) (batch.Tap, error) {
	card, err := r.system.ConnectWhenFree(ctx, reader, busy)
	if err != nil {
		return nil, err
	}
	return r.instruments.tap(card), nil
}
