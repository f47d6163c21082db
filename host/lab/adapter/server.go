package adapter

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"sync"

	"github.com/google/go-dap"

	"ekrona.example/emulator/debugger"
	"ekrona.example/host/lab"
)

// Launch is what the launch request has.
type Launch struct {
	Script      string   `json:"script"`      // file
	CAP         []string `json:"cap"`         // files, in dependency order
	Install     []string `json:"install"`     // as --install of "ekrona lab tear"
	Card        string   `json:"card"`        // file of a personalized card, which is copied
	Profile     string   `json:"profile"`     // product; "" is the P71
	Seed        string   `json:"seed"`        // of the card's randomness; "" is "1"
	Sources     []string `json:"sources"`     // folders of the Java sources, above the packages
	StopOnEntry bool     `json:"stopOnEntry"` // stop before the first line of the script
	KeepGoing   bool     `json:"keepGoing"`   // go on after a line that failed
}

// Open makes a player of what the launch request names.
type Open func(ctx context.Context, l Launch) (*lab.Player, error)

// server serves one client.
type server struct {
	ctx    context.Context
	open   Open
	out    io.Writer
	mutex  sync.Mutex // of out and sequence
	number int

	client  string // what it is called, if it says so
	launch  Launch
	player  *lab.Player
	done    bool           // the script has ended
	stand   lab.Stand      // where the player stands
	view    *debugger.View // of the card that stands still; nil until asked for
	handles []handle       // of variables, from 1
	breaks  map[string][]kept
	running chan ran      // gives what a run came to; nil while nothing runs
	waiting []dap.Message // for that
	failure error
}

// ran is how a run ended.
type ran struct {
	stand lab.Stand
	err   error
	event string // reason of the stop, if the player does not know a better one
}

// maxWaiting is how many requests wait for the end of a run; an editor has a handful.
const maxWaiting = 256

var errBusy = fmt.Errorf("the card runs, and %d requests wait for it already: pause it first",
	maxWaiting)

// Serve speaks with a client until it disconnects, the input ends or ctx is done.
func Serve(ctx context.Context, in io.Reader, out io.Writer, open Open) error {
	s := &server{ctx: ctx, open: open, out: out, breaks: map[string][]kept{}}
	requests, ended := make(chan dap.Message), make(chan error, 1)
	stop := make(chan struct{})
	defer close(stop)
	go func() {
		reader := bufio.NewReader(in)
		for {
			message, err := next(reader)
			if err != nil {
				ended <- err
				return
			}
			select {
			case requests <- message:
			case <-stop:
				return
			}
		}
	}()
	defer s.close()
	for {
		if s.running == nil && len(s.waiting) > 0 {
			next := s.waiting[0]
			s.waiting = s.waiting[1:]
			if s.handle(next) {
				return nil
			}
			continue
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case err := <-ended:
			if errors.Is(err, io.EOF) {
				return nil
			}
			return fmt.Errorf("debug adapter: %w", err)
		case r := <-s.running:
			s.running = nil
			s.stopped(r)
		case m := <-requests:
			if s.running != nil && !isUrgent(m) {
				s.later(m)
				continue
			}
			if s.handle(m) {
				return nil
			}
		}
	}
}

// later keeps a request for the end of a run, or refuses it if too many wait for that.
func (s *server) later(m dap.Message) {
	if len(s.waiting) == maxWaiting {
		s.refuse(m, errBusy)
		return
	}
	s.waiting = append(s.waiting, m)
}

// unknown is a request that has no type, or whose arguments are not those of its command.
type unknown struct {
	dap.Request
	why error
}

// next reads the next request. What is JSON in a frame is one, if it says so; the rest ends the
// session, for it may be that no later frame is found either.
func next(r *bufio.Reader) (dap.Message, error) {
	if err := headed(r); err != nil {
		return nil, err
	}
	content, err := dap.ReadBaseMessage(r)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, errCutShort
	}
	if err != nil {
		return nil, err
	}
	m, err := dap.DecodeProtocolMessage(content)
	if err == nil {
		return m, nil
	}
	var head struct {
		Seq     int    `json:"seq"`
		Type    string `json:"type"`
		Command string `json:"command"`
	}
	if failed := json.Unmarshal(content, &head); failed != nil {
		return nil, fmt.Errorf("a message is no JSON of a request: %w", failed)
	}
	if head.Type != "request" {
		return nil, fmt.Errorf("a message is no request: %w", err)
	}
	why := fmt.Errorf("%s is not supported", head.Command)
	if field := (*dap.DecodeProtocolMessageFieldError)(nil); !errors.As(err, &field) {
		why = fmt.Errorf("%s: its arguments are not those of the protocol: %w", head.Command, err)
	}
	return &unknown{dap.Request{Command: head.Command, ProtocolMessage: dap.ProtocolMessage{
		Seq: head.Seq, Type: head.Type}}, why}, nil
}

