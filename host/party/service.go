package party

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"ekrona.example/apdu"
	"ekrona.example/host/clock"
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
	// URL is the address by which other processes on the same database call this one; empty: that
	// of Listen, or this machine's name where that is any address.
	URL string `yaml:"url,omitempty"`
	// Lease is for how long others leave the database to a process that does not renew its lease;
	// 0 stands for DefaultLease.
	Lease time.Duration `yaml:"lease,omitempty"`
}

// Defaults of Service.
const (
	DefaultListen = "127.0.0.1:7443"
	defaultServer = "server"
	defaultClient = "client"

	// DefaultLease is a trade: another process takes over after it, and one that stands still for
	// it loses the lease.
	DefaultLease = 6 * time.Second
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
	if s.Lease <= 0 {
		s.Lease = DefaultLease
	}
	return s
}

// Server is a party that listens on the network.
type Server struct {
	service  *service.Service
	listener net.Listener
	shown    []*transport.Endpoint
	reloads  []*transport.Endpoint // others that Reload reads
	url      string
	log      *slog.Logger
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
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	made := &Server{log: c.Log}
	made.Chore(made.watchCertificates(e))
	c.Metrics = append(slices.Clone(c.Metrics), certificates{made})
	defer func() {
		if err != nil {
			err = errors.Join(err, made.closeShown())
		}
	}()
	shown, err := made.show(ctx, keys, s.Server, transport.Server, e)
	if errors.Is(err, fs.ErrNotExist) {
		err = fmt.Errorf("settings: service.server: key %s: %w: restore it from its backup, or "+
			"make it by \"ekrona pki make\"", s.Server, err)
	}
	if err != nil {
		return nil, err
	}
	c.TLS, c.Hosts, c.Limits, c.Random = shown.Server(), shown.Hosts, s.Limits, e.Random
	c.Operators, c.Verify, c.Now = s.Operators, shown.Peer, e.shownClock()
	if _, err := os.Stat(keys.Path(s.Client, pki.ServerCertificateFile)); err == nil &&
		c.Lead != nil {
		to, err := made.show(ctx, keys, s.Client, transport.Client, e)
		if err != nil {
			return nil, err
		}
		c.Forward, c.Peer = to.Client, to.Name()
	}
	if made.service, err = service.New(c); err != nil {
		return nil, err
	}
	if made.listener, err = service.Listen(ctx, s.Listen); err != nil {
		return nil, err
	}
	_, port, err := net.SplitHostPort(made.listener.Addr().String())
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		for _, named := range slices.Backward(shown.Hosts()) {
			if !strings.HasPrefix(named, "*") { // callers require that the certificate names it
				host = named
			}
		}
	}
	made.url = "https://" + net.JoinHostPort(host, port)
	return made, err
}

// show opens a certificate of the service.
func (s *Server) show(
	ctx context.Context, keys pki.Folder, name string, role transport.Role, e Environment,
) (*transport.Endpoint, error) {
	shown, err := transport.Open(ctx, keys, name, e.Clock.Now)
	if err != nil {
		return nil, err
	}
	s.shown = append(s.shown, shown)
	return shown, shown.CheckRole(role)
}

func (s *Server) closeShown() error {
	var failed []error
	for _, e := range s.shown {
		failed = append(failed, e.Close())
	}
	return errors.Join(failed...)
}

// endpoints are all whose certificates the service shows.
func (s *Server) endpoints() []*transport.Endpoint { return slices.Concat(s.shown, s.reloads) }

// Reloads has Reload read a certificate anew that the party shows elsewhere.
func (s *Server) Reloads(e *transport.Endpoint) { s.reloads = append(s.reloads, e) }

// Reload reads certificates, roots and revocation lists of the service anew. What cannot be read
// stays as it was.
func (s *Server) Reload(ctx context.Context) error {
	var failed []error
	for _, e := range s.endpoints() {
		failed = append(failed, e.Reload(ctx))
	}
	err := errors.Join(failed...)
	if err != nil {
		s.log.Error("certificates and revocation lists: they stay as they were", "error",
			apdu.Joined(err.Error()))
	} else {
		s.log.Info("certificates and revocation lists were read anew")
	}
	return err
}

// URL returns the address by which the service is called.
func (s *Server) URL() string { return s.url }

// Chore has the server do something beside its calls, as long as it runs.
func (s *Server) Chore(do func(ctx context.Context)) { s.chores = append(s.chores, do) }

// Run answers calls until the context ends, and then lets those end that are under way, and the
// chores, but not for long: a database that stands still ends neither.
func (s *Server) Run(ctx context.Context) error {
	chores, stop := context.WithCancel(ctx)
	defer stop()
	var working sync.WaitGroup
	for _, do := range s.chores {
		working.Go(func() { do(chores) })
	}
	ended := make(chan struct{})
	go func() { working.Wait(); close(ended) }()
	patience, end := context.WithCancel(context.WithoutCancel(ctx))
	defer end()
	defer context.AfterFunc(ctx, func() {
		_ = clock.Pause(patience, s.service.Patience())
		end()
	})()
	err := s.service.Serve(ctx, s.listener)
	stop()
	select {
	case <-ended:
	case <-patience.Done():
		s.log.Error("what was under way beside the calls was cut off", "after",
			s.service.Patience().String())
	}
	return errors.Join(err, s.closeShown())
}

// Close closes a server that was not run.
func (s *Server) Close() error { return errors.Join(s.listener.Close(), s.closeShown()) }

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
			var held *store.HeldError
			if errors.As(err, &held) { // it is that process's chore
				wait, try = lastTry, firstTry
			} else if err != nil {
				log.Warn(what+": to be repeated", "error", apdu.Joined(err.Error()), "after",
					try.String())
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

// Failing is a link that could not be made.
type Failing struct{ Why error }

// Call implements [remote.Transport].
func (f Failing) Call(context.Context, string, []byte) (remote.Reply, error) {
	return remote.Reply{}, f.Why
}

// How long a party repeats a call for which the other has no room, and one to a party that is
// absent: one that was killed is there again in seconds, and who waits at a phone learns of one
// that is not.
const (
	patience       = 30 * time.Second
	NodesAbsence   = 30 * time.Second
	PersonsAbsence = 5 * time.Second
)

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
