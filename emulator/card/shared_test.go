package card_test

import (
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"

	"ekrona.example/emulator/card"
)

// Cards share their code and run at the same time, each with a state of its own. The race
// detector sees what they share.
func TestCardsRunAtOnce(t *testing.T) {
	life := func(b bench, number byte) []string {
		return []string{
			b.send(insStatics, 0, 0), b.send(insChangeStatics, number, 0), b.send(insStatics, 0, 0),
			b.send(insFill, number, 0), b.send(insReadFilled, 0, 0), b.send(insFibonacci, 0, 9),
		}
	}
	const cards = 8
	var alone, together [cards][]string
	for i := range cards {
		alone[i] = life(newProbe(t, card.P71), byte(i))
	}
	benches := make([]bench, cards)
	for i := range benches {
		benches[i] = newProbe(t, card.P71)
	}
	var all sync.WaitGroup
	for i, b := range benches {
		all.Go(func() { together[i] = life(b, byte(i)) })
	}
	all.Wait()
	assert.Equal(t, alone, together)
	assert.NotEqual(t, alone[0], alone[1])
}
