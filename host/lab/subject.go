package lab

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"ekrona.example/apdu"
	"ekrona.example/apdu/scp03"
	"ekrona.example/apdu/script"
	"ekrona.example/apdu/trace"
	"ekrona.example/emulator/cap"
	"ekrona.example/emulator/card"
	"ekrona.example/emulator/globalplatform"
	"ekrona.example/emulator/inspect"
	"ekrona.example/emulator/lines"
	"ekrona.example/emulator/vm"
	"ekrona.example/host/durable"
	"ekrona.example/host/shell"
)

// Subject is what a script is tried on. It makes equal cards.
type Subject struct {
	Profile card.Profile
	Seed    string // of the cards' randomness; "" is "1"

	// CardFile is a personalized card that is copied; "" for blank cards. The file stays as it is.
	CardFile string
	// CAPs are the files that are loaded, in dependency order.
	CAPs []string
	// Install are the instances that are made.
	Install []Instance
	// InstallAll makes an instance of every applet of the last of CAPs, without parameters, in
	// the place of Install.
	InstallAll bool
	// Tables name what is in CAP files without debug information.
	Tables []*lines.Table

	// What lines may have; as in shell.Options.
	Words   []shell.Word
	Names   script.Vocabulary
	Decoder trace.Decoder
	Keys    func(name string) (scp03.KeySource, error) // of security domains
	// Note gets what is to be told of the script done once as it is; nil drops it.
	Note func(line string)
}

// Instance is an applet instance that is made.
type Instance struct {
	Module, AID card.AID
	Parameters  []byte
}

// ParseInstance reads the arguments of the word install: module, and where they are not the
// module's, instance and parameters, in hex.
func ParseInstance(parts []string) (i Instance, err error) {
	if len(parts) == 0 || len(parts) > 3 {
		return i, errors.New("an instance is MODULE [INSTANCE [PARAMETERS]], in hex")
	}
	if i.Module, err = card.ParseAID(parts[0]); err != nil {
		return i, err
	}
	i.AID = i.Module
	if len(parts) > 1 {
		if i.AID, err = card.ParseAID(parts[1]); err != nil {
			return i, err
		}
	}
	if len(parts) > 2 {
		i.Parameters, err = apdu.ParseHex(parts[2])
	}
	return i, err
}

// Bench is one card of a subject with a session that does lines on it.
type Bench struct {
	*shell.Session
	Managed *globalplatform.Card

	tell func(line string) // nil tells nobody
}

func (b *Bench) note(line string) {
	if b.tell != nil {
		b.tell(line)
	}
}

// Play does a line of a script that is played once as it is, and has the subject tell what the
// session tells of it, such as the cause of a 6F00. The shell's own words have no subject.
func (b *Bench) Play(ctx context.Context, s *Subject, l Line) shell.Result {
	if s != nil && s.Note != nil {
		b.tell = func(text string) { s.Note(fmt.Sprintf("line %d: %s", l.Number, text)) }
		defer func() { b.tell = nil }()
	}
	return b.Execute(ctx, l.Text)
}

// Open makes a card, with its CAP files and instances.
func (s *Subject) Open(ctx context.Context) (*Bench, error) {
	b, err := s.Blank()
	if err != nil {
		return nil, err
	}
	if err := s.fill(b); err != nil {
		return nil, err
	}
	return b, b.Reset(ctx)
}

// Blank makes a card with nothing of the subject's but the content of its card file.
func (s *Subject) Blank() (*Bench, error) {
	managed, err := s.card()
	if err != nil {
		return nil, err
	}
	b := &Bench{Managed: managed}
	b.Session, err = shell.New(shell.VirtualTarget(managed, "virtual "+s.Profile.Name,
		func() error { return nil }), shell.Options{Words: s.Words, Names: s.Names,
		Decoder: s.Decoder, Tables: s.Tables, Keys: s.Keys, Note: b.note})
	return b, err
}

