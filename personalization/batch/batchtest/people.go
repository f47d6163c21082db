package batchtest

import "ekrona/personalization/batch"

// People put cards into readers and take them out, as they are told.
type People struct {
	Readers *Readers
	Pile    []Card // cards to be put in, the first first
	// Kept are the cards that were made, or that nobody wants.
	Kept []Card

	// Seen are the notices so far.
	Seen []batch.Notice
}

// Fill puts a card into each reader.
func (p *People) Fill(readers ...string) {
	for _, reader := range readers {
		p.next(reader)
	}
}

// Told does what a notice asks for. It is a view of batch.Run.
func (p *People) Told(n batch.Notice, _ batch.Count) {
	p.Seen = append(p.Seen, n)
	if n.Kind == batch.Taken {
		return
	}
	card := p.Readers.Remove(n.Reader)
	switch {
	case card == nil:
	case n.Kind == batch.Pulled, n.Kind == batch.Failed:
		p.Pile = append(p.Pile, card)
	default:
		p.Kept = append(p.Kept, card)
	}
	p.next(n.Reader)
}

func (p *People) next(reader string) {
	if len(p.Pile) > 0 {
		p.Readers.Insert(reader, p.Pile[0])
		p.Pile = p.Pile[1:]
	}
}
