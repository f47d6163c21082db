package shell

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

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
	"ekrona.example/host/durable"
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
	target    Target
	options   Options
	words     []Word
	names     script.Vocabulary // with the words
	sinks     []func(apdu.Exchange)
	known     []symptom.Symptom // of the line that is being done
	resets    []func(atr []byte)
	done      []func(line string) // get what changes the card beside commands and resets
	malformed []func(apdu.Malformed)
	inUse     []string        // files that no word writes to
	quiet     bool            // nothing gets what is done
	preparing bool            // a line of the program's own is being done
	held      []string        // what was told meanwhile, until the first line of the user
	wire      apdu.Card       // the target, recorded
	mute      bool            // the last command over it had no answer
	top       apdu.Card       // where commands go: the wire, or a secure channel over it
	open      *trace.Follower // shows what nothing is known of
	rule      *trace.Rule     // of what is secret on the wire
	typed     *trace.Rule     // of what is secret in a line, which nothing unmasks

	ended      bool                   // by quit
	begun      bool                   // a line was done that the program did not prepare
	client     *globalplatform.Client // of the secure channel; nil for none
	selected   []byte                 // by name, last
	sources    *inspect.Names
	restorable map[string]func() error
	prepared   []Result                // see Prepare
	guard      func(word string) error // nil for none
}

// New makes a session with a card that has just been reset.
func New(target Target, options Options) (*Session, error) {
	s := &Session{target: target, options: options, words: joined(options.Words),
		restorable: map[string]func() error{}}
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
	s.rule = options.Decoder.Rule()
	masking := options.Decoder
	masking.Unmasked = false
	s.typed = masking.Rule()
	s.wire = s.onWire(target.Card)
	s.top = s.wire
	s.Observe(s.recognise)
	s.Observe(s.follow)
	return s, nil
}

// follow takes note of which application is selected.
func (s *Session) follow(e apdu.Exchange) {
	s.open.Note(e.Command, e.Response)
	if !e.Carried {
		s.typed.Secrets(e.Command, e.Response)
	}
}

// Ended reports whether the word quit has ended the session.
func (s *Session) Ended() bool { return s.ended }

// Close lets the card go.
func (s *Session) Close() error {
	s.release()
	return s.target.Close()
}

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

// Guard has every line that is not blank ask whether it may be done now, by its word, "" for a
// command: a card that stands still within a command can be looked at and nothing else. nil
// lets all be done.
func (s *Session) Guard(allows func(word string) error) { s.guard = allows }

// onWire records what goes to the card itself, and takes note of whether an answer comes.
func (s *Session) onWire(c apdu.Card) apdu.Card {
	return s.recorded(apdu.CardFunc(
		func(ctx context.Context, command apdu.Command) (apdu.Response, error) {
			r, err := c.Transmit(ctx, command)
			s.mute = err != nil
			return r, err
		}), s.rule)
}

// unanswered marks the error of a command that the card did not answer. Of one that did not get as
// far as the card, or whose answer was refused on this side, it is not.
func (s *Session) unanswered(err error) error {
	if err != nil && s.mute {
		return unanswered{err}
	}
	return err
}

// Above records what goes through a card over the session's, such as a secure channel; see
// [apdu.Observed].
func (s *Session) Above(c apdu.Card) apdu.Card { return s.recorded(c, s.rule.Inside()) }

