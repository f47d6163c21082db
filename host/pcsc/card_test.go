package pcsc

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/apdu"
)

// Answers to reset: of an NXP JCOP 4, which does not say that it takes extended APDUs,
// and the same with that bit set.
var (
	shortATR = []byte{0x3B, 0xD5, 0x18, 0xFF, 0x81, 0x91, 0xFE, 0x1F, 0xC3, 0x80, 0x73, 0xC8,
		0x21, 0x10, 0x0A}
	extendedATR = []byte{0x3B, 0xD5, 0x18, 0xFF, 0x81, 0x91, 0xFE, 0x1F, 0xC3, 0x80, 0x73, 0xC8,
		0x21, 0x50, 0x4A}
)

func okay([]byte) ([]byte, error) { return []byte{0x90, 0}, nil }

func connected(t *testing.T, h *fakeHandle) (*Card, *fake) {
	f := newFake(fakeReader{name: "R", handle: h, found: flagPresent | 1<<16})
	s := f.system()
	s.patience = 0
	c, err := s.Connect("R")
	require.NoError(t, err)
	return c, f
}

// What each code of PC/SC means, before a card is connected and afterwards.
func TestWhatCodesMean(t *testing.T) {
	for _, row := range []struct {
		code            code
		connect, during error
	}{
		{codeNoService, ErrNoDaemon, ErrNoDaemon},
		{codeServiceStopped, ErrNoDaemon, ErrNoDaemon},
		{codeCommunication, ErrNoDaemon, ErrNoDaemon},
		{codeInvalidHandle, ErrNoDaemon, ErrNoDaemon},
		{codeSystemCancelled, ErrNoDaemon, ErrNoDaemon},
		{codeSecurityViolation, ErrDenied, ErrNoDaemon},
		{codeUnknownReader, ErrNoReader, ErrNoReader},
		{codeReaderUnavailable, ErrNoReader, ErrNoReader},
		{codeNoReaders, ErrNoReader, ErrNoReader},
		{codeNoSmartcard, ErrNoCard, ErrCardRemoved},
		{codeRemovedCard, ErrNoCard, ErrCardRemoved},
		{codeSharingViolation, ErrBusy, ErrBusy},
		{codeResetCard, ErrCardReset, ErrCardReset},
		{codeUnresponsiveCard, ErrMute, ErrMute},
		{codeUnpoweredCard, ErrMute, ErrMute},
		{codeUnsupportedCard, ErrMute, ErrMute},
		{codeProtocolMismatch, ErrMute, ErrMute},
		{codeNotReady, ErrMute, ErrMute},
		{codeNotTransacted, ErrMute, ErrMute},
	} {
		f := newFake(fakeReader{name: "R", refuse: row.code})
		s := f.system()
		s.patience = 0
		_, err := s.Connect("R")
		require.ErrorIs(t, err, row.connect, row.code)
		require.Contains(t, err.Error(), `reader "R": `)
		require.Zero(t, f.open, "a connection is left open after %v", row.code)

		c, f := connected(t,
			&fakeHandle{answer: func([]byte) ([]byte, error) { return nil, row.code }})
		_, err = c.Transmit(context.Background(), apdu.Command{})
		require.ErrorIs(t, err, row.during, row.code)
		var detail *Error
		require.ErrorAs(t, err, &detail)
		require.EqualValues(t, row.code, detail.Code)
		require.NoError(t, c.Close())
		require.Zero(t, f.open)
	}
	unknown := newFake(fakeReader{name: "R", refuse: 0x8010_0001})
	_, err := unknown.system().Connect("R")
	assert.EqualError(t, err, `reader "R": PC/SC error 80100001: see the log of pcscd`)
}

// A transaction that does not start leaves nothing behind.
func TestConnectLeavesNothing(t *testing.T) {
	h := &fakeHandle{begins: codeSharingViolation}
	f := newFake(fakeReader{name: "R", handle: h})
	s := f.system()
	s.patience = 0
	_, err := s.Connect("R")
	require.ErrorIs(t, err, ErrBusy)
	assert.Zero(t, f.open)
	assert.Equal(t, slices.Repeat([]string{"begin", "end"}, 1+connectAgain), h.calls)
}

// A card that a program still has, which has ended, is there when the daemon has noticed.
func TestConnectWaitsForAProgramThatHasEnded(t *testing.T) {
	for _, row := range []struct {
		after int
		err   error
	}{{connectAgain, nil}, {connectAgain + 1, ErrBusy}} {
		f := newFake(fakeReader{name: "R", handle: &fakeHandle{answer: okay},
			refuse: codeSharingViolation, after: row.after})
		s := f.system()
		s.patience = 0
		c, err := s.Connect("R")
		require.ErrorIs(t, err, row.err)
		if err == nil {
			require.NoError(t, c.Close())
		}
		assert.Zero(t, f.open)
	}
}

