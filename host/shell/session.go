package shell

import (
	"context"
	"errors"
	"fmt"

	"ekrona/apdu"
	"ekrona/apdu/script"
	"ekrona/apdu/trace"
	"ekrona/emulator/card"
	"ekrona/emulator/globalplatform"
)

// Options are what a session is made with.
type Options struct {
	// Words are the session's table, [Words] and what others add.
	Words []Word
	// Names are what the card's applications call their commands and status words.
	Names script.Vocabulary
	// Decoder decodes exchanges, and names the bytes that are secret.
	Decoder trace.Decoder
	// Note gets a line for a person at once, while a word is at work; nil drops it.
	Note func(line string)
}

// Session is work on one card. It is used by one goroutine at a time.
type Session struct {
	target  Target
	options Options
	words   []Word
	names   script.Vocabulary // with the words
	sinks   []func(apdu.Exchange)
	wire    apdu.Card // the target, recorded
	top     apdu.Card // where commands go: the wire, or a secure channel over it

	restorable map[string]*card.Snapshot
}

// New makes a session with a card that has just been reset.
func New(target Target, options Options) (*Session, error) {
	s := &Session{target: target, options: options, words: joined(options.Words),
		names: options.Names, restorable: map[string]*card.Snapshot{}}
	s.names.Malformed = true
	for _, w := range s.words {
		s.names.Words = append(s.names.Words, w.Name)
	}
	if err := s.names.Check(); err != nil {
		return nil, fmt.Errorf("shell: %w", err)
	}
	s.wire = s.Above(target.Card)
	s.top = s.wire
	return s, nil
}

// Close lets the card go.
func (s *Session) Close() error { return s.target.Close() }

// Target is the card that the session works on. What goes to it directly is not recorded.
func (s *Session) Target() Target { return s.target }

// Card is where commands go, recorded: the card, or a secure channel to it. It sends one APDU for
// each command; [Session.Whole] splits and joins.
func (s *Session) Card() apdu.Card { return s.top }

// Whole is Card for whole commands: what it adds, such as GET RESPONSE, is in the trace.
func (s *Session) Whole() apdu.Card {
	return apdu.Framing{Card: s.top, ExtendedLength: s.target.ExtendedLength}
}

// Above records what goes through a card over the session's, such as a secure channel; see
// [apdu.Observed].
func (s *Session) Above(c apdu.Card) apdu.Card {
	return apdu.Recorder{Card: c, Label: s.target.Where, Secrets: s.options.Decoder.Secrets(),
		Sink: func(e apdu.Exchange) {
			for _, sink := range s.sinks {
				sink(e)
			}
		}}
}

// Observe adds a sink that gets every exchange with the card when it is over, secrets masked, also
// those that carry another.
func (s *Session) Observe(sink func(apdu.Exchange)) { s.sinks = append(s.sinks, sink) }

// Decoder is what decodes the session's exchanges.
func (s *Session) Decoder() trace.Decoder { return s.options.Decoder }

// Names are what lines may have: commands, status words and words.
func (s *Session) Names() *script.Vocabulary { return &s.names }

// errReal is the error of words that only a virtual card can do.
var errReal = errors.New("this can be done with a virtual card only, and the session's is in a " +
	"reader: name one with --card or --cap")

// Managed is the session's virtual card with its manager; an error for a card in a reader.
func (s *Session) Managed() (*globalplatform.Card, error) {
	if s.target.Virtual == nil {
		return nil, errReal
	}
	return s.target.Virtual, nil
}

// Virtual is the session's virtual card without its manager, for its memory, its account and its
// machine. Commands and Reset must not go to it.
func (s *Session) Virtual() (*card.Card, error) {
	managed, err := s.Managed()
	if err != nil {
		return nil, err
	}
	return managed.Below(), nil
}

// Note shows a line to a person at once.
func (s *Session) Note(format string, arguments ...any) {
	if s.options.Note != nil {
		s.options.Note(fmt.Sprintf(format, arguments...))
	}
}

// Reset takes the card's power away and gives it back. A secure channel is over.
func (s *Session) Reset(context.Context) error {
	s.top = s.wire
	return s.target.Reset()
}
