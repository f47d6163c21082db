package vpcd

import (
	"io"
	"net"
	"syscall"
)

// eagerReader acknowledges what arrives at once. The kernel drops the option as it
// sees fit (tcp(7), TCP_QUICKACK), so that it is set before each read.
type eagerReader struct {
	*net.TCPConn
	raw syscall.RawConn
}

func eager(connection io.Reader) io.Reader {
	tcp, ok := connection.(*net.TCPConn)
	if !ok {
		return connection
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return connection // only slower
	}
	return eagerReader{tcp, raw}
}

// Read reads; if the option cannot be set, it is only slower.
func (r eagerReader) Read(b []byte) (int, error) {
	_ = r.raw.Control(func(fd uintptr) {
		_ = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, syscall.TCP_QUICKACK, 1)
	})
	return r.TCPConn.Read(b)
}