// A reader reports the same for a silent card and one pulled out; its state decides.
func TestNoAnswer(t *testing.T) {
	silent := func([]byte) ([]byte, error) { return nil, codeNotTransacted }
	for _, row := range []struct {
		name   string
		answer func([]byte) ([]byte, error)
		then   func(f *fake)
		want   error
		final  bool
	}{
		{"silent", silent, nil, ErrMute, false},
		{"pulled out", silent, func(f *fake) { f.readers[0].found = flagEmpty | 2<<16 },
			ErrCardRemoved, true},
		{"pulled out of vpcd", func([]byte) ([]byte, error) { return nil, nil },
			func(f *fake) { f.readers[0].found = flagEmpty | 2<<16 }, ErrCardRemoved, true},
		{"pulled out, and seen", func([]byte) ([]byte, error) { return nil, codeRemovedCard }, nil,
			ErrCardRemoved, true},
		{"reader unplugged", silent, func(f *fake) { f.readers = nil }, ErrNoReader, true},
		{"daemon died", func([]byte) ([]byte, error) { return nil, codeCommunication }, nil,
			ErrNoDaemon, true},
		{"daemon died, and seen", silent, func(f *fake) { f.down = codeNoService }, ErrNoDaemon,
			true},
	} {
		t.Run(row.name, func(t *testing.T) {
			h := &fakeHandle{}
			c, f := connected(t, h)
			h.answer = func(command []byte) ([]byte, error) {
				if row.then != nil {
					f.change(func() { row.then(f) })
				}
				return row.answer(command)
			}
			_, err := c.Transmit(context.Background(), apdu.Command{})
			require.ErrorIs(t, err, row.want)
			h.answer = okay
			_, err = c.Transmit(context.Background(), apdu.Command{})
			require.ErrorIs(t, err, row.want, "a card that may be another one was sent a command")
			require.Len(t, h.sent, 1)
			if row.final {
				require.ErrorIs(t, c.Reset(), row.want)
				require.NoError(t, c.Close())
				return
			}
			require.NoError(t, c.Reset())
			_, err = c.Transmit(context.Background(), apdu.Command{})
			require.NoError(t, err)
			require.NoError(t, c.Close())
		})
	}
}

// The daemon needs time to notice: the answer waits for it.
func TestPulledOutIsNoticedLate(t *testing.T) {
	h := &fakeHandle{answer: func([]byte) ([]byte, error) { return nil, codeNotTransacted }}
	f := newFake(fakeReader{name: "R", handle: h, found: flagPresent | 1<<16})
	s := f.system()
	s.patience = time.Hour
	c, err := s.Connect("R")
	require.NoError(t, err)
	ended := make(chan error)
	go func() {
		_, err := c.Transmit(context.Background(), apdu.Command{})
		ended <- err
	}()
	// Pulled out, and another one put in: the number of events decides.
	f.awaitWaiting()
	f.change(func() { f.readers[0].found = flagPresent | 3<<16 })
	require.ErrorIs(t, <-ended, ErrCardRemoved)
}

func TestNothingIsSentAfterTheEnd(t *testing.T) {
	h := &fakeHandle{answer: okay}
	c, f := connected(t, h)
	ended, end := context.WithCancel(context.Background())
	end()
	_, err := c.Transmit(ended, apdu.Command{})
	require.ErrorIs(t, err, context.Canceled)
	require.NoError(t, c.Close())
	_, err = c.Transmit(context.Background(), apdu.Command{})
	require.Error(t, err)
	assert.Empty(t, h.sent)
	assert.Equal(t, []string{"begin", "end"}, h.calls)
	assert.Zero(t, f.open)
}

// What decides between an extended APDU and a chain.
func TestExtendedLength(t *testing.T) {
	longest := func(n ...byte) []byte { return append([]byte{propertyMaxAPDU, 4}, n...) }
	for _, row := range []struct {
		name       string
		atr        []byte
		t0         bool
		properties []byte
		extended   bool
	}{
		{"card and reader say so", extendedATR, false, longest(0, 0, 1, 0), true},
		{"the reader does not say", extendedATR, false, nil, true},
		{"the reader says something else", extendedATR, false, []byte{1, 1, 0}, true},
		{"the reader carries short ones", extendedATR, false, longest(0, 0, 0, 0), false},
		{"the reader carries a little more", extendedATR, false, longest(5, 1, 0, 0), false},
		{"the card does not say", shortATR, false, longest(0, 0, 1, 0), false},
		{"T=0", extendedATR, true, longest(0, 0, 1, 0), false},
	} {
		t.Run(row.name, func(t *testing.T) {
			h := &fakeHandle{answer: okay, answerATR: row.atr, t0: row.t0,
				properties: row.properties}
			c, _ := connected(t, h)
			require.Equal(t, row.extended, c.ExtendedLength())
			_, err := c.Transmit(context.Background(),
				apdu.Command{INS: 0x10, Data: make([]byte, 300)})
			require.NoError(t, err)
			if row.extended {
				require.Len(t, h.sent, 1)
			} else {
				require.Len(t, h.sent, 2)
				require.EqualValues(t, 0x10, h.sent[0][0], "the first is no part of a chain")
			}
		})
	}
}

