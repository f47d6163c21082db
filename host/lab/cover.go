package lab

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"ekrona.example/emulator/inspect"
	"ekrona.example/emulator/vm"
)

// Ran is what a script ran: which instructions, and how many of each method. What made the
// subject's instances counts too, install methods and constructors, whether the script did it or
// the subject by itself.
type Ran struct {
	Sum       inspect.Sum       `json:"sum"`
	Methods   []inspect.Covered `json:"methods"`
	Bytecodes int               `json:"bytecodes"`
	// CardFile is the file of a card that had applets already: what installed them ran before.
	CardFile string `json:"card_file,omitempty"`

	profile *inspect.Profile
}

// Cover does a script once and counts what runs. The error is that of a line that fails.
func (s *Subject) Cover(ctx context.Context, script []Line) (*Ran, error) {
	b, err := s.Blank()
	if err != nil {
		return nil, err
	}
	before := ""
	if len(b.Managed.Below().Applets()) > 0 {
		before = s.CardFile
	}
	coverage, profile := inspect.NewCoverage(b.Sources()), inspect.NewProfile(b.Sources())
	profile.Attach(b.Machine())
	if err := b.Watch(vm.Probes(coverage.Probe(), profile.Probe())); err != nil {
		return nil, err
	}
	if err := errors.Join(s.fill(b), b.Reset(ctx)); err != nil {
		return nil, err
	}
	for _, l := range script {
		if err := b.Play(ctx, s, l).Err(); err != nil {
			return nil, fmt.Errorf("line %d: %w", l.Number, err)
		}
	}
	report := coverage.Report(b.Packages())
	return &Ran{inspect.SumOf(report), report, profile.Bytecodes(), before, profile}, nil
}

// WriteText writes how much of each method ran, and which lines did not.
func (r *Ran) WriteText(out io.Writer) {
	writeCoverage(out, r.Methods)
	if r.CardFile != "" {
		fmt.Fprintf(out, "what ran when the applets of %s were installed is not known, and not "+
			"counted\n", r.CardFile)
	}
}

// WriteLCOV writes lcov's tracefile; folder is where the sources are.
func (r *Ran) WriteLCOV(out io.Writer, sources string) {
	inspect.WriteLCOV(out, r.Methods, folder(sources))
}

// Missing are the source files of the methods that are not in the folder.
func (r *Ran) Missing(sources string) (files []string) {
	read := readFrom(sources)
	for _, m := range r.Methods {
		if m.Source == "" || slices.Contains(files, m.Source) {
			continue
		}
		if read(m.Source) == nil {
			files = append(files, m.Source)
		}
	}
	return files
}

// WriteHTML writes a page, with the sources if they are in the folder.
func (r *Ran) WriteHTML(out io.Writer, title, sources string) {
	inspect.WriteCoverHTML(out, title, r.Methods, readFrom(sources))
}

// WriteFolded writes the profile as folded stacks.
func (r *Ran) WriteFolded(out io.Writer) { r.profile.WriteFolded(out) }

// WriteFlame writes the profile as a flame graph in SVG.
func (r *Ran) WriteFlame(out io.Writer, title string) { r.profile.WriteFlame(out, title) }
