package service

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"strconv"
	"sync/atomic"
	"time"

	"ekrona.example/host/remote"
	"ekrona.example/host/service/link"
)

// httpConn is a connection by HTTP/1.1. What net/http cannot read as a request it answers by a line
// of text, or not at all, and tells nobody: here that becomes a problem document, and is logged.
type httpConn struct {
	*tls.Conn
	of *Service
	// begun says that something of a request has come, taken that it was handed on, answered that
	// the connection ends with what was said here.
	begun, taken, answered atomic.Bool
}

// connectionKey is the key of a request's httpConn in its context.
type connectionKey struct{}

// withConnection has requests know their connection.
func withConnection(ctx context.Context, conn net.Conn) context.Context {
	if c, is := conn.(*httpConn); is {
		return context.WithValue(ctx, connectionKey{}, c)
	}
	return ctx
}

// handedOn notes that a request could be read.
func handedOn(r *http.Request) {
	if c, is := r.Context().Value(connectionKey{}).(*httpConn); is {
		c.taken.Store(true)
	}
}

// watch notes that a request was answered, and what ends before it is one.
func (s *Service) watch(conn net.Conn, state http.ConnState) {
	c, is := conn.(*httpConn)
	if !is {
		return
	}
	switch state {
	case http.StateIdle:
		c.begun.Store(false)
		c.taken.Store(false)
	case http.StateClosed:
		if c.begun.Load() && !c.taken.Load() && !c.answered.Load() {
			c.of.problem(&link.Refused{Rule: link.Slow}, 0) // nobody is there for an answer
		}
	case http.StateNew, http.StateActive, http.StateHijacked:
	}
}

// Read implements net.Conn.
func (c *httpConn) Read(into []byte) (int, error) {
	n, err := c.Conn.Read(into)
	if n > 0 {
		c.begun.Store(true)
	}
	if errors.Is(err, os.ErrDeadlineExceeded) && c.begun.Load() && !c.taken.Load() {
		c.refuse(&link.Refused{Rule: link.Slow, Detail: "its header"}, 0)
	}
	return n, err
}

// Write implements net.Conn.
func (c *httpConn) Write(text []byte) (int, error) {
	if c.answered.Load() {
		return len(text), nil
	}
	if c.taken.Load() {
		return c.Conn.Write(text)
	}
	line, _, _ := bytes.Cut(text, []byte("\r\n"))
	_, said, _ := bytes.Cut(line, []byte(" "))
	code, why, _ := bytes.Cut(said, []byte(" "))
	status, _ := strconv.Atoi(string(code)) // 0 is none
	c.refuse(&link.Refused{Rule: link.HTTP, Detail: string(why)}, status)
	return len(text), nil
}

// refuse answers with a problem document; status 0 is the rule's.
func (c *httpConn) refuse(why *link.Refused, status int) {
	if c.answered.Swap(true) {
		return
	}
	c.of.lastAnswer(c.Conn, why, status)
}

// lastAnswer refuses on a connection that ends behind it; status 0 is the rule's.
func (s *Service) lastAnswer(conn net.Conn, why *link.Refused, status int) {
	document := s.problem(why, status)
	body := bodyOf(document)
	_, _ = fmt.Fprintf(conn, "HTTP/1.1 %d %s\r\nContent-Type: %s\r\nContent-Length: %d\r\n"+
		"Connection: close\r\n\r\n%s", document.Status, http.StatusText(document.Status),
		link.ProblemType, len(body), body) // who is gone does not get it
}

// problem notes a refusal that no handler saw, and returns its document.
func (s *Service) problem(why *link.Refused, status int) link.Problem {
	v := &visit{id: rand.Text(), began: time.Now()}
	document := why.ProblemOf(v.id)
	if status != 0 {
		document.Status = status
	}
	v.status, v.code = document.Status, document.Code
	s.note(remote.WithRequestID(context.Background(), v.id), v)
	return document
}
