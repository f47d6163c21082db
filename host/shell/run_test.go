package shell

import (
	"context"
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"ekrona.example/emulator/card"
)

// Who waits for a line that does not come is told to end as who is at work.
func TestRunEndsWhileItWaitsForALine(t *testing.T) {
	virtual, err := NewVirtual(card.Options{Profile: card.P71}, "1")
	require.NoError(t, err)
	s, err := New(VirtualTarget(virtual, "virtual", func() error { return nil }),
		Options{Words: Words()})
	require.NoError(t, err)
	in, typed := io.Pipe()
	defer typed.Close()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	shown := make(chan struct{}, 1)
	go func() {
		ended <- s.Run(ctx, in, false, func(int, Result) error {
			shown <- struct{}{}
			return nil
		})
	}()
	_, err = io.WriteString(typed, "00A4040000\n")
	require.NoError(t, err)
	<-shown
	cancel()
	require.ErrorIs(t, <-ended, context.Canceled)
}
