package link

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"ekrona.example/host/clock"
	"ekrona.example/host/remote"
)

// Config is what a Client needs.
type Config struct {
	// URL is https://HOST:PORT. Several, with commas between them, are processes of one party: when
	// one is not there, or another decides, a call goes to the next.
	URL      string
	Contract string             // such as "participant"
	TLS      func() *tls.Config // asked for each connection
	Signer   *Signer            // nil where the certificate in TLS says who calls
	Timeout  time.Duration      // of one call; 0 stands for DefaultTimeout
	// Patience is for how long a call is repeated for which the server has no room at the moment or
	// cannot reach its database, whose caller has used up its rate, which nobody decides at the
	// moment, or whose answer was lost; 0: not at all.
	Patience time.Duration
	// Absence is for how long a call is repeated, from when the server was found absent: as one is
	// that starts again. Of a server that stays away longer every call learns at once; 0: not at
	// all.
	Absence time.Duration
	// Made is told of each call that was made, Heard with each answer by how much the clock of the
	// server that gave it is ahead of Now; nil: nobody. A server learns the time of this side where
	// Heard is not nil.
	Made  func(m Made)
	Heard func(host string, ahead time.Duration)
	Now   func() time.Time // nil is the system's
}

// Made is a call as its caller saw it, with its repeats.
type Made struct {
	Contract, Call string
	Code           string // ok, that of the rule, or one of those below
	Tries          int
	Took           time.Duration
}

// Codes of calls that no rule ended.
const (
	CodeOK          = "ok"
	CodeUnreachable = "unreachable" // nothing was done
	CodeLost        = "lost"        // the answer was
	CodeStrange     = "strange"     // the answer is none of a service of e-krona
)

// DefaultTimeout is as long as a call is waited for.
const DefaultTimeout = 60 * time.Second

// maxAnswer is the most bytes of an answer: the longest has the Payments that wait for a terminal,
// as many as it may take between two synchronisations, each with its payer's certificates.
const maxAnswer = 256 << 20

// nonceTries is how often a request is signed anew because its number could not be used: the
// server has started again, or others have used many numbers meanwhile.
const nonceTries = 4

// Client makes the calls of one contract to one party. It is safe for concurrent use.
type Client struct {
	config  Config
	servers []*server
	at      atomic.Int32              // the server that was there last
	absent  atomic.Pointer[time.Time] // since when none is there; nil: one was
	http    *http.Client
}

// server is one process of the party.
type server struct {
	*url.URL
	nonces chan string // that it has given, unused
}

var _ remote.Transport = (*Client)(nil)

// IsURL reports whether the address of a party is that of a service, and not a folder.
func IsURL(address string) bool { return strings.HasPrefix(address, "https://") }

// CheckURL returns an error for what is no URL of a [Config].
func CheckURL(urls string) error {
	_, err := parse(urls)
	return err
}

// parse reads the addresses of a party.
func parse(urls string) (all []*server, err error) {
	const kept = 32
	for text := range strings.SplitSeq(urls, ",") {
		base, err := url.Parse(strings.TrimSpace(text))
		if err != nil || base.Scheme != "https" || !isAddress(base) || base.Path != "" &&
			base.Path != "/" || base.RawQuery != "" || base.ForceQuery || base.Fragment != "" ||
			base.User != nil {
			return nil, fmt.Errorf("address %q: give https://HOST:PORT", Shown(text))
		}
		base.Path = ""
		all = append(all, &server{base, make(chan string, kept)})
	}
	return all, nil
}

// Shown is an address as a message may have it: without what stands before an @, which may be a
// name with its password.
func Shown(address string) string {
	scheme, rest, found := strings.Cut(address, "://")
	if !found {
		scheme, rest = "", address
	} else {
		scheme += "://"
	}
	if at := strings.LastIndex(rest, "@"); at >= 0 {
		rest = "..." + rest[at:]
	}
	return scheme + rest
}

// isAddress reports whether a URL has a host, and no port that there cannot be.
func isAddress(u *url.URL) bool {
	if u.Port() == "" {
		return u.Hostname() != "" && !strings.HasSuffix(u.Host, ":")
	}
	port, err := strconv.ParseUint(u.Port(), 10, 16)
	return err == nil && port > 0 && u.Hostname() != ""
}

