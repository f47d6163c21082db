package vpcd

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/emulator/card"
	"ekrona.example/emulator/globalplatform"
)

var errMute = errors.New("mute")

// echo is a card that answers a command with itself, and does not answer DEAD.
type echo struct {
	resets int
	gone   bool
}

func (e *echo) TransmitBytes(command []byte) ([]byte, error) {
	if bytes.Equal(command, []byte{0xDE, 0xAD}) {
		return nil, errMute
	}
	return append(bytes.Clone(command), 0x90, 0), nil
}

func (e *echo) Reset() error {
	e.resets++
	if e.gone {
		return fmt.Errorf("%w: broken", ErrGone)
	}
	return nil
}

// driver is the other end, which has sent all it will, length and content apart,
// and keeps each packet that it gets.
type driver struct {
	io.Reader
	packets [][]byte
}

func (d *driver) Write(b []byte) (int, error) {
	d.packets = append(d.packets, bytes.Clone(b))
	return len(b), nil
}

func newDriver(messages ...string) *driver {
	var parts []io.Reader
	for _, m := range messages {
		parts = append(parts, bytes.NewReader(binary.BigEndian.AppendUint16(nil, uint16(len(m)))),
			bytes.NewReader([]byte(m)))
	}
	return &driver{Reader: io.MultiReader(parts...)}
}

func TestServe(t *testing.T) {
	const atr = "\x3B\x00"
	long := string(bytes.Repeat([]byte{7}, 65533))
	for _, c := range []struct {
		name     string
		messages []string
		packets  []string
		resets   int
		want     error
	}{
		{"nothing", nil, nil, 1, io.EOF},
		{"a session", []string{"\x01", "\x04", "\x00\xA4\x04\x00", "\x02", "\x04", "\x00"},
			[]string{"\x00\x02" + atr, "\x00\x06\x00\xA4\x04\x00\x90\x00", "\x00\x02" + atr}, 3,
			io.EOF},
		{"an empty message", []string{"", "\x04"}, []string{"\x00\x02" + atr}, 1, io.EOF},
		{"the longest response", []string{long}, []string{"\xFF\xFF" + long + "\x90\x00"}, 1,
			io.EOF},
		{"a card that goes mute", []string{"\xDE\xAD", "\x04"}, nil, 1, errMute},
	} {
		t.Run(c.name, func(t *testing.T) {
			e, d := &echo{}, newDriver(c.messages...)
			assert.ErrorIs(t, Serve(d, e, []byte(atr)), c.want)
			assert.Equal(t, c.resets, e.resets)
			var packets []string
			for _, p := range d.packets {
				packets = append(packets, string(p))
			}
			assert.Equal(t, c.packets, packets, "one packet for each answer")
		})
	}
	assert.ErrorContains(t, Serve(newDriver("\x03"), &echo{}, nil), "03")
	assert.ErrorContains(t, Serve(newDriver(long+"12"), &echo{}, nil), "65537 bytes")
	assert.ErrorIs(t, Serve(newDriver("\x04"), &echo{gone: true}, nil), ErrGone)
	assert.ErrorIs(t, Serve(&driver{Reader: bytes.NewReader([]byte{0, 5, 1})}, &echo{}, nil),
		io.ErrUnexpectedEOF)
}

// listen is a driver's port, and what it accepts.
func listen(t *testing.T) (address string, accept func() net.Conn) {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = l.Close() })
	return l.Addr().String(), func() net.Conn {
		c, err := l.Accept()
		require.NoError(t, err)
		t.Cleanup(func() { _ = c.Close() })
		return c
	}
}

func exchange(t *testing.T, c net.Conn, message []byte) []byte {
	t.Helper()
	require.NoError(t, write(c, message))
	answer, err := read(c)
	require.NoError(t, err)
	return answer
}

// The card comes back to a driver that went away, and after it went mute; ending the
// program takes it out.
func TestRunComesBack(t *testing.T) {
	address, accept := listen(t)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- Port{Address: address, ATR: []byte{1, 2, 3}, Card: &echo{}}.Run(ctx) }()

	first := accept()
	assert.Equal(t, []byte{1, 2, 3}, exchange(t, first, []byte{requestATR}))
	require.NoError(t, first.Close())

	second := accept()
	require.NoError(t, write(second, []byte{0xDE, 0xAD}))
	_, err := read(second)
	require.Error(t, err, "a mute card is out of the reader")

	third := accept()
	assert.Equal(t, []byte{0, 1, 0x90, 0}, exchange(t, third, []byte{0, 1}))
	cancel()
	require.NoError(t, <-done)
	_, err = read(third)
	assert.Error(t, err)
}

func TestRunEndsWithTheCard(t *testing.T) {
	address, _ := listen(t)
	assert.ErrorIs(t, Port{Address: address, Card: &echo{gone: true}}.Run(t.Context()), ErrGone)
}

// A virtual card in the reader answers as it does without one.
func TestVirtualCard(t *testing.T) {
	c, err := card.New(card.Options{Profile: card.P71})
	require.NoError(t, err)
	managed, err := globalplatform.New(c, globalplatform.Options{})
	require.NoError(t, err)
	address, accept := listen(t)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() {
		done <- Port{Address: address, ATR: globalplatform.ATR(),
			Card: managed}.Run(ctx)
	}()
	reader := accept()
	require.NoError(t, write(reader, []byte{powerOn}))
	atr := exchange(t, reader, []byte{requestATR})
	check := byte(0)
	for _, b := range atr[1:] {
		check ^= b
	}
	assert.Zero(t, check, "TCK, ISO/IEC 7816-3 §8.2.5")
	answer := exchange(t, reader, []byte{0x00, 0xA4, 0x04, 0x00, 0x00})
	assert.Equal(t, byte(0x6F), answer[0])
	assert.Equal(t, []byte{0x90, 0x00}, answer[len(answer)-2:])
	assert.Equal(t, []byte{0x67, 0x00}, exchange(t, reader, []byte{0x80, 0xCA}))
	cancel()
	require.NoError(t, <-done)
}

// BenchmarkExchange is a command through the port as vpcd sends it, length and
// content apart, which delayed acknowledgements would take 40 ms each.
func BenchmarkExchange(b *testing.B) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(b, err)
	defer func() { _ = l.Close() }()
	ctx, cancel := context.WithCancel(b.Context())
	done := make(chan error)
	go func() { done <- Port{Address: l.Addr().String(), Card: &echo{}}.Run(ctx) }()
	c, err := l.Accept()
	require.NoError(b, err)
	require.NoError(b, c.(*net.TCPConn).SetNoDelay(false)) // vpcd leaves Nagle's algorithm on
	for b.Loop() {
		_, err := c.Write([]byte{0, 5})
		require.NoError(b, err)
		_, err = c.Write([]byte{0x80, 0xCA, 0x9F, 0x7F, 0x00})
		require.NoError(b, err)
		_, err = read(c)
		require.NoError(b, err)
	}
	cancel()
	require.NoError(b, <-done)
}

// Whatever the driver sends, the port ends with an error and answers in whole
// messages.
func FuzzServe(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte{0, 1, 4, 0, 5, 0, 0xA4, 4, 0, 0, 0, 1, 2, 0, 0, 0, 1, 9})
	f.Fuzz(func(t *testing.T, b []byte) {
		d := &driver{Reader: bytes.NewReader(b)}
		require.Error(t, Serve(d, &echo{}, []byte{0x3B, 0}))
		for _, p := range d.packets {
			require.Equal(t, len(p)-2, int(binary.BigEndian.Uint16(p)))
		}
	})
}
