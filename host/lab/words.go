package lab

import (
	"context"
	"slices"
	"strings"
	"sync"

	"ekrona.example/apdu"
	"ekrona.example/emulator/card"
	"ekrona.example/emulator/debugger"
	"ekrona.example/emulator/inspect"
	"ekrona.example/emulator/vm"
	"ekrona.example/host/shell"
)

// Words are the words of this package for sessions: they look inside the card, debug and tear.
// Nothing watches a card until one of the words asks for it.
func Words() []shell.Word {
	w := &words{states: map[*shell.Session]*state{}}
	return slices.Concat(w.lookWords(), w.runWords(), w.debugWords(), w.tearWords())
}

// words are one table of words; it may serve several sessions.
type words struct {
	mutex  sync.Mutex
	states map[*shell.Session]*state
}

// state is what the words keep of one session.
type state struct {
	session *shell.Session
	card    *card.Card
	names   *inspect.Names // the session's
	debug   *debugger.Debugger
	logged  []string // by breaks, since the command went on

	recorder *inspect.Recorder // nil unless watching
	fresh    bool              // the next exchange begins a command
	changes  []inspect.Change  // of the last command
	account  inspect.Account
	profile  *inspect.Profile  // nil unless profiling
	coverage *inspect.Coverage // nil unless covering
}

// of returns what is kept of a session, which must have a virtual card.
func (w *words) of(s *shell.Session) (*state, error) {
	virtual, err := s.Virtual()
	if err != nil {
		return nil, err
	}
	w.mutex.Lock()
	defer w.mutex.Unlock()
	kept := w.states[s]
	if kept == nil {
		managed, err := s.Managed()
		if err != nil {
			return nil, err
		}
		kept = &state{session: s, card: virtual, names: s.Sources()}
		kept.debug = debugger.New(managed, virtual.Machine(), kept.names)
		kept.debug.Hold = kept.hold
		kept.debug.Log = func(_ debugger.Break, message string) {
			kept.logged = append(kept.logged, message)
		}
		w.states[s] = kept
		s.Observe(kept.observe)
	}
	return kept, nil
}

// hold keeps the card, what goes with it and what its profile has counted.
func (k *state) hold() (setBack func() error, err error) {
	card, err := k.session.Hold()
	if k.profile == nil {
		return card, err
	}
	counted := k.profile.Hold()
	return func() error {
		counted()
		return card()
	}, err
}

// on makes what a word runs of a function that needs the state of the session, and nothing else.
func (w *words) on(
	run func(k *state, arguments []string) (shell.Answer, error),
) func(context.Context, *shell.Session, []string) (shell.Answer, error) {
	return func(_ context.Context, s *shell.Session, arguments []string) (shell.Answer, error) {
		k, err := w.of(s)
		if err != nil {
			return shell.Answer{}, err
		}
		return run(k, arguments)
	}
}

// watch puts the probes of all that watches on the machine; none if nothing does.
func (k *state) watch() error {
	var probes []vm.Probe
	if k.recorder != nil {
		probes = append(probes, k.recorder.Probe())
	}
	if k.profile != nil {
		probes = append(probes, k.profile.Probe())
	}
	if k.coverage != nil {
		probes = append(probes, k.coverage.Probe())
	}
	return k.debug.Beside(vm.Probes(probes...))
}

// observe takes what a command changed, when it is over.
func (k *state) observe(e apdu.Exchange) {
	if k.recorder == nil {
		return
	}
	if len(e.Wire) == 0 {
		k.changes, k.account = k.recorder.End()
	}
	if !e.Carried {
		k.recorder.Begin()
	}
}

// choice reads the first argument, which is one of some.
func choice(arguments []string, of ...string) (string, []string, error) {
	if len(arguments) > 0 && slices.Contains(of, arguments[0]) {
		return arguments[0], arguments[1:], nil
	}
	return "", nil, shell.Usage("%s is missing", strings.Join(of, ", "))
}

// chooses completes the first argument of a word.
func chooses(of ...string) func(*shell.Session, []string, string) []string {
	return func(_ *shell.Session, before []string, _ string) []string {
		if len(before) == 0 {
			return of
		}
		return nil
	}
}

// debugged is where the command stands in the arguments of "debug".
func debugged(arguments []string) int {
	if arguments[0] == "entry" {
		return 1
	}
	return 0
}

// brokenAt is where the beginning of a command stands in the arguments of "break", if it has data.
func brokenAt(arguments []string) int {
	const header = 10 // digits, with Lc
	if len(arguments) > 1 && arguments[0] == "command" && len(arguments[1]) > header {
		return 1
	}
	return len(arguments)
}
