package link

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"ekrona.example/host/remote"
)

// dialTime bounds the opening of a connection, its handshake included.
const dialTime = 10 * time.Second

// dial opens a connection with the certificates of this moment. Where it fails, also because of a
// certificate, there is no connection: nothing was asked for.
func (c *Config) dial(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := c.open(ctx, network, address)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", remote.ErrUnreachable, withAdvice(err))
	}
	return conn, nil
}

func (c *Config) open(ctx context.Context, network, address string) (_ net.Conn, err error) {
	ctx, cancel := context.WithTimeout(ctx, dialTime)
	defer cancel()
	config := c.TLS().Clone()
	config.NextProtos = []string{"h2", "http/1.1"}
	if config.ServerName == "" {
		if config.ServerName, _, err = net.SplitHostPort(address); err != nil {
			return nil, err
		}
	}
	if check := config.VerifyConnection; check != nil {
		config.VerifyConnection = func(s tls.ConnectionState) error {
			err := check(s)
			if err != nil { // as crypto/tls has it of what it checks itself
				err = &tls.CertificateVerificationError{
					UnverifiedCertificates: s.PeerCertificates, Err: err}
			}
			return err
		}
	}
	raw, err := new(net.Dialer).DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	heard := &heardConn{Conn: raw}
	conn := tls.Client(heard, config)
	if err = conn.HandshakeContext(ctx); err == nil && len(config.Certificates) > 0 {
		err = awaitWord(conn, heard)
	}
	if err != nil {
		return nil, errors.Join(err, raw.Close())
	}
	return conn, nil
}

const (
	// wordTime is for how long the first word of a server is waited for: one that keeps it back,
	// or has said it with its part of the handshake, is called all the same.
	wordTime = 3 * time.Second
	// recordHeader are the bytes before the content of a TLS record, alertRecord all those of an
	// alert in TLS 1.3 (RFC 8446 §5.2): two and their type, enciphered with a tag of 16.
	recordHeader = 5
	alertRecord  = recordHeader + 2 + 1 + 16
)

// awaitWord waits for what a server says first. In TLS 1.3 the handshake has ended for the client
// before the server has seen the client's certificate, and one that refuses it ends the connection:
// its alert can be lost if a request is under way by then, which would look like the answer's loss.
// A server by HTTP/2 always speaks first (RFC 9113 §3.4), when it takes the certificate.
func awaitWord(conn *tls.Conn, heard *heardConn) error {
	if s := conn.ConnectionState(); s.Version != tls.VersionTLS13 || s.NegotiatedProtocol != "h2" {
		return nil
	}
	if err := heard.SetReadDeadline(time.Now().Add(wordTime)); err != nil {
		return err
	}
	word, err := heard.await(alertRecord)
	if err == nil && int(word[3])<<8|int(word[4]) == alertRecord-recordHeader {
		if _, err = conn.Read(make([]byte, 1)); err == nil {
			err = errors.New("its first word is none of HTTP/2")
		}
	}
	var slow net.Error
	if errors.As(err, &slow) && slow.Timeout() {
		err = nil
	}
	if err != nil && !isOfOwn(err) {
		err = fmt.Errorf("it ended the connection when it saw this side's certificate: it "+
			"refuses it, as its log says, or is going down: %w", err)
	}
	return errors.Join(err, heard.SetReadDeadline(time.Time{}))
}

// heardConn is a connection of which something was read before its time.
type heardConn struct {
	net.Conn
	kept []byte
}

// await reads n bytes, which Read returns again.
func (h *heardConn) await(n int) ([]byte, error) {
	word := make([]byte, n)
	got, err := io.ReadFull(h.Conn, word)
	h.kept = word[:got]
	return h.kept, err
}

// Read returns what is kept, and then what comes.
func (h *heardConn) Read(into []byte) (int, error) {
	if len(h.kept) == 0 {
		return h.Conn.Read(into)
	}
	n := copy(into, h.kept)
	h.kept = h.kept[n:]
	return n, nil
}
