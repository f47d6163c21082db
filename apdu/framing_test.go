package apdu

import (
	"bytes"
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// shortCard is a card that offers short APDUs only: it gathers chains, and gives
// answers in pieces. It answers a command with its whole data, doubled.
type shortCard struct {
	t        require.TestingT
	chain    []byte
	pending  []byte
	received []Command
	// wrongLe makes it answer 6Cxx to a first Le that is not exact.
	wrongLe bool
	// room is the most data in one answer.
	room int
}

func (s *shortCard) Transmit(_ context.Context, c Command) (Response, error) {
	require.False(s.t, c.IsExtended(), "an extended APDU came through")
	raw, err := c.Bytes()
	require.NoError(s.t, err)
	c, err = ParseCommand(raw)
	require.NoError(s.t, err)
	s.received = append(s.received, c)
	if c.INS == InsGetResponse {
		return s.give(c.Ne), nil
	}
	s.chain = append(s.chain, c.Data...)
	if c.IsChained() {
		return Response{SW: OK}, nil
	}
	answer := append(bytes.Clone(s.chain), s.chain...)
	if s.wrongLe && c.Ne != len(answer) && len(answer) <= MaxShortNe && c.Ne > 0 {
		s.chain = s.chain[:len(s.chain)-len(c.Data)]
		return Response{SW: SWWrongLe | StatusWord(len(answer)&0xFF)}, nil
	}
	s.pending, s.chain = answer, nil
	return s.give(c.Ne), nil
}

// give hands out at most n of what is pending.
func (s *shortCard) give(n int) Response {
	n = min(n, len(s.pending), s.room)
	r := Response{Data: s.pending[:n], SW: OK}
	s.pending = s.pending[n:]
	if rest := min(len(s.pending), MaxShortNe); rest > 0 {
		r.SW = SWMoreData | StatusWord(rest&0xFF)
	}
	return r
}

// Whatever the length, over short APDUs the card gets the data and the caller
// the answer.
func TestFramingOverShortAPDUs(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		card := &shortCard{t: t, wrongLe: rapid.Bool().Draw(t, "wrongLe"),
			room: rapid.IntRange(1, 256).Draw(t, "room")}
		n := rapid.IntRange(1, 1024).Draw(t, "n")
		data := rapid.SliceOfN(rapid.Byte(), n, n).Draw(t, "data")
		r, err := Framing{Card: card}.Transmit(context.Background(),
			Command{CLA: 0x80, INS: 0x12, Data: data, Ne: MaxExtendedNe})
		require.NoError(t, err)
		require.Equal(t, OK, r.SW)
		require.Equal(t, append(bytes.Clone(data), data...), r.Data)
	})
}

func TestFramingSendsExtendedWhole(t *testing.T) {
	var seen []Command
	card := CardFunc(func(_ context.Context, c Command) (Response, error) {
		seen = append(seen, c)
		return Response{SW: OK}, nil
	})
	c := Command{CLA: 0x80, INS: 0x12, Data: make([]byte, 600), Ne: MaxExtendedNe}
	_, err := Framing{Card: card, ExtendedLength: true}.Transmit(context.Background(), c)
	require.NoError(t, err)
	assert.Equal(t, []Command{c}, seen)
}

func TestFramingStopsAtTheFirstRefusal(t *testing.T) {
	calls := 0
	card := CardFunc(func(context.Context, Command) (Response, error) {
		calls++
		return Response{SW: SWWrongLength}, nil
	})
	r, err := Framing{Card: card}.Transmit(context.Background(), Command{Data: make([]byte, 600)})
	require.NoError(t, err)
	assert.Equal(t, SWWrongLength, r.SW)
	assert.Equal(t, 1, calls)
}

// A card that never ends does not keep the caller.
func TestFramingIsBounded(t *testing.T) {
	for want, answer := range map[string]Response{
		"card announces 256 more bytes (":  {SW: SWMoreData},
		"card announces 16 more bytes (":   {SW: SWMoreData | 16},
		"card sends more than 65536 bytes": {Data: make([]byte, 256), SW: SWMoreData},
	} {
		card := CardFunc(func(context.Context, Command) (Response, error) { return answer, nil })
		_, err := Framing{Card: card}.Transmit(context.Background(), Command{Ne: 256})
		assert.ErrorContains(t, err, want)
	}
	calls := 0
	card := CardFunc(func(context.Context, Command) (Response, error) {
		calls++
		return Response{SW: SWWrongLe}, nil
	})
	r, err := Framing{Card: card}.Transmit(context.Background(), Command{Ne: 1})
	require.NoError(t, err)
	assert.ErrorIs(t, r.Err(), SWWrongLe)
	assert.Equal(t, 2, calls)
}

