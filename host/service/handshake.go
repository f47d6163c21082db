package service

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"time"

	"ekrona.example/host/service/link"
)

// handshakes is a listener on TLS that gives a connection when its handshake is done: net/http
// speaks HTTP/2 on what is a *tls.Conn, and HTTP/1.1 on an [httpConn]. It ends with its service.
type handshakes struct {
	net.Listener
	of       *Service
	patience time.Duration

	done context.Context
	end  context.CancelFunc
	next chan accepted
}

// accepted is what Accept returns.
type accepted struct {
	conn net.Conn
	err  error
}

func newHandshakes(l net.Listener, of *Service, patience time.Duration) *handshakes {
	h := &handshakes{Listener: l, of: of, patience: patience, next: make(chan accepted)}
	h.done, h.end = context.WithCancel(context.Background())
	go h.accept()
	return h
}

// accept accepts connections until the listener is closed.
func (h *handshakes) accept() {
	for {
		conn, err := h.Listener.Accept()
		if err == nil {
			go h.shake(conn)
		} else if !h.give(accepted{err: err}) || errors.Is(err, net.ErrClosed) {
			return
		}
	}
}

// give hands one to Accept, or reports that nobody accepts any more.
func (h *handshakes) give(a accepted) bool {
	select {
	case h.next <- a:
		return true
	case <-h.done.Done():
		return false
	}
}

// shake does the handshake of a connection.
func (h *handshakes) shake(conn net.Conn) {
	over := tls.Server(conn, h.of.config.TLS)
	ctx, cancel := context.WithTimeout(h.done, h.patience)
	defer cancel()
	if err := over.HandshakeContext(ctx); err != nil {
		var header tls.RecordHeaderError
		if errors.As(err, &header) && header.Conn != nil && isHTTP(header.RecordHeader[:]) {
			h.of.lastAnswer(conn, &link.Refused{Rule: link.HTTP,
				Detail: "it is served by HTTPS"}, 0)
		} else if h.done.Err() == nil {
			_, _ = fmt.Fprintf(connectionLog{h.of}, "http: TLS handshake error from %s: %v",
				conn.RemoteAddr(), err) // it always writes
		}
		_ = conn.Close() // nothing was said on it
		return
	}
	given := net.Conn(over)
	if over.ConnectionState().NegotiatedProtocol != "h2" {
		given = &httpConn{Conn: over, of: h.of}
	}
	if !h.give(accepted{conn: given}) {
		_ = conn.Close() // nothing was said on it
	}
}

// isHTTP reports whether what begins like this is HTTP without TLS.
func isHTTP(begin []byte) bool {
	for _, method := range []string{"GET /", "HEAD ", "POST ", "PUT /", "OPTIO", "DELET", "PATCH"} {
		if string(begin) == method {
			return true
		}
	}
	return false
}

// Accept implements net.Listener.
func (h *handshakes) Accept() (net.Conn, error) {
	select {
	case a := <-h.next:
		return a.conn, a.err
	case <-h.done.Done():
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (h *handshakes) Close() error {
	h.end()
	return h.Listener.Close()
}
