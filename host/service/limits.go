package service

import (
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Limits bound what callers can have of a service. Zero stands for the default.
type Limits struct {
	Connections int `yaml:"connections,omitempty"` // open at once
	// PerAddress is how many of them one IPv4 address, or one network of IPv6 addresses with the
	// same 64 bits, can have. Behind one IPv4 address can be a mobile network's phones by the
	// thousand, so that it is many: it keeps one machine from taking all. 0: a quarter of
	// Connections.
	PerAddress int `yaml:"connections_per_address,omitempty"`
	InFlight   int `yaml:"in_flight,omitempty"` // calls that are carried out at once
	// Memory is how many bytes of requests are held that are read or carried out at once; those of
	// one address can have a quarter of it.
	Memory    int     `yaml:"memory,omitempty"`
	PerSecond float64 `yaml:"per_second,omitempty"` // calls of one phone, terminal or address
	Burst     int     `yaml:"burst,omitempty"`      // of them at once
	// NodePerSecond and NodeBurst are those of one caller with a certificate.
	NodePerSecond float64 `yaml:"node_per_second,omitempty"`
	NodeBurst     int     `yaml:"node_burst,omitempty"`
	// Header, Request, Answer and Idle bound the time for a request's header, the whole request,
	// the work on it with its answer, and between two requests of a connection.
	Header  time.Duration `yaml:"header,omitempty"`
	Request time.Duration `yaml:"request,omitempty"`
	Answer  time.Duration `yaml:"answer,omitempty"`
	Idle    time.Duration `yaml:"idle,omitempty"`
	// Stop is how long calls may take that are under way when the service is stopped.
	Stop time.Duration `yaml:"stop,omitempty"`
}

// DefaultLimits are what a service without settings has.
func DefaultLimits() Limits {
	return Limits{Connections: 10_000, InFlight: 256, Memory: 256 << 20, PerSecond: 20, Burst: 200,
		NodePerSecond: 20_000, NodeBurst: 20_000, Header: 5 * time.Second,
		Request: 30 * time.Second, Answer: 2 * time.Minute, Idle: 2 * time.Minute,
		Stop: 30 * time.Second}
}

// complete puts defaults in place of zeros.
func (l Limits) complete() Limits {
	d := DefaultLimits()
	for _, n := range []struct{ is, def *int }{{&l.Connections, &d.Connections},
		{&l.InFlight, &d.InFlight}, {&l.Memory, &d.Memory}, {&l.Burst, &d.Burst},
		{&l.NodeBurst, &d.NodeBurst}} {
		if *n.is <= 0 {
			*n.is = *n.def
		}
	}
	for _, f := range []struct{ is, def *float64 }{{&l.PerSecond, &d.PerSecond},
		{&l.NodePerSecond, &d.NodePerSecond}} {
		if *f.is <= 0 {
			*f.is = *f.def
		}
	}
	for _, t := range []struct{ is, def *time.Duration }{{&l.Header, &d.Header},
		{&l.Request, &d.Request}, {&l.Answer, &d.Answer}, {&l.Idle, &d.Idle}, {&l.Stop, &d.Stop}} {
		if *t.is <= 0 {
			*t.is = *t.def
		}
	}
	return l
}

const (
	// filesKept are those that connections leave to what a process opens beside them: those of its
	// database, to other nodes, its keys.
	filesKept = 256
	// fewConnections are not shared out among addresses any further.
	fewConnections = 64
)

// within puts fewer connections in place of more than a process can have that may have a number of
// files open, so that what its calls need is not among what is refused; 0: any.
func (l Limits) within(files int) Limits {
	asked := l.Connections
	if files > 0 {
		l.Connections = min(asked, max(1, files-min(filesKept, files/2)))
	}
	if l.PerAddress <= 0 {
		l.PerAddress = max(1, l.Connections/share)
		if l.Connections < asked {
			l.PerAddress = max(l.PerAddress, min(l.Connections, fewConnections))
		}
	}
	return l
}

// maxCallers is how many callers have a rate that is remembered. Beyond it all are forgotten, which
// gives each its burst again.
const maxCallers = 1 << 16

// rates are the rates of the callers.
type rates struct {
	perSecond rate.Limit
	burst     int

	mu      sync.Mutex
	callers map[string]*rate.Limiter
}

func newRates(perSecond float64, burst int) *rates {
	return &rates{perSecond: rate.Limit(perSecond), burst: burst,
		callers: map[string]*rate.Limiter{}}
}

// allow reports whether a caller may send another request at this moment.
func (r *rates) allow(caller string, now time.Time) bool {
	r.mu.Lock()
	limiter, known := r.callers[caller]
	if !known {
		if len(r.callers) >= maxCallers {
			clear(r.callers)
		}
		limiter = rate.NewLimiter(r.perSecond, r.burst)
		r.callers[caller] = limiter
	}
	r.mu.Unlock()
	return limiter.AllowN(now, 1)
}
