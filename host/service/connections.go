package service

import (
	"net"
	"sync"
)

// perAddress is a listener that keeps each address to a number of connections. One more is closed
// before it has cost a handshake: its caller sees a connection that ends, and tries again.
type perAddress struct {
	net.Listener
	most    int
	metrics *metrics
	refused func(from string)

	mu sync.Mutex
	by map[string]int
}

// Accept implements net.Listener.
func (l *perAddress) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		from := origin(conn.RemoteAddr().String())
		if l.take(from) {
			return &countedConn{Conn: conn, of: l, from: from}, nil
		}
		l.metrics.crowded.Inc()
		l.refused(from)
		_ = conn.Close() // nothing was said on it
	}
}

func (l *perAddress) take(from string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.by[from] >= l.most {
		return false
	}
	l.by[from]++
	l.metrics.connections.Inc()
	return true
}

func (l *perAddress) free(from string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.by[from]--; l.by[from] == 0 {
		delete(l.by, from)
	}
	l.metrics.connections.Dec()
}

// countedConn is a connection that is counted until it is closed.
type countedConn struct {
	net.Conn
	of   *perAddress
	from string
	once sync.Once
}

// Close implements net.Conn.
func (c *countedConn) Close() error {
	c.once.Do(func() { c.of.free(c.from) })
	return c.Conn.Close()
}
