package service

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"mime"
	"net"
	"net/http"
	"net/netip"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"ekrona.example/apdu"
	"ekrona.example/host/remote"
	"ekrona.example/host/service/link"
	"ekrona.example/personalization/pki/transport"
)

// Config is what a service works with.
type Config struct {
	Title     string // of the OpenAPI document and in logs: whose service it is
	Endpoints []Endpoint
	Keys      Keys // needed where an endpoint is Signed
	TLS       *tls.Config
	// Hosts are the names and addresses in the server's certificate: every call is for one.
	Hosts  func() []string
	Limits Limits
	Random io.Reader
	Log    *slog.Logger // nil for nobody
	// Ready reports why the service cannot work now, as an [UnreadyError] where everybody may know;
	// nil when it can.
	Ready func(ctx context.Context) error
	// Lead, where several processes of a party stand on one database, says which of them decides;
	// nil: this one does.
	Lead Lead
	// Forward is the TLS by which calls are passed on to the process that decides; nil: they are
	// refused with its address. Its own peers show a certificate with the name Peer.
	Forward func() *tls.Config
	Peer    string
	// Verify returns whom a caller's certificate is for; nil is [transport.Peer].
	Verify func(s *tls.ConnectionState) (transport.Subject, error)
	// Operators are the names in certificates that may read the metrics.
	Operators []string
	// Metrics are of what the service keeps, beside those of its calls.
	Metrics []prometheus.Collector
	// Now is the clock that answers show; nil is the system's. Heard is told by how much the clock
	// of a caller with a certificate is ahead of it; nil: nobody.
	Now   func() time.Time
	Heard func(name string, ahead time.Duration)
}

// Lead says which process of a party decides.
type Lead interface {
	// Elsewhere returns the address of the process that decides, if it is another one; empty where
	// this one may.
	Elsewhere() string
	// Decides returns the address of the process that decides, as far as this one knows.
	Decides() (address string, self bool)
}

// Service answers calls. It is an http.Handler; [Service.Serve] puts it on the network.
type Service struct {
	config    Config
	endpoints map[string]endpoint // by contract
	nonces    *nonces
	metrics   *metrics
	document  []byte // OpenAPI
	mux       *http.ServeMux
	slots     chan struct{} // calls that are carried out
	memory    *memory
	perKey    *rates
	perNode   *rates
	forward   forwarder
	sparing   sparing
	spare     *slog.Logger // by it what callers can have said as often as they like
	stopping  atomic.Bool
	unready   atomic.Bool // when it was asked last
}

// endpoint is an Endpoint with the names of its calls.
type endpoint struct {
	Endpoint
	calls map[string]bool
}

