package service

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/host/remote"
	"ekrona.example/host/service/link"
)

// get reads a page of the service.
func (w *world) get(t *tls.Config, path string) (status int, page string) {
	w.t.Helper()
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: t}}
	defer client.CloseIdleConnections()
	r, err := http.NewRequestWithContext(w.t.Context(), http.MethodGet, w.url+path, nil)
	require.NoError(w.t, err)
	response, err := client.Do(r)
	require.NoError(w.t, err)
	body, err := io.ReadAll(response.Body)
	require.NoError(w.t, err)
	require.NoError(w.t, response.Body.Close())
	return response.StatusCode, string(body)
}

// TestOperatorsSeeHowItIs: health, readiness and the document are for everybody, the metrics for
// operators.
func TestOperatorsSeeHowItIs(t *testing.T) {
	disk := error(nil)
	w := start(t, func(c *Config) { c.Ready = func(context.Context) error { return disk } })
	nobody, operator := w.tls(""), w.tls("operator")
	for path, want := range map[string]string{"/healthz": "alive", "/readyz": "ready",
		"/openapi.json": `"openapi": "3.1.0"`} {
		status, page := w.get(nobody, path)
		require.Equal(t, http.StatusOK, status, path)
		require.Contains(t, page, want, path)
	}
	disk = errors.New("disk of db7 is full")
	status, page := w.get(nobody, "/readyz")
	require.Equal(t, http.StatusServiceUnavailable, status)
	require.NotContains(t, page, "db7")
	require.Contains(t, w.log.String(), "db7")
	disk = &UnreadyError{"the disk is full", disk}
	for range 3 {
		status, page = w.get(nobody, "/readyz")
		require.Equal(t, http.StatusServiceUnavailable, status)
		require.JSONEq(t, `{"status":"not ready","why":"the disk is full"}`, page)
	}
	_, page = w.get(operator, "/metrics")
	require.Contains(t, page, `ekrona_ready{why="the disk is full"} 0`)
	require.Equal(t, 1, strings.Count(w.log.String(), "db7"), "whoever asks floods no log")
	disk = nil
	status, _ = w.get(nobody, "/readyz")
	require.Equal(t, http.StatusOK, status)
	require.Contains(t, w.log.String(), "ready again")
	_, page = w.get(operator, "/metrics")
	require.Contains(t, page, `ekrona_ready{why=""} 1`)

	_, err := remote.Ask[thing](t.Context(), w.node("SENORDIC"), "echo", thing{"known"})
	require.ErrorIs(t, err, errKnown)
	status, page = w.get(operator, "/metrics")
	require.Equal(t, http.StatusOK, status)
	require.Contains(t, page,
		`ekrona_calls_total{call="echo",code="toy:funds",contract="node"} 1`)
	require.Contains(t, page, `ekrona_call_seconds_count{call="echo",contract="node"} 1`)
	require.Contains(t, page, "ekrona_calls_in_flight 0")
	for _, t2 := range []*tls.Config{nobody, w.tls("SENORDIC")} {
		status, page := w.get(t2, "/metrics")
		assert.NotEqual(t, http.StatusOK, status)
		assert.Contains(t, page, "urn:ekrona:problem:link:c")
	}
}

// sums is a collector of what a database has, which is down.
type sums struct{ *prometheus.Desc }

// Describe implements prometheus.Collector.
func (s sums) Describe(all chan<- *prometheus.Desc) { all <- s.Desc }

// Collect implements prometheus.Collector.
func (s sums) Collect(all chan<- prometheus.Metric) {
	all <- prometheus.NewInvalidMetric(s.Desc, errors.New("db7\nis down"))
}

// TestMetricsWithoutADatabase: an operator sees what calls come and fail while the database is
// down, and the log says, under the request's id, what is missing.
func TestMetricsWithoutADatabase(t *testing.T) {
	w := start(t, func(c *Config) {
		c.Metrics = []prometheus.Collector{sums{prometheus.NewDesc("toy_sum", "A sum.", nil, nil)}}
	})
	status, page := w.get(w.tls("operator"), "/metrics")
	require.Equal(t, http.StatusOK, status)
	require.Contains(t, page, "ekrona_calls_in_flight 0")
	require.NotContains(t, page, "toy_sum")
	require.NotContains(t, page, "db7")
	require.Regexp(t, `"msg":"metrics","request_id":"[A-Z0-9]+","error":".*db7; is down"`,
		w.log.String())
}

