package notary

import (
	"context"
	"fmt"
)

// Bounds of one Submit, and of one HandOver to an intermediary: one call must not keep its server
// for ever, and its request must fit remote.MaxMessage. [InParts] keeps to them.
const (
	MaxItems     = 500
	MaxItemBytes = 1 << 20 // of all items together
)

// CheckItems refuses more than fits one call, as Malformed.
func CheckItems(items [][]byte) error {
	if total := sizeOf(items); len(items) > MaxItems || total > MaxItemBytes {
		return Refuse(Malformed, "%d items of %d bytes in one call: hand over at most %d items of "+
			"%d bytes together, and the others in other calls", len(items), total, MaxItems,
			MaxItemBytes)
	}
	return nil
}

func sizeOf(items [][]byte) (total int) {
	for _, item := range items {
		total += len(item)
	}
	return total
}

// InParts hands items over in as many calls as their number and size need, in order, and returns an
// answer for each. An item that is too large for any call is answered here, as Malformed. After an
// error everything can be handed over again.
func InParts(
	ctx context.Context, items [][]byte,
	handOver func(ctx context.Context, part [][]byte) ([]Answer, error),
) ([]Answer, error) {
	var answers []Answer
	for len(items) > 0 {
		n := fitting(items)
		if n == 0 {
			answers = append(answers, Answer{Err: CheckItems(items[:1])})
			items = items[1:]
			continue
		}
		part, err := handOver(ctx, items[:n])
		if err != nil {
			return nil, err
		}
		if len(part) != n {
			return nil, fmt.Errorf("the other side answers %d of %d submitted items: "+
				"submit them again", len(part), n)
		}
		answers, items = append(answers, part...), items[n:]
	}
	return answers, nil
}

// fitting is how many of the first items fit one call.
func fitting(items [][]byte) int {
	total := 0
	for n, item := range items {
		if total += len(item); n == MaxItems || total > MaxItemBytes {
			return n
		}
	}
	return len(items)
}
