package service

import (
	"bytes"
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// pipes is a listener on pipes, which hold no byte that the other side has not read.
type pipes chan net.Conn

// Accept implements net.Listener.
func (p pipes) Accept() (net.Conn, error) {
	conn, open := <-p
	if !open {
		return nil, net.ErrClosed
	}
	return conn, nil
}

// Close implements net.Listener.
func (p pipes) Close() error { close(p); return nil }

// Addr implements net.Listener.
func (p pipes) Addr() net.Addr { return &net.TCPAddr{} }

// closing is a connection that tells of its end.
type closing struct {
	net.Conn
	once sync.Once
	end  func()
}

// Close implements net.Conn.
func (c *closing) Close() error {
	defer c.once.Do(c.end)
	return c.Conn.Close()
}

// TestWhoReadsNoAnswerLosesTheConnection: in each protocol; the time between two requests, which is
// far longer, has nothing to do with it.
func TestWhoReadsNoAnswerLosesTheConnection(t *testing.T) {
	w := start(t, nil)
	c := w.service.config
	c.Limits.Request, c.Limits.Answer, c.Limits.Idle = time.Second, time.Second, time.Hour
	s, err := New(c)
	require.NoError(t, err)
	listener := make(pipes)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(ctx, listener) }()
	for protocol, ask := range map[string]func(conn *tls.Conn){
		"http/1.1": func(conn *tls.Conn) {
			_, err := io.WriteString(conn, "GET /openapi.json HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
			assert.NoError(t, err)
		},
		"h2": func(conn *tls.Conn) {
			_, err := io.WriteString(conn, http2.ClientPreface)
			assert.NoError(t, err)
			f := http2.NewFramer(conn, conn)
			assert.NoError(t, f.WriteSettings())
			for range 3 { // settings, window, acknowledgement
				_, err := f.ReadFrame()
				assert.NoError(t, err)
			}
			assert.NoError(t, f.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, EndStream: true,
				EndHeaders: true, BlockFragment: encoded(t, ":method", http.MethodGet, ":scheme",
					"https", ":authority", "127.0.0.1", ":path", "/openapi.json")}))
		},
	} {
		ours, theirs := net.Pipe()
		gone := make(chan struct{})
		listener <- &closing{Conn: theirs, end: func() { close(gone) }}
		config := w.tls("").Clone()
		config.ServerName, config.NextProtos = "127.0.0.1", []string{protocol}
		conn := tls.Client(ours, config)
		require.NoError(t, conn.HandshakeContext(ctx))
		require.Equal(t, protocol, conn.ConnectionState().NegotiatedProtocol)
		asked := make(chan struct{})
		go func() { defer close(asked); ask(conn) }()
		<-gone
		<-asked
		require.NoError(t, ours.Close())
	}
	stop()
	require.NoError(t, <-ended)
}

// encoded is a header block of names and values.
func encoded(t *testing.T, fields ...string) []byte {
	t.Helper()
	var block bytes.Buffer
	e := hpack.NewEncoder(&block)
	for at := 0; at < len(fields); at += 2 {
		require.NoError(t, e.WriteField(hpack.HeaderField{Name: fields[at], Value: fields[at+1]}))
	}
	return block.Bytes()
}