// New returns a service. It opens nothing.
func New(c Config) (*Service, error) {
	asked, files := c.Limits.complete(), openFiles()
	c.Limits = asked.within(files)
	if c.Random == nil {
		c.Random = rand.Reader
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Limits.Connections < asked.Connections {
		c.Log.Warn("fewer connections than limits.connections: this process may not have so many "+
			"files open", "connections", c.Limits.Connections, "asked", asked.Connections,
			"files", files, "to_do", "raise LimitNOFILE= of its unit, or ulimit -n")
	}
	if c.Verify == nil {
		c.Verify = transport.Peer
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	s := &Service{config: c, endpoints: map[string]endpoint{},
		forward: forwarder{tls: c.Forward, now: c.Now, heard: c.Heard,
			links: map[string]*link.Client{}},
		slots:   make(chan struct{}, c.Limits.InFlight),
		memory:  newMemory(c.Limits.Memory),
		perKey:  newRates(c.Limits.PerSecond, c.Limits.Burst),
		perNode: newRates(c.Limits.NodePerSecond, c.Limits.NodeBurst)}
	s.spare = slog.New(spareHandler{c.Log.Handler(), &s.sparing})
	for _, e := range c.Endpoints {
		known := endpoint{e, map[string]bool{}}
		for _, call := range e.Answer(Caller{}).Calls() {
			known.calls[call.Name] = true
		}
		s.endpoints[e.Contract] = known
	}
	var err error
	if s.nonces, err = newNonces(c.Random); err != nil {
		return nil, err
	}
	c.Metrics = append(slices.Clone(c.Metrics), readyMetric{s})
	if c.Lead != nil {
		c.Metrics = append(c.Metrics, leads{c.Lead})
	}
	if s.metrics, err = newMetrics(c.Metrics); err != nil {
		return nil, err
	}
	if s.document, err = Document(c.Title, c.Endpoints); err != nil {
		return nil, err
	}
	s.mux = http.NewServeMux()
	s.mux.HandleFunc("GET /healthz", s.health)
	s.mux.HandleFunc("GET /readyz", s.ready)
	s.mux.HandleFunc("GET /openapi.json", s.openAPI)
	s.mux.HandleFunc("GET /metrics", s.showMetrics)
	s.mux.HandleFunc("GET "+link.NoncePath, s.nonce)
	s.mux.HandleFunc("/", s.call)
	return s, nil
}

// idPattern is the form of a request's id that a caller may choose.
var idPattern = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)

// visit is one request, as it is logged and counted.
type visit struct {
	id, contract, call string
	caller             Caller
	forwarded          string // the process to which it was passed on; empty for none
	status             int
	code               string // of the problem; empty without one
	began              time.Time
}

// ServeHTTP answers one request.
func (s *Service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	id := r.Header.Get(link.RequestHeader)
	if !idPattern.MatchString(id) {
		id = rand.Text()
	}
	handedOn(r)
	w.Header().Set(link.RequestHeader, id)
	link.SetDate(w.Header(), s.config.Now())
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	r = r.WithContext(remote.WithRequestID(r.Context(), id))
	if path.Clean(r.URL.Path) != r.URL.Path || r.RequestURI == "*" { // the mux has its own answer
		s.call(w, r)
		return
	}
	s.mux.ServeHTTP(w, r)
}

// call answers POST /v1/CONTRACT/CALL.
func (s *Service) call(w http.ResponseWriter, r *http.Request) {
	v := &visit{id: remote.RequestID(r.Context()), began: time.Now(), status: http.StatusOK}
	body, err := s.carryOut(w, r, v)
	if err != nil {
		s.refuse(w, v, err)
	} else {
		s.write(w, "application/json", v.status, body)
	}
	s.note(r.Context(), v)
}

// carryOut checks a request and passes it to its contract. An error is a *problem, a *link.Refused,
// or a failure of the service.
func (s *Service) carryOut(w http.ResponseWriter, r *http.Request, v *visit) ([]byte, error) {
	rest, ours := strings.CutPrefix(r.URL.Path, "/v1/")
	contract, call, whole := strings.Cut(rest, "/")
	e, known := s.endpoints[contract]
	if !ours || !whole || !known || !e.calls[call] {
		return nil, &link.Refused{Rule: link.Path}
	}
	v.contract, v.call = contract, call
	if r.URL.RawQuery != "" || r.URL.ForceQuery { // no signature covers it
		return nil, &link.Refused{Rule: link.Path, Detail: "a call has no query"}
	}
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		return nil, &link.Refused{Rule: link.Method}
	}
	if kind, _, err := mime.ParseMediaType(strings.Join(r.Header["Content-Type"], ",")); err !=
		nil || kind != "application/json" { // two of them are none
		return nil, &link.Refused{Rule: link.MediaType}
	}
	if encoding := strings.Join(r.Header["Content-Encoding"], ","); encoding != "" &&
		!strings.EqualFold(encoding, "identity") { // two of them are none
		w.Header().Set("Accept-Encoding", "identity") // RFC 9110 §12.5.3
		return nil, &link.Refused{Rule: link.MediaType,
			Detail: "its content is encoded: send it as it is, without Content-Encoding"}
	}
	if !s.perNode.allow(address(r), v.began) {
		return nil, &link.Refused{Rule: link.Rate, Detail: address(r)}
	}
	if !s.isOwnHost(r.Host) {
		return nil, &link.Refused{Rule: link.Host, Detail: "it is for " + r.Host}
	}
	held := &heldBytes{of: s.memory, address: address(r)}
	defer held.free()
	content, err := read(w, r, held)
	if err != nil {
		return nil, err
	}
	if e.Who == Signed {
		w.Header().Set(link.NonceHeader, s.nonces.give())
	}
	select {
	case s.slots <- struct{}{}:
		defer func() { <-s.slots }()
	default:
		return nil, &link.Refused{Rule: link.Busy}
	}
	s.metrics.inFlight.Inc()
	defer s.metrics.inFlight.Dec()
	if v.caller, err = s.identify(r, e.Endpoint, content); err != nil {
		return nil, err
	}
	if err := s.checkRate(e.Endpoint, v); err != nil {
		return nil, err
	}
	s.hear(r, e.Endpoint, v)
	// A call is carried out to its end: nothing that a caller does breaks off a commit.
	reply, err := s.decide(context.WithoutCancel(r.Context()), e.Endpoint, v, content,
		r.Header.Get(link.CallerHeader) != "")
	if err != nil {
		return nil, err
	}
	if !reply.Failed {
		return reply.Body, nil
	}
	var p remote.Problem
	if err := remote.Decode(reply.Body, &p); err != nil {
		return nil, err
	}
	return nil, &problem{p}
}

