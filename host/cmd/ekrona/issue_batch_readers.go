package main

import (
	"context"
	"fmt"

	"ekrona/host/pcsc"
	"ekrona/personalization/batch"
	"ekrona/personalization/batch/virtual"
)

// batchView is told what happens at the readers.
type batchView func(batch.Notice, batch.Count)

// openReaders finds where cards come from: PC/SC, or the files of virtual cards, which
// are put in one after the other. stop is called when there are no more.
func (f *batchFlags) openReaders(view batchView, stop func()) (batch.Readers, batchView, error) {
	if len(f.cards) == 0 {
		system, err := pcsc.Establish()
		if err != nil {
			return nil, nil, err
		}
		return pcscReaders{system}, view, nil
	}
	if f.readers < 1 {
		return nil, nil, usage("--readers: %d; give 1 or more", f.readers)
	}
	var names []string
	for i := range f.readers {
		names = append(names, fmt.Sprintf("virtual reader %d", i+1))
	}
	feeder := &virtual.Feeder{Readers: virtual.NewReaders(names...), Empty: stop}
	for _, path := range f.cards {
		feeder.Pile = append(feeder.Pile, batchCard(&cardInFile{path: path}))
	}
	feeder.Fill(names...)
	return feeder.Readers, func(n batch.Notice, count batch.Count) {
		view(n, count)
		feeder.Told(n, count)
	}, nil
}

// What tests put something before: cards that go into virtual readers, and those in
// the readers of PC/SC.
var (
	batchCard = func(c virtual.Card) virtual.Card { return c }
	batchTap  = func(t batch.Tap) batch.Tap { return t }
)

// cardInFile is a virtual card that is opened when it is put in for the first time.
type cardInFile struct {
	path string
	*openCard
}

// Reset opens the card, or takes its power away and gives it back.
func (c *cardInFile) Reset() error {
	if c.openCard != nil {
		return c.openCard.Reset()
	}
	opened, err := openVirtual(c.path, true)
	if err == nil {
		c.openCard = opened
	}
	return err
}

// pcscReaders are the readers of this machine.
type pcscReaders struct{ system *pcsc.System }

// Watch implements batch.Readers.
func (r pcscReaders) Watch(ctx context.Context, tell func(batch.Event)) error {
	return r.system.Watch(ctx, func(e pcsc.Event) {
		switch e.Kind {
		case pcsc.CardInserted, pcsc.CardRemoved:
			tell(batch.Event{Reader: e.Reader, Inserted: e.Kind == pcsc.CardInserted})
		}
	})
}

// Connect implements batch.Readers.
func (r pcscReaders) Connect(reader string) (batch.Tap, error) {
	card, err := r.system.Connect(reader)
	if err != nil {
		return nil, err
	}
	return batchTap(card), nil
}
