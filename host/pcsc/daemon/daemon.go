// Package daemon gives tests a real PC/SC daemon with two readers in which they put
// virtual cards, and out of which they pull them, in the middle of an exchange too.
// Only tests import it.
//
//	d := daemon.Start(t)                      // skips without pcscd; see below
//	in := d.Insert(0, virtual)                // returns when PC/SC sees the card
//	card, err := d.System.Connect(d.Reader(0))
//	in.PullAt(3, daemon.AnswerLost)           // the third command from now: its answer is lost
//	...
//	in.Pull()                                 // returns when PC/SC sees it gone, if it is not out
//	d.Insert(0, virtual)                      // the same card again
//	d.Kill()                                  // the daemon itself
//
// The daemon is pcscd with vsmartcard's driver vpcd, Debian's packages pcscd and
// vsmartcard-vpcd. Start uses the daemon that runs, or runs one until the test ends.
// The two readers exist once on a machine: Start waits until no other test has them,
// whichever program that test is in. A test that needs them twice uses one Daemon.
//
// Without the build tag "pcsc", the daemon or the driver, Start skips the test; where
// the environment has EKRONA_REQUIRE_PCSC, as scripts/test sets it, it fails the test.
package daemon

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"ekrona.example/emulator/vpcd"
	"ekrona.example/host/pcsc"
)

// Readers is how many readers there are.
const Readers = 2

// Daemon is the daemon with its readers.
type Daemon struct {
	System *pcsc.System

	t       testing.TB
	readers []string
	inside  [Readers]*Inserted
	events  *events
	process *exec.Cmd // nil for a daemon that ran before
	died    bool
}

// Start connects to the daemon, or starts it; the end of the test stops it and pulls all cards.
func Start(t testing.TB) *Daemon {
	t.Helper()
	if !pcsc.Available {
		missing(t, pcsc.ErrUnavailable.Error())
	}
	lock(t)
	d := &Daemon{t: t}
	d.run()
	system, err := pcsc.Establish()
	require.NoError(t, err)
	d.System = system
	d.events = watch(t, system)
	names, err := system.Readers()
	require.NoError(t, err)
	d.readers = slices.DeleteFunc(names,
		func(name string) bool { return !strings.HasPrefix(name, "Virtual PCD ") })
	if len(d.readers) != Readers {
		missing(t, fmt.Sprintf("pcscd has %d readers of vpcd and not %d: install vsmartcard-vpcd "+
			"and start pcscd anew", len(d.readers), Readers))
	}
	for n := range Readers {
		require.False(t, d.events.present(d.Reader(n)),
			"a card is in %q already: end the program that put it there", d.Reader(n))
	}
	t.Cleanup(func() {
		for _, in := range d.inside {
			if in != nil {
				in.Pull()
			}
		}
	})
	return d
}

// Reader returns the PC/SC name of reader 0 or 1.
func (d *Daemon) Reader(n int) string { return d.readers[n] }

// address returns where vpcd waits for the card of reader 0 or 1.
func address(n int) string {
	return net.JoinHostPort("localhost", strconv.Itoa(vpcd.DefaultPort+n))
}

// AwaitCard returns when PC/SC sees a card in reader 0 or 1, whoever put it there.
func (d *Daemon) AwaitCard(n int) { d.events.await(d.t, d.Reader(n), true) }

// AwaitNoCard returns when PC/SC sees reader 0 or 1 empty.
func (d *Daemon) AwaitNoCard(n int) { d.events.await(d.t, d.Reader(n), false) }

// Kill kills the daemon in the middle of whatever it does; the test ends without it. A
// daemon that the test has not started is not killed, and the test skipped.
func (d *Daemon) Kill() {
	d.t.Helper()
	if d.process == nil {
		d.t.Skip("the daemon of this machine is not to be killed")
	}
	d.died = true
	require.NoError(d.t, d.process.Process.Kill())
	_ = d.process.Wait() // it ends by our signal
	require.NoError(d.t, os.Remove(pidFile))
}

// missing ends a test that this machine cannot run.
func missing(t testing.TB, why string) {
	t.Helper()
	if os.Getenv("EKRONA_REQUIRE_PCSC") != "" {
		t.Fatal(why)
	}
	t.Skip(why)
}

// lock reserves the readers for this test until it ends.
func lock(t testing.TB) {
	file, err := os.OpenFile(filepath.Join(os.TempDir(), "ekrona-virtual-readers.lock"),
		os.O_RDWR|os.O_CREATE, 0o666)
	require.NoError(t, err)
	require.NoError(t, syscall.Flock(int(file.Fd()), syscall.LOCK_EX))
	t.Cleanup(func() { require.NoError(t, file.Close()) })
}

// Where pcscd listens for programs, and what it leaves when it is killed (Debian's
// build).
const (
	socket  = "/run/pcscd/pcscd.comm"
	pidFile = "/run/pcscd/pcscd.pid"
)

// run starts the daemon if there is none, as systemd does: the daemon inherits the
// socket, so that a program can connect from the beginning and waits until the daemon
// is ready.
func (d *Daemon) run() {
	t := d.t
	if _, err := pcsc.Establish(); err == nil {
		return
	}
	listening, err := listen()
	if err != nil {
		missing(t, fmt.Sprintf("no pcscd runs here, and only root can start one: %v", err))
	}
	log, err := os.Create(filepath.Join(t.TempDir(), "pcscd.log"))
	require.NoError(t, err)
	c := exec.Command("sh", "-c", "LISTEN_PID=$$ LISTEN_FDS=1 exec pcscd --foreground --info")
	c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM} // when the test is killed
	c.Stdout, c.Stderr, c.ExtraFiles = log, log, []*os.File{listening}
	require.NoError(t, c.Start())
	require.NoError(t, listening.Close())
	d.process = c
	t.Cleanup(func() {
		if !d.died {
			require.NoError(t, c.Process.Signal(syscall.SIGTERM))
			_ = c.Wait() // it ends by our signal
		}
		require.NoError(t, log.Close())
		require.NoError(t, os.Remove(socket))
	})
	if _, err := pcsc.Establish(); err != nil {
		said, _ := os.ReadFile(log.Name())
		missing(t, fmt.Sprintf("pcscd does not start: install pcscd and vsmartcard-vpcd. %v %s",
			err, said))
	}
}

func listen() (*os.File, error) {
	if err := os.MkdirAll(filepath.Dir(socket), 0o755); err != nil {
		return nil, err
	}
	if err := os.Remove(socket); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: socket, Net: "unix"})
	if err != nil {
		return nil, err
	}
	l.SetUnlinkOnClose(false)
	file, err := l.File()
	return file, errors.Join(err, l.Close(), os.Chmod(socket, 0o666))
}