// problem is an error of a contract.
type problem struct{ remote.Problem }

// Error returns the line for a human reader.
func (p *problem) Error() string { return p.Code }

// read reads the content of a request whole.
func read(w http.ResponseWriter, r *http.Request, held *heldBytes) ([]byte, error) {
	if r.ContentLength > remote.MaxMessage { // it says so: none of it is waited for
		return nil, &link.Refused{Rule: link.Size}
	}
	if !held.take(maxHeaderBytes) {
		return nil, &link.Refused{Rule: link.Busy}
	}
	content, err := io.ReadAll(heldReader{http.MaxBytesReader(w, r.Body, remote.MaxMessage), held})
	var large *http.MaxBytesError
	switch {
	case errors.Is(err, errNoMemory):
		return nil, &link.Refused{Rule: link.Busy}
	case errors.As(err, &large):
		return nil, &link.Refused{Rule: link.Size}
	case err != nil:
		return nil, &link.Refused{Rule: link.Slow, Detail: "it ended too early or came too slowly"}
	}
	return content, nil
}

// checkRate keeps an identified caller to its rate.
func (s *Service) checkRate(e Endpoint, v *visit) error {
	allowed := true
	switch e.Who {
	case Signed:
		allowed = s.perKey.allow(v.caller.String(), v.began)
	case Certified:
		allowed = s.perNode.allow(v.caller.String(), v.began)
	case Anybody:
	}
	if !allowed {
		return &link.Refused{Rule: link.Rate, Detail: v.caller.String()}
	}
	return nil
}

// hear reports what the clock of a caller shows, or of the party's own process that passes its call
// on.
func (s *Service) hear(r *http.Request, e Endpoint, v *visit) {
	name := v.caller.Name
	if r.Header.Get(link.CallerHeader) != "" {
		name = s.config.Peer
	}
	if s.config.Heard == nil || e.Who != Certified {
		return
	}
	if ahead, says := link.Ahead(r.Header, s.config.Now()); says {
		s.config.Heard(name, ahead)
	}
}

// address is where a request comes from.
func address(r *http.Request) string { return origin(r.RemoteAddr) }

// homeBits are those of an IPv6 address that say whose network it is in: a subscriber has all
// addresses with the same ones (RFC 6177).
const homeBits = 64

// origin is the address of a caller without the port: that of a host by IPv4, and by IPv6 of its
// network.
func origin(address string) string {
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return address
	}
	ip := at.Addr().Unmap().WithZone("")
	if ip.Is4() || ip.IsLoopback() {
		return ip.String()
	}
	home, err := ip.Prefix(homeBits)
	if err != nil { // no address is a reason
		return ip.String()
	}
	return home.String()
}

// isOwnHost reports whether a request is addressed to this server.
func (s *Service) isOwnHost(host string) bool {
	name, _, err := net.SplitHostPort(host)
	if err != nil {
		name = host
	}
	name = strings.ToLower(strings.Trim(name, "[]"))
	_, domain, _ := strings.Cut(name, ".")
	hosts := s.config.Hosts()
	return slices.Contains(hosts, name) || domain != "" &&
		slices.Contains(hosts, "*."+domain) // RFC 6125 §6.4.3
}

