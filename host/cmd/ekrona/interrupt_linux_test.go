package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A command that waits for what never comes, as for the answer of a broken reader, is ended by a
// second signal: the first one only asks it to end.
func TestSecondSignalEndsWhatHangs(t *testing.T) {
	folder := t.TempDir()
	pipe := filepath.Join(folder, "passphrase")
	require.NoError(t, syscall.Mkfifo(pipe, 0o600))
	command := exec.Command("ekrona", "pki", "root", filepath.Join(folder, "root"),
		"--holder", "SERIKSBK00001", "--passphrase-file", pipe)
	require.NoError(t, command.Start())
	ended := make(chan error, 1)
	go func() { ended <- command.Wait() }()
	writer := openWhenRead(t, pipe, ended)
	defer writer.Close()
	again := time.NewTicker(20 * time.Millisecond) // as who presses Ctrl-C again and again
	defer again.Stop()
	for {
		select {
		case err := <-ended:
			var exit *exec.ExitError
			require.ErrorAs(t, err, &exit)
			require.Equal(t, syscall.SIGINT, exit.Sys().(syscall.WaitStatus).Signal())
			return
		case <-again.C:
			command.Process.Signal(os.Interrupt)
		}
	}
}

// openWhenRead opens a pipe as soon as a command reads it, which must not end before.
func openWhenRead(t *testing.T, pipe string, ended <-chan error) *os.File {
	t.Helper()
	for {
		writer, err := os.OpenFile(pipe, os.O_WRONLY|syscall.O_NONBLOCK, 0)
		if err == nil {
			return writer
		}
		require.ErrorIs(t, err, syscall.ENXIO)
		select {
		case err := <-ended:
			require.FailNow(t, "the command has not read the pipe", "%v", err)
		default:
			runtime.Gosched()
		}
	}
}
