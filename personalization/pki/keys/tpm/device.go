package tpm

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"

	"github.com/google/go-tpm/tpm2"
	"github.com/google/go-tpm/tpm2/transport"
	"github.com/google/go-tpm/tpm2/transport/linuxtpm"
)

// dial opens a device: a character device, a Unix socket, or HOST:PORT. Only
// /dev/tpmrm* has a resource manager; over the others one program at a time
// reaches the TPM.
func dial(ctx context.Context, device string) (_ transport.TPMCloser, managed bool, err error) {
	network := "tcp"
	if strings.Contains(device, "/") {
		network = "unix"
		info, err := os.Stat(device)
		if err != nil {
			return nil, false, unreachable(device, err)
		}
		if info.Mode()&fs.ModeCharDevice != 0 {
			t, err := linuxtpm.Open(device)
			if err != nil {
				return nil, false, unreachable(device, err)
			}
			return t, strings.HasPrefix(filepath.Base(device), "tpmrm"), nil
		}
	}
	conn, err := new(net.Dialer).DialContext(ctx, network, device)
	if err != nil {
		return nil, false, unreachable(device, err)
	}
	return socket{conn}, false, nil
}

// unreachable does not pass fs.ErrNotExist on: it is the device that is not
// there, not the key.
func unreachable(device string, err error) error {
	advice := "name it with ?device=, a device, a socket or HOST:PORT"
	if errors.Is(err, fs.ErrPermission) {
		advice = "this user may not use it: on Linux, join the group tss"
	}
	return fmt.Errorf("%w: %s: %v; %s", ErrDevice, device, err, advice)
}

// socket is a connection to a TPM over a stream, as swtpm offers it: commands and answers
// with their own length (TPM 2.0 Part 1 §18.1: tag, size, code).
type socket struct{ net.Conn }

const (
	headerBytes      = 10
	answerLimitBytes = 64 << 10
	// mostTries bounds how often a command is given again to a TPM that could not
	// start it. Behind a character device the kernel does so.
	mostTries = 8
)

// Send implements [transport.TPM].
func (s socket) Send(command []byte) (answer []byte, err error) {
	for range mostTries {
		answer, err = s.exchange(command)
		if err != nil || tpm2.TPMRC(binary.BigEndian.Uint32(answer[6:])) != tpm2.TPMRCRetry {
			break
		}
	}
	return answer, err
}

func (s socket) exchange(command []byte) ([]byte, error) {
	if _, err := s.Write(command); err != nil {
		return nil, err
	}
	answer := make([]byte, headerBytes)
	if _, err := io.ReadFull(s, answer); err != nil {
		return nil, err
	}
	size := binary.BigEndian.Uint32(answer[2:])
	if size < headerBytes || size > answerLimitBytes {
		return nil, fmt.Errorf("an answer of %d bytes is none of a TPM's", size)
	}
	answer = append(answer, make([]byte, size-headerBytes)...)
	_, err := io.ReadFull(s, answer[headerBytes:])
	return answer, err
}
