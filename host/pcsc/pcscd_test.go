//go:build pcsc

package pcsc_test

import (
	"bytes"
	"context"
	"os/exec"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/apdu"
	"ekrona.example/emulator/card"
	"ekrona.example/emulator/globalplatform"
	"ekrona.example/host/pcsc"
	"ekrona.example/host/pcsc/daemon"
)

func blankCard(t testing.TB) *globalplatform.Card {
	virtual, err := card.New(card.Options{Profile: card.P71})
	require.NoError(t, err)
	managed, err := globalplatform.New(virtual, globalplatform.Options{})
	require.NoError(t, err)
	return managed
}

// selectManager is SELECT of whatever the card selects by default.
var selectManager = apdu.Command{INS: 0xA4, P1: 4, Ne: apdu.MaxShortNe}

// A card pulled out while it has a command is a typed error, and the handle to it is
// dead even when a card is in the reader again.
func TestPulledInMidExchange(t *testing.T) {
	d := daemon.Start(t)
	virtual := blankCard(t)
	for _, when := range []daemon.Moment{daemon.CommandLost, daemon.AnswerLost} {
		in := d.Insert(0, virtual)
		c, err := d.System.Connect(d.Reader(0))
		require.NoError(t, err)
		assert.Equal(t, globalplatform.ATR(), c.ATR())
		r, err := c.Transmit(context.Background(), selectManager)
		require.NoError(t, err)
		assert.Equal(t, apdu.OK, r.SW)
		in.PullAt(1, when)
		_, err = c.Transmit(context.Background(), selectManager)
		require.ErrorIs(t, err, pcsc.ErrCardRemoved)
		d.Insert(0, virtual)
		_, err = c.Transmit(context.Background(), selectManager)
		require.ErrorIs(t, err, pcsc.ErrCardRemoved)
		require.ErrorIs(t, c.Reset(), pcsc.ErrCardRemoved)
		require.NoError(t, c.Close())
		again, err := d.System.Connect(d.Reader(0))
		require.NoError(t, err)
		_, err = again.Transmit(context.Background(), selectManager)
		require.NoError(t, err)
		require.NoError(t, again.Close())
	}
}

// A card belongs to one program; two cards in two readers are used side by side.
func TestConnect(t *testing.T) {
	d := daemon.Start(t)
	_, err := d.System.Connect(d.Reader(0))
	require.ErrorIs(t, err, pcsc.ErrNoCard)
	_, err = d.System.Connect("Virtual PCD 07 00")
	require.ErrorIs(t, err, pcsc.ErrNoReader)

	d.Insert(0, blankCard(t))
	first, err := d.System.Connect(d.Reader(0))
	require.NoError(t, err)
	_, err = d.System.Connect(d.Reader(0))
	require.ErrorIs(t, err, pcsc.ErrBusy)
	d.Insert(1, blankCard(t))
	second, err := d.System.Connect(d.Reader(1))
	require.NoError(t, err)
	for range 3 {
		for _, c := range []*pcsc.Card{first, second} {
			r, err := c.Transmit(context.Background(), selectManager)
			require.NoError(t, err)
			require.NoError(t, r.Err())
		}
	}
	require.NoError(t, first.Reset())
	r, err := first.Transmit(context.Background(), selectManager)
	require.NoError(t, err)
	require.NoError(t, r.Err())
	require.NoError(t, first.Close())
	require.NoError(t, second.Close())

	next, err := d.System.Connect(d.Reader(0))
	require.NoError(t, err)
	require.NoError(t, next.Close())
}

// The state that a program leaves in a card ends with the program.
func TestCloseResetsTheCard(t *testing.T) {
	d := daemon.Start(t)
	r := &recorder{}
	in := d.Insert(0, r)
	for range 2 {
		c, err := d.System.Connect(d.Reader(0))
		require.NoError(t, err)
		_, err = c.Transmit(context.Background(), selectManager)
		require.NoError(t, err)
		require.NoError(t, c.Close())
	}
	in.Pull()
	assert.Contains(t, r.resets, len(r.commands)/2)
}

// recorder is a card that keeps each command, and has 300 bytes to answer.
type recorder struct {
	commands [][]byte
	resets   []int // how many commands had come before each
}

func (r *recorder) Reset() error {
	r.resets = append(r.resets, len(r.commands))
	return nil
}

func (r *recorder) TransmitBytes(command []byte) ([]byte, error) {
	r.commands = append(r.commands, bytes.Clone(command))
	switch {
	case command[0]&0x10 != 0:
		return []byte{0x90, 0x00}, nil
	case command[1] == 0xC0:
		return append(make([]byte, 44), 0x90, 0x00), nil
	}
	return append(make([]byte, 256), 0x61, 44), nil
}