// refuse answers with a problem document.
func (s *Service) refuse(w http.ResponseWriter, v *visit, err error) {
	var refused *link.Refused
	var of *problem
	var document link.Problem
	if !errors.As(err, &refused) && isAway(err) {
		err = s.away(v, err)
	}
	switch {
	case errors.As(err, &refused):
		document = refused.ProblemOf(v.id)
		switch refused.Rule {
		case link.Standby, link.Busy, link.Rate, link.Away:
			w.Header().Set("Retry-After", retryAfter)
		case link.Certificate: // the next connection may show another one
			w.Header().Set("Connection", "close")
		default:
		}
	case errors.As(err, &of):
		document = link.ContractProblem(of.Problem, v.id)
		if document.Status == http.StatusBadGateway { // another party cannot be reached
			s.absent(v, of.Detail)
		}
	default:
		s.spare.Error("request failed", "request_id", v.id, "contract", v.contract, "call",
			v.call, "error", apdu.Joined(err.Error()))
		document = link.ContractProblem(remote.Problem{Code: "failed"}, v.id)
	}
	v.status, v.code = document.Status, document.Code
	s.write(w, link.ProblemType, v.status, bodyOf(document))
}

// bodyOf is a problem document as it is sent.
func bodyOf(p link.Problem) []byte {
	body, err := json.Marshal(p)
	if err != nil { // no text in it is a reason
		return []byte("{}")
	}
	return body
}

// retryAfter is for how many seconds a caller waits that was not taken.
const retryAfter = "1"

// refuseBeside refuses and notes what is no call of a contract, under a name of its own.
func (s *Service) refuseBeside(w http.ResponseWriter, r *http.Request, name string, err error) {
	v := &visit{id: remote.RequestID(r.Context()), call: name, began: time.Now()}
	s.refuse(w, v, err)
	s.note(r.Context(), v)
}

// write sends an answer. A caller that is gone does not get it, and asks again.
func (s *Service) write(w http.ResponseWriter, kind string, status int, body []byte) {
	w.Header().Set("Content-Type", kind)
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

// note logs and counts a request. Nothing of its content or of the answer's is there.
func (s *Service) note(ctx context.Context, v *visit) {
	took := time.Since(v.began)
	s.metrics.observe(v, took)
	level, more := slog.LevelWarn, []any(nil)
	switch rule := link.Rule(v.code); {
	case v.status == http.StatusOK, rule == link.Away, v.status == http.StatusBadGateway:
		// what is away is logged by itself
		level = slog.LevelInfo
	default:
		// whoever comes can have it said, as often as he likes
		hidden, is := s.sparing.line(v.code+" "+v.caller.Name, v.began.Add(took))
		switch more = []any{"others_before", hidden}; {
		case is && v.status >= http.StatusInternalServerError && !rule.IsKnown():
			level = slog.LevelError
		case is:
		case v.caller == Caller{}:
			level = slog.LevelDebug
		default:
			level = slog.LevelInfo
		}
	}
	s.config.Log.Log(ctx, level, "call", append([]any{"request_id", v.id, "contract", v.contract,
		"call", v.call, "caller", v.caller.String(), "status", v.status, "code", v.code, "ms",
		float64(took.Microseconds()) / 1000, "passed_to", v.forwarded}, more...)...)
}

// nonce gives a number to a caller that has none.
func (s *Service) nonce(w http.ResponseWriter, r *http.Request) {
	if !s.perNode.allow(address(r), time.Now()) {
		s.refuseBeside(w, r, "nonce", &link.Refused{Rule: link.Rate, Detail: address(r)})
		return
	}
	w.Header().Set(link.NonceHeader, s.nonces.give())
	w.WriteHeader(http.StatusNoContent)
}

// openAPI serves the description of the service.
func (s *Service) openAPI(w http.ResponseWriter, _ *http.Request) {
	s.write(w, "application/json", http.StatusOK, s.document)
}

// health reports that the process lives.
func (s *Service) health(w http.ResponseWriter, _ *http.Request) {
	s.write(w, "application/json", http.StatusOK, []byte(`{"status":"alive"}`))
}