// TestLimitsHold: a caller above its rate is refused and others are not; so is a call beyond those
// that may be under way.
func TestLimitsHold(t *testing.T) {
	const burst = 3
	w := start(t, func(c *Config) {
		c.Limits.PerSecond, c.Limits.Burst, c.Limits.InFlight = 1e-9, burst, 1
	})
	first, other := w.phone(anna), w.node("SENORDIC")
	for range burst {
		_, err := remote.Ask[thing](t.Context(), first, "echo", thing{"x"})
		require.NoError(t, err)
	}
	_, err := remote.Ask[thing](t.Context(), first, "echo", thing{"x"})
	require.ErrorIs(t, err, link.Rate)
	_, err = remote.Ask[thing](t.Context(), other, "echo", thing{"x"})
	require.NoError(t, err)

	waiting := make(chan error, 1)
	go func() { waiting <- remote.Do(t.Context(), other, "wait", remote.None{}) }()
	<-w.began
	_, err = remote.Ask[thing](t.Context(), other, "echo", thing{"x"})
	require.ErrorIs(t, err, link.Busy)
	close(w.hold)
	require.NoError(t, <-waiting)
	_, err = remote.Ask[thing](t.Context(), other, "echo", thing{"x"})
	require.NoError(t, err)
	require.Equal(t, burst+2, w.calls)
}

// TestAPatientCallerGetsItsTurn: a call for which there is no room is repeated until there is.
func TestAPatientCallerGetsItsTurn(t *testing.T) {
	w := start(t, func(c *Config) { c.Limits.InFlight = 1 })
	holding := make(chan error, 1)
	go func() { holding <- remote.Do(t.Context(), w.node("SENORDIC"), "wait", remote.None{}) }()
	<-w.began
	patient := remote.Client{Errors: toy{}, Transport: must(link.New(link.Config{URL: w.url,
		Contract: "node", TLS: always(w.tls("SENORDIC")), Patience: time.Hour}))}
	asked := make(chan error, 1)
	go func() {
		_, err := remote.Ask[thing](t.Context(), patient, "echo", thing{"x"})
		asked <- err
	}()
	for !strings.Contains(w.log.String(), "link:busy") { // it was refused once
		runtime.Gosched()
	}
	close(w.hold)
	require.NoError(t, <-holding)
	require.NoError(t, <-asked)
}

// TestALargeRequestIsRefusedByItsHeader: none of its content is waited for.
func TestALargeRequestIsRefusedByItsHeader(t *testing.T) {
	w := start(t, func(c *Config) { c.Limits.Request = time.Hour })
	for _, more := range []string{"", "Expect: 100-continue\r\n"} {
		c, err := tls.Dial("tcp", strings.TrimPrefix(w.url, "https://"), w.tls("SENORDIC"))
		require.NoError(t, err)
		defer c.Close()
		_, err = io.WriteString(c, "POST /v1/node/echo HTTP/1.1\r\nHost: 127.0.0.1\r\n"+
			"Content-Type: application/json\r\nContent-Length: 1099511627776\r\n"+more+"\r\n")
		require.NoError(t, err)
		answer, err := http.ReadResponse(bufio.NewReader(c), nil)
		require.NoError(t, err)
		require.Equal(t, http.StatusRequestEntityTooLarge, answer.StatusCode)
		require.NoError(t, answer.Body.Close())
	}
	require.Zero(t, w.calls)
}

// TestSlowRequestsEnd: those whose header or content does not come are refused, others are answered
// meanwhile, and nothing of the slow ones is carried out.
func TestSlowRequestsEnd(t *testing.T) {
	w := start(t, func(c *Config) {
		c.Limits.Header, c.Limits.Request, c.Limits.InFlight = 5*time.Second, 5*time.Second, 1
	})
	node, fast := w.tls("SENORDIC"), w.node("SENORDIC")
	const each, head = 16, "POST /v1/node/echo HTTP/1.1\r\nHost: 127.0.0.1\r\n"
	begin := func(text string) (all []net.Conn) {
		for range each {
			c, err := tls.Dial("tcp", strings.TrimPrefix(w.url, "https://"), node)
			require.NoError(t, err)
			t.Cleanup(func() { c.Close() })
			_, err = io.WriteString(c, text)
			require.NoError(t, err)
			all = append(all, c)
		}
		return all
	}
	headers := begin(head)
	contents := begin(head + "Content-Type: application/json\r\nContent-Length: 10\r\n\r\n{")
	_, err := remote.Ask[thing](t.Context(), fast, "echo", thing{"x"})
	require.NoError(t, err)
	for _, c := range append(headers, contents...) {
		response, err := http.ReadResponse(bufio.NewReader(c), nil)
		require.NoError(t, err)
		body, err := io.ReadAll(response.Body)
		require.NoError(t, err)
		require.Contains(t, string(body), "urn:ekrona:problem:link:slow")
		require.NoError(t, response.Body.Close())
	}
	require.Equal(t, 1, w.calls)
}

