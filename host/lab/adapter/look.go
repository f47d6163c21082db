package adapter

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/google/go-dap"

	"ekrona.example/emulator/debugger"
	"ekrona.example/emulator/inspect"
)

// handle is what a client opens by a number: variables, and the object that they are in.
type handle struct {
	path string // "" for none
	list func() []debugger.Variable
}

// looking is the card as it stands.
func (s *server) looking() *debugger.View {
	if s.view == nil {
		s.view = s.player.Debugger.View()
	}
	return s.view
}

// handleLooks answers the requests that look at the card.
func (s *server) handleLooks(m dap.Message) bool {
	switch m := m.(type) {
	case *dap.StackTraceRequest:
		r := &dap.StackTraceResponse{Response: response(m)}
		all := s.frames()
		r.Body.TotalFrames = len(all)
		r.Body.StackFrames = part(all, m.Arguments.StartFrame, m.Arguments.Levels)
		s.send(r)
	case *dap.ScopesRequest:
		r := &dap.ScopesResponse{Response: response(m)}
		r.Body.Scopes = s.scopes(m.Arguments.FrameId)
		s.send(r)
	case *dap.VariablesRequest:
		r := &dap.VariablesResponse{Response: response(m)}
		r.Body.Variables = part(s.variables(m.Arguments.VariablesReference), m.Arguments.Start,
			m.Arguments.Count)
		s.send(r)
	case *dap.EvaluateRequest:
		s.evaluate(m)
	case *dap.CompletionsRequest:
		s.complete(m)
	case *dap.DisassembleRequest:
		s.disassemble(m)
	default:
		return false
	}
	return true
}

// part is n elements of a list from one on, as far as there are; all of them if n is 0.
func part[E any](list []E, from, n int) []E {
	list = list[min(max(0, from), len(list)):]
	if n > 0 {
		list = list[:min(n, len(list))]
	}
	return list
}

// frames are those of the methods, innermost first, and that of the script's line.
func (s *server) frames() []dap.StackFrame {
	frames := []dap.StackFrame{}
	if s.stand.Within {
		for i, f := range s.looking().Frames {
			shown := dap.StackFrame{Id: i + 1, Name: f.Name, Line: f.Line, Column: 1}
			if f.Source != "" {
				shown.Source = s.source(f.Source)
			}
			if f.Line == 0 {
				shown.PresentationHint = "subtle"
			}
			if c, is := s.looking().Instruction(f); is {
				shown.InstructionPointerReference = reference(c.Address)
			}
			frames = append(frames, shown)
		}
	}
	script := dap.StackFrame{Id: len(frames) + 1, Line: s.stand.Line.Number, Column: 1,
		Name: s.stand.Line.Title()}
	if path, err := filepath.Abs(s.launch.Script); err == nil {
		script.Source = &dap.Source{Name: filepath.Base(path), Path: path}
	}
	return append(frames, script)
}

// source finds a source file in the folders of the launch request.
func (s *server) source(file string) *dap.Source {
	found := &dap.Source{Name: inspect.Short(file)}
	for _, folder := range s.launch.Sources {
		path, err := filepath.Abs(filepath.Join(folder, filepath.FromSlash(file)))
		if err != nil {
			continue
		}
		if _, err := os.Stat(path); err == nil {
			found.Path = path
			break
		}
	}
	return found
}

// frame is a frame of a method by its number; nil for that of the script.
func (s *server) frame(id int) *debugger.Frame {
	if !s.stand.Within || id < 1 || id > len(s.looking().Frames) {
		return nil
	}
	return &s.looking().Frames[id-1]
}

// scope is the frame whose names expressions have in one; nil for that of the script.
func (s *server) scope(id int) *debugger.Frame {
	frame := s.frame(id)
	if frame != nil && frame.Native { // which has no names: its caller has
		return s.looking().Bytecode()
	}
	return frame
}

// put gives variables a number.
func (s *server) put(h handle) int {
	s.handles = append(s.handles, h)
	return len(s.handles)
}

// scopes are what can be looked at from a frame.
func (s *server) scopes(frame int) []dap.Scope {
	v := s.looking()
	list := []dap.Scope{}
	if f := s.frame(frame); f != nil {
		list = append(list, dap.Scope{Name: "Locals", PresentationHint: "locals",
			VariablesReference: s.put(handle{list: func() []debugger.Variable {
				return v.Locals(*f)
			}})},
			dap.Scope{Name: "Operands", VariablesReference: s.put(handle{
				list: func() []debugger.Variable { return v.Operands(*f) }})})
	}
	return append(list,
		dap.Scope{Name: "Card", VariablesReference: s.put(handle{list: v.Objects})},
		dap.Scope{Name: "Transaction", VariablesReference: s.put(handle{
			list: func() []debugger.Variable { return transaction(v) }})})
}

// transaction shows the machine's transaction.
func transaction(v *debugger.View) []debugger.Variable {
	t := v.Transaction()
	return []debugger.Variable{
		{Name: "open", Value: fmt.Sprint(t.Open)},
		{Name: "number", Value: fmt.Sprint(t.Number)},
		{Name: "entries", Value: fmt.Sprint(t.Entries)},
		{Name: "bytes used", Value: fmt.Sprint(t.Used)},
		{Name: "capacity", Value: fmt.Sprint(t.Capacity)},
	}
}

// variable shows a variable to the client. In an object, expressions have it by its path.
func (s *server) variable(in string, l debugger.Variable) dap.Variable {
	shown := dap.Variable{Name: l.Name, Type: l.Type, Value: s.looking().Text(l),
		EvaluateName: l.Name}
	if in != "" {
		shown.EvaluateName = partOf(in, l.Name)
	}
	if l.Path == "" {
		return shown
	}
	path := l.Path
	shown.VariablesReference = s.put(handle{path: path, list: func() []debugger.Variable {
		inside, _ := s.looking().Inside(path)
		return inside
	}})
	return shown
}

// partOf is the name of a field, or of an element, of an object.
func partOf(path, name string) string {
	if strings.HasPrefix(name, "[") {
		return path + name
	}
	return path + "." + name
}

// variables are those of a number.
func (s *server) variables(number int) []dap.Variable {
	list := []dap.Variable{}
	if number < 1 || number > len(s.handles) {
		return list
	}
	h := s.handles[number-1]
	for _, l := range h.list() {
		list = append(list, s.variable(h.path, l))
	}
	return list
}

// pathOf is the name of a field of an object that was opened, as breaks on writes have it; ""
// for what is none.
func (s *server) pathOf(number int, name string) string {
	if number < 1 || number > len(s.handles) || s.handles[number-1].path == "" {
		return ""
	}
	return partOf(s.handles[number-1].path, name)
}

// evaluate shows what an expression stands for, or does a line of the script's language at the
// console while no command is in progress.
func (s *server) evaluate(m *dap.EvaluateRequest) {
	r := &dap.EvaluateResponse{Response: response(m)}
	found, err := s.looking().Evaluate(s.scope(m.Arguments.FrameId), m.Arguments.Expression)
	switch {
	case err == nil:
		shown := s.variable("", found)
		r.Body.Result, r.Body.Type = shown.Value, shown.Type
		r.Body.VariablesReference = shown.VariablesReference
	case m.Arguments.Context == "repl" && !s.stand.Within && !s.done:
		s.view, s.handles = nil, nil
		done := s.player.Bench.Execute(s.ctx, m.Arguments.Expression)
		r.Body.Result = done.Line()
		if done.Answer.Text != "" {
			r.Body.Result = done.Answer.Text
		}
	default:
		s.refuse(m, err)
		return
	}
	s.send(r)
}
