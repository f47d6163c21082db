package shell

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"

	"ekrona.example/apdu/globalplatform"
	"ekrona.example/apdu/gpc"
	"ekrona.example/apdu/script"
	"ekrona.example/emulator/cap"
	"ekrona.example/emulator/card"
	"ekrona.example/emulator/lines"
	"ekrona.example/host/durable"
)

// capFile is a CAP file that was read, with its source lines if a table lies beside it.
type capFile struct {
	name    string
	content []byte
	file    *cap.File
	table   *lines.Table // nil for none
	stale   error        // that the table is of another build; nil otherwise
}

func (f capFile) aid() card.AID { return card.AID(f.file.Header.Package.AID) }

// linesSuffix is what the name of a table of source lines has behind that of its CAP file.
const linesSuffix = ".lines"

// readCAPs reads CAP files, all or none.
func readCAPs(names []string) ([]capFile, error) {
	var all []capFile
	for _, name := range names {
		content, err := durable.Read(name)
		if err != nil {
			return nil, err
		}
		file, err := cap.Parse(content)
		if err != nil {
			return nil, fmt.Errorf("%s: load: %w: %w", name, card.ErrRefused, err)
		}
		table, err := TableBeside(name, file)
		f := capFile{name: name, content: content, file: file, table: table}
		if errors.Is(err, ErrOtherBuild) { // which keeps no CAP file from a card
			f.stale, err = err, nil
		}
		if err != nil {
			return nil, err
		}
		all = append(all, f)
	}
	return all, nil
}

// ErrOtherBuild reports that a table of source lines is of another build of the CAP file beside it.
var ErrOtherBuild = errors.New("is of another build: make it anew, or delete it")

// TableBeside reads the table of source lines beside a CAP file: the name of the file with ".lines"
// behind it. It is nil if there is none. Errors: [ErrOtherBuild].
func TableBeside(name string, file *cap.File) (*lines.Table, error) {
	text, err := durable.Read(name + linesSuffix)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	table, err := lines.Parse(text)
	if err != nil {
		return nil, fmt.Errorf("%s%s: %w", name, linesSuffix, err)
	}
	if !table.Fits(file) {
		return nil, fmt.Errorf("%s%s: %w", name, linesSuffix, ErrOtherBuild)
	}
	return table, nil
}

// contents are what a session can do with what is on its card: by its secure channel where one
// is open, or directly on a virtual card, which needs no key.
type contents interface {
	load(ctx context.Context, f capFile) error
	install(ctx context.Context, module, instance card.AID, parameters []byte) (card.AID, error)
	remove(ctx context.Context, aid card.AID, related bool) error
	list(ctx context.Context) (listing, error)
}

// errClosed is the error of work on a card in a reader without its keys.
var errClosed = errors.New("this needs the keys of the card's issuer security domain: open a " +
	"secure channel first, with secure KEYS")

func (s *Session) contents() (contents, error) {
	switch {
	case s.client != nil:
		return managed{s.client}, nil
	case s.target.Virtual != nil:
		return direct{s}, nil
	}
	return nil, errClosed
}

// load loads CAP files in their order, all or none.
func (s *Session) load(ctx context.Context, files []capFile) error {
	c, err := s.contents()
	if err != nil {
		return err
	}
	for i, f := range files {
		if err := c.load(ctx, f); err != nil {
			err = fmt.Errorf("%s: %w", f.name, err)
			for _, done := range files[:i] {
				if undone := c.remove(ctx, done.aid(), true); undone != nil {
					return errors.Join(err,
						fmt.Errorf("%s stays on the card: %w", done.name, undone))
				}
			}
			return err
		}
	}
	for _, f := range files {
		s.addTable(f)
		if err := s.keepTable(f); err != nil {
			s.Note("%s: its source lines are not kept with the card: %v", f.name, err)
		}
	}
	return nil
}

// tellDirect tells of a word that changed the content of a virtual card without commands.
func (s *Session) tellDirect(word string, arguments ...string) {
	if s.client == nil {
		s.tell(s.Masked(s.names.Text(script.Step{Word: word, Arguments: arguments})))
	}
}

