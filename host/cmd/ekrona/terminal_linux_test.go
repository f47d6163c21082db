package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// typist is a person at a terminal at which a command runs.
type typist struct {
	t      *testing.T
	master *os.File
	shown  bytes.Buffer // and not awaited yet
}

// typesAt starts a command at a terminal of its own.
func typesAt(t *testing.T, kind string, arguments ...string) (*typist, *exec.Cmd) {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	require.NoError(t, err)
	t.Cleanup(func() { master.Close() })
	require.NoError(t, unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0))
	number, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	require.NoError(t, err)
	require.NoError(t, unix.IoctlSetWinsize(int(master.Fd()), unix.TIOCSWINSZ,
		&unix.Winsize{Row: 24, Col: 80}))
	line, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|syscall.O_NOCTTY, 0)
	require.NoError(t, err)
	defer line.Close()
	command := exec.Command("ekrona", arguments...)
	command.Stdin, command.Stdout, command.Stderr = line, line, line
	command.Env = append(os.Environ(), "TERM="+kind, "XDG_CONFIG_HOME="+t.TempDir())
	command.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	require.NoError(t, command.Start())
	return &typist{t: t, master: master}, command
}

func (p *typist) types(text string) {
	p.t.Helper()
	_, err := p.master.WriteString(text)
	require.NoError(p.t, err)
}

// sees reads on until a text was shown.
func (p *typist) sees(text string) {
	p.t.Helper()
	more := make([]byte, 4096)
	for {
		if _, after, found := bytes.Cut(p.shown.Bytes(), []byte(text)); found {
			p.shown = *bytes.NewBuffer(bytes.Clone(after))
			return
		}
		n, err := p.master.Read(more)
		require.NoError(p.t, err, "%q does not come after %q", text, p.shown.String())
		p.shown.Write(more[:n])
	}
}

// awaitsWork waits until Ctrl-C is a signal again, and no key of the editor.
func (p *typist) awaitsWork() {
	p.t.Helper()
	for {
		mode, err := unix.IoctlGetTermios(int(p.master.Fd()), unix.TCGETS)
		require.NoError(p.t, err)
		if mode.Lflag&unix.ISIG != 0 {
			return
		}
		runtime.Gosched()
	}
}

// types a line at the prompt, where the editor has it.
func (p *typist) line(text string) {
	p.t.Helper()
	p.sees("> ")
	p.types(text)
}

// Ctrl-C ends what is typed or at work, and neither the session nor what is on the card: where
// lines are edited, and where they are not.
func TestCtrlCInTheShell(t *testing.T) {
	const control, hello = "\x03", "../../../emulator/examples/hello/hello.cap"
	script := filepath.Join(t.TempDir(), "f.txt")
	require.NoError(t, os.WriteFile(script, []byte("00A4040000\n00CA9F7F00\n"), 0o600))
	for _, kind := range []string{"xterm", "dumb"} {
		t.Run(kind, func(t *testing.T) {
			p, command := typesAt(t, kind, "shell", "--cap", filepath.FromSlash(hello))
			p.line("00A4")
			p.sees("00A4")
			p.types(control)
			p.sees("^C")
			if kind == "xterm" {
				p.line("fuzz " + script + " 1000000000\r")
				p.sees("1000000000\r\n")
				p.awaitsWork()
				p.types(control)
				p.line("verify\r")
				p.sees("PIN for the card: ")
				p.types("12" + control)
				p.sees("error: interrupted")
				p.line("verify\r")
				p.sees("PIN for the card: ")
				p.types("\r")
				p.sees("error: nothing entered")
			}
			p.line("verify\r")
			p.sees("PIN for the card: ")
			p.types("1234\r")
			p.sees("8 bytes, hidden")
			p.line("list\r")
			p.sees("F048454C4C4F01")
			p.line("quit\r")
			require.NoError(t, command.Wait())
		})
	}
	p, command := typesAt(t, "dumb", "shell")
	p.line("verify\r")
	p.sees("PIN for the card: ")
	p.types(control)
	require.Error(t, command.Wait())
	require.Equal(t, 1, command.ProcessState.ExitCode(), "it ends by itself")
}
