package main

import (
	"bufio"
	"bytes"
	"io"
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

// Fuzzing that is interrupted shows what was found, and has not done what it was told.
func TestInterruptedFuzzing(t *testing.T) {
	const hello = "../../../emulator/examples/hello/hello."
	command := exec.Command("ekrona", "lab", "fuzz", "--for", "100h", "--cap", hello+"cap",
		"--script", hello+"txt")
	var out, complaint bytes.Buffer
	command.Stdout = &out
	progress, err := command.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, command.Start())
	first, err := bufio.NewReader(io.TeeReader(progress, &complaint)).ReadString('\n')
	require.NoError(t, err)
	require.Contains(t, first, "instructions reached")
	require.NoError(t, command.Process.Signal(os.Interrupt))
	_, err = io.Copy(&complaint, progress)
	require.NoError(t, err)
	require.Error(t, command.Wait())
	require.Equal(t, 1, command.ProcessState.ExitCode(), complaint.String())
	require.Contains(t, out.String(), "findings")
	require.Contains(t, complaint.String(), "ekrona: the fuzzing was interrupted: above is")
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
