package jcardsim

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"sync"

	"ekrona.example/apdu"
)

// maxAnswer bounds one line of the bridge: an extended response in hex.
const maxAnswer = 2*(apdu.MaxExtendedNe+2) + 64

// maxComplaint bounds what is kept of the virtual machine's standard error.
const maxComplaint = 4096

// Simulator is one Java virtual machine that holds one card. It implements
// [apdu.Card]; calls from several goroutines are taken one after the other.
type Simulator struct {
	mu        sync.Mutex
	process   *exec.Cmd
	commands  io.WriteCloser
	answers   *bufio.Scanner
	complaint *tail
	broken    error
}

// Start starts the virtual machine with the applet class of that name. There is
// no card in it before [Simulator.Install]. Close ends it.
func Start(classes Classes, appletClass string) (*Simulator, error) {
	s := &Simulator{complaint: new(tail)}
	arguments := []string{"-Xshare:auto", "-classpath", classes.classPath, "jcsim.Bridge",
		appletClass}
	if classes.fresh {
		arguments = append(arguments, "fresh")
	}
	s.process = exec.Command(classes.java, arguments...)
	s.process.Stderr = s.complaint
	var err error
	if s.commands, err = s.process.StdinPipe(); err != nil {
		return nil, fmt.Errorf("jcardsim: standard input of java: %w", err)
	}
	out, err := s.process.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("jcardsim: standard output of java: %w", err)
	}
	s.answers = bufio.NewScanner(out)
	s.answers.Buffer(nil, maxAnswer)
	if err := s.process.Start(); err != nil {
		return nil, fmt.Errorf("jcardsim: start java: %w", err)
	}
	return s, nil
}

// Install takes a fresh card and installs one instance of the applet on it. The
// card that was there before is gone. parameters is the application data that
// the applet finds behind its instance AID and control information.
func (s *Simulator) Install(ctx context.Context, aid, parameters []byte) error {
	return s.order(ctx, strings.TrimSpace(fmt.Sprintf("install %X %X", aid, parameters)))
}

// Reset takes the card's power away and gives it back.
func (s *Simulator) Reset(ctx context.Context) error { return s.order(ctx, "reset") }

func (s *Simulator) order(ctx context.Context, line string) error {
	answer, err := s.exchange(ctx, line)
	if err != nil {
		return err
	}
	if answer != "ok" {
		return fmt.Errorf("jcardsim: unexpected answer %q", answer)
	}
	return nil
}

// Transmit implements [apdu.Card].
func (s *Simulator) Transmit(ctx context.Context, c apdu.Command) (apdu.Response, error) {
	text, err := c.MarshalText()
	if err != nil {
		return apdu.Response{}, err
	}
	answer, err := s.exchange(ctx, string(text))
	if err != nil {
		return apdu.Response{}, err
	}
	b, err := apdu.ParseHex(answer)
	if err != nil {
		return apdu.Response{}, err
	}
	return apdu.ParseResponse(b)
}

// exchange sends one line and reads one. When ctx ends first, the virtual
// machine is killed: an answer that comes too late would be taken for the next
// command's.
func (s *Simulator) exchange(ctx context.Context, line string) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.broken != nil {
		return "", s.broken
	}
	release := context.AfterFunc(ctx, func() { _ = s.process.Process.Kill() })
	defer release()
	_, err := io.WriteString(s.commands, line+"\n")
	if err == nil && s.answers.Scan() {
		if text, found := strings.CutPrefix(s.answers.Text(), "error: "); found {
			return "", errors.New("jcardsim: " + text)
		}
		return s.answers.Text(), nil
	}
	if ctx.Err() != nil {
		s.broken = fmt.Errorf("jcardsim: stopped: %w", context.Cause(ctx))
	} else {
		s.broken = fmt.Errorf("jcardsim: the Java virtual machine has ended: %s", s.complaint)
	}
	return "", s.broken
}

// Close ends the virtual machine and waits for it.
func (s *Simulator) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.process.ProcessState != nil {
		return nil
	}
	_ = s.commands.Close()
	err := s.process.Wait()
	if s.broken != nil {
		return nil // it was reported when it broke
	}
	s.broken = errors.New("jcardsim: the simulator is closed")
	if err != nil {
		return fmt.Errorf("jcardsim: java: %w: %s", err, s.complaint)
	}
	return nil
}

// tail keeps the last bytes written to it.
type tail struct {
	mu   sync.Mutex
	kept bytes.Buffer
}

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.kept.Write(p)
	if excess := t.kept.Len() - maxComplaint; excess > 0 {
		t.kept.Next(excess)
	}
	return len(p), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return strings.TrimSpace(t.kept.String())
}
