package virtual

import "ekrona/personalization/batch"

// Feeder puts cards into readers and takes them out, as a batch asks for. It is used
// by one goroutine at a time.
type Feeder struct {
	Readers *Readers
	Pile    []Card // cards to be put in, the first first
	Empty   func() // told when no card is left in pile and readers; nil for nobody

	in   int      // cards in readers
	idle []string // readers for whose cards there was nothing to do
}

// Fill puts a card into each reader.
func (f *Feeder) Fill(readers ...string) {
	for _, reader := range readers {
		f.next(reader)
	}
}

// Told does what a notice asks for. It is a view of batch.Run.
func (f *Feeder) Told(n batch.Notice, _ batch.Count) {
	if n.Kind == batch.Taken {
		return
	}
	card := f.Readers.Remove(n.Reader)
	if card != nil {
		f.in--
	}
	again := n.Kind == batch.Pulled || n.Kind == batch.Failed
	wait := n.Kind == batch.NotTaken && f.in > 0 // until a card in another reader is made or rejected
	if card != nil && (again || wait) {
		f.Pile = append(f.Pile, card)
	}
	if wait {
		f.idle = append(f.idle, n.Reader)
		return
	}
	f.next(n.Reader)
	f.Fill(f.idle...)
	f.idle = nil
	if f.in == 0 && f.Empty != nil {
		f.Empty()
	}
}

func (f *Feeder) next(reader string) {
	if len(f.Pile) > 0 {
		f.Readers.Insert(reader, f.Pile[0])
		f.Pile = f.Pile[1:]
		f.in++
	}
}
