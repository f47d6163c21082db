package shell

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"ekrona.example/apdu"
	"ekrona.example/apdu/globalplatform"
	"ekrona.example/apdu/scp03"
	"ekrona.example/apdu/script"
	"ekrona.example/apdu/symptom"
	"ekrona.example/apdu/trace"
	"ekrona.example/emulator/card"
	manager "ekrona.example/emulator/globalplatform"
	"ekrona.example/emulator/inspect"
	"ekrona.example/emulator/lines"
)

// Options are what a session is made with.
type Options struct {
	// Words are the session's table, [Words] and what others add.
	Words []Word
	// Names are what the card's applications call their commands and status words.
	Names script.Vocabulary
	// Decoder decodes exchanges, and names the bytes that are secret.
	Decoder trace.Decoder
	// Tables are the source lines of CAP files that may be on the card.
	Tables []*lines.Table
	// Keys reads the keys of a security domain by the name that "secure" is given.
	Keys func(name string) (scp03.KeySource, error)
	// Secret asks for a PIN; nil if nobody can be asked.
	Secret func(ctx context.Context) (string, error)
	// Random is the randomness of the session's own, for secure channels; nil is the system's.
	Random io.Reader
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
	known   []symptom.Symptom // of the line that is being done
	resets  []func(atr []byte)
	wire    apdu.Card       // the target, recorded
	top     apdu.Card       // where commands go: the wire, or a secure channel over it
	open    *trace.Follower // shows what nothing is known of

	ended      bool                   // by quit
	client     *globalplatform.Client // of the secure channel; nil for none
	selected   []byte                 // by name, last
	sources    *inspect.Names
	restorable map[string]*card.Snapshot
	prepared   []Result                // see Prepare
	guard      func(word string) error // nil for none
}

// New makes a session with a card that has just been reset.
func New(target Target, options Options) (*Session, error) {
	s := &Session{target: target, options: options, words: joined(options.Words),
		restorable: map[string]*card.Snapshot{}}
	s.names = Language(options.Names, options.Words)
	if err := s.names.Check(); err != nil {
		return nil, fmt.Errorf("shell: %w", err)
	}
	s.sources = inspect.NewNames(slices.Clone(options.Tables)...)
	if target.File != "" {
		tables, err := CardTables(target.File)
		if err != nil {
			s.Note("no lines are shown: %v", err)
		}
		s.sources.Add(tables...)
	}
	decoder := options.Decoder
	decoder.ShowUnknown = true
	s.open = decoder.Follow()
	s.open.Reset() // a session begins with a card that was just given power
	s.wire = s.Above(target.Card)
	s.top = s.wire
	s.Observe(s.recognise)
	s.Observe(s.follow)
	return s, nil
}

// follow takes note of which application is selected.
func (s *Session) follow(e apdu.Exchange) {
	if e.Err == nil {
		s.open.Note(e.Command, e.Response)
	}
}

// Ended reports whether the word quit has ended the session.
func (s *Session) Ended() bool { return s.ended }

// Close lets the card go.
func (s *Session) Close() error { return s.target.Close() }

// Target is the card that the session works on. What goes to it directly is not recorded.
func (s *Session) Target() Target { return s.target }

// Card is where commands go, recorded: the card, or a secure channel to it. It sends one APDU for
// each command; [Session.Whole] splits and joins.
func (s *Session) Card() apdu.Card { return s.top }

// Whole is Card for whole commands: what it adds, such as GET RESPONSE, is noted.
func (s *Session) Whole() apdu.Card { return s.whole(s.top) }

// Sources say what the sources of the CAP files on the card call what is in them, as far as the
// session knows them.
func (s *Session) Sources() *inspect.Names { return s.sources }

// Secured reports whether commands go through a secure channel, whose state is the session's too:
// to set the card back would leave the two apart.
func (s *Session) Secured() bool { return s.client != nil }

// Guard has every line that is not blank ask whether it may be done now, by its word, "" for a
// command: a card that stands still within a command can be looked at and nothing else. nil
// lets all be done.
func (s *Session) Guard(allows func(word string) error) { s.guard = allows }

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

// ObserveReset adds a function that gets the answer to each reset.
func (s *Session) ObserveReset(reset func(atr []byte)) { s.resets = append(s.resets, reset) }

// Decoder is what decodes the session's exchanges.
func (s *Session) Decoder() trace.Decoder { return s.options.Decoder }

// Names are what lines may have: commands, status words and words.
func (s *Session) Names() *script.Vocabulary { return &s.names }

// errReal is the error of words that only a virtual card can do.
var errReal = errors.New("this can be done with a virtual card only, and the session's is in a " +
	"reader: name one with --card or --cap")

// Managed is the session's virtual card with its manager; an error for a card in a reader.
func (s *Session) Managed() (*manager.Card, error) {
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
	s.wire = s.Above(s.target.Card) // whose rule of what is secret begins anew
	s.leaveChannel()
	s.open.Reset()
	if err := s.target.Reset(); err != nil {
		return err
	}
	for _, reset := range s.resets {
		reset(s.target.ATR)
	}
	return nil
}

// Prompt is what a line is asked for with: "secure" within a secure channel.
func (s *Session) Prompt() string {
	if s.client != nil {
		return "secure> "
	}
	return "> "
}

// MissingLines are the lines that load CAP files and install their applets, as far as they are not
// on the session's card, which is a virtual one: packages that are not there, and modules of
// which there is no instance.
func (s *Session) MissingLines(caps []string) ([]string, error) {
	if len(caps) == 0 {
		return nil, nil
	}
	files, err := readCAPs(caps)
	if err != nil {
		return nil, err
	}
	virtual, err := s.Virtual()
	if err != nil {
		return nil, err
	}
	there := map[string]bool{}
	for _, p := range virtual.Packages() {
		there[p.AID.String()] = true
	}
	for _, a := range virtual.Applets() {
		there[a.Module.String()] = true
	}
	load, lines := script.Step{Word: "load"}, []string(nil)
	for _, f := range files {
		if !there[f.aid().String()] {
			load.Arguments = append(load.Arguments, f.name)
		} else {
			s.addTable(f)
		}
		for _, module := range f.file.Applets {
			if aid := fmt.Sprintf("%X", module.AID); !there[aid] {
				lines = append(lines, "install "+aid)
			}
		}
	}
	if load.Arguments != nil {
		lines = append([]string{s.names.Text(load)}, lines...)
	}
	return lines, nil
}
