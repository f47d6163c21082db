//go:build pcsc

package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/stretchr/testify/require"

	"ekrona/emulator/card"
	"ekrona/host/cmd/ekrona/internal/cli"
	"ekrona/host/pcsc"
	"ekrona/host/pcsc/daemon"
)

// TestScriptsOverPCSC runs the command on cards in the readers of a real daemon. The
// scripts have three commands more:
//
//	await-card N         returns when PC/SC sees a card in reader 0 or 1
//	await-no-card N      returns when it sees the reader empty
//	pin-of LETTER FILE   puts the PIN of a letter into a file
func TestScriptsOverPCSC(t *testing.T) {
	d := daemon.Start(t)
	reader := func(arguments []string) int { return map[string]int{"0": 0, "1": 1}[arguments[0]] }
	testscript.Run(t, testscript.Params{
		Dir:   filepath.Join("testdata", "pcsc"),
		Setup: func(e *testscript.Env) error { return blankCard(filepath.Join(e.WorkDir, "blank.card")) },
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, arguments []string){
			"await-card":    func(_ *testscript.TestScript, _ bool, a []string) { d.AwaitCard(reader(a)) },
			"await-no-card": func(_ *testscript.TestScript, _ bool, a []string) { d.AwaitNoCard(reader(a)) },
			"pin-of": func(ts *testscript.TestScript, _ bool, a []string) {
				found := regexp.MustCompile(`(?m)^PIN +(\d+)$`).FindStringSubmatch(ts.ReadFile(a[0]))
				if found == nil {
					ts.Fatalf("no PIN in %s", a[0])
				}
				ts.Check(os.WriteFile(ts.MkAbs(a[1]), []byte(found[1]), 0o600))
			},
		},
		RequireExplicitExec: true,
	})
}

// What comes and goes is told as it does, an object a line.
func TestWatchReaders(t *testing.T) {
	d := daemon.Start(t)
	ctx, interrupt := context.WithCancel(context.Background())
	in, out := io.Pipe()
	root := program{}.command()
	root.SetOut(out)
	root.SetArgs([]string{"card", "readers", "--watch", "--json"})
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
	virtual, err := cli.OpenManaged(card.Options{Profile: card.P71}, filepath.Join(t.TempDir(), "a.card"))
	require.NoError(t, err)
	inserted := d.Insert(0, virtual)
	sees(eventAnswer{Event: pcsc.CardInserted, Reader: d.Reader(0), ATR: "3BD518FF8191FE1FC38073C821100A"})
	inserted.Pull()
	sees(eventAnswer{Event: pcsc.CardRemoved, Reader: d.Reader(0)})
	interrupt()
	require.NoError(t, <-ended)
	require.False(t, lines.Scan())
}
