package daemon

import (
	"context"
	"fmt"
	"os"
	"sync"

	"github.com/stretchr/testify/require"

	"ekrona.example/emulator/globalplatform"
	"ekrona.example/emulator/vpcd"
)

// Moment is when a card is pulled out during a command.
type Moment int

const (
	// CommandLost is before the command reaches the card.
	CommandLost Moment = iota
	// AnswerLost is when the card has carried it out, before the answer leaves it.
	AnswerLost
)

// Inserted is a card in a reader.
type Inserted struct {
	d      *Daemon
	n      int
	card   *pullable
	cancel context.CancelFunc
	out    chan struct{} // closed when it has left the reader
	err    error         // of vpcd, once it has left
}

// Insert puts a card with the emulator's answer to reset into reader 0 or 1, which
// must be empty, and returns when PC/SC sees it. A card that does not answer, which
// has lost power for example, is pulled out by that.
func (d *Daemon) Insert(n int, card vpcd.Card) *Inserted {
	d.t.Helper()
	if before := d.inside[n]; before != nil {
		before.Pull()
	}
	ctx, cancel := context.WithCancel(context.Background())
	in := &Inserted{d: d, n: n, card: &pullable{card: card}, cancel: cancel,
		out: make(chan struct{})}
	go func() {
		defer close(in.out)
		in.err = vpcd.Port{Address: address(n), ATR: globalplatform.ATR(), Card: in.card}.Run(ctx)
		if in.err != nil { // the test may wait for this card for ever: it says why
			fmt.Fprintf(os.Stderr, "%s: out of reader %d: %v\n", d.t.Name(), n, in.err)
		}
	}()
	d.inside[n] = in
	d.AwaitCard(n)
	return in
}

// Pull takes the card out, at once even if a command is under way, and returns when
// PC/SC sees it gone. A card that is out stays out.
func (i *Inserted) Pull() {
	i.d.t.Helper()
	i.cancel()
	<-i.out
	if i.d.inside[i.n] == i {
		i.d.inside[i.n] = nil
		if !i.d.died {
			i.d.AwaitNoCard(i.n)
		}
	}
}

// PullAt has the card pulled out at the k-th command from now, counted from 1.
func (i *Inserted) PullAt(k int, when Moment) {
	i.card.mu.Lock()
	defer i.card.mu.Unlock()
	require.Positive(i.d.t, k)
	i.card.left, i.card.when = k, when
}

// Out is closed when the card has left the reader, by Pull or PullAt.
func (i *Inserted) Out() <-chan struct{} { return i.out }

// pullable is a card that can be pulled out at a command. What stops it answering
// takes it out of the reader for good.
type pullable struct {
	card vpcd.Card

	mu   sync.Mutex
	left int // commands until it is pulled, 0 for never
	when Moment
}

func (p *pullable) Reset() error { return gone(p.card.Reset()) }

func (p *pullable) TransmitBytes(command []byte) ([]byte, error) {
	p.mu.Lock()
	pulled := p.left == 1
	p.left = max(p.left-1, 0)
	when := p.when
	p.mu.Unlock()
	if pulled && when == CommandLost {
		return nil, fmt.Errorf("%w: pulled before the command", vpcd.ErrGone)
	}
	answer, err := p.card.TransmitBytes(command)
	if pulled && err == nil {
		return nil, fmt.Errorf("%w: pulled before the answer", vpcd.ErrGone)
	}
	return answer, gone(err)
}

func gone(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%w: %w", vpcd.ErrGone, err)
}
