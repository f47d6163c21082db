package virtual

import "ekrona/personalization/batch"

// Feeder puts cards into readers and takes them out, as a batch asks for. It is used
// by one goroutine at a time.
type Feeder struct {
	Readers *Readers
	Pile    []Card // cards to be put in, the first first
	Empty   func() // told when no card is left in pile and readers; nil for nobody

	in int // cards in readers
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
	if card := f.Readers.Remove(n.Reader); card != nil {
		f.in--
		if n.Kind == batch.Pulled || n.Kind == batch.Failed {
			f.Pile = append(f.Pile, card)
		}
	}
	f.next(n.Reader)
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
