package store

import (
	"errors"
	"syscall"
)

// tcpUserTimeout is TCP_USER_TIMEOUT (tcp(7)), in milliseconds: for how long what was sent may stay
// without an answer of the other machine's kernel.
const tcpUserTimeout = 18

// giveUpSilent has a connection end whose other side is gone.
func giveUpSilent(network, _ string, conn syscall.RawConn) (err error) {
	if network != "tcp4" && network != "tcp6" {
		return nil
	}
	controlled := conn.Control(func(fd uintptr) {
		err = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, tcpUserTimeout,
			int(silenceTime.Milliseconds()))
	})
	return errors.Join(controlled, err)
}