// recorded records what goes through a card, without the secrets that a rule names.
func (s *Session) recorded(c apdu.Card, rule *trace.Rule) apdu.Card {
	return apdu.Recorder{Card: c, Label: s.target.Where, Secrets: rule.Secrets,
		Sink: func(e apdu.Exchange) {
			if s.quiet {
				return
			}
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

// ObserveWord adds a function that gets, as a line, what is done to a virtual card beside commands
// and resets, before the command that it changes; secrets masked.
func (s *Session) ObserveWord(done func(line string)) { s.done = append(s.done, done) }

// ObserveMalformed adds a function that gets what was sent and is no command, when it is over, with
// all that may be a secret in it: it is masked by who shows or keeps it.
func (s *Session) ObserveMalformed(sink func(apdu.Malformed)) {
	s.malformed = append(s.malformed, sink)
}

// InUse names files that no word may write to: those that the session's
// command line names, and CAP files.
func (s *Session) InUse(paths ...string) { s.inUse = append(s.inUse, paths...) }

// MayWrite refuses a file to a word that would write one over a file in use.
func (s *Session) MayWrite(path string) error {
	for _, used := range s.inUse {
		if durable.SameFile(path, used) {
			return fmt.Errorf("%s: it is in use, and writing would destroy it: name another file",
				path)
		}
	}
	return nil
}

// tell tells of a line that changes the card. Of what the program prepares it is told when the
// first line of the user begins, since that line may have the card made anew: see
// [Session.Prepare].
func (s *Session) tell(line string) {
	if s.preparing && !s.quiet {
		s.held = append(s.held, line)
		return
	}
	s.release()
	for _, done := range s.done {
		if !s.quiet {
			done(line)
		}
	}
}

// release tells of what was prepared.
func (s *Session) release() {
	held := s.held
	s.held = nil
	for _, line := range held {
		s.tell(line)
	}
}

// Seeded takes note of the seed that the session's virtual card was made of, before anything else
// is done: whoever is told what is done can then have the same random numbers again.
func (s *Session) Seeded(seed string) { s.held = append(s.held, SeedLine(seed)) }

// Unobserved does something of which nobody gets the exchanges: the card is as before after it.
func (s *Session) Unobserved(do func() error) error {
	was := s.quiet
	s.quiet = true
	defer func() { s.quiet = was }()
	return do()
}

// CutBefore has the power of the session's virtual card fail before the n-th persistent write of
// the next line, whether the card's manager does it or the card itself; 0 takes it back.
func (s *Session) CutBefore(n int) error {
	managed, err := s.Managed()
	if err != nil {
		return err
	}
	managed.CutBefore(n)
	managed.Below().CutBefore(n)
	return nil
}

// Keep keeps all that the session's virtual card holds, and what is known of it. SetBack sets it
// back, as often as wanted. Both are told as the words snapshot and restore.
func (s *Session) Keep(name string) (setBack func() error, err error) {
	hold, err := s.Hold()
	if err != nil {
		return nil, err
	}
	s.tell(strings.TrimSpace("snapshot " + name))
	return func() error {
		if err := hold(); err != nil {
			return err
		}
		s.tell(strings.TrimSpace("restore " + name))
		return nil
	}, nil
}

// Hold is [Session.Keep] of which nobody is told: the card, what is known to be selected on it,
// what is secret, and the secure channel that is open, on both sides.
func (s *Session) Hold() (setBack func() error, err error) {
	managed, err := s.Managed()
	if err != nil {
		return nil, err
	}
	kept, err := managed.Snapshot()
	if err != nil {
		return nil, err
	}
	open, rule, typed := *s.open, s.rule.Save(), s.typed.Save()
	client, top, selected, channel := s.client, s.top, s.selected, func() {}
	if client != nil {
		channel = client.Save()
	}
	return func() error {
		if err := managed.RestoreSnapshot(kept); err != nil {
			return err
		}
		*s.open = open
		rule()
		typed()
		s.client, s.top, s.selected = client, top, selected
		channel()
		return nil
	}, nil
}

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
	s.leaveChannel()
	s.forget()
	if err := s.target.Reset(); err != nil {
		return err
	}
	for _, reset := range s.resets {
		if s.quiet {
			break
		}
		reset(s.target.ATR)
	}
	return nil
}

// forget takes note that another application may be selected, or none.
func (s *Session) forget() {
	s.open.Reset()
	s.rule.Reset()
	s.typed.Reset()
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
