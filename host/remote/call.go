package remote

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"reflect"
	"slices"
)

// Reply is the answer to a call: the JSON of its value or, when it failed, of a [Problem].
type Reply struct {
	Failed bool
	Body   []byte
}

// Transport carries one call to the far side and its reply back. An error leaves the outcome
// unknown: the call may have been carried out, and can be repeated.
type Transport interface {
	Call(ctx context.Context, name string, request []byte) (Reply, error)
}

// Client makes calls to the far side of a Transport.
type Client struct {
	Transport Transport
	Errors    Errors
}

// MaxMessage is the most bytes of a request.
const MaxMessage = 4 << 20

func checkSize(bytes int) error {
	if bytes > MaxMessage {
		return fmt.Errorf("%w: %d bytes; the most for one call is %d", ErrFormat, bytes, MaxMessage)
	}
	return nil
}

// None is the request or the answer of a call that has none.
type None struct{}

// Ask makes one call. A request that cannot be sent is malformed, as at the far side.
func Ask[A any](ctx context.Context, c Client, name string, request any) (answer A, err error) {
	body, err := Encode(request)
	if err == nil {
		err = checkSize(len(body))
	}
	if err != nil {
		return answer, c.Errors.Malformed(fmt.Errorf("call %s: %w", name, err))
	}
	reply, err := c.Transport.Call(ctx, name, body)
	if err != nil {
		return answer, err
	}
	if reply.Failed {
		var p Problem
		if err := Decode(reply.Body, &p); err != nil {
			return answer, fmt.Errorf("call %s: its error: %w", name, err)
		}
		return answer, errorOf(c.Errors, p)
	}
	var given A
	if err := Decode(reply.Body, &given); err != nil {
		return answer, fmt.Errorf("call %s: its answer: %w", name, err)
	}
	return given, nil
}

// Do makes a call that has no answer.
func Do(ctx context.Context, c Client, name string, request any) error {
	_, err := Ask[None](ctx, c, name, request)
	return err
}

// Server answers calls. It is itself a Transport, and can be wired directly to the caller's
// connection.
type Server struct {
	errors Errors
	log    *slog.Logger
	passes func(err error) bool // nil: see AwayIf
	calls  map[string]handler
}

// handler carries out one call.
type handler struct {
	Call
	do func(ctx context.Context, request []byte) (any, error)
}

// Call is one call of a server, and the types of its request and its answer.
type Call struct {
	Name            string
	Request, Answer reflect.Type
}

// NewServer returns a server without calls, which reports its failures to nobody.
func NewServer(contract Errors) *Server {
	return &Server{errors: contract, log: slog.New(slog.DiscardHandler),
		calls: map[string]handler{}}
}

// LogTo has the server report to its operator what its callers do not learn: errors that belong to
// no contract, panics, answers that cannot be sent. It gets the name of the call and the error,
// never the request or an answer. It returns the server; nil changes nothing.
func (s *Server) LogTo(log *slog.Logger) *Server {
	if log != nil {
		s.log = log
	}
	return s
}

// AwayIf has the server treat more errors as if they were [Away]: Call returns them. It returns the
// server.
func (s *Server) AwayIf(passes func(err error) bool) *Server {
	s.passes = passes
	return s
}

// Handle adds a call.
func Handle[Q, A any](s *Server, name string, do func(ctx context.Context, request Q) (A, error)) {
	s.calls[name] = handler{Call{name, reflect.TypeFor[Q](), reflect.TypeFor[A]()},
		func(ctx context.Context, body []byte) (any, error) {
			var request Q
			if err := Decode(body, &request); err != nil {
				return nil, s.errors.Malformed(err)
			}
			return do(ctx, request)
		}}
}

// Calls returns the calls that a server answers, by their names.
func (s *Server) Calls() (all []Call) {
	for _, name := range slices.Sorted(maps.Keys(s.calls)) {
		all = append(all, s.calls[name].Call)
	}
	return all
}

// Add adds the calls of other servers of the same contract, and returns the server.
func (s *Server) Add(others ...*Server) *Server {
	for _, other := range others {
		maps.Copy(s.calls, other.calls)
	}
	return s
}

// HandleOnly adds a call that has no answer.
func HandleOnly[Q any](s *Server, name string, do func(ctx context.Context, request Q) error) {
	Handle(
		s,
		name,
		func(ctx context.Context, request Q) (None, error) { return None{}, do(ctx, request) },
	)
}

// Elsewhere is an error that says that another process does what was called, and that nothing was
// done here. [Server.Call] returns it, so that whoever is at the connection can pass the call on.
type Elsewhere interface {
	error
	HeldBy() string // the address of that process
}

// Away is an error that says whether what a call needs is not there at the moment, such as the
// server of a database: the call may have been carried out in part, and is to be repeated later.
// [Server.Call] returns it, so that whoever is at the connection can say so, and log it: many calls
// find it at once.
type Away interface {
	error
	Away() bool
}

// IsAway reports whether an error is [Away], and says that it is.
func IsAway(err error) bool {
	var away Away
	return errors.As(err, &away) && away.Away()
}

// IsPassing reports whether an error says that the far side, or what it needs, cannot be reached at
// the moment: it says nothing of what was asked.
func IsPassing(err error) bool { return errors.Is(err, ErrUnreachable) || IsAway(err) }

// Call answers one call. An error is [Elsewhere], [Away] or one of AwayIf. A panic while it is
// carried out, or an answer that cannot be sent, is [ErrFailed] to the caller: nothing of this
// side's own errors crosses. A request of more than MaxMessage bytes is malformed.
func (s *Server) Call(ctx context.Context, name string, request []byte) (reply Reply, err error) {
	defer func() {
		if p := recover(); p != nil {
			s.panicked(ctx, name, p)
			reply, err = failed(Problem{Code: codeFailed})
		}
	}()
	call, known := s.calls[name]
	if !known {
		return failed(problemOf(s.errors, ErrUnknownCall))
	}
	if err := checkSize(len(request)); err != nil {
		return failed(problemOf(s.errors, s.errors.Malformed(err)))
	}
	answer, err := call.do(ctx, request)
	if err != nil {
		if elsewhere := Elsewhere(nil); errors.As(err, &elsewhere) {
			return Reply{}, elsewhere
		}
		if IsAway(err) || s.passes != nil && s.passes(err) {
			return Reply{}, err
		}
		p := problemOf(s.errors, err)
		if p.Code == codeFailed || joined(err) != nil {
			s.failed(ctx, name, err)
		}
		return failed(p)
	}
	body, err := Encode(answer)
	if err != nil {
		s.failed(ctx, name, fmt.Errorf("its answer: %w", err))
		return failed(Problem{Code: codeFailed})
	}
	return Reply{Body: body}, nil
}

func failed(p Problem) (Reply, error) {
	body, err := Encode(p)
	return Reply{Failed: true, Body: body}, err
}

// Shaped is a type that writes its own JSON: JSONShape returns a value of the type that it writes.
type Shaped interface{ JSONShape() any }
