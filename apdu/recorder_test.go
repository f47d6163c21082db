package apdu

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// counting is a clock that advances by a second at each reading.
func counting() func() time.Time {
	now := time.Unix(1_000_000, 0)
	return func() time.Time {
		now = now.Add(time.Second)
		return now
	}
}

func TestRecorder(t *testing.T) {
	lost := errors.New("the card is gone")
	answers := []struct {
		r   Response
		err error
	}{{Response{Data: []byte{1, 2, 3}, SW: OK}, nil}, {Response{}, lost}}
	n := 0
	card := CardFunc(func(context.Context, Command) (Response, error) {
		n++
		return answers[n-1].r, answers[n-1].err
	})
	var got []Exchange
	r := Recorder{
		Card: card, Label: "reader 1", Now: counting(), Sink: func(e Exchange) {
			got = append(got,
				e)
		},
		Secrets: func(Command, Response) Secrets {
			return Secrets{Command: []Span{{1, 2}, {3, 9}}, Response: []Span{{-4, 1}, {7, 9}}}
		},
	}
	c := Command{CLA: 0x80, INS: 0x10, Data: []byte{9, 9, 9, 9}, Ne: 256}
	answer, err := r.Transmit(t.Context(), c)
	require.NoError(t, err)
	assert.Equal(t, []byte{1, 2, 3}, answer.Data, "the caller's answer is whole")
	assert.Equal(t, []byte{9, 9, 9, 9}, c.Data, "the caller's command is whole")
	_, err = r.Transmit(t.Context(), c)
	require.ErrorIs(t, err, lost)

	require.Len(t, got, 2)
	first := got[0]
	assert.Equal(t, "reader 1", first.Label)
	assert.Equal(t, time.Unix(1_000_001, 0), first.Began)
	assert.Equal(t, time.Second, first.Took)
	assert.Equal(t, []byte{9, 0, 9, 0}, first.Command.Data)
	assert.Equal(t, []byte{0, 2, 3}, first.Response.Data)
	assert.Equal(t, []Span{{1, 2}, {3, 9}}, first.Masked.Command)
	assert.False(t, first.Carried)
	sent, received := first.Size()
	assert.Equal(t, []int{10, 5}, []int{sent, received})
	assert.Equal(t, []Exchange{first}, first.OnWire())
	require.ErrorIs(t, got[1].Err, lost)
	sent, received = got[1].Size()
	assert.Equal(t, []int{10, 0}, []int{sent, received})
}

// A Recorder above Framing has whole messages, and what the one below saw of them.
func TestRecordersStack(t *testing.T) {
	card := CardFunc(func(_ context.Context, c Command) (Response, error) {
		switch {
		case c.IsChained():
			return Response{SW: OK}, nil
		case c.INS == 0xC0:
			return Response{Data: []byte{3, 4}, SW: OK}, nil
		}
		return Response{Data: []byte{1, 2}, SW: 0x6102}, nil
	})
	var above, below []Exchange
	wire := Recorder{Card: card, Sink: func(e Exchange) { below = append(below, e) }}
	whole := Recorder{Card: Framing{Card: wire},
		Sink: func(e Exchange) { above = append(above, e) }}
	r, err := whole.Transmit(t.Context(), Command{INS: 0x10, Data: make([]byte, 300), Ne: 256})
	require.NoError(t, err)
	assert.Equal(t, []byte{1, 2, 3, 4}, r.Data)
	require.Len(t, above, 1)
	require.Len(t, below, 3)
	assert.Equal(t, below, above[0].OnWire())
	assert.True(t, below[0].Carried)

	_, err = wire.Transmit(t.Context(), Command{INS: 0x20})
	require.NoError(t, err)
	require.Len(t, above, 1)
	assert.False(t, below[3].Carried)
}
