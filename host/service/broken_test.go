package service

import (
	"bufio"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"github.com/stretchr/testify/require"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"ekrona.example/host/remote"
	"ekrona.example/host/service/link"
)

// TestWhatIsNoHTTPIsRefusedByName: what net/http answers by itself is a problem document all the
// same, and logged; so is who says half a sentence. Requests that can be read, refused ones among
// them, are answered as before.
func TestWhatIsNoHTTPIsRefusedByName(t *testing.T) {
	w := start(t, func(c *Config) { c.Limits.Header = time.Second })
	open := func() *tls.Conn {
		config := w.tls("SENORDIC")
		config.NextProtos = []string{"http/1.1"}
		conn, err := tls.Dial("tcp", strings.TrimPrefix(w.url, "https://"), config)
		require.NoError(t, err)
		t.Cleanup(func() { _ = conn.Close() }) // the server may have done so
		return conn
	}
	host := "\r\nHost: 127.0.0.1\r\n"
	const content = `{"name":"x"}`
	whole := "POST /v1/node/echo HTTP/1.1" + host + "Content-Type: application/json\r\n" +
		fmt.Sprintf("Content-Length: %d\r\n\r\n%s", len(content), content)
	// ask says a text, and returns the status, the problem and whether the connection ends.
	ask := func(conn io.Writer, from *bufio.Reader, text string) (int, link.Problem, bool) {
		_, err := io.WriteString(conn, text)
		require.NoError(t, err)
		answer, err := http.ReadResponse(from, nil)
		require.NoError(t, err, "%q", text)
		body, err := io.ReadAll(answer.Body)
		require.NoError(t, err)
		var p link.Problem
		if answer.Header.Get("Content-Type") == link.ProblemType {
			require.NoError(t, json.Unmarshal(body, &p))
			require.Equal(t, answer.StatusCode, p.Status)
		}
		return answer.StatusCode, p, answer.Close
	}
	conn := open()
	from := bufio.NewReader(conn)
	for range 2 {
		for text, code := range map[string]string{whole: "",
			"OPTIONS * HTTP/1.1" + host + "\r\n": "link:path",
			"GET /none HTTP/1.1" + host + "\r\n": "link:path"} {
			_, p, ends := ask(conn, from, text)
			require.Equal(t, code, p.Code, text)
			require.False(t, ends, text)
		}
	}
	require.Equal(t, 2, w.calls)
	broken := []struct {
		text   string
		status int
		rule   link.Rule
	}{
		{"\x16\x03\x01\r\n\r\n", http.StatusBadRequest, link.HTTP},
		{"POST /v1/node/echo HTTP/1.1\r\n\r\n", http.StatusBadRequest, link.HTTP}, // of no host
		{"POST /v1/node/echo HTTP/1.1" + host + "A B: c\r\n\r\n", http.StatusBadRequest,
			link.HTTP},
		{"POST /v1/node/echo HTTP/1.1" + host + "Content-Length: 1, 2\r\n\r\n{}",
			http.StatusBadRequest, link.HTTP},
		{"POST /v1/node/echo HTTP/1.1" + host + "Transfer-Encoding: gzip\r\n\r\n",
			http.StatusNotImplemented, link.HTTP},
		{"POST /v1/node/echo HTTP/1.1" + host + "Expect: more\r\n\r\n",
			http.StatusExpectationFailed, link.HTTP},
		{"POST /v1/node/echo HTTP/3.9" + host + "\r\n", http.StatusHTTPVersionNotSupported,
			link.HTTP},
		{"POST / HTTP/1.1" + host + "A: " + strings.Repeat("x", maxHeaderBytes+8<<10) + "\r\n\r\n",
			http.StatusRequestHeaderFieldsTooLarge, link.HTTP},
		{"POST /v1/node/ec", http.StatusRequestTimeout, link.Slow},
	}
	for _, b := range broken {
		for _, before := range []string{"", whole} {
			conn := open()
			from := bufio.NewReader(conn)
			if before != "" {
				status, _, _ := ask(conn, from, before)
				require.Equal(t, http.StatusOK, status)
			}
			status, p, ends := ask(conn, from, b.text)
			require.Equal(t, b.status, status, "%q", b.text)
			require.Equal(t, string(b.rule), p.Code, "%q", b.text)
			require.NotEmpty(t, p.Instance)
			require.True(t, ends, "%q", b.text)
			more, err := io.ReadAll(from)
			require.NoError(t, err)
			require.Empty(t, more)
		}
	}
	gone := open()
	_, err := io.WriteString(gone, "POST /v1")
	require.NoError(t, err)
	require.NoError(t, gone.CloseWrite())
	said, err := io.ReadAll(gone)
	require.NoError(t, err)
	require.Contains(t, string(said), link.HTTP)
	plain, err := net.Dial("tcp", strings.TrimPrefix(w.url, "https://"))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, plain.Close()) })
	status, p, _ := ask(plain, bufio.NewReader(plain), "GET /")
	require.Equal(t, http.StatusBadRequest, status)
	require.Equal(t, string(link.HTTP), p.Code)
	require.Contains(t, p.Detail, "HTTPS")
	require.NoError(t, w.stop())
	require.Equal(t, 2+len(broken), w.calls)
	for _, rule := range []link.Rule{link.HTTP, link.Slow} {
		require.Equal(t, 1, strings.Count(w.log.String(), `"code":"`+string(rule)+`"`), rule)
	}
	counted := map[string]float64{}
	families, err := w.service.metrics.registry.Gather()
	require.NoError(t, err)
	for _, f := range families {
		if f.GetName() != "ekrona_calls_total" {
			continue
		}
		for _, m := range f.GetMetric() {
			for _, l := range m.GetLabel() {
				if l.GetName() == "code" {
					counted[l.GetValue()] += m.GetCounter().GetValue()
				}
			}
		}
	}
	require.Equal(t, map[string]float64{"ok": float64(w.calls), "link:path": 4,
		"link:http": float64(2*(len(broken)-1) + 2), "link:slow": 2}, counted)
}

// TestAKnownCallerFloodsTheLogByNothing: not by what a contract refuses it either, nor by a call
// that fails, and what one bank has the log say hides nothing of another.
func TestAKnownCallerFloodsTheLogByNothing(t *testing.T) {
	w := start(t, nil)
	const crowd = 40
	for _, name := range []string{"SENORDIC", "SEFJORDB"} {
		node := w.node(name)
		for range crowd {
			_, err := remote.Ask[thing](t.Context(), node, "echo", thing{"known"})
			require.ErrorIs(t, err, errKnown)
			require.Error(t, remote.Do(t.Context(), node, "fail", remote.None{}))
		}
	}
	require.NoError(t, w.stop())
	text := w.log.String()
	for _, name := range []string{"SENORDIC", "SEFJORDB"} {
		warned, failed := 0, 0
		for line := range strings.Lines(text) {
			if !strings.Contains(line, `"caller":"`+name) {
				continue
			}
			if strings.Contains(line, `"level":"WARN"`) {
				require.Contains(t, line, "toy:funds")
				warned++
			} else if strings.Contains(line, `"level":"ERROR"`) {
				failed++
			}
		}
		require.Equal(t, 1, warned, name)
		require.Equal(t, 1, failed, name)
	}
	require.Equal(t, 1, strings.Count(text, `"level":"ERROR","msg":"call failed"`))
	require.Equal(t, 2*crowd, strings.Count(text, `"msg":"call failed"`)) // with --log info
	require.Contains(t, text, "disk of db7 is full")
}