// TestOneAddressFillsItsShareOfTheMemory: requests on one HTTP/2 connection that do not end are
// taken until their address has its share; others are answered meanwhile, and so are those that
// were taken, when they end.
func TestOneAddressFillsItsShareOfTheMemory(t *testing.T) {
	const size, streams = 64 << 10, 64
	const taken = share * (maxHeaderBytes + size) // by one address
	w := start(t, func(c *Config) { c.Limits.Memory = share * taken })
	attacker := &http.Client{Transport: &http.Transport{TLSClientConfig: w.tls(""),
		ForceAttemptHTTP2: true, DialContext: (&net.Dialer{
			LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 2)}}).DialContext}}
	defer attacker.CloseIdleConnections()
	status := make(chan int, streams)
	goOn := make(chan struct{})
	start := `{"name":"` + strings.Repeat("x", size-len(`{"name":""}`))
	send := func() {
		content, more := io.Pipe()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost,
			w.url+"/v1/public/echo", content)
		require.NoError(t, err)
		r.Header.Set("Content-Type", "application/json")
		go func() {
			response, err := attacker.Do(r)
			if !assert.NoError(t, err) {
				status <- 0
				return
			}
			assert.Equal(t, 2, response.ProtoMajor)
			assert.NoError(t, response.Body.Close())
			status <- response.StatusCode
		}()
		go func() {
			_, _ = io.WriteString(more, start) // fails where it is refused
			<-goOn
			_, _ = io.WriteString(more, `"}`)
			more.Close()
		}()
	}
	for range share {
		send()
	}
	for used := 0; used < share*(maxHeaderBytes+len(start)); runtime.Gosched() {
		w.service.memory.mu.Lock()
		used = w.service.memory.used
		w.service.memory.mu.Unlock()
	}
	for range streams - share {
		send()
	}
	for range streams - share {
		require.Equal(t, http.StatusServiceUnavailable, <-status)
	}
	require.Zero(t, w.calls)
	for _, c := range []remote.Client{w.node("SENORDIC"), w.client("public", w.tls(""), nil)} {
		_, err := remote.Ask[thing](t.Context(), c, "echo", thing{strings.Repeat("x", size/2)})
		require.NoError(t, err)
	}
	close(goOn)
	for range share {
		require.Equal(t, http.StatusOK, <-status)
	}
	require.Equal(t, 2+share, w.calls)
	require.Zero(t, w.service.memory.used)
	require.Empty(t, w.service.memory.by)
}

// TestLargeHeadersAreRefused: before anything is read of them, in each protocol.
func TestLargeHeadersAreRefused(t *testing.T) {
	w := start(t, nil)
	for _, protocol := range []string{"http/1.1", "h2"} {
		config := w.tls("SENORDIC")
		config.NextProtos = []string{protocol}
		client := &http.Client{Transport: &http.Transport{TLSClientConfig: config,
			ForceAttemptHTTP2: protocol == "h2"}}
		defer client.CloseIdleConnections()
		send := func(header int) (status int, err error) {
			r, err := http.NewRequestWithContext(t.Context(), http.MethodPost,
				w.url+"/v1/node/echo", strings.NewReader(`{"name":"x"}`))
			require.NoError(t, err)
			r.Header.Set("Content-Type", "application/json")
			r.Header.Set("X-Large", strings.Repeat("x", header))
			response, err := client.Do(r)
			if err != nil {
				return 0, err
			}
			return response.StatusCode, response.Body.Close()
		}
		status, err := send(maxHeaderBytes / 2)
		require.NoError(t, err)
		require.Equal(t, http.StatusOK, status, protocol)
		if status, err = send(8 * maxHeaderBytes); err == nil {
			require.Equal(t, http.StatusRequestHeaderFieldsTooLarge, status, protocol)
		}
		_, err = remote.Ask[thing](t.Context(), w.node("SENORDIC"), "echo", thing{"x"})
		require.NoError(t, err, protocol)
	}
	require.Equal(t, 4, w.calls)
}