// A card that brings a byte at a time, or asks for another length each time, gets so many commands
// and no more.
func TestFramingCountsRounds(t *testing.T) {
	for name, wrongLe := range map[string]bool{"a byte at a time": false, "after 6Cxx": true} {
		calls := 0
		card := CardFunc(func(_ context.Context, c Command) (Response, error) {
			calls++
			if wrongLe && calls%2 == 1 {
				return Response{SW: SWWrongLe | 1}, nil
			}
			return Response{Data: []byte{1}, SW: SWMoreData | 1}, nil
		})
		_, err := Framing{Card: card}.Transmit(t.Context(), Command{Ne: 256})
		assert.ErrorContains(t, err, "4096 are the most", name)
		assert.LessOrEqual(t, calls, 2*(1+4096), name)
	}
}

// A card answers a command when it has the whole of it; what it answers before is taken for no
// answer.
func TestFramingTakesNoAnswerToAPart(t *testing.T) {
	for _, early := range []Response{
		{SW: 0x6110}, {SW: 0x6100, Data: []byte{1}}, {SW: OK, Data: []byte{1}},
	} {
		calls := 0
		card := CardFunc(func(context.Context, Command) (Response, error) {
			calls++
			return early, nil
		})
		_, err := Framing{Card: card}.Transmit(t.Context(), Command{Data: make([]byte, 600)})
		assert.ErrorContains(t, err, "to a part of a command that is not the last", "%v", early)
		assert.Equal(t, 1, calls)
	}
}

func TestSend(t *testing.T) {
	lost := errors.New("power lost")
	for _, c := range []struct {
		r    Response
		err  error
		want error
	}{
		{Response{Data: []byte{1}, SW: OK}, nil, nil},
		{Response{SW: SWSecurity}, nil, SWSecurity},
		{Response{}, lost, lost},
	} {
		card := CardFunc(func(context.Context, Command) (Response, error) { return c.r, c.err })
		data, err := Send(context.Background(), card, Command{})
		assert.ErrorIs(t, err, c.want)
		if c.want == nil {
			assert.Equal(t, c.r.Data, data)
		}
	}
}

// GET RESPONSE goes to the channel of the command, without its other bits; and what the
// card gave first is not written into.
func TestFramingAsksOnTheChannelOfTheCommand(t *testing.T) {
	for class, want := range map[byte]byte{
		0x00: 0, 0x03: 3, 0x0C: 0, 0x13: 3, 0x80: 0, 0x83: 3, 0x84: 0,
		0x40: 0x40, 0x43: 0x43, 0x4F: 0x4F, 0x63: 0x43, 0x7F: 0x4F, 0xC2: 0x42,
	} {
		buffer := []byte("AAAABBBB")
		var asked byte
		card := CardFunc(func(_ context.Context, c Command) (Response, error) {
			if c.INS == InsGetResponse {
				asked = c.CLA
				return Response{Data: []byte("zz"), SW: OK}, nil
			}
			return Response{Data: buffer[:4], SW: 0x6102}, nil
		})
		r, err := Framing{Card: card}.Transmit(t.Context(), Command{CLA: class, INS: 0xB0, Ne: 256})
		require.NoError(t, err)
		assert.Equal(t, want, asked, "%02X", class)
		assert.Equal(t, "AAAAzz", string(r.Data))
		assert.Equal(t, "AAAABBBB", string(buffer))
	}
}

// A class without a mark for the parts of a chain sends nothing in parts: the card would take the
// first one for a whole command.
func TestFramingNeedsAMark(t *testing.T) {
	for class := range 0x100 {
		sent := []Command(nil)
		card := CardFunc(func(_ context.Context, c Command) (Response, error) {
			sent = append(sent, c)
			return Response{SW: OK}, nil
		})
		c := Command{CLA: byte(class), INS: 0x12, Data: make([]byte, 300)}
		_, err := Framing{Card: card}.Transmit(context.Background(), c)
		if class&0x60 == 0x20 {
			assert.ErrorContains(t, err, "has no mark", "%02X", class)
			assert.Empty(t, sent)
			c.Data = c.Data[:255]
			_, err = Framing{Card: card}.Transmit(context.Background(), c)
			assert.NoError(t, err)
			continue
		}
		require.NoError(t, err, "%02X", class)
		assert.True(t, sent[0].IsChained(), "%02X", class)
		assert.Equal(t, c.CLA, sent[1].CLA)
	}
}
