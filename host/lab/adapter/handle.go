package adapter

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/go-dap"

	"ekrona.example/emulator/debugger"
	"ekrona.example/host/lab"
)

// theThread is the one that a card has.
const theThread = 1

// handle answers a request; true ends the session.
func (s *server) handle(m dap.Message) (ends bool) {
	switch m := m.(type) {
	case *dap.InitializeRequest:
		if !m.Arguments.LinesStartAt1 || !m.Arguments.ColumnsStartAt1 {
			s.refuse(m, errors.New("initialize: lines and columns are counted from 1 here: say "+
				"linesStartAt1 and columnsStartAt1"))
			return false
		}
		s.client = m.Arguments.ClientID
		s.send(&dap.InitializeResponse{Response: response(m), Body: capabilities()})
	case *dap.LaunchRequest:
		if err := s.start(m); err != nil {
			s.refuse(m, err)
			return false
		}
		s.send(&dap.LaunchResponse{Response: response(m)})
		s.send(&dap.InitializedEvent{Event: event("initialized")})
	case *unknown:
		s.refuse(m, m.why)
	case *dap.DisconnectRequest:
		s.send(&dap.DisconnectResponse{Response: response(m)})
		return true
	case *dap.TerminateRequest:
		s.send(&dap.TerminateResponse{Response: response(m)})
		s.send(&dap.TerminatedEvent{Event: event("terminated")})
	case dap.RequestMessage:
		if s.player == nil {
			s.refuse(m, fmt.Errorf("%s: launch comes first", m.GetRequest().Command))
			return false
		}
		if !s.handleRun(m) && !s.handleBreaks(m) && !s.handleLooks(m) {
			s.refuse(m, fmt.Errorf("%s is not supported", m.GetRequest().Command))
		}
	}
	return s.failure != nil
}

// capabilities are what the adapter can do.
func capabilities() dap.Capabilities {
	return dap.Capabilities{
		SupportsConfigurationDoneRequest: true, SupportsFunctionBreakpoints: true,
		SupportsConditionalBreakpoints: true, SupportsHitConditionalBreakpoints: true,
		SupportsLogPoints:         true,
		SupportsEvaluateForHovers: true, SupportsStepBack: true, SupportsDataBreakpoints: true,
		SupportsSteppingGranularity: true, SupportsDisassembleRequest: true,
		SupportsTerminateRequest: true, SupportsCompletionsRequest: true,
		CompletionTriggerCharacters:    []string{".", " "},
		SupportsExceptionFilterOptions: true,
		ExceptionBreakpointFilters: []dap.ExceptionBreakpointsFilter{
			{Filter: filterAll, Label: "Exceptions", SupportsCondition: true,
				ConditionDescription: "class and reason, * for anything, and when: " +
					"ISOException 6A8* if amount > 3 hit 2"},
			{Filter: filterUnexpected, Label: "Exceptions that end in 6F00", Default: true,
				Description: "all but ISOException, caught ones too"},
		},
	}
}

// run has the player run on a goroutine of its own.
func (s *server) run(event string, do func(context.Context) (lab.Stand, error)) {
	done := make(chan ran, 1)
	s.running, s.view, s.handles = done, nil, nil
	ctx := s.ctx
	go func() {
		stand, err := do(ctx)
		done <- ran{stand, err, event}
	}()
}

// plain makes a step back one that takes a context.
func plain(do func() (lab.Stand, error)) func(context.Context) (lab.Stand, error) {
	return func(context.Context) (lab.Stand, error) { return do() }
}

// handleRun answers the requests that have the card run.
func (s *server) handleRun(m dap.Message) bool {
	p := s.player
	byInstruction := func(g dap.SteppingGranularity) bool { return g == "instruction" }
	switch m := m.(type) {
	case *dap.ConfigurationDoneRequest:
		s.send(&dap.ConfigurationDoneResponse{Response: response(m)})
		switch stand, stops := p.Reach(); {
		case s.launch.StopOnEntry:
			s.stopped(ran{stand: stand, event: "entry"})
		case stops:
			s.stopped(ran{stand: stand, event: "breakpoint"})
		default:
			s.run("breakpoint", p.Continue)
		}
	case *dap.ContinueRequest:
		r := &dap.ContinueResponse{Response: response(m)}
		r.Body.AllThreadsContinued = true
		s.send(r)
		s.run("breakpoint", p.Continue)
	case *dap.NextRequest:
		s.send(&dap.NextResponse{Response: response(m)})
		if byInstruction(m.Arguments.Granularity) && s.stand.Within {
			s.run("step", p.StepInstruction)
		} else {
			s.run("step", p.StepOver)
		}
	case *dap.StepInRequest:
		s.send(&dap.StepInResponse{Response: response(m)})
		if byInstruction(m.Arguments.Granularity) {
			s.run("step", p.StepInstruction)
		} else {
			s.run("step", p.StepIn)
		}
	case *dap.StepOutRequest:
		s.send(&dap.StepOutResponse{Response: response(m)})
		s.run("step", p.StepOut)
	case *dap.StepBackRequest:
		s.send(&dap.StepBackResponse{Response: response(m)})
		if byInstruction(m.Arguments.Granularity) && s.stand.Within {
			s.run("step", plain(p.BackInstruction))
		} else {
			s.run("step", plain(p.Back))
		}
	case *dap.ReverseContinueRequest:
		s.send(&dap.ReverseContinueResponse{Response: response(m)})
		s.run("breakpoint", p.BackToBreak)
	case *dap.PauseRequest:
		p.Debugger.Pause()
		s.send(&dap.PauseResponse{Response: response(m)})
	case *dap.ThreadsRequest:
		r := &dap.ThreadsResponse{Response: response(m)}
		r.Body.Threads = []dap.Thread{{Id: theThread, Name: "card"}}
		s.send(r)
	default:
		return false
	}
	return true
}

// reasons are the protocol's names of why a card stopped.
var reasons = map[debugger.Reason]string{
	debugger.AtBreak: "breakpoint", debugger.AtStep: "step", debugger.AtEntry: "step",
	debugger.AtWrite: "data breakpoint", debugger.AtException: "exception",
	debugger.AtPause: "pause",
}

// stopped tells the client where the card stands, or that the script has ended.
func (s *server) stopped(r ran) {
	s.stand = r.stand
	if r.err != nil {
		s.output("stderr", "%v\n", r.err)
	}
	if r.stand.Done && !r.stand.Within {
		if r.stand.Failed != nil {
			s.output("stderr", "%v\n", r.stand.Failed)
		}
		s.done = true
		exited := &dap.ExitedEvent{Event: event("exited")}
		if r.stand.Failed != nil {
			exited.Body.ExitCode = 1
		}
		s.send(exited)
		s.send(&dap.TerminatedEvent{Event: event("terminated")})
		return
	}
	e := &dap.StoppedEvent{Event: event("stopped")}
	e.Body = dap.StoppedEventBody{Reason: r.event, ThreadId: theThread, AllThreadsStopped: true}
	stop := r.stand.Stop
	switch {
	case r.stand.Within:
		e.Body.Reason = reasons[stop.Reason]
	case r.event == "breakpoint" && len(stop.Breaks) == 0:
		e.Body.Reason = "entry" // the beginning of the script, before which no break was hit
	}
	e.Body.HitBreakpointIds = stop.Breaks
	e.Body.Text, e.Body.Description = stop.What, stop.What
	s.send(e)
}
