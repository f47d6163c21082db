package shell

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"ekrona.example/apdu"
	"ekrona.example/apdu/gpc"
	"ekrona.example/emulator/card"
)

// contentWords are about what is on the card.
func contentWords() []Word {
	return []Word{
		{Name: "load", Usage: "load FILE.cap ...",
			Help:     "load CAP files in dependency order, all or none; in a reader after secure",
			Complete: Files, Run: load},
		{Name: "install", Usage: "install MODULE-AID [INSTANCE-AID [PARAMETERS]]",
			Help:   "make an instance of an applet, known by its module's AID if no other is given",
			Secret: 3,
			Complete: func(s *Session, before []string, _ string) []string {
				if len(before) > 0 {
					return nil
				}
				return s.aids(func(l listing) []listed { return l.LoadFiles })
			}, Run: install},
		{Name: "delete", Usage: "delete AID [all]",
			Help: "delete an applet or a load file, with \"all\" its applets too",
			Complete: func(s *Session, before []string, _ string) []string {
				if len(before) > 0 {
					return []string{all}
				}
				return s.aids(nil)
			}, Run: remove},
		{Name: "list", Usage: "list", Help: "what is on the card: applets, load files, modules",
			Run: list},
	}
}

// all deletes the applets of a load file too.
const all = "all"

// listing is what is on a card, for a program.
type listing struct {
	Manager      *listed  `json:"card_manager,omitempty"`
	Applications []listed `json:"applications"`
	LoadFiles    []listed `json:"load_files"`
}

// listed is one entry of a listing.
type listed struct {
	AID       gpc.Hex   `json:"aid"`
	LifeCycle string    `json:"life_cycle,omitempty"`
	Version   string    `json:"version,omitempty"`
	Name      string    `json:"name,omitempty"`
	LoadFile  gpc.Hex   `json:"load_file,omitempty"`
	Modules   []gpc.Hex `json:"modules,omitempty"`
}

func (l listing) text() string {
	out := &strings.Builder{}
	row := func(kind string, e listed, more ...string) {
		line := fmt.Sprintf("%-13s %-34v %s", kind, e.AID,
			strings.Join(strings.Fields(strings.Join(more, " ")), " "))
		out.WriteString(strings.TrimRight(line, " ") + "\n")
	}
	if l.Manager != nil {
		row("card manager", *l.Manager, l.Manager.LifeCycle)
	}
	for _, a := range l.Applications {
		row("application", a, a.LifeCycle, fmt.Sprintf("of %v", a.LoadFile))
	}
	for _, f := range l.LoadFiles {
		row("load file", f, f.Version, f.Name)
		for _, m := range f.Modules {
			row("  module", listed{AID: m})
		}
	}
	return out.String()
}

func list(ctx context.Context, s *Session, arguments []string) (Answer, error) {
	if err := Nothing(arguments); err != nil {
		return Answer{}, err
	}
	c, err := s.contents()
	if err != nil {
		return Answer{}, err
	}
	on, err := c.list(ctx)
	if err != nil {
		return Answer{}, err
	}
	var entries []string
	for _, e := range append(on.Applications, on.LoadFiles...) {
		entries = append(entries, e.AID.String())
	}
	text := on.text()
	if text == "" {
		text = "nothing is on the card\n"
	}
	return Answer{Line: strings.Join(entries, " "), Text: text, Value: on}, nil
}

// aids are the AIDs on a virtual card that complete a line: the modules of load files, or all.
func (s *Session) aids(of func(listing) []listed) (aids []string) {
	if s.target.Virtual == nil {
		return nil
	}
	on, err := direct{s}.list(nil)
	if err != nil {
		return nil
	}
	if of != nil {
		for _, e := range of(on) {
			for _, m := range e.Modules {
				aids = append(aids, m.String())
			}
		}
		return aids
	}
	for _, e := range append(on.Applications, on.LoadFiles...) {
		aids = append(aids, e.AID.String())
	}
	return aids
}

// Files completes the names of files.
func Files(_ *Session, _ []string, last string) []string {
	found, err := filepath.Glob(last + "*")
	if err != nil {
		return nil
	}
	for i, file := range found {
		if info, err := os.Stat(file); err == nil && info.IsDir() {
			found[i] += string(filepath.Separator)
		}
	}
	return found
}

func load(ctx context.Context, s *Session, names []string) (Answer, error) {
	if len(names) == 0 {
		return Answer{}, Usage("the names of CAP files are missing")
	}
	files, err := readCAPs(names)
	if err != nil {
		return Answer{}, err
	}
	for _, name := range names {
		s.InUse(name, name+linesSuffix)
	}
	if err := s.load(ctx, files); err != nil {
		return Answer{}, err
	}
	s.tellDirect("load", names...)
	var loaded []string
	for _, f := range files {
		loaded = append(loaded, f.aid().String())
	}
	return Answer{Line: strings.Join(loaded, " "), Value: loaded}, nil
}

func install(ctx context.Context, s *Session, arguments []string) (Answer, error) {
	if len(arguments) < 1 || len(arguments) > 3 {
		return Answer{}, Usage("one to three arguments")
	}
	module, err := card.ParseAID(arguments[0])
	if err != nil {
		return Answer{}, err
	}
	instance := module
	if len(arguments) > 1 {
		if instance, err = card.ParseAID(arguments[1]); err != nil {
			return Answer{}, err
		}
	}
	var parameters []byte
	if len(arguments) > 2 {
		if parameters, err = apdu.ParseHex(arguments[2]); err != nil {
			return Answer{}, fmt.Errorf("parameters: %w", err)
		}
	}
	c, err := s.contents()
	if err != nil {
		return Answer{}, err
	}
	installed, err := c.install(ctx, module, instance, parameters)
	if err = s.Explained(err); err != nil {
		if parameters == nil && MayWantParameters(err) {
			err = fmt.Errorf("%w; if it wants parameters: install %s %s PARAMETERS", err, module,
				instance)
		}
		return Answer{}, err
	}
	s.tellDirect("install", arguments...)
	return Answer{Line: installed.String()}, nil
}

func remove(ctx context.Context, s *Session, arguments []string) (Answer, error) {
	if len(arguments) != 1 && (len(arguments) != 2 || arguments[1] != all) {
		return Answer{}, Usage("an AID, and %q or nothing", all)
	}
	aid, err := card.ParseAID(arguments[0])
	if err != nil {
		return Answer{}, err
	}
	c, err := s.contents()
	if err != nil {
		return Answer{}, err
	}
	if err := c.remove(ctx, aid, len(arguments) == 2); err != nil {
		return Answer{}, err
	}
	s.tellDirect("delete", arguments...)
	return OK, nil
}