// TestWhatIsUnderWayEnds: a service that is stopped answers the calls that have begun, and a call
// whose caller is gone is carried out to its end.
func TestWhatIsUnderWayEnds(t *testing.T) {
	w := start(t, nil)
	node := w.node("SENORDIC")
	gone, leave := context.WithCancel(t.Context())
	left, waiting := make(chan error, 1), make(chan error, 1)
	go func() { left <- remote.Do(gone, node, "wait", remote.None{}) }()
	<-w.began
	leave()
	require.ErrorIs(t, <-left, context.Canceled)
	go func() { waiting <- remote.Do(t.Context(), node, "wait", remote.None{}) }()
	<-w.began
	stopped := make(chan error, 1)
	go func() { stopped <- w.stop() }()
	close(w.hold)
	require.NoError(t, <-waiting, "its context was not cancelled")
	require.NoError(t, <-stopped)
	_, err := remote.Ask[thing](t.Context(), w.node("SENORDIC"), "echo", thing{"x"})
	require.ErrorIs(t, err, remote.ErrUnreachable)
	require.Equal(t, 2, strings.Count(w.log.String(), `"call":"wait","caller":"SENORDIC",`+
		`"status":200`), "both were carried out")
}

// TestNonces: a number is taken once, and only if this process gave it, within the window.
func TestNonces(t *testing.T) {
	n, err := newNonces(newEntropy(1))
	require.NoError(t, err)
	other, err := newNonces(newEntropy(2))
	require.NoError(t, err)
	first := n.give()
	require.True(t, n.isFresh(first))
	require.True(t, n.take(first))
	require.False(t, n.take(first))
	require.False(t, n.isFresh(first))
	require.False(t, n.take(other.give()))
	for _, bad := range []string{"", "x", first[1:], first + "A", "A" + first[1:]} {
		require.False(t, n.take(bad), bad)
	}
	old := n.give()
	for range nonceWindow - 1 {
		n.give()
	}
	require.True(t, n.isFresh(old), "the oldest of the window")
	last := n.give()
	require.False(t, n.take(old))
	require.True(t, n.take(last))
	require.False(t, n.take(first), "of the window before")
}

// TestOwnHosts: those of the certificate, with any port, and those under a star.
func TestOwnHosts(t *testing.T) {
	s := &Service{config: Config{Hosts: func() []string {
		return []string{"bank.example", "10.0.0.1", "::1", "*.nordic.example"}
	}}}
	for host, own := range map[string]bool{"bank.example": true, "Bank.Example:7443": true,
		"10.0.0.1:1": true, "[::1]:1": true, "[::1]": true, "a.nordic.example": true,
		"nordic.example": false, "a.b.nordic.example": false, "other.example": false, "": false,
		"*.nordic.example": true, "example": false} {
		require.Equal(t, own, s.isOwnHost(host), host)
	}
}

// TestCallersWithoutEndAreForgotten: the memory of rates is bounded.
func TestCallersWithoutEndAreForgotten(t *testing.T) {
	r := newRates(1e-9, 1)
	at := time.Unix(0, 0)
	require.True(t, r.allow("a", at))
	require.False(t, r.allow("a", at))
	for i := range maxCallers {
		r.allow(string(rune(i))+"b", at)
	}
	require.LessOrEqual(t, len(r.callers), maxCallers)
}

