//go:build pcsc

package card

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"ekrona.example/emulator/card"
	"ekrona.example/host/cmd/ekrona/internal/cli"
	"ekrona.example/host/pcsc"
	"ekrona.example/host/pcsc/daemon"
)

// Each change is shown at once, one object a line.
func TestWatchReaders(t *testing.T) {
	d := daemon.Start(t)
	ctx, interrupt := context.WithCancel(context.Background())
	in, out := io.Pipe()
	root := Command(nil)
	root.SetOut(out)
	root.SetArgs([]string{"readers", "--watch", "--json"})
	ended := make(chan error, 1)
	go func() {
		err := root.ExecuteContext(ctx)
		ended <- errors.Join(err, out.Close())
	}()
	lines := bufio.NewScanner(in)
	sees := func(want eventAnswer) {
		t.Helper()
		require.True(t, lines.Scan())
		var got eventAnswer
		require.NoError(t, json.Unmarshal(lines.Bytes(), &got))
		require.Equal(t, want, got)
	}
	sees(eventAnswer{Event: pcsc.ReaderAdded, Reader: d.Reader(0)})
	sees(eventAnswer{Event: pcsc.ReaderAdded, Reader: d.Reader(1)})
	virtual, err := cli.OpenManaged(card.Options{Profile: card.P71},
		filepath.Join(t.TempDir(), "a.card"))
	require.NoError(t, err)
	inserted := d.Insert(0, virtual)
	sees(eventAnswer{Event: pcsc.CardInserted, Reader: d.Reader(0),
		ATR: "3BD518FF8191FE1FC38073C821100A"})
	inserted.Pull()
	sees(eventAnswer{Event: pcsc.CardRemoved, Reader: d.Reader(0)})
	interrupt()
	require.NoError(t, <-ended)
	require.False(t, lines.Scan())
}