// addTable makes the lines of a CAP file known.
func (s *Session) addTable(f capFile) {
	if f.table != nil {
		s.sources.Add(f.table)
	}
	if f.stale != nil {
		s.Note("no lines are shown: %v", f.stale)
	}
}

// direct works on the session's virtual card.
type direct struct{ session *Session }

// do has the card do one thing. The session of a secure channel is over.
func (d direct) do(action func(below *card.Card) error) error {
	d.session.leaveChannel()
	return d.session.target.Virtual.Manage(action)
}

func (d direct) load(_ context.Context, f capFile) error {
	return d.do(func(below *card.Card) error {
		_, err := below.Load(f.content)
		return err
	})
}

func (d direct) install(
	_ context.Context, module, instance card.AID, parameters []byte,
) (installed card.AID, err error) {
	err = d.do(func(below *card.Card) error {
		installed, err = below.Install(module, instance, parameters)
		return err
	})
	return installed, err
}

func (d direct) remove(ctx context.Context, aid card.AID, related bool) error {
	below := d.session.target.Virtual.Below()
	if related {
		for _, a := range below.Applets() {
			if bytes.Equal(a.Package, aid) {
				if err := d.remove(ctx, a.AID, false); err != nil {
					return err
				}
			}
		}
	}
	return d.do(func(below *card.Card) error { return below.Delete(aid) })
}

func (d direct) list(context.Context) (listing, error) {
	below := d.session.target.Virtual.Below()
	out := listing{Applications: []listed{}, LoadFiles: []listed{}}
	for _, a := range below.Applets() {
		out.Applications = append(out.Applications,
			listed{AID: gpc.Hex(a.AID), LoadFile: gpc.Hex(a.Package)})
	}
	for _, p := range below.Packages() {
		one := listed{AID: gpc.Hex(p.AID), Version: fmt.Sprintf("%d.%d", p.Major, p.Minor),
			Name: p.Name}
		for _, m := range p.Modules {
			one.Modules = append(one.Modules, gpc.Hex(m))
		}
		out.LoadFiles = append(out.LoadFiles, one)
	}
	return out, nil
}

// managed works through a secure channel.
type managed struct{ client *globalplatform.Client }

func (m managed) load(ctx context.Context, f capFile) error {
	return m.client.Load(ctx, f.aid(), f.file.LoadFile())
}

func (m managed) install(
	ctx context.Context, module, instance card.AID, parameters []byte,
) (card.AID, error) {
	on, err := m.client.List(ctx)
	if err != nil {
		return nil, err
	}
	for _, f := range on.LoadFiles {
		for _, has := range f.Modules {
			if bytes.Equal(has, module) {
				return instance, m.client.Install(ctx, gpc.ForInstall{LoadFile: f.AID,
					Module: module, Instance: instance, Parameters: parameters})
			}
		}
	}
	return nil, fmt.Errorf("no load file on the card has an applet %s; load its CAP file first",
		module)
}

func (m managed) remove(ctx context.Context, aid card.AID, related bool) error {
	return m.client.Delete(ctx, aid, related)
}

func (m managed) list(ctx context.Context) (listing, error) {
	on, err := m.client.List(ctx)
	if err != nil {
		return listing{}, err
	}
	out := listing{Applications: []listed{}, LoadFiles: []listed{}, Manager: &listed{
		AID: on.Domain.AID, LifeCycle: gpc.CardState(on.Domain.LifeCycle)}}
	for _, a := range on.Applications {
		out.Applications = append(out.Applications, listed{AID: a.AID, LoadFile: a.LoadFile,
			LifeCycle: gpc.ApplicationState(a.LifeCycle)})
	}
	for _, f := range on.LoadFiles {
		one := listed{AID: f.AID}
		if len(f.Version) == 2 {
			one.Version = fmt.Sprintf("%d.%d", f.Version[0], f.Version[1])
		}
		for _, module := range f.Modules {
			one.Modules = append(one.Modules, module)
		}
		out.LoadFiles = append(out.LoadFiles, one)
	}
	return out, nil
}
