package vpcd

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net"
	"time"
)

// DefaultPort is the TCP port of the first reader.
const DefaultPort = 35963

// Card is what goes into the reader.
type Card interface {
	// TransmitBytes takes a command APDU, well formed or not, and gives data and
	// status word. An error means that the card does not answer.
	TransmitBytes(command []byte) ([]byte, error)
	// Reset takes power away and gives it back.
	Reset() error
}

// ErrGone is what a Card's error wraps for [Run] to end: the card cannot go on
// even after a reset.
var ErrGone = errors.New("the card cannot go on")

// Control messages.
const (
	powerOff   = 0
	powerOn    = 1
	reset      = 2
	requestATR = 4
)

// Pauses between attempts to reach the driver.
const (
	firstPause = 200 * time.Millisecond
	mostPause  = 5 * time.Second
)

// Port is a reader to stay in.
type Port struct {
	Address string // host and TCP port of the driver
	ATR     []byte // at most 33 bytes
	Card    Card
	Log     *slog.Logger // gets what happens to the connection, never a command; nil for none
}

// Run keeps the card in the reader until ctx ends, which is no error: it connects,
// and connects again when the driver goes away. A card that does not answer is out
// of the reader until it has been reset.
func (p Port) Run(ctx context.Context) error {
	if p.Log == nil {
		p.Log = slog.New(slog.DiscardHandler)
	}
	pause := firstPause
	for {
		connection, err := (&net.Dialer{}).DialContext(ctx, "tcp", p.Address)
		if err == nil {
			pause = firstPause
			p.Log.Info("the card is in the reader", "driver", p.Address)
			err = p.stay(ctx, connection)
		}
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, ErrGone):
			return err
		}
		p.Log.Info("the card is not in a reader; is pcscd running with vpcd? Trying again",
			"driver", p.Address, "reason", err, "in", pause)
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(pause):
		}
		pause = min(2*pause, mostPause)
	}
}

// stay serves one connection and closes it, at once when ctx ends.
func (p Port) stay(ctx context.Context, connection net.Conn) error {
	stop := context.AfterFunc(ctx, func() { _ = connection.Close() })
	defer func() {
		if stop() {
			_ = connection.Close()
		}
	}()
	return Serve(connection, p.Card, p.ATR)
}

// Serve answers the driver until it closes the connection (io.EOF) or the card does
// not answer, whose error it then returns.
func Serve(connection io.ReadWriter, card Card, atr []byte) error {
	if err := card.Reset(); err != nil {
		return err
	}
	in := bufio.NewReader(eager(connection))
	for {
		message, err := read(in)
		if err != nil {
			return err
		}
		var answer []byte
		switch {
		case len(message) == 0:
			continue
		case len(message) > 1:
			answer, err = card.TransmitBytes(message)
		case message[0] == requestATR:
			answer = atr
		case message[0] == powerOn, message[0] == reset:
			if err := card.Reset(); err != nil {
				return err
			}
			continue
		case message[0] == powerOff: // what power keeps is gone with the reset that follows
			continue
		default:
			return fmt.Errorf("vpcd: the driver sent the unknown control message %02X", message[0])
		}
		if err == nil {
			err = write(connection, answer)
		}
		if err != nil {
			return err
		}
	}
}

func read(in io.Reader) ([]byte, error) {
	var header [2]byte
	if _, err := io.ReadFull(in, header[:]); err != nil {
		return nil, err
	}
	message := make([]byte, binary.BigEndian.Uint16(header[:]))
	_, err := io.ReadFull(in, message)
	return message, err
}

// write sends length and content in one packet.
func write(out io.Writer, message []byte) error {
	if len(message) > math.MaxUint16 {
		return fmt.Errorf("vpcd: a response of %d bytes; the driver takes %d", len(message),
			math.MaxUint16)
	}
	packet := binary.BigEndian.AppendUint16(make([]byte, 0, 2+len(message)), uint16(len(message)))
	_, err := out.Write(append(packet, message...))
	return err
}
