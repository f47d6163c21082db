package store

import (
	"net"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// A connection to a server ends when the server's machine is gone, which says nothing: the system
// gives up what it has sent, and asks while it sends nothing.
func TestAServerThatIsGoneIsNoticed(t *testing.T) {
	for _, address := range []string{"127.0.0.1:0", "[::1]:0"} {
		listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", address)
		require.NoError(t, err)
		defer listener.Close()
		made, err := postgresDriver{}.OpenConnector("postgres://x@" + listener.Addr().String() +
			"/x")
		require.NoError(t, err)
		config := made.(postgresConnector).config
		require.Equal(t, connectTime, config.ConnectTimeout)
		conn, err := config.DialFunc(t.Context(), "tcp", listener.Addr().String())
		require.NoError(t, err)
		defer conn.Close()
		raw, err := conn.(*net.TCPConn).SyscallConn()
		require.NoError(t, err)
		option := func(level, name int) (value int) {
			require.NoError(t, raw.Control(func(fd uintptr) {
				value, err = syscall.GetsockoptInt(int(fd), level, name)
			}))
			require.NoError(t, err)
			return value
		}
		require.EqualValues(t, silenceTime.Milliseconds(),
			option(syscall.IPPROTO_TCP, tcpUserTimeout))
		require.Equal(t, 1, option(syscall.SOL_SOCKET, syscall.SO_KEEPALIVE))
		require.EqualValues(t, silenceTime.Seconds(),
			option(syscall.IPPROTO_TCP, syscall.TCP_KEEPIDLE))
	}
	made, err := postgresDriver{}.OpenConnector("postgres://x@127.0.0.1/x?connect_timeout=3")
	require.NoError(t, err)
	require.EqualValues(t, 3, made.(postgresConnector).config.ConnectTimeout.Seconds())
}
