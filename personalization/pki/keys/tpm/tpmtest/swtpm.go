// Package tpmtest runs swtpm, a TPM 2.0 in software, for tests. Start with [New].
//
// It needs the program swtpm (on Debian: apt-get install swtpm). Without it a test is
// skipped, unless EKRONA_REQUIRE_TPM=1 demands it.
package tpmtest

import (
	"encoding/binary"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
)

// TB is a test.
type TB interface {
	Helper()
	Fatal(arguments ...any)
	Skip(arguments ...any)
	Cleanup(func())
}

// TPM is a TPM in software. Its state is in a folder and survives a restart.
type TPM struct {
	Socket string // Unix socket, to be named as the device

	t       TB
	folder  string
	process *exec.Cmd
	control net.Conn
}

// New starts a TPM with its state in folder, until the test ends.
func New(t TB, folder string) *TPM {
	t.Helper()
	if _, err := exec.LookPath("swtpm"); err != nil {
		if os.Getenv("EKRONA_REQUIRE_TPM") != "" {
			t.Fatal("swtpm is not there: apt-get install swtpm")
		}
		t.Skip("needs swtpm")
	}
	m := &TPM{Socket: filepath.Join(folder, "swtpm.sock"), t: t, folder: folder}
	m.Start()
	t.Cleanup(m.Kill)
	return m
}

// Start starts the TPM, and returns when it answers.
func (m *TPM) Start() {
	m.t.Helper()
	// Of the Unix sockets, only their path's length is limited: 108 bytes (unix(7)).
	pair, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	m.check(err)
	theirs, ours := os.NewFile(uintptr(pair[0]), "swtpm"), os.NewFile(uintptr(pair[1]), "control")
	m.process = exec.Command("swtpm", "socket", "--tpm2", "--tpmstate", "dir="+m.folder,
		"--server", "type=unixio,path="+m.Socket, "--ctrl", "type=unixio,clientfd=3",
		"--flags", "not-need-init,startup-clear", "--log",
		"file="+filepath.Join(m.folder, "swtpm.log"))
	m.process.ExtraFiles = []*os.File{theirs}
	m.check(m.process.Start())
	m.check(theirs.Close())
	m.control, err = net.FileConn(ours)
	m.check(err)
	m.check(ours.Close())
	m.wait()
}

// wait asks over the control channel for the capabilities (swtpm_ioctls(3),
// CMD_GET_CAPABILITY): the answer comes when the TPM serves its sockets.
func (m *TPM) wait() {
	m.t.Helper()
	m.check(binary.Write(m.control, binary.BigEndian, uint32(1)))
	_, err := io.ReadFull(m.control, make([]byte, 8))
	m.check(err)
}

// Kill takes its power away.
func (m *TPM) Kill() {
	if m.process == nil {
		return
	}
	m.check(m.control.Close())
	if err := m.process.Process.Kill(); err == nil {
		_ = m.process.Wait() // its exit code is the signal
	}
	m.process = nil
}

// Restart is a power cut: what the TPM had loaded is gone, what it keeps is there.
func (m *TPM) Restart() {
	m.t.Helper()
	m.Kill()
	m.check(os.Remove(m.Socket))
	m.Start()
}

func (m *TPM) check(err error) {
	m.t.Helper()
	if err != nil {
		m.t.Fatal("swtpm:", err)
	}
}
