package virtual

import "ekrona.example/host/progress"

// VirtualOperator puts cards into readers and takes them out, as a batch asks for. It is used
// by one goroutine at a time.
type VirtualOperator struct {
	Readers *Readers
	Stack   []Card // cards to be put in, the first first
	Empty   func() // called when no card is left in stack and readers; may be nil

	in      int             // cards in readers
	taken   map[string]bool // readers whose cards have an order
	idle    []string        // readers for whose cards there was nothing to do
	refused int             // cards in a row for which there was nothing to do
}

// Load puts a card into each reader.
func (f *VirtualOperator) Load(readers ...string) {
	for _, reader := range readers {
		f.next(reader)
	}
}

// Handle does what an event asks for. It is what batch.Run shows its events to.
func (f *VirtualOperator) Handle(n progress.Event) {
	if n.Kind == progress.Taken {
		if f.taken == nil {
			f.taken = map[string]bool{}
		}
		f.taken[n.Who] = true
		return
	}
	card := f.remove(n.Who)
	f.refused++
	if n.Kind != progress.NotTaken {
		f.refused = 0
	}
	wait := f.refused > 0 && f.in > 0 // until a card in another reader is made or rejected
	// The one with the order may be in the stack, and after it this one may be needed; or
	// an order has come free after the first of them was turned away and before that was
	// reported. So each is tried until all have been since the last change, and the first twice.
	needed := wait || f.refused > 0 && f.refused <= len(f.Stack)+1
	if card != nil && (needed || comesAgain(card, n.Kind)) {
		f.Stack = append(f.Stack, card)
	}
	if wait {
		f.idle = append(f.idle, n.Who)
		return
	}
	f.next(n.Who)
	f.Load(f.idle...)
	f.idle = nil
	if f.in == 0 && f.Empty != nil {
		f.Empty()
	}
}

// Interrupted says that the batch was ended by force, and will be run again. It may have given the
// cards in the readers an order that it could not report any more.
func (f *VirtualOperator) Interrupted() {
	if f.taken == nil {
		f.taken = map[string]bool{}
	}
	for _, reader := range f.Readers.withCard() {
		f.taken[reader] = true
	}
}

// mostRefusals is how often a card that was started is tried again though it was
// refused: its answers may have been disturbed, and no other card can have its order.
const mostRefusals = 8

// startedCard is a card with an order that is not made yet.
type startedCard struct {
	Card
	refusals int
}

// comesAgain reports whether a card is to be put in again.
func comesAgain(card Card, after progress.Kind) bool {
	if b, isStarted := card.(*startedCard); isStarted && after == progress.Refused {
		b.refusals++
		return b.refusals <= mostRefusals
	}
	return after == progress.Pulled || after == progress.Failed
}

// remove takes the card out of a reader; nil if there is none.
func (f *VirtualOperator) remove(reader string) Card {
	card := f.Readers.Remove(reader)
	if card == nil {
		return nil
	}
	f.in--
	if _, isStarted := card.(*startedCard); f.taken[reader] && !isStarted {
		card = &startedCard{Card: card}
	}
	return card
}

func (f *VirtualOperator) next(reader string) {
	if len(f.Stack) > 0 {
		delete(f.taken, reader)
		f.Readers.Insert(reader, f.Stack[0])
		f.Stack = f.Stack[1:]
		f.in++
	}
}
