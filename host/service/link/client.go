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
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"ekrona.example/host/clock"
	"ekrona.example/host/remote"
)

// Config is what a Client needs.
type Config struct {
	URL      string // https://HOST:PORT
	Contract string // such as "participant"
	TLS      *tls.Config
	Signer   *Signer       // nil where the certificate in TLS says who calls
	Timeout  time.Duration // of one call; 0 stands for DefaultTimeout
	// Patience is for how long a call is repeated for which the server has no room at the moment,
	// or whose caller has used up its rate; 0: not at all.
	Patience time.Duration
}

// DefaultTimeout is as long as a call is waited for.
const DefaultTimeout = 60 * time.Second

// maxAnswer is the most bytes of an answer: a central bank's books have all wallets.
const maxAnswer = 256 << 20

// nonceTries is how often a request is signed anew because its number could not be used: the
// server has started again, or others have used many numbers meanwhile.
const nonceTries = 4

// Client makes the calls of one contract to one server. It is safe for concurrent use.
type Client struct {
	config Config
	base   *url.URL
	http   *http.Client
	nonces chan string // that the server has given, unused
}

var _ remote.Transport = (*Client)(nil)

// IsURL reports whether the address of a party is that of a service, and not a folder.
func IsURL(address string) bool { return strings.HasPrefix(address, "https://") }

// New returns a client. It opens nothing: the first call fails when the server is not there.
func New(c Config) (*Client, error) {
	base, err := url.Parse(c.URL)
	if err != nil || base.Scheme != "https" || base.Host == "" || base.Path != "" &&
		base.Path != "/" || base.RawQuery != "" || base.User != nil {
		return nil, fmt.Errorf("address %q: give https://HOST:PORT", c.URL)
	}
	if c.Timeout == 0 {
		c.Timeout = DefaultTimeout
	}
	base.Path = ""
	const dialTimeout, idle, perHost, kept = 10 * time.Second, 90 * time.Second, 64, 32
	return &Client{config: c, base: base, nonces: make(chan string, kept), http: &http.Client{
		Timeout: c.Timeout,
		Transport: &http.Transport{
			TLSClientConfig: c.TLS, TLSHandshakeTimeout: dialTimeout, ForceAttemptHTTP2: true,
			DialContext:     (&net.Dialer{Timeout: dialTimeout}).DialContext,
			IdleConnTimeout: idle, MaxIdleConnsPerHost: perHost,
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

// Call implements remote.Transport. A *[Refused] error says that nothing was done, and so does
// [remote.ErrUnreachable]; any other leaves the outcome unknown.
func (c *Client) Call(ctx context.Context, name string, request []byte) (remote.Reply, error) {
	if remote.RequestID(ctx) == "" {
		ctx = remote.WithRequestID(ctx, rand.Text())
	}
	began, wait := time.Now(), firstWait
	for try := 1; ; try++ {
		reply, err := c.once(ctx, name, request)
		if try < nonceTries && c.config.Signer != nil && errors.Is(err, Nonce) {
			c.forgetNonces()
			continue
		}
		if (errors.Is(err, Rate) || errors.Is(err, Busy)) &&
			time.Since(began)+wait <= c.config.Patience && clock.Pause(ctx, wait) == nil {
			wait *= 2
			continue
		}
		if err != nil {
			return reply, fmt.Errorf("%s: call %s (request %s): %w", c.base.Host, name,
				remote.RequestID(ctx), err)
		}
		return reply, nil
	}
}

// firstWait is the wait before the first repeat of a call for which there was no room.
const firstWait = 100 * time.Millisecond

func (c *Client) once(ctx context.Context, name string, request []byte) (remote.Reply, error) {
	r, err := c.request(ctx, http.MethodPost, "/v1/"+c.config.Contract+"/"+url.PathEscape(name),
		request)
	if err != nil {
		return remote.Reply{}, err
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header["Idempotency-Key"] = nil // every call can be repeated: net/http may do it too
	if s := c.config.Signer; s != nil {
		nonce, err := c.nonce(ctx)
		if err != nil {
			return remote.Reply{}, err
		}
		if err := s.sign(r, request, nonce); err != nil {
			return remote.Reply{}, err
		}
	}
	response, body, err := c.do(r)
	if err != nil {
		return remote.Reply{}, err
	}
	if nonce := response.Header.Get(NonceHeader); nonce != "" {
		select {
		case c.nonces <- nonce:
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
	ctx context.Context, method, path string, body []byte,
) (*http.Request, error) {
	r, err := http.NewRequestWithContext(ctx, method, c.base.String()+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.Header.Set(RequestHeader, remote.RequestID(ctx))
	return r, nil
}

// do sends a request and reads the whole answer.
func (c *Client) do(r *http.Request) (*http.Response, []byte, error) {
	response, err := c.http.Do(r)
	if err != nil {
		return nil, nil, lost(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer+1))
	if err != nil {
		return nil, nil, fmt.Errorf("its answer: %w", err)
	}
	if len(body) > maxAnswer {
		return nil, nil, fmt.Errorf("its answer has more than %d bytes", maxAnswer)
	}
	return response, body, nil
}

// nonce returns a number that the server has given, and asks for one where none is kept.
func (c *Client) nonce(ctx context.Context) (string, error) {
	select {
	case nonce := <-c.nonces:
		return nonce, nil
	default:
	}
	r, err := c.request(ctx, http.MethodGet, NoncePath, nil)
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
func (c *Client) forgetNonces() {
	for {
		select {
		case <-c.nonces:
		default:
			return
		}
	}
}

// NoncePath is where a server gives a number to a caller that has none.
const NoncePath = "/v1/nonce"

// lost returns the error of a request that was not answered. Where no connection was made nothing
// was done.
func lost(err error) error {
	var dial *net.OpError
	if errors.As(err, &dial) && dial.Op == "dial" {
		return fmt.Errorf("%w: %w", remote.ErrUnreachable, err)
	}
	return err
}