var errCutShort = errors.New("the input ends within a message: the client died, or is none")

// headed looks for the end of a header where every header has one: what has none is not read on
// and kept, and may be no client's. [io.EOF] if no message begins.
func headed(r *bufio.Reader) error {
	const most = 64 // "Content-Length: " and a number
	for n := 1; n <= most; n++ {
		begun, err := r.Peek(n)
		switch {
		case err == nil && begun[n-1] == '\r':
			return nil
		case errors.Is(err, io.EOF) && len(begun) > 0:
			return errCutShort
		case err != nil:
			return err
		}
	}
	return errors.New("this is no message of the Debug Adapter Protocol: it begins with no " +
		"Content-Length; point an editor here")
}

// isUrgent reports whether a request is answered while the card runs.
func isUrgent(m dap.Message) bool {
	switch m.(type) {
	case *dap.PauseRequest, *dap.ThreadsRequest, *dap.DisconnectRequest, *dap.TerminateRequest,
		*unknown:
		return true
	}
	return false
}

// close gives up what still runs or stands still.
func (s *server) close() {
	if s.player == nil {
		return
	}
	if s.running != nil {
		s.player.Debugger.Pause()
		<-s.running
	}
	_ = s.player.Close() // the card goes with the session
}

// send sends a message with the next number.
func (s *server) send(m dap.Message) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.number++
	switch m := m.(type) {
	case dap.ResponseMessage:
		m.GetResponse().Seq = s.number
	case dap.EventMessage:
		m.GetEvent().Seq = s.number
	}
	if err := dap.WriteProtocolMessage(s.out, m); err != nil && s.failure == nil {
		s.failure = err
	}
}

// response is the head of the answer to a request.
func response(m dap.Message) dap.Response {
	r := m.(dap.RequestMessage).GetRequest()
	return dap.Response{ProtocolMessage: dap.ProtocolMessage{Type: "response"},
		RequestSeq: r.Seq, Success: true, Command: r.Command}
}

func event(name string) dap.Event {
	return dap.Event{ProtocolMessage: dap.ProtocolMessage{Type: "event"}, Event: name}
}

// refuse answers that a request was not done.
func (s *server) refuse(m dap.Message, err error) {
	r := &dap.ErrorResponse{Response: response(m)}
	r.Success, r.Message = false, err.Error()
	r.Body.Error = &dap.ErrorMessage{Id: 1, Format: err.Error(), ShowUser: true}
	s.send(r)
}

// output shows text in the client's console.
func (s *server) output(category, format string, arguments ...any) {
	e := &dap.OutputEvent{Event: event("output")}
	e.Body = dap.OutputEventBody{Category: category, Output: fmt.Sprintf(format, arguments...)}
	s.send(e)
}

// log shows the message of a break in the client's console, with the line that has the break.
func (s *server) log(b debugger.Break, message string) {
	e := &dap.OutputEvent{Event: event("output")}
	e.Body = dap.OutputEventBody{Category: "console", Output: message + "\n"}
	if b.Kind == debugger.OnLine || b.Kind == debugger.OnScript {
		e.Body.Source = &dap.Source{Name: filepath.Base(b.Where), Path: filepath.FromSlash(b.Where)}
		e.Body.Line = max(b.Line, b.Found)
	}
	s.send(e)
}

// start opens the card.
func (s *server) start(m *dap.LaunchRequest) error {
	if s.player != nil {
		return errors.New("launch: a session has one card, and this one has it: start another " +
			"session")
	}
	var launch Launch
	if err := json.Unmarshal(m.Arguments, &launch); err != nil {
		return fmt.Errorf("launch: %w", err)
	}
	player, err := s.open(s.ctx, launch)
	if err != nil {
		return err
	}
	s.launch = launch
	player.KeepGoing = launch.KeepGoing
	player.Show = func(l lab.Line, answer string, failed error) {
		category := "stdout"
		if failed != nil {
			category = "stderr"
		}
		s.output(category, "line %d: %s\n    %s\n", l.Number, l.Title(), answer)
	}
	player.Debugger.Log = s.log
	s.player, s.stand = player, player.Stand()
	return nil
}
