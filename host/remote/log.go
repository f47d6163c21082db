package remote

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"runtime"
	"strings"

	"ekrona.example/apdu"
)

// failed reports an error, or a part of one, that its caller does not learn. A call that ended
// because its caller went away is no failure of ours.
func (s *Server) failed(ctx context.Context, name string, err error) {
	level := slog.LevelError
	if ctx.Err() != nil {
		level = slog.LevelInfo
	}
	s.log.Log(ctx, level, "call failed",
		about(ctx, "call", name, "error", apdu.Joined(err.Error()))...)
}

// panicked reports a panic and where it came from. Only an error's text is shown: another value may
// be whatever was at hand, a secret too. So may the arguments in Go's own stack trace.
func (s *Server) panicked(ctx context.Context, name string, value any) {
	what := fmt.Sprintf("a %T", value)
	if err, isError := value.(error); isError {
		what = apdu.Joined(err.Error())
	}
	s.log.Log(ctx, slog.LevelError, "call panicked", about(ctx, "call", name, "panic", what, "at",
		calledFrom())...)
}

// maxFrames bounds the functions of a stack in a log.
const maxFrames = 16

// calledFrom lists the functions that led to a panic, innermost first, without their arguments.
func calledFrom() []string {
	const skip = 4 // Callers, this, panicked, and the deferred function
	counters := make([]uintptr, maxFrames)
	frames := runtime.CallersFrames(counters[:runtime.Callers(skip, counters)])
	var at []string
	for {
		frame, more := frames.Next()
		if !strings.HasPrefix(frame.Function, "runtime.") {
			at = append(at, fmt.Sprintf("%s (%s:%d)", frame.Function, filepath.Base(frame.File),
				frame.Line))
		}
		if !more {
			return at
		}
	}
}

// requestID is the key of a request's id in a context.
type requestID struct{}

// WithRequestID gives the calls that are made for one request an id, by which they are found in the
// logs of every node that they reach.
func WithRequestID(ctx context.Context, id string) context.Context {
	return context.WithValue(ctx, requestID{}, id)
}

// RequestID returns the id of the request that a call is made for; empty for none.
func RequestID(ctx context.Context) string {
	id, _ := ctx.Value(requestID{}).(string)
	return id
}

// about adds the id of the request to what is logged.
func about(ctx context.Context, fields ...any) []any {
	if id := RequestID(ctx); id != "" {
		return append(fields, "request_id", id)
	}
	return fields
}
