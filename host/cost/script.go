package cost

import (
	"context"
	"fmt"
	"slices"

	"ekrona.example/apdu"
	"ekrona.example/emulator/card"
	"ekrona.example/emulator/globalplatform"
	"ekrona.example/emulator/vm"
	"ekrona.example/host/lab"
)

// Script does a script on a card of the subject and returns what each of its commands takes, as
// one tap. unknown names the operations of which no measurement is known, which are not counted.
// The error is that of a line that fails.
func Script(
	ctx context.Context, s *lab.Subject, script []lab.Line, link card.Link,
) (t Tap, unknown []string, err error) {
	b, err := s.Open(ctx)
	if err != nil {
		return Tap{}, nil, err
	}
	t.Script = true
	var line lab.Line
	b.Observe(func(e apdu.Exchange) {
		if e.Err != nil || len(e.Wire) > 0 {
			return // cut off; what was carried is counted on the wire
		}
		title := line.Title()
		if line.Step.Word != "" { // which may send more than one
			title = fmt.Sprintf("%s: %02X%02X%02X%02X", line.Step.Word, e.Command.CLA,
				e.Command.INS, e.Command.P1, e.Command.P2)
		}
		account, without := priced(b.Managed.LastCommand())
		for _, what := range without {
			if !slices.Contains(unknown, what) {
				unknown = append(unknown, what)
			}
		}
		estimate, failed := globalplatform.Estimate(account, link)
		if failed != nil && err == nil {
			err = failed
		}
		t.Commands = append(t.Commands, Command{shortened(fmt.Sprintf("%d  %s", line.Number,
			title)), account.Stats, estimate})
	})
	for _, line = range script {
		if err := b.Play(ctx, s, line).Err(); err != nil {
			return Tap{}, nil, fmt.Errorf("line %d: %w", line.Number, err)
		}
	}
	return t, unknown, err
}

// priced leaves out of an account the operations that have no price, and names them.
func priced(a globalplatform.Account) (known globalplatform.Account, without []string) {
	known = a
	known.Crypto = nil
	for _, op := range a.Crypto {
		alone := card.Stats{Crypto: []vm.CryptoCount{op}}
		if _, err := card.Estimate(alone, card.Link{}); err != nil {
			without = append(without, op.Kind)
			continue
		}
		known.Crypto = append(known.Crypto, op)
	}
	return known, without
}

// titleLength is the width of the column of titles.
const titleLength = 34

func shortened(title string) string {
	if len(title) > titleLength {
		return title[:titleLength-3] + "..."
	}
	return title
}