// TestConnectionsOfOneAddress: one more than it may have is closed at once, and counted; when one
// ends another can come, and calls go on all the while.
func TestConnectionsOfOneAddress(t *testing.T) {
	const most = 3
	w := start(t, func(c *Config) { c.Limits.PerAddress = most })
	address := strings.TrimPrefix(w.url, "https://")
	dial := func() *tls.Conn {
		raw, err := new(net.Dialer).DialContext(t.Context(), "tcp", address)
		require.NoError(t, err)
		shown := w.tls("operator").Clone()
		shown.ServerName = "127.0.0.1"
		return tls.Client(raw, shown)
	}
	var open []*tls.Conn
	for range most {
		conn := dial()
		require.NoError(t, conn.HandshakeContext(t.Context()))
		open = append(open, conn)
	}
	refused := dial()
	require.Error(t, refused.HandshakeContext(t.Context()))
	require.NoError(t, refused.NetConn().Close())
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, w.url+"/metrics", nil)
	require.NoError(t, err)
	require.NoError(t, r.Write(open[0]))
	answer, err := http.ReadResponse(bufio.NewReader(open[0]), r)
	require.NoError(t, err)
	page, err := io.ReadAll(answer.Body)
	require.NoError(t, errors.Join(err, answer.Body.Close()))
	require.Contains(t, string(page), "ekrona_connections 3")
	require.Contains(t, string(page), "ekrona_connections_refused_total 1")
	require.Contains(t, w.log.String(), `"from":"127.0.0.1","may_have":3`)
	require.NoError(t, open[1].Close())
	for { // the server sees the end when it comes
		conn := dial()
		if conn.HandshakeContext(t.Context()) == nil {
			open[1] = conn
			break
		}
		require.NoError(t, conn.NetConn().Close())
	}
	for _, conn := range open {
		require.NoError(t, conn.Close())
	}
}

// TestOrigins: an IPv6 network is one caller, an IPv4 address is one.
func TestOrigins(t *testing.T) {
	for remote, want := range map[string]string{
		"192.0.2.7:1": "192.0.2.7", "[::ffff:192.0.2.7]:1": "192.0.2.7",
		"[2001:db8:1:2:3:4:5:6]:9": "2001:db8:1:2::/64", "[2001:db8:1:2::1]:9": "2001:db8:1:2::/64",
		"[fe80::1%eth0]:9": "fe80::/64", "[::1]:9": "::1", "pipe": "pipe",
	} {
		assert.Equal(t, want, origin(remote), remote)
	}
	assert.Equal(t, 2_500, DefaultLimits().complete().within(0).PerAddress)
	assert.Equal(t, 1, Limits{Connections: 2}.complete().within(0).PerAddress)
}

// TestConnectionsLeaveFilesToTheRest: of the files that a process may have open.
func TestConnectionsLeaveFilesToTheRest(t *testing.T) {
	for files, want := range map[int][2]int{0: {10_000, 2_500}, 1 << 20: {10_000, 2_500},
		10_255: {9_999, 2_499}, 1_024: {768, 192}, 200: {100, 64}, 64: {32, 32}, 1: {1, 1}} {
		l := DefaultLimits().complete().within(files)
		assert.Equal(t, want, [2]int{l.Connections, l.PerAddress}, files)
	}
	assert.Equal(t, 7, Limits{Connections: 7, PerAddress: 3}.complete().within(1_024).Connections)
	log := &log{}
	_, err := New(Config{Title: "toy", Limits: Limits{Connections: maxFiles}, Hosts: nil,
		Log: slog.New(slog.NewJSONHandler(log, nil))})
	require.NoError(t, err)
	require.Contains(t, log.String(), "fewer connections than limits.connections")
}

// TestContentComesAsItIs: one that is compressed is refused by the type of its content.
func TestContentComesAsItIs(t *testing.T) {
	w := start(t, func(*Config) {})
	for encoding, want := range map[string]int{"gzip": http.StatusUnsupportedMediaType,
		"identity, br": http.StatusUnsupportedMediaType, "identity": http.StatusOK,
		"identity; gzip": http.StatusUnsupportedMediaType, // two fields
		"Identity":       http.StatusOK} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.url+"/v1/node/echo",
			strings.NewReader(`{"text":"known"}`))
		require.NoError(t, err)
		r.Header.Set("Content-Type", "application/json")
		for one := range strings.SplitSeq(encoding, "; ") {
			r.Header.Add("Content-Encoding", one)
		}
		status, p, header := w.raw(w.tls("SENORDIC"), r)
		if want != http.StatusOK {
			require.Equal(t, want, status, encoding)
			require.Contains(t, p.Detail, "without Content-Encoding")
			require.Equal(t, "identity", header.Get("Accept-Encoding"))
			continue
		}
		require.NotEqual(t, http.StatusUnsupportedMediaType, status, encoding)
	}
}
