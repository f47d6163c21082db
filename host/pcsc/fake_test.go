package pcsc

import (
	"slices"
	"sync"
	"time"
)

// fake is a resource manager without a daemon.
type fake struct {
	mu        sync.Mutex
	changed   *sync.Cond
	readers   []fakeReader
	down      code // what every call answers; 0 for none
	open      int  // connections
	counts    bool // readers' comings and goings, as pcsc-lite does from 2.3.0 on
	plugs     uint32
	listed    uint32 // plugs when the readers were listed
	cancelled bool
	waiting   bool // a statusChange has waited
}

type fakeReader struct {
	name   string
	found  flags // never 0, since 0 asks for any state
	atr    []byte
	handle *fakeHandle
	refuse code // what connect answers
	after  int  // connect refuses so often, then no longer; 0 for always
}

func newFake(readers ...fakeReader) *fake {
	f := &fake{readers: readers, counts: true, plugs: 1}
	f.changed = sync.NewCond(&f.mu)
	return f
}

func (f *fake) system() *System { return newSystem(f.establish) }

// change changes readers or daemon.
func (f *fake) change(do func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	do()
	f.changed.Broadcast()
}

func (f *fake) establish() (connection, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.down != 0 {
		return nil, f.down
	}
	f.open++
	return fakeConnection{f}, nil
}

type fakeConnection struct{ *fake }

func (f fakeConnection) listReaders() ([]string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.down != 0 {
		return nil, f.down
	}
	f.listed = f.plugs
	if len(f.readers) == 0 {
		return nil, codeNoReaders
	}
	var names []string
	for _, r := range f.readers {
		names = append(names, r.name)
	}
	return names, nil
}

func (f fakeConnection) statusChange(wanted []readerStatus, timeout time.Duration) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	plugs := f.plugs
	if !f.counts && f.listed != plugs && timeout > 0 {
		return codeTimeout // an older daemon does not report what came before the wait
	}
	for {
		if f.down != 0 {
			return f.down
		}
		if f.cancelled {
			return codeCancelled
		}
		news := false
		for i, w := range wanted {
			if w.reader == plugAndPlay {
				was := plugs
				if f.counts {
					wanted[i].found = flags(f.plugs << 16)
					was = w.expected.events()
				}
				news = news || f.plugs != was
				continue
			}
			at := slices.IndexFunc(f.readers, func(r fakeReader) bool { return r.name == w.reader })
			if at < 0 {
				return codeUnknownReader
			}
			wanted[i].found, wanted[i].atr = f.readers[at].found|flagChanged, f.readers[at].atr
			news = news || w.expected == 0 || w.expected != f.readers[at].found
		}
		if news {
			return nil
		}
		if timeout == 0 {
			return codeTimeout
		}
		f.waiting = true
		f.changed.Broadcast()
		f.changed.Wait()
	}
}

// awaitWaiting returns when a statusChange has seen all there is and waits.
func (f *fake) awaitWaiting() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for !f.waiting {
		f.changed.Wait()
	}
}

func (f fakeConnection) cancel() error {
	f.change(func() { f.cancelled = true })
	return nil
}

func (f fakeConnection) release() error {
	f.change(func() { f.open, f.cancelled = f.open-1, false })
	return nil
}

func (f fakeConnection) connect(reader string) (handle, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.down != 0 {
		return nil, f.down
	}
	for i := range f.readers {
		r := &f.readers[i]
		switch {
		case r.name != reader:
		case r.refuse != 0:
			refused := r.refuse
			if r.after--; r.after == 0 {
				r.refuse = 0
			}
			return nil, refused
		default:
			return r.handle, nil
		}
	}
	return nil, codeUnknownReader
}

// fakeHandle is a card in a reader.
type fakeHandle struct {
	answer     func(command []byte) ([]byte, error)
	answerATR  []byte
	t0         bool
	properties []byte // of the reader; nil for a driver that does not say

	sent   [][]byte
	calls  []string
	begins error
}

func (h *fakeHandle) begin() error { return h.called("begin", h.begins) }
func (h *fakeHandle) end() error   { return h.called("end", nil) }
func (h *fakeHandle) reset() error { return h.called("reset", nil) }

func (h *fakeHandle) called(name string, err error) error {
	h.calls = append(h.calls, name)
	return err
}

func (h *fakeHandle) atr() ([]byte, error) { return h.answerATR, nil }
func (h *fakeHandle) overT0() bool         { return h.t0 }

func (h *fakeHandle) transmit(command []byte) ([]byte, error) {
	h.sent = append(h.sent, slices.Clone(command))
	return h.answer(command)
}

// control answers like libccid.
func (h *fakeHandle) control(ioctl uint32, _ []byte) ([]byte, error) {
	const properties = 0x42330012
	switch {
	case h.properties == nil:
		return nil, codeInvalidHandle
	case ioctl == getFeatures:
		return []byte{0x06, 4, 0x42, 0x33, 0, 6, featureProperties, 4, 0x42, 0x33, 0, 0x12}, nil
	case ioctl == properties:
		return h.properties, nil
	}
	return nil, codeUnknownReader
}
