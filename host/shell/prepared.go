package shell

import (
	"bytes"
	"context"
	"path/filepath"
	"slices"
	"strings"

	"ekrona.example/apdu/script"
	"ekrona.example/host/durable"
)

// Prepare does a line that is the program's own, before the first one of the user, such as to load
// the CAP file of a flag. A script that begins with the same, as a transcript of such a session
// does, has it answered as it was and not done again.
func (s *Session) Prepare(ctx context.Context, line string) Result {
	before, begun := s.prepared, s.begun
	s.preparing = true
	r := s.Execute(ctx, line)
	s.begun, s.preparing = begun, false
	if s.prepared = before; r.Err() == nil {
		s.prepared = append(s.prepared, r)
	}
	return r
}

// again finds the result of a line that was prepared and is not to be done again. The first line
// that is none ends the preparation.
func (s *Session) again(step script.Step) (Result, bool) {
	for i, r := range s.prepared {
		if SameContent(r.Step, step) {
			s.prepared = slices.Delete(s.prepared, i, i+1)
			r.Step, r.Broken = step, step.Pattern.Check(r.Answer.Line)
			return r, true
		}
	}
	s.prepared = nil
	return Result{}, false
}

// SameContent reports whether two lines put the same onto a card: they load the same CAP files, or
// make the same instance.
func SameContent(a, b script.Step) bool {
	if a.Word != b.Word {
		return false
	}
	switch a.Word {
	case "load":
		return slices.EqualFunc(a.Arguments, b.Arguments, SameFile)
	case "install":
		return slices.EqualFunc(instanceOf(a.Arguments), instanceOf(b.Arguments), strings.EqualFold)
	}
	return false
}

// instanceOf completes the arguments of install.
func instanceOf(arguments []string) []string {
	if len(arguments) == 1 {
		return []string{arguments[0], arguments[0]}
	}
	return arguments
}

// SameFile reports whether two names are of one file, or of two with the same content. A file that
// is not there, since a script has been moved, is known by its name without folders.
func SameFile(a, b string) bool {
	if filepath.Clean(a) == filepath.Clean(b) {
		return true
	}
	contentOfA, failed := durable.Read(a)
	contentOfB, err := durable.Read(b)
	if failed != nil || err != nil {
		return filepath.Base(a) == filepath.Base(b)
	}
	return bytes.Equal(contentOfA, contentOfB)
}
