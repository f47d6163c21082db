package service

import (
	"context"
	"crypto/tls"
	"errors"
	"net/http"
	"sync"
	"time"

	"ekrona.example/apdu"
	"ekrona.example/host/remote"
	"ekrona.example/host/service/link"
)

// decide has a call answered: here, or by the process of the party that decides. passed reports
// that another process has passed it on: it goes no further.
func (s *Service) decide(
	ctx context.Context, e Endpoint, v *visit, content []byte, passed bool,
) (remote.Reply, error) {
	holder := ""
	if s.config.Lead != nil {
		holder = s.config.Lead.Elsewhere()
	}
	if holder == "" {
		reply, err := e.Answer(v.caller).LogTo(s.spare).AwayIf(isAway).Call(ctx, v.call,
			content)
		var elsewhere remote.Elsewhere
		if isAway(err) {
			return reply, s.away(v, err)
		}
		if !errors.As(err, &elsewhere) {
			return reply, err
		}
		holder = elsewhere.HeldBy()
	}
	refused := &link.Refused{Rule: link.Standby, Detail: "call " + holder, Holder: holder}
	if passed || s.forward.tls == nil {
		return remote.Reply{}, refused
	}
	v.forwarded = holder
	reply, err := s.forward.call(link.Forwarded(ctx, v.caller.Name, v.caller.Key), holder, v,
		content)
	var further *link.Refused
	if errors.Is(err, remote.ErrUnreachable) && !errors.As(err, &further) {
		s.spare.Warn("call not passed on", "request_id", v.id, "holder", holder, "error",
			apdu.Joined(err.Error()))
		return remote.Reply{}, refused
	}
	return reply, err
}

// forwarder passes calls on to other processes of the party.
type forwarder struct {
	tls   func() *tls.Config // nil: it cannot
	now   func() time.Time
	heard func(name string, ahead time.Duration)

	mu    sync.Mutex
	links map[string]*link.Client // by address and contract
}

// maxLinks is how many links are kept; addresses are those of the party's own processes.
const maxLinks = 64

func (f *forwarder) call(
	ctx context.Context, holder string, v *visit, content []byte,
) (remote.Reply, error) {
	l, err := f.link(holder, v.contract)
	if err != nil {
		return remote.Reply{}, err
	}
	return l.Call(ctx, v.call, content)
}

func (f *forwarder) link(holder, contract string) (*link.Client, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	key := holder + " " + contract
	if l, known := f.links[key]; known {
		return l, nil
	}
	l, err := link.New(link.Config{URL: holder, Contract: contract, TLS: f.tls,
		Now: f.now, Heard: f.heard})
	if err != nil {
		return nil, errors.Join(remote.ErrUnreachable, err)
	}
	if len(f.links) == maxLinks {
		f.drop()
	}
	f.links[key] = l
	return l, nil
}

// drop forgets all links, and closes what they do not use.
func (f *forwarder) drop() {
	for _, l := range f.links {
		_ = l.Close() // it fails for nobody
	}
	clear(f.links)
}

// Close ends the links.
func (f *forwarder) Close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.drop()
}

// passedOn returns the caller whom another process of the party has identified.
func (s *Service) passedOn(r *http.Request, e Endpoint) (c Caller, err error) {
	subject, err := s.config.Verify(r.TLS)
	if err != nil {
		return c, &link.Refused{Rule: link.Certificate, Detail: err.Error()}
	}
	if s.config.Peer == "" || subject.Name != s.config.Peer {
		return c, &link.Refused{Rule: link.Caller, Detail: subject.Name +
			" passes no calls on: only processes of the same party do"}
	}
	c.Name, c.Key, err = link.ParseCaller(r.Header.Get(link.CallerHeader))
	fits := e.Who == Certified && c.Name != "" || e.Who == Signed && c.Key != link.Key{} ||
		e.Who == Anybody && c == Caller{}
	if err != nil || !fits {
		return Caller{}, &link.Refused{Rule: link.Caller,
			Detail: "whom it is passed on for is not a caller of this contract"}
	}
	return c, nil
}
