package adapter

import (
	"fmt"
	"path/filepath"
	"slices"

	"github.com/google/go-dap"

	"ekrona.example/apdu"
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
	ofScript     = "(script)"
)

// kept is a break of a list as it was asked for, and its number.
type kept struct {
	asked  debugger.Break
	number int
}

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
			func(b dap.FunctionBreakpoint) debugger.Break {
				return debugger.Break{Kind: debugger.OnMethod, Where: b.Name,
					When: debugger.When{Condition: b.Condition, Count: b.HitCondition}}
			})
		s.send(r)
	case *dap.SetExceptionBreakpointsRequest:
		r := &dap.SetExceptionBreakpointsResponse{Response: response(m)}
		r.Body.Breakpoints = s.exceptions(m.Arguments)
		s.send(r)
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
			func(b dap.DataBreakpoint) debugger.Break {
				return debugger.Break{Kind: debugger.OnWrite, Where: b.DataId,
					When: debugger.When{Condition: b.Condition, Count: b.HitCondition}}
			})
		s.send(r)
	default:
		return false
	}
	return true
}

// whenOf is when a break in a file stops.
func whenOf(b dap.SourceBreakpoint) debugger.When {
	return debugger.When{Condition: b.Condition, Count: b.HitCondition, Log: b.LogMessage}
}

// set puts breaks in the place of those of a list. A client sends all of a list whenever one of
// them changes: those that are as they were keep their numbers and their hits.
func set[B any](
	s *server, list string, wanted []B, breakOf func(B) debugger.Break,
) []dap.Breakpoint {
	before := s.breaks[list]
	s.breaks[list] = nil
	shown := []dap.Breakpoint{}
	for _, b := range wanted {
		asked := breakOf(b)
		at := slices.IndexFunc(before, func(k kept) bool { return asked.Same(k.asked) })
		if at < 0 {
			shown = append(shown, s.add(list, asked))
			continue
		}
		s.breaks[list] = append(s.breaks[list], before[at])
		shown = append(shown, s.shown(s.player.Debugger.Break(before[at].number)))
		before = slices.Delete(before, at, at+1)
	}
	for _, k := range before {
		s.player.Debugger.Remove(k.number)
	}
	return shown
}

// add makes a break in a list.
func (s *server) add(list string, b debugger.Break) dap.Breakpoint {
	made, err := s.player.Debugger.Add(b)
	if err != nil {
		return dap.Breakpoint{Message: err.Error(), Line: b.Line}
	}
	s.breaks[list] = append(s.breaks[list], kept{b, made.Number})
	return s.shown(made)
}

// shown is a break as the client sees it.
func (s *server) shown(b *debugger.Break) dap.Breakpoint {
	shown := dap.Breakpoint{Id: b.Number, Verified: b.Places > 0, Line: b.Found}
	switch b.Kind {
	case debugger.OnScript:
		shown.Verified, shown.Line = true, b.Line
	case debugger.OnWrite, debugger.OnException:
		shown.Verified = true
	}
	if !shown.Verified {
		shown.Message = "nothing on the card has code there"
		if why := s.player.Debugger.Missing(b); why != nil {
			shown.Message = why.Error()
		}
	}
	return shown
}

// inFile sets the breaks of a file: lines of the script, or of a source.
func (s *server) inFile(a dap.SetBreakpointsArguments) []dap.Breakpoint {
	list := filepath.ToSlash(a.Source.Path)
	if !s.isScript(a.Source.Path) {
		return set(s, list, a.Breakpoints, func(b dap.SourceBreakpoint) debugger.Break {
			return debugger.Break{Kind: debugger.OnLine, Where: list, Line: b.Line,
				When: whenOf(b)}
		})
	}
	shown := set(s, ofScript, a.Breakpoints, func(b dap.SourceBreakpoint) debugger.Break {
		return debugger.Break{Kind: debugger.OnScript, Where: list, Line: b.Line, When: whenOf(b)}
	})
	for i := range shown {
		isLine := slices.ContainsFunc(s.player.Script,
			func(l lab.Line) bool { return l.Number == shown[i].Line })
		if shown[i].Verified && !isLine {
			shown[i].Verified, shown[i].Message = false, "the script does nothing at this line"
		}
	}
	return shown
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

// exceptions sets the breaks on exceptions, and shows one for each filter.
func (s *server) exceptions(a dap.SetExceptionBreakpointsArguments) []dap.Breakpoint {
	filters := []dap.ExceptionFilterOptions{}
	for _, f := range a.Filters {
		filters = append(filters, dap.ExceptionFilterOptions{FilterId: f})
	}
	filters = append(filters, a.FilterOptions...)
	var wanted []debugger.Break
	shown, firsts := make([]dap.Breakpoint, len(filters)), map[int]int{}
	for i, f := range filters {
		switch f.FilterId {
		case filterAll:
			b, err := debugger.ParseBreak(string(debugger.OnException) + " " + f.Condition)
			if err != nil {
				shown[i].Message = err.Error()
				continue
			}
			firsts[i] = len(wanted)
			wanted = append(wanted, b)
		case filterUnexpected:
			firsts[i] = len(wanted)
			for _, pattern := range unexpected {
				wanted = append(wanted,
					debugger.Break{Kind: debugger.OnException, Where: pattern})
			}
		default:
			shown[i].Message = fmt.Sprintf("there is no filter %q", apdu.Brief(f.FilterId))
		}
	}
	made := set(s, ofExceptions, wanted, func(b debugger.Break) debugger.Break { return b })
	for i, at := range firsts {
		shown[i] = made[at]
	}
	return shown
}
