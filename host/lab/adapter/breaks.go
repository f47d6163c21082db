package adapter

import (
	"path/filepath"
	"slices"

	"github.com/google/go-dap"

	"ekrona.example/emulator/debugger"
	"ekrona.example/host/lab"
)

// The filters of exceptions.
const (
	filterAll        = "all"
	filterUnexpected = "unexpected"
)

// unexpected are the exceptions that no applet throws on purpose.
var unexpected = []string{"ArrayIndexOutOfBounds*", "NullPointer*", "Arithmetic*", "ClassCast*",
	"NegativeArraySize*", "ArrayStore*", "SecurityException*", "TransactionException*",
	"SystemException*", "CryptoException*", "APDUException*", "PINException*"}

// The lists of breaks beside those of a file.
const (
	ofFunctions  = "(functions)"
	ofData       = "(data)"
	ofExceptions = "(exceptions)"
)

// handleBreaks answers the requests about breakpoints.
func (s *server) handleBreaks(m dap.Message) bool {
	switch m := m.(type) {
	case *dap.SetBreakpointsRequest:
		r := &dap.SetBreakpointsResponse{Response: response(m)}
		r.Body.Breakpoints = s.inFile(m.Arguments)
		s.send(r)
	case *dap.SetFunctionBreakpointsRequest:
		r := &dap.SetFunctionBreakpointsResponse{Response: response(m)}
		r.Body.Breakpoints = set(s, ofFunctions, m.Arguments.Breakpoints,
			func(b dap.FunctionBreakpoint) (debugger.Break, bool) {
				return debugger.Break{Kind: debugger.OnMethod, Where: b.Name},
					b.Condition != "" || b.HitCondition != ""
			})
		s.send(r)
	case *dap.SetExceptionBreakpointsRequest:
		s.exceptions(m.Arguments)
		s.send(&dap.SetExceptionBreakpointsResponse{Response: response(m)})
	case *dap.DataBreakpointInfoRequest:
		r := &dap.DataBreakpointInfoResponse{Response: response(m)}
		if path := s.pathOf(m.Arguments.VariablesReference, m.Arguments.Name); path != "" {
			r.Body.DataId, r.Body.Description = path, "writes to "+path
			r.Body.AccessTypes = []dap.DataBreakpointAccessType{"write"}
			r.Body.CanPersist = true
		} else {
			r.Body.Description = "this is no field"
		}
		s.send(r)
	case *dap.SetDataBreakpointsRequest:
		r := &dap.SetDataBreakpointsResponse{Response: response(m)}
		r.Body.Breakpoints = set(s, ofData, m.Arguments.Breakpoints,
			func(b dap.DataBreakpoint) (debugger.Break, bool) {
				return debugger.Break{Kind: debugger.OnWrite, Where: b.DataId},
					b.Condition != "" || b.HitCondition != ""
			})
		s.send(r)
	default:
		return false
	}
	return true
}

// conditional is the answer to a break that would stop only sometimes. No client may send one, for
// the capabilities say none; stopping always is not what it asks for.
var conditional = dap.Breakpoint{Message: "breaks with a condition, a count or a message to log " +
	"are not supported: set it without"}

// set puts breaks in the place of those of a list. breakOf says too whether one has a condition.
func set[B any](
	s *server, list string, wanted []B, breakOf func(B) (debugger.Break, bool),
) []dap.Breakpoint {
	s.forget(list)
	shown := []dap.Breakpoint{}
	for _, b := range wanted {
		if made, isConditional := breakOf(b); isConditional {
			shown = append(shown, conditional)
		} else {
			shown = append(shown, s.add(list, made))
		}
	}
	return shown
}

// sometimes reports whether a break in a file has a condition.
func sometimes(b dap.SourceBreakpoint) bool {
	return b.Condition != "" || b.HitCondition != "" || b.LogMessage != ""
}

// forget takes the breaks of a list away.
func (s *server) forget(list string) {
	for _, n := range s.breaks[list] {
		s.player.Debugger.Remove(n)
	}
	delete(s.breaks, list)
}

// add makes a break in a list.
func (s *server) add(list string, b debugger.Break) dap.Breakpoint {
	made, err := s.player.Debugger.Add(b)
	if err != nil {
		return dap.Breakpoint{Message: err.Error()}
	}
	s.breaks[list] = append(s.breaks[list], made.Number)
	shown := dap.Breakpoint{Id: made.Number, Verified: made.Places > 0, Line: made.Found}
	if made.Kind == debugger.OnWrite || made.Kind == debugger.OnException {
		shown.Verified = true
	}
	if !shown.Verified {
		shown.Message = "nothing on the card has code there"
		if why := s.player.Debugger.Missing(made); why != nil {
			shown.Message = why.Error()
		}
	}
	return shown
}

// inFile sets the breaks of a file: lines of the script, or of a source.
func (s *server) inFile(a dap.SetBreakpointsArguments) []dap.Breakpoint {
	if !s.isScript(a.Source.Path) {
		return set(s, a.Source.Path, a.Breakpoints,
			func(b dap.SourceBreakpoint) (debugger.Break, bool) {
				return debugger.Break{Kind: debugger.OnLine,
					Where: filepath.ToSlash(a.Source.Path), Line: b.Line}, sometimes(b)
			})
	}
	list := []dap.Breakpoint{}
	clear(s.player.Breaks)
	for _, b := range a.Breakpoints {
		if sometimes(b) {
			list = append(list, conditional)
			continue
		}
		verified := slices.ContainsFunc(s.player.Script,
			func(l lab.Line) bool { return l.Number == b.Line })
		s.player.Breaks[b.Line] = verified
		list = append(list, dap.Breakpoint{Verified: verified, Line: b.Line})
	}
	return list
}

// isScript reports whether a path is that of the script.
func (s *server) isScript(path string) bool {
	a, err := filepath.Abs(path)
	if err != nil {
		return false
	}
	b, err := filepath.Abs(s.launch.Script)
	return err == nil && a == b
}

// exceptions sets the breaks on exceptions.
func (s *server) exceptions(a dap.SetExceptionBreakpointsArguments) {
	s.forget(ofExceptions)
	on := func(pattern string) {
		s.add(ofExceptions, debugger.Break{Kind: debugger.OnException, Where: pattern})
	}
	filters := append([]dap.ExceptionFilterOptions{}, a.FilterOptions...)
	for _, f := range a.Filters {
		filters = append(filters, dap.ExceptionFilterOptions{FilterId: f})
	}
	for _, f := range filters {
		switch {
		case f.FilterId == filterAll && f.Condition != "":
			on(f.Condition)
		case f.FilterId == filterAll:
			on("*")
		case f.FilterId == filterUnexpected:
			for _, pattern := range unexpected {
				on(pattern)
			}
		}
	}
}
