package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"

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
	require.NoError(t, command.Process.Signal(os.Interrupt))
	for catches(t, command.Process.Pid, syscall.SIGINT) {
		runtime.Gosched()
	}
	require.NoError(t, command.Process.Signal(os.Interrupt))
	var exit *exec.ExitError
	require.ErrorAs(t, <-ended, &exit)
	require.Equal(t, syscall.SIGINT, exit.Sys().(syscall.WaitStatus).Signal())
}

// catches reports whether a process has a handler of its own for a signal, as the kernel says.
func catches(t *testing.T, process int, s syscall.Signal) bool {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", process))
	require.NoError(t, err)
	_, after, found := strings.Cut(string(status), "\nSigCgt:")
	require.True(t, found)
	caught, err := strconv.ParseUint(strings.Fields(after)[0], 16, 64)
	require.NoError(t, err)
	return caught&(1<<(s-1)) != 0
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
