package service

import (
	"context"
	"errors"
	"fmt"
	stdlog "log"
	"net"
	"net/http"
	"time"

	"golang.org/x/net/netutil"
)

// maxHeaderBytes bounds the header of a request.
const maxHeaderBytes = 16 << 10

// Listen opens the address of a service.
func Listen(ctx context.Context, address string) (net.Listener, error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w: choose another address with --listen", address,
			err)
	}
	return listener, nil
}

// Patience is for how long what is under way may take when the service is stopped.
func (s *Service) Patience() time.Duration { return s.config.Limits.Stop }

// Serve answers calls on a listener until the context ends, then lets those end that are under way,
// and returns. A second end of patience cuts them off: each can be repeated.
func (s *Service) Serve(ctx context.Context, listener net.Listener) error {
	limits := s.config.Limits
	server := &http.Server{ // it writes into its TLSConfig
		Handler: s, TLSConfig: s.config.TLS.Clone(), MaxHeaderBytes: maxHeaderBytes,
		ReadHeaderTimeout: limits.Header, ReadTimeout: limits.Request,
		WriteTimeout: limits.Request + limits.Answer, IdleTimeout: limits.Idle,
		// The times above end what is sent on a stream of HTTP/2, and by a frame, which who reads
		// nothing never takes.
		HTTP2:    &http.HTTP2Config{WriteByteTimeout: limits.Answer},
		ErrorLog: stdlog.New(connectionLog{s}, "", 0), DisableGeneralOptionsHandler: true,
		ConnContext: withConnection, ConnState: s.watch,
	}
	ended := make(chan error, 1)
	go func() {
		ended <- server.Serve(newHandshakes(&perAddress{
			Listener: netutil.LimitListener(listener, limits.Connections),
			most:     limits.PerAddress, metrics: s.metrics, by: map[string]int{},
			refused: s.crowded,
		}, s, limits.Header))
	}()
	select {
	case err := <-ended:
		return fmt.Errorf("service on %s: %w", listener.Addr(), err)
	case <-ctx.Done():
	}
	s.stopping.Store(true)
	patience, cancel := context.WithTimeout(context.WithoutCancel(ctx), limits.Stop)
	defer cancel()
	err := server.Shutdown(patience)
	if errors.Is(err, context.DeadlineExceeded) {
		s.config.Log.Error("calls that were under way were cut off", "after", limits.Stop.String())
		err = server.Close()
	}
	<-ended
	s.forward.Close()
	return err
}
