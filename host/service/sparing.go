package service

import (
	"context"
	"errors"
	"log/slog"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"time"

	"ekrona.example/apdu"
	"ekrona.example/host/remote"
	"ekrona.example/host/service/link"
)

const (
	// lineTime is between two lines in the log of one kind, of which there can be any number.
	lineTime = 10 * time.Second
	// maxKinds are told apart; those beyond it are one.
	maxKinds = 64
)

// sparing says of which lines of a kind the log has one: the first, and then one in each lineTime.
// One for each would bury what the operator looks for, and fill the disk.
type sparing struct {
	mu sync.Mutex
	by map[string]spared // by kind
}

// spared is what was logged of one kind.
type spared struct {
	last   time.Time
	hidden int // since, without a line
}

// line reports whether there is a line now, and how many had none since the one before.
func (s *sparing) line(kind string, now time.Time) (hidden int, is bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.by == nil {
		s.by = map[string]spared{}
	}
	if _, known := s.by[kind]; !known && len(s.by) >= maxKinds && !s.forget(now) {
		kind = "" // nobody else's
	}
	of, known := s.by[kind]
	if age := now.Sub(of.last); known && age.Abs() < lineTime { // a line may overtake another
		of.hidden++
		s.by[kind] = of
		return 0, false
	}
	s.by[kind] = spared{last: now}
	return of.hidden, true
}

// forget makes room for another kind in place of those of which there was none lately, and reports
// whether there is some. What they hid is told with what has no kind of its own.
func (s *sparing) forget(now time.Time) bool {
	rest := s.by[""]
	for kind, of := range s.by {
		if kind != "" && now.Sub(of.last) >= lineTime {
			rest.hidden += of.hidden
			delete(s.by, kind)
		}
	}
	if rest != (spared{}) {
		s.by[""] = rest
	}
	return len(s.by) < maxKinds
}

// spareHandler logs of each kind of warning and error a line in each lineTime, and the others as
// information. A kind is the line without the request's id and without numbers.
type spareHandler struct {
	slog.Handler
	sparing *sparing
}

// Handle implements slog.Handler.
func (h spareHandler) Handle(ctx context.Context, r slog.Record) error {
	if r.Level < slog.LevelWarn {
		return h.Handler.Handle(ctx, r)
	}
	kind := []string{r.Message}
	r.Attrs(func(a slog.Attr) bool {
		if a.Key != "request_id" {
			kind = append(kind, a.Value.String())
		}
		return true
	})
	hidden, is := h.sparing.line(numberPattern.ReplaceAllString(strings.Join(kind, " "), ""),
		time.Now())
	r = r.Clone()
	r.AddAttrs(slog.Int("others_before", hidden))
	if !is {
		if r.Level = slog.LevelInfo; !h.Enabled(ctx, r.Level) {
			return nil
		}
	}
	return h.Handler.Handle(ctx, r)
}

// isAway reports whether an error says that what a call needs is away, or that this process or its
// machine has as many files and connections open as it may: that passes too.
func isAway(err error) bool {
	return remote.IsAway(err) || errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE)
}

// away logs what a call needs that is away, and returns what its caller learns of it.
func (s *Service) away(v *visit, why error) *link.Refused {
	s.absent(v, why.Error())
	return &link.Refused{Rule: link.Away}
}

// absent logs what a call needs that is not there: as long as it is not, every call comes again and
// again.
func (s *Service) absent(v *visit, why string) {
	if hidden, is := s.sparing.line("away "+v.contract, time.Now()); is {
		s.config.Log.Error("calls are to be repeated: what they need is away", "request_id", v.id,
			"contract", v.contract, "call", v.call, "error", apdu.Joined(why),
			"others_before", hidden)
	}
}

// crowded logs that an address has as many connections as it may.
func (s *Service) crowded(from string) {
	if hidden, is := s.sparing.line("crowded", time.Now()); is {
		s.config.Log.Warn("a connection was closed at once: its address has as many as it may",
			"from", from, "may_have", s.config.Limits.PerAddress, "others_before", hidden)
	}
}

// connectionLog logs what net/http says of connections: anybody can have it say anything often.
type connectionLog struct{ *Service }

// numberPattern is what differs in the same line about two connections: addresses and times.
var numberPattern = regexp.MustCompile(`\S*\d\S*`)

// Write implements io.Writer.
func (l connectionLog) Write(text []byte) (int, error) {
	said := apdu.Joined(string(text))
	kind := numberPattern.ReplaceAllString(said, "")
	if strings.Contains(said, " panic ") {
		l.config.Log.Error("net/http", "says", said)
	} else if hidden, is := l.sparing.line("connection "+kind, time.Now()); is {
		l.config.Log.Warn("net/http", "says", said, "others_before", hidden)
	}
	return len(text), nil
}
