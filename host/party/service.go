package party

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"time"

	"ekrona.example/host/remote"
	"ekrona.example/host/service"
	"ekrona.example/host/service/link"
	"ekrona.example/host/store"
	"ekrona.example/personalization/pki"
	"ekrona.example/personalization/pki/transport"
)

// Service is the part of a party's settings by which it is a service on the network.
type Service struct {
	Listen string `yaml:"listen,omitempty"` // HOST:PORT
	// Server and Client name the keys, with X.509 certificates, that it shows to its callers and to
	// the nodes that it calls; empty stands for "server" and "client".
	Server string `yaml:"server,omitempty"`
	Client string `yaml:"client,omitempty"`
	// Operators are the names in the certificates of the party's own staff, Desks those of the
	// bureaus that issue its cards.
	Operators []string       `yaml:"operators,omitempty"`
	Desks     []string       `yaml:"desks,omitempty"`
	Limits    service.Limits `yaml:"limits,omitempty"`
}

// Defaults of Service.
const (
	DefaultListen = "127.0.0.1:7443"
	defaultServer = "server"
	defaultClient = "client"
)

// Complete puts defaults in place of what is missing.
func (s Service) Complete() Service {
	for _, text := range []struct {
		is  *string
		def string
	}{{&s.Listen, DefaultListen}, {&s.Server, defaultServer}, {&s.Client, defaultClient}} {
		if *text.is == "" {
			*text.is = text.def
		}
	}
	return s
}

// Server is a party that listens on the network.
type Server struct {
	service  *service.Service
	listener net.Listener
	shown    io.Closer
	url      string
	chores   []func(ctx context.Context)
}

// Listen opens the address of a service, with the certificate in its folder of keys. The rest of
// the configuration is the party's. The caller calls Run, or Close.
func Listen(
	ctx context.Context, keys pki.Folder, s Service, c service.Config, e Environment,
) (_ *Server, err error) {
	s, e = s.Complete(), e.Complete()
	host, _, err := net.SplitHostPort(s.Listen)
	if err != nil {
		return nil, fmt.Errorf("listen: %q: give HOST:PORT", s.Listen)
	}
	shown, err := transport.Open(ctx, keys, s.Server, e.Clock.Now)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, shown.Close())
		}
	}()
	if err := shown.CheckRole(transport.Server); err != nil {
		return nil, err
	}
	c.TLS, c.Hosts, c.Limits, c.Random = shown.Server(), shown.Hosts(), s.Limits, e.Random
	c.Operators = s.Operators
	made, err := service.New(c)
	if err != nil {
		return nil, err
	}
	listener, err := service.Listen(ctx, s.Listen)
	if err != nil {
		return nil, err
	}
	_, port, err := net.SplitHostPort(listener.Addr().String())
	return &Server{service: made, listener: listener, shown: shown,
		url: "https://" + net.JoinHostPort(host, port)}, err
}

// URL returns the address by which the service is called.
func (s *Server) URL() string { return s.url }

// Chore has the server do something beside its calls, as long as it runs.
func (s *Server) Chore(do func(ctx context.Context)) { s.chores = append(s.chores, do) }

// Run answers calls until the context ends, and then lets those end that are under way.
func (s *Server) Run(ctx context.Context) error {
	chores, stop := context.WithCancel(ctx)
	defer stop()
	done := make(chan struct{})
	for _, do := range s.chores {
		go func() { do(chores); done <- struct{}{} }()
	}
	err := s.service.Serve(ctx, s.listener)
	stop()
	for range s.chores {
		<-done
	}
	return errors.Join(err, s.shown.Close())
}

// Close closes a server that was not run.
func (s *Server) Close() error { return errors.Join(s.listener.Close(), s.shown.Close()) }

// Times between two runs of a chore that has ended well, and at most of one that has failed.
const (
	choreTime = time.Hour
	firstTry  = time.Second
	lastTry   = time.Minute
)

// Repeat returns a chore: it does something at once and every hour, and after a failure, which is
// logged, sooner.
func (e Environment) Repeat(
	log *slog.Logger, what string, do func(ctx context.Context) error,
) func(ctx context.Context) {
	return func(ctx context.Context) {
		e := e.Complete()
		try := firstTry
		for {
			// What it does is carried out to its end: see package service.
			err, wait := do(context.WithoutCancel(ctx)), choreTime
			if err != nil {
				log.Warn(what+": to be repeated", "error", err.Error(), "after", try)
				wait, try = try, min(2*try, lastTry)
			} else {
				try = firstTry
			}
			if e.Pause(ctx, wait) != nil {
				return
			}
		}
	}
}

// Answers returns what reports why a database does not answer: a service is ready when its does.
func Answers(db *sql.DB) func(ctx context.Context) error {
	return func(ctx context.Context) error {
		_, err := store.Number(ctx, db, `SELECT 1`)
		return err
	}
}

// Failing is a link that could not be made.
type Failing struct{ Why error }

// Call implements [remote.Transport].
func (f Failing) Call(context.Context, string, []byte) (remote.Reply, error) {
	return remote.Reply{}, f.Why
}

// patience is for how long a party repeats a call for which the other has no room.
const patience = 30 * time.Second

// Linked returns the link by a configuration, or one that fails with the reason.
func Linked(c link.Config) remote.Transport {
	c.Patience = patience
	l, err := link.New(c)
	if err != nil {
		return Failing{err}
	}
	return l
}

// Address returns where another party is reached: a URL, or a folder.
func (f *Folder) Address(name string) string {
	if link.IsURL(name) {
		return name
	}
	return f.Path(name)
}