// New returns a client. It opens nothing: the first call fails when the server is not there.
func New(c Config) (*Client, error) {
	servers, err := parse(c.URL)
	if err != nil {
		return nil, err
	}
	if c.Timeout == 0 {
		c.Timeout = DefaultTimeout
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	const idle, perHost, silence = 90 * time.Second, 64, 5 * time.Second
	return &Client{config: c, servers: servers, http: &http.Client{
		Timeout: c.Timeout,
		Transport: &http.Transport{
			DialTLSContext: c.dial, ForceAttemptHTTP2: true,
			IdleConnTimeout: idle, MaxIdleConnsPerHost: perHost,
			// A server that stands still, with its machine or without, ends nothing by itself.
			HTTP2: &http.HTTP2Config{SendPingTimeout: silence, PingTimeout: silence},
		},
		CheckRedirect: func(*http.Request, []*http.Request) error {
			return http.ErrUseLastResponse
		},
	}}, nil
}

// Close closes the connections that are not used.
func (c *Client) Close() error {
	c.http.CloseIdleConnections()
	return nil
}

// atOnce is the key of [AtOnce] in a context.
type atOnce struct{}

// AtOnce returns a context whose calls are not repeated: whoever makes them can do without for now.
func AtOnce(ctx context.Context) context.Context { return context.WithValue(ctx, atOnce{}, true) }

// Call implements remote.Transport. A *[Refused] error says that nothing was done, but by the rule
// [Away], and so does [remote.ErrUnreachable]; any other leaves the outcome unknown.
func (c *Client) Call(ctx context.Context, name string, request []byte) (remote.Reply, error) {
	began := time.Now()
	reply, tries, err := c.call(ctx, name, request)
	if c.config.Made != nil {
		c.config.Made(Made{c.config.Contract, name, codeOf(reply, err), tries, time.Since(began)})
	}
	return reply, err
}

// codeOf says what became of a call.
func codeOf(reply remote.Reply, err error) string {
	var refused *Refused
	var p remote.Problem
	switch {
	case errors.As(err, &refused):
		return string(refused.Rule)
	case errors.Is(err, remote.ErrUnreachable):
		return CodeUnreachable
	case errors.Is(err, errLost):
		return CodeLost
	case err != nil, reply.Failed && remote.Decode(reply.Body, &p) != nil:
		return CodeStrange
	case reply.Failed:
		return p.Code
	}
	return CodeOK
}

func (c *Client) call(
	ctx context.Context, name string, request []byte,
) (reply remote.Reply, try int, err error) {
	if remote.RequestID(ctx) == "" {
		ctx = remote.WithRequestID(ctx, rand.Text())
	}
	began, wait, others := time.Now(), firstWait, len(c.servers)-1
	signed := 1      // with a number since the last answer that was none of the number's
	var unsure error // of an attempt that may have been carried out
	for try = 1; ; try++ {
		at := c.at.Load()
		s := c.servers[at]
		reply, err = c.once(ctx, s, name, request)
		if c.config.Signer != nil && errors.Is(err, Nonce) && signed < nonceTries {
			signed++
			s.forgetNonces()
			continue
		}
		signed = 1
		absent := errors.Is(err, remote.ErrUnreachable)
		unanswered := errors.Is(err, errLost) || errors.Is(err, Away)
		if absent || unanswered { // the next call finds another one there
			c.at.CompareAndSwap(at, (at+1)%int32(len(c.servers)))
		}
		if unanswered {
			unsure = err
		}
		if absent && others > 0 && ctx.Err() == nil {
			others--
			continue
		}
		if until := c.until(err, began); ctx.Value(atOnce{}) == nil &&
			time.Now().Add(wait).Before(until) && clock.Pause(ctx, wait) == nil {
			wait, others = min(2*wait, mostWait), len(c.servers)-1
			continue
		}
		if absent && unsure != nil {
			err = fmt.Errorf("%w; when repeated: %s", unsure, err.Error())
		}
		if err != nil {
			err = fmt.Errorf("%s: call %s (request %s): %w", s.Host, name, remote.RequestID(ctx),
				err)
		}
		return reply, try, err
	}
}

// until returns when a call is not repeated any more that began at some time and has ended so.
func (c *Client) until(err error, began time.Time) time.Time {
	switch {
	case errors.Is(err, Standby) || errors.Is(err, errLost):
		return began.Add(c.config.Patience)
	case isOfCertificates(err) || errors.Is(err, Certificate): // waiting helps neither side
		return began
	case errors.Is(err, remote.ErrUnreachable):
		now := time.Now()
		since := &now
		if !c.absent.CompareAndSwap(nil, since) {
			if earlier := c.absent.Load(); earlier != nil {
				since = earlier
			}
		}
		return since.Add(c.config.Absence)
	}
	c.absent.Store(nil)
	if remote.IsAway(err) {
		return began.Add(c.config.Patience)
	}
	return began
}

// Waits before the first repeat of a call that was not taken, and at most before a later one.
const (
	firstWait = 100 * time.Millisecond
	mostWait  = 2 * time.Second
)

func (c *Client) once(
	ctx context.Context, s *server, name string, request []byte,
) (remote.Reply, error) {
	r, err := c.request(ctx, s, http.MethodPost,
		"/v1/"+c.config.Contract+"/"+url.PathEscape(name), request)
	if err != nil {
		return remote.Reply{}, err
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header["Idempotency-Key"] = nil // every call can be repeated: net/http may do it too
	if signer := c.config.Signer; signer != nil {
		nonce, err := c.nonce(ctx, s)
		if err != nil {
			return remote.Reply{}, err
		}
		if err := signer.sign(r, request, nonce); err != nil {
			return remote.Reply{}, err
		}
	}
	response, body, err := c.do(r)
	if err != nil {
		return remote.Reply{}, err
	}
	if nonce := response.Header.Get(NonceHeader); nonce != "" {
		select {
		case s.nonces <- nonce:
		default:
		}
	}
	return replyOf(response, body)
}

// replyOf reads an answer: of the call, or a problem document.
func replyOf(response *http.Response, body []byte) (remote.Reply, error) {
	kind, _, _ := mime.ParseMediaType(response.Header.Get("Content-Type"))
	switch {
	case response.StatusCode == http.StatusOK && kind == "application/json":
		return remote.Reply{Body: body}, nil
	case kind == ProblemType:
		var p Problem
		if err := json.Unmarshal(body, &p); err != nil || p.Code == "" {
			return remote.Reply{}, fmt.Errorf("answer %s: no problem document", response.Status)
		}
		return p.answer()
	}
	return remote.Reply{}, fmt.Errorf("answer %s of type %q: this is no service of e-krona",
		response.Status, response.Header.Get("Content-Type"))
}

func (c *Client) request(
	ctx context.Context, s *server, method, path string, body []byte,
) (*http.Request, error) {
	r, err := http.NewRequestWithContext(ctx, method, s.String()+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	if caller := forwarded(ctx); caller != "" {
		r.Header.Set(CallerHeader, caller)
	}
	r.Header.Set(RequestHeader, remote.RequestID(ctx))
	if c.config.Heard != nil {
		SetDate(r.Header, c.config.Now())
	}
	return r, nil
}

// do sends a request and reads the whole answer.
func (c *Client) do(r *http.Request) (*http.Response, []byte, error) {
	sent := c.config.Now()
	response, err := c.http.Do(r)
	if err != nil {
		return nil, nil, lost(err)
	}
	defer response.Body.Close()
	if c.config.Heard != nil {
		now := c.config.Now()
		if ahead, says := Ahead(response.Header, now.Add(-now.Sub(sent)/2)); says {
			c.config.Heard(r.URL.Host, ahead)
		}
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer+1))
	if err != nil {
		return nil, nil, fmt.Errorf("%w: %w", errLost, err)
	}
	if len(body) > maxAnswer {
		return nil, nil, fmt.Errorf("its answer has more than %d bytes", maxAnswer)
	}
	return response, body, nil
}

// nonce returns a number that the server has given, and asks for one where none is kept.
func (c *Client) nonce(ctx context.Context, s *server) (string, error) {
	select {
	case nonce := <-s.nonces:
		return nonce, nil
	default:
	}
	r, err := c.request(ctx, s, http.MethodGet, NoncePath, nil)
	if err != nil {
		return "", err
	}
	response, body, err := c.do(r)
	if err != nil {
		return "", err
	}
	if nonce := response.Header.Get(NonceHeader); nonce != "" {
		return nonce, nil
	}
	if _, err := replyOf(response, body); err != nil {
		return "", err
	}
	return "", errors.New("an answer without a number: this is no service of e-krona")
}

// forgetNonces drops the numbers that are kept: a server that has started again takes none of them.
func (s *server) forgetNonces() {
	for {
		select {
		case <-s.nonces:
		default:
			return
		}
	}
}

// NoncePath is where a server gives a number to a caller that has none.
const NoncePath = "/v1/nonce"

// errLost says that a request may have arrived, and its answer did not: repeated, it gets one.
var errLost error = lostAnswer{}

type lostAnswer struct{}

// Error returns the line for a human reader.
func (lostAnswer) Error() string { return "the answer was lost" }

// Away says that the call is to be repeated, see remote.Away.
func (lostAnswer) Away() bool { return true }

// lost returns the error of a request that was not answered. Where no connection was made nothing
// was done.
func lost(err error) error {
	switch {
	case errors.Is(err, remote.ErrUnreachable):
		return err
	case isOfOwn(err): // in TLS 1.3 the server says it after the client has seen its handshake end
		return fmt.Errorf("%w: %w", remote.ErrUnreachable, withAdvice(err))
	}
	return fmt.Errorf("%w: %w", errLost, err)
}