// The answer after 61xx is fetched, the command after 6Cxx repeated, and a command over T=0
// converted.
func TestTransferCases(t *testing.T) {
	for _, row := range []struct {
		name    string
		t0      bool
		command apdu.Command
		answers []string
		sent    []string
		data    string
	}{
		{"more", false, apdu.Command{INS: 0xB0, Ne: 256}, []string{"01026102", "03049000"},
			[]string{"00B0000000", "00C0000002"}, "01020304"},
		{"wrong Le", false, apdu.Command{INS: 0xB0, Ne: 256}, []string{"6C02", "03049000"},
			[]string{"00B0000000", "00B0000002"}, "0304"},
		{"T=0, neither data nor answer", true, apdu.Command{INS: 0x44}, []string{"9000"},
			[]string{"0044000000"}, ""},
		{"T=0, data and answer", true, apdu.Command{INS: 0x88, Data: []byte{7}, Ne: 256},
			[]string{"6102", "01029000"}, []string{"008800000107", "00C0000002"}, "0102"},
		{"T=0, answer", true, apdu.Command{INS: 0xB0, Ne: 4}, []string{"6C02", "01029000"},
			[]string{"00B0000004", "00B0000002"}, "0102"},
	} {
		t.Run(row.name, func(t *testing.T) {
			h := &fakeHandle{t0: row.t0, answerATR: shortATR}
			h.answer = func([]byte) ([]byte, error) {
				answer, err := apdu.ParseHex(row.answers[0])
				row.answers = row.answers[1:]
				return answer, err
			}
			c, _ := connected(t, h)
			r, err := c.Transmit(context.Background(), row.command)
			require.NoError(t, err)
			require.Equal(t, apdu.OK, r.SW)
			require.Equal(t, row.data+"9000", r.String())
			for i, sent := range row.sent {
				want, err := apdu.ParseHex(sent)
				require.NoError(t, err)
				require.Equal(t, want, h.sent[i])
			}
			require.Len(t, h.sent, len(row.sent))
		})
	}
}

func TestEstablish(t *testing.T) {
	f := newFake()
	f.down = codeNoService
	_, err := f.system().Readers()
	assert.EqualError(t, err, ErrNoDaemon.Error())
	_, err = f.system().States()
	require.ErrorIs(t, err, ErrNoDaemon)
	f.down = 0
	readers, err := f.system().Readers()
	require.NoError(t, err)
	assert.Empty(t, readers)
	if _, err = Establish(); !Available {
		require.ErrorIs(t, err, ErrUnavailable)
		for _, part := range []string{"libpcsclite-dev", "pcscd", "gcc",
			"go build -tags pcsc ./host/cmd/ekrona"} {
			assert.Contains(t, err.Error(), part)
		}
	}
	assert.False(t, errors.Is(ErrCardRemoved, ErrNoCard))
}

// TestConnectWhenFree: a card that another program has is waited for, and busy says so once. Its
// release is seen as a change, or not at all: the daemon counts no event for it, and between two
// looks it may be taken and released.
func TestConnectWhenFree(t *testing.T) {
	for name, row := range map[string]struct {
		patience time.Duration
		freed    flags
	}{
		"the release is seen": {time.Hour, flagPresent | 1<<16},
		"no look sees it":     {0, flagPresent | flagExclusive | 1<<16},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake(fakeReader{name: "R", handle: &fakeHandle{answer: okay},
				refuse: codeSharingViolation, found: flagPresent | flagExclusive | 1<<16})
			s := f.system()
			s.patience = row.patience
			told := 0
			c, err := s.ConnectWhenFree(t.Context(), "R", func(err error) {
				require.ErrorIs(t, err, ErrBusy)
				told++
				f.awaitWaiting()
				f.change(func() { f.readers[0].refuse, f.readers[0].found = 0, row.freed })
			})
			require.NoError(t, err)
			require.NoError(t, c.Close())
			assert.Equal(t, 1, told)
			assert.Zero(t, f.open)
		})
	}

	f := newFake(fakeReader{name: "R", refuse: codeSharingViolation, found: flagPresent})
	ctx, cancel := context.WithCancelCause(t.Context())
	ended := errors.New("ended")
	_, err := f.system().ConnectWhenFree(ctx, "R", func(error) { cancel(ended) })
	require.ErrorIs(t, err, ended)
	_, err = newFake(fakeReader{name: "R", refuse: codeNoSmartcard}).system().ConnectWhenFree(
		t.Context(), "R", func(error) { t.Error("nobody has it") })
	require.ErrorIs(t, err, ErrNoCard)
	assert.Zero(t, f.open)
}