// The answer to reset does not name extended length, so a long command goes as a chain, and a long
// answer is fetched in parts.
func TestLongMessages(t *testing.T) {
	d := daemon.Start(t)
	r := &recorder{}
	in := d.Insert(0, r)
	c, err := d.System.Connect(d.Reader(0))
	require.NoError(t, err)
	require.False(t, c.ExtendedLength())
	answer, err := c.Transmit(context.Background(),
		apdu.Command{INS: 0x10, Data: make([]byte, 600), Ne: apdu.MaxExtendedNe})
	require.NoError(t, err)
	require.NoError(t, answer.Err())
	assert.Len(t, answer.Data, 300)
	require.NoError(t, c.Close())
	in.Pull()
	var lengths []int
	for _, command := range r.commands {
		lengths = append(lengths, len(command))
	}
	assert.Equal(t, []int{5 + 255, 5 + 255, 5 + 90 + 1, 5}, lengths)
}

// Readers and cards are seen as they come and go, while a card is in use too.
func TestHotPlug(t *testing.T) {
	d := daemon.Start(t)
	ctx, cancel := context.WithCancel(context.Background())
	events, ended := make(chan pcsc.Event), make(chan error, 1)
	go func() {
		ended <- d.System.Watch(ctx, func(e pcsc.Event) {
			select {
			case events <- e:
			case <-ctx.Done():
			}
		})
	}()
	for n := range daemon.Readers {
		require.Equal(t, pcsc.Event{Kind: pcsc.ReaderAdded, Reader: d.Reader(n)}, <-events)
	}
	in := d.Insert(1, blankCard(t))
	require.Equal(t, pcsc.Event{Kind: pcsc.CardInserted, Reader: d.Reader(1),
		ATR: globalplatform.ATR()}, <-events)
	c, err := d.System.Connect(d.Reader(1))
	require.NoError(t, err)
	in.Pull()
	require.Equal(t, pcsc.Event{Kind: pcsc.CardRemoved, Reader: d.Reader(1)}, <-events)
	_, err = c.Transmit(context.Background(), selectManager)
	require.ErrorIs(t, err, pcsc.ErrCardRemoved)
	require.NoError(t, c.Close())
	states, err := d.System.States()
	require.NoError(t, err)
	require.Equal(t, []pcsc.State{{Reader: d.Reader(0)}, {Reader: d.Reader(1)}}, states)
	cancel()
	require.NoError(t, <-ended)
}

// Cards are released in one reader while others are taken, used and released, and while readers are
// listed: the library does not corrupt its lists of handles.
func TestReleasedSideBySide(t *testing.T) {
	d := daemon.Start(t)
	var all sync.WaitGroup
	for n := range daemon.Readers {
		d.Insert(n, &recorder{})
		all.Go(func() {
			for range 200 {
				c, err := d.System.Connect(d.Reader(n))
				if !assert.NoError(t, err) {
					return
				}
				_, err = c.Transmit(context.Background(), selectManager)
				assert.NoError(t, err)
				assert.NoError(t, c.Close())
			}
		})
		all.Go(func() {
			for range 2000 {
				_, err := d.System.Readers()
				assert.NoError(t, err)
			}
		})
	}
	all.Wait()
}

// The death of a daemon is reported to waiting callers and to those in an exchange.
func TestDaemonDies(t *testing.T) {
	d := daemon.Start(t)
	d.Insert(0, blankCard(t))
	ended := make(chan error, 1)
	began := make(chan struct{})
	go func() {
		first := sync.OnceFunc(func() { close(began) })
		ended <- d.System.Watch(context.Background(), func(pcsc.Event) { first() })
	}()
	<-began
	c, err := d.System.Connect(d.Reader(0))
	require.NoError(t, err)
	d.Kill()
	_, err = c.Transmit(context.Background(), selectManager)
	require.ErrorIs(t, err, pcsc.ErrNoDaemon)
	require.ErrorIs(t, <-ended, pcsc.ErrNoDaemon)
	require.ErrorIs(t, c.Reset(), pcsc.ErrNoDaemon)
	require.NoError(t, c.Close())
	_, err = pcsc.Establish()
	require.ErrorIs(t, err, pcsc.ErrNoDaemon)
}

// OpenSC is the independent judge of the virtual card in its reader.
func TestOpenSCSeesTheCard(t *testing.T) {
	d := daemon.Start(t)
	tool, err := exec.LookPath("opensc-tool")
	require.NoError(t, err, "install opensc")
	d.Insert(0, blankCard(t))
	out, err := exec.Command(tool, "--reader", d.Reader(0), "--atr").CombinedOutput()
	require.NoError(t, err, string(out))
	assert.Contains(t, string(out), "3b:d5:18:ff:81:91:fe:1f:c3:80:73:c8:21:10:0a")
	out, err = exec.Command(tool, "--reader", d.Reader(0), "--send-apdu",
		"00A4040000").CombinedOutput()
	require.NoError(t, err, string(out))
	assert.Contains(t, string(out), "Received (SW1=0x90, SW2=0x00)")
}

// A command over PC/SC to the virtual card and back: SELECT, which is answered without
// any of the card's cryptography.
func BenchmarkRoundTrip(b *testing.B) {
	d := daemon.Start(b)
	d.Insert(0, blankCard(b))
	c, err := d.System.Connect(d.Reader(0))
	require.NoError(b, err)
	for b.Loop() {
		r, err := c.Transmit(context.Background(), selectManager)
		if err != nil || r.SW != apdu.OK {
			b.Fatal(r, err)
		}
	}
	require.NoError(b, c.Close())
}
