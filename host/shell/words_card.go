package shell

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"ekrona.example/apdu"
	"ekrona.example/emulator/card"
)

// cardWords are about the card itself: its power, its memory, its past.
func cardWords() []Word {
	return []Word{
		{Name: "reset", Usage: "reset", Help: "take the power away and give it back", Run: reset},
		{Name: "cut", Usage: "cut N",
			Help: "lose the power before the N-th persistent write of the next command; 0: do not",
			Run:  cut},
		{Name: "writes", Usage: "writes", Help: "what the last command wrote and ran",
			Run: writes},
		{Name: "cause", Usage: "cause",
			Help: "the exception behind the last answer, a refusal too, with method, file and line",
			Run:  causeWord},
		{Name: "memory", Usage: "memory", Help: "bytes free, and taken by each kind", Run: memory},
		{Name: "snapshot", Usage: "snapshot [NAME]",
			Help: "keep all that the card holds, RAM and sessions too", Run: snapshot},
		{Name: "restore", Usage: "restore [NAME]", Help: "set the card back to a snapshot",
			Complete: func(s *Session, _ []string, _ string) []string {
				return slices.Collect(maps.Keys(s.restorable))
			}, Run: restore},
	}
}

func reset(ctx context.Context, s *Session, arguments []string) (Answer, error) {
	if err := Nothing(arguments); err != nil {
		return Answer{}, err
	}
	return OK, s.Reset(ctx)
}

func cut(_ context.Context, s *Session, arguments []string) (Answer, error) {
	n, err := number(arguments, 0, "the number of a persistent write")
	if err == nil {
		err = s.CutBefore(n)
	}
	if err != nil {
		return Answer{}, err
	}
	s.tell(fmt.Sprintf("cut %d", n))
	return OK, nil
}

// account is what the last command took, for a program.
type account struct {
	Writes       int `json:"writes"`
	WrittenBytes int `json:"written_bytes"`
	Bytecodes    int `json:"bytecodes"`
	Invocations  int `json:"invocations"`
	MaxStack     int `json:"max_stack_cells"`
	MaxFrames    int `json:"max_frames"`
}

func writes(_ context.Context, s *Session, arguments []string) (Answer, error) {
	managed, err := s.Managed()
	if err == nil {
		err = Nothing(arguments)
	}
	if err != nil {
		return Answer{}, err
	}
	a := managed.LastCommand().Stats
	return Answer{
		Line: fmt.Sprintf("%d writes of %d bytes; %d bytecodes, %d calls", a.Writes,
			a.WrittenBytes, a.Bytecodes, a.Invocations),
		Value: account{a.Writes, a.WrittenBytes, a.Bytecodes, a.Invocations, a.MaxStack,
			a.MaxFrames},
	}, nil
}

// memoryValue is the memory of a card, for a program.
type memoryValue struct {
	Persistent int          `json:"persistent_free"` // bytes
	Transient  int          `json:"transient_free"`
	Taken      []card.Taken `json:"taken"`
}

func memory(_ context.Context, s *Session, arguments []string) (Answer, error) {
	virtual, err := s.Virtual()
	if err == nil {
		err = Nothing(arguments)
	}
	if err != nil {
		return Answer{}, err
	}
	free, err := virtual.Memory()
	if err != nil {
		return Answer{}, err
	}
	taken := virtual.Taken()
	parts := []string{fmt.Sprintf("free: %d persistent, %d transient", free.NVMFree,
		free.ResetFree)}
	for _, t := range taken {
		parts = append(parts, fmt.Sprintf("%s (%d): %d persistent, %d transient", t.Kind, t.Count,
			t.NVM, t.Transient))
	}
	return Answer{Line: strings.Join(parts, "; "), Text: strings.Join(parts, "\n"),
		Value: memoryValue{free.NVMFree, free.ResetFree, taken}}, nil
}

// name is the name of a snapshot: the only argument, or none.
func name(arguments []string) (string, error) {
	switch len(arguments) {
	case 0:
		return "", nil
	case 1:
		return arguments[0], nil
	}
	return "", Usage("one name at most")
}

func snapshot(_ context.Context, s *Session, arguments []string) (Answer, error) {
	n, err := name(arguments)
	if err != nil {
		return Answer{}, err
	}
	setBack, err := s.Keep(n)
	if err != nil {
		return Answer{}, err
	}
	s.restorable[n] = setBack
	return OK, nil
}

func restore(_ context.Context, s *Session, arguments []string) (Answer, error) {
	if _, err := s.Managed(); err != nil {
		return Answer{}, err
	}
	n, err := name(arguments)
	if err != nil {
		return Answer{}, err
	}
	setBack, found := s.restorable[n]
	if !found {
		return Answer{}, fmt.Errorf("there is no snapshot %q; make one with snapshot",
			apdu.Brief(n))
	}
	return OK, setBack()
}
