package pcsc

import (
	"context"
	"errors"
	"slices"
	"time"

	"ekrona.example/apdu"
)

// Card is a card in a reader, which nobody else can use until Close. It takes whole commands and
// returns whole answers: a command that does not fit into one short APDU goes as an extended one
// where card and reader both say that they support it, and as a chain elsewhere; see
// [apdu.Framing]. Like every [apdu.Card] it is used by one goroutine at a time.
type Card struct {
	system     *System
	reader     string
	connection connection
	handle     handle
	atr        []byte
	framing    apdu.Framing
	events     uint32 // that the reader had counted when the card was taken
	lost       error  // why nothing more is sent
}

var _ apdu.Card = (*Card)(nil)

// Connect takes the card in the reader, of which the whole name is given, and begins a transaction.
// It returns [ErrNoCard], [ErrNoReader], [ErrMute] at once, and [ErrBusy] when the card is not free
// for two seconds: a program that has ended without giving its card back has it until the daemon
// notices, and no event says when.
func (s *System) Connect(reader string) (*Card, error) {
	c, err := s.connect(reader)
	for again := 0; again < connectAgain && errors.Is(err, ErrBusy); again++ {
		time.Sleep(2 * s.patience / connectAgain)
		c, err = s.connect(reader)
	}
	return c, err
}

// connectAgain is how often Connect tries a card again that another program uses.
const connectAgain = 20

func (s *System) connect(reader string) (*Card, error) {
	connected, err := s.establish()
	if err != nil {
		return nil, failed(reader, err, code.meaning)
	}
	c := &Card{system: s, reader: reader, connection: connected}
	if err := c.take(); err != nil {
		return nil, errors.Join(failed(reader, err, code.meaning), c.Close())
	}
	return c, nil
}

// ConnectWhenFree is [System.Connect] for a card that is to be waited for while another program has
// it, however long; busy gets that error once. Errors: those of Connect but [ErrBusy], the
// context's.
func (s *System) ConnectWhenFree(
	ctx context.Context, reader string, busy func(error),
) (*Card, error) {
	l := s.monitor.join()
	defer s.monitor.leave()
	for first := true; ; first = false {
		last := l.last() // before the try: what changes after it is news
		c, err := s.connect(reader)
		switch {
		case !errors.Is(err, ErrBusy):
			return c, err
		case last.err != nil:
			return nil, failed(reader, last.err, code.meaning)
		case first:
			busy(err)
		}
		again := time.NewTimer(s.patience)
		select {
		case <-ctx.Done():
			again.Stop()
			return nil, context.Cause(ctx)
		case <-last.news:
			again.Stop()
		case <-again.C:
		}
	}
}

func (c *Card) take() (err error) {
	if c.handle, err = c.connection.connect(c.reader); err != nil {
		return err
	}
	if err = c.handle.begin(); err != nil {
		return err
	}
	readers, err := c.system.monitor.readers()
	if err != nil {
		return err
	}
	if i := at(readers, c.reader); i >= 0 {
		c.events = readers[i].found.events()
	}
	return c.look()
}

// look reads the card's capabilities.
func (c *Card) look() error {
	atr, err := c.handle.atr()
	if err != nil {
		return err
	}
	c.atr = slices.Clone(atr)
	c.framing = apdu.Framing{Card: apdu.CardFunc(c.exchange), ExtendedLength: !c.handle.overT0() &&
		cardTakesExtended(c.atr) && readerCarriesExtended(c.handle)}
	return nil
}

// Reader returns the name of the reader.
func (c *Card) Reader() string { return c.reader }

// ATR returns the card's answer to reset, or the one that the reader makes up for a contactless
// card.
func (c *Card) ATR() []byte { return slices.Clone(c.atr) }

// ExtendedLength reports whether long commands go as one extended APDU.
func (c *Card) ExtendedLength() bool { return c.framing.ExtendedLength }

// Unframed returns the same card with one APDU for each command and its answers unchanged, 61xx and
// 6Cxx too. It is for tests of a card.
func (c *Card) Unframed() apdu.Card { return c.framing.Card }

// Transmit sends a command. An exchange under way is not ended by ctx: PC/SC cannot.
// [ErrCardRemoved], [ErrNoReader] and [ErrNoDaemon] are final for this Card: what the
// reader holds now may be another one. After [ErrMute] a [Card.Reset] may help.
func (c *Card) Transmit(ctx context.Context, command apdu.Command) (apdu.Response, error) {
	return c.framing.Transmit(ctx, command)
}

// exchange sends one APDU.
func (c *Card) exchange(ctx context.Context, command apdu.Command) (apdu.Response, error) {
	if c.handle.overT0() {
		command = asTPDU(command)
	}
	return apdu.Over(ctx, command, func(wire []byte) (apdu.Response, error) {
		answer, err := c.TransmitBytes(wire)
		if err != nil {
			return apdu.Response{}, err
		}
		return apdu.ParseResponse(answer)
	})
}

// TransmitBytes sends bytes as they are, a command or not, and returns what the card answers. It is
// for tests of a card; errors are those of Transmit.
func (c *Card) TransmitBytes(wire []byte) ([]byte, error) {
	if c.lost != nil {
		return nil, c.lost
	}
	answer, err := c.handle.transmit(wire)
	if err == nil && len(answer) == 0 { // how vpcd's driver says that the card has gone
		err = codeNotTransacted
	}
	if err != nil {
		c.lost = c.whyLost(err)
		return nil, c.lost
	}
	return answer, nil
}

// asTPDU converts a command for T=0, where P3 is either the length of the data or Le: a command
// with both goes without Le, and the card reports with 61xx how much there is; one with neither has
// a P3 of 00, which is how Le 256 is written (ISO/IEC 7816-3:2006 §12.2).
func asTPDU(c apdu.Command) apdu.Command {
	switch {
	case len(c.Data) > 0:
		c.Ne = 0
	case c.Ne == 0:
		c.Ne = apdu.MaxShortNe
	}
	return c
}

// whyLost finds out why no answer came. A reader first reports the same for a silent card and for
// one that was pulled out, and the daemon needs time to notice the latter.
func (c *Card) whyLost(err error) error {
	lost := failed(c.reader, err, code.meaningAfter)
	if !errors.Is(lost, ErrMute) {
		return lost
	}
	gone, err := c.system.monitor.goes(c.reader, c.events, c.system.patience)
	switch {
	case err != nil:
		return failed(c.reader, err, code.meaningAfter)
	case gone:
		return failed(c.reader, codeRemovedCard, code.meaningAfter)
	}
	return lost
}

// Reset resets the card. It does not bring back a card that was removed.
func (c *Card) Reset() error {
	if c.lost != nil && !errors.Is(c.lost, ErrMute) {
		return c.lost
	}
	c.lost = c.handle.reset()
	if c.lost == nil {
		c.lost = c.look()
	}
	c.lost = failed(c.reader, c.lost, code.meaningAfter)
	return c.lost
}

// Close resets the card and releases it. For a card that is lost already it returns nil.
func (c *Card) Close() error {
	var problems []error
	if c.handle != nil {
		problems = append(problems, c.handle.end())
	}
	problems = append(problems, c.connection.release())
	lost := c.lost != nil
	c.lost = errClosed
	for i, problem := range problems {
		problems[i] = failed(c.reader, problem, code.meaningAfter)
		if lost || errors.Is(problems[i], ErrCardRemoved) || errors.Is(problems[i], ErrNoReader) ||
			errors.Is(problems[i], ErrNoDaemon) {
			problems[i] = nil
		}
	}
	return errors.Join(problems...)
}

var errClosed = errors.New("the card was released")