func (s *Subject) card() (*globalplatform.Card, error) {
	open := card.New
	if s.CardFile != "" {
		open = func(o card.Options) (*card.Card, error) { return card.Restore(o, s.CardFile) }
	}
	return shell.Seeded(card.Options{Profile: s.Profile}, cmp.Or(s.Seed, "1"), open)
}

// fill loads and installs what the subject has.
func (s *Subject) fill(b *Bench) error {
	below := b.Managed.Below()
	var last []card.AID // the applets of the last CAP file
	for _, name := range s.CAPs {
		content, err := durable.Read(name)
		if err != nil {
			return err
		}
		p, err := below.Load(content)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		last = p.Modules
	}
	for _, i := range s.instances(last) {
		if _, err := below.Install(i.Module, i.AID, i.Parameters); err != nil {
			err = b.Explained(err)
			if len(i.Parameters) == 0 && shell.MayWantParameters(err) {
				err = fmt.Errorf("%w; if it wants parameters: --install %s,%s,PARAMETERS, or a "+
					"line \"install %s %s PARAMETERS\" in the script", err, i.Module, i.AID,
					i.Module, i.AID)
			}
			return err
		}
	}
	return nil
}

// instances are those to be made, with the applets of the last CAP file.
func (s *Subject) instances(last []card.AID) []Instance {
	all := slices.Clone(s.Install)
	for _, module := range last {
		isMade := slices.ContainsFunc(all, func(one Instance) bool {
			return bytes.Equal(one.AID, module)
		})
		if s.InstallAll && !isMade {
			all = append(all, Instance{Module: module, AID: module})
		}
	}
	return all
}

// Lines are the lines of "ekrona shell" that put onto a card what the subject has.
func (s *Subject) Lines() ([]string, error) {
	if len(s.CAPs) == 0 && len(s.Install) == 0 {
		return nil, nil
	}
	steps := []script.Step{}
	if len(s.CAPs) > 0 {
		steps = append(steps, script.Step{Word: "load", Arguments: s.CAPs})
	}
	var last []card.AID
	if s.InstallAll && len(s.CAPs) > 0 {
		content, err := durable.Read(s.CAPs[len(s.CAPs)-1])
		if err != nil {
			return nil, err
		}
		file, err := cap.Parse(content)
		if err != nil {
			return nil, err
		}
		for _, a := range file.Applets {
			last = append(last, card.AID(a.AID))
		}
	}
	for _, i := range s.instances(last) {
		steps = append(steps, i.step())
	}
	names, lines := shell.Language(s.Names, s.Words), []string{}
	for _, step := range steps {
		lines = append(lines, names.Text(step))
	}
	return lines, nil
}

// Machine is the card's.
func (b *Bench) Machine() *vm.VM { return b.Managed.Below().Machine() }

// Packages are the CAP files on the card.
func (b *Bench) Packages() []*vm.Package { return b.Machine().Packages() }

// Watch puts a probe on the card, in the place of the one before.
func (b *Bench) Watch(p vm.Probe) error { return b.Machine().SetProbe(p) }

// image copies the persistent memory of a card that has been reset.
func (b *Bench) image() *inspect.Image {
	return inspect.Take(b.Machine(), b.Sources(), inspect.Persistent)
}

// isCut reports whether the card has lost its power, or has gone mute.
func (b *Bench) isCut() bool { return !b.Machine().Powered() }

// TablesBeside reads the line tables that lie beside CAP files, for those that have one: the name
// of the CAP file with ".lines" behind it. It refuses one that is of another CAP file.
func TablesBeside(caps []string) ([]*lines.Table, error) {
	var tables []*lines.Table
	for _, name := range caps {
		content, err := durable.Read(name)
		if err != nil {
			return nil, err
		}
		file, err := cap.Parse(content)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		table, err := shell.TableBeside(name, file)
		if err != nil {
			return nil, err
		}
		if table != nil {
			tables = append(tables, table)
		}
	}
	return tables, nil
}
