package lab

import (
	"bytes"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"ekrona.example/emulator/inspect"
	"ekrona.example/emulator/lines"
	"ekrona.example/host/durable"
	"ekrona.example/host/shell"
)

// runWords look at what the card runs.
func (w *words) runWords() []shell.Word {
	return []shell.Word{
		{Name: "profile", Usage: "profile on|off|show|folded FILE|flame FILE.svg",
			Help:     "count bytecodes by method, line and calls",
			Complete: chooses("on", "off", "show", "folded", "flame"),
			Run:      w.on((*state).profileWord)},
		{Name: "coverage", Usage: "coverage on|off|show|lcov FILE|html FILE [SOURCES]",
			Help:     "count which instructions and lines run",
			Complete: chooses("on", "off", "show", "lcov", "html"),
			Run:      w.on((*state).coverageWord)},
	}
}

// topRows is how many rows a table of methods or lines shows.
const topRows = 20

// profiled is the answer of profile, for a program.
type profiled struct {
	Bytecodes int             `json:"bytecodes"`
	Methods   []inspect.Spent `json:"methods"`
	Lines     []inspect.Line  `json:"lines"`
}

func (k *state) profileWord(arguments []string) (shell.Answer, error) {
	what, rest, err := choice(arguments, "on", "off", "show", "folded", "flame")
	if err != nil {
		return shell.Answer{}, err
	}
	switch what {
	case "on":
		k.profile = inspect.NewProfile(k.names)
		k.profile.Attach(k.card.Machine())
		return shell.OK, k.watch()
	case "off":
		k.profile = nil
		return shell.OK, k.watch()
	}
	if k.profile == nil {
		return shell.Answer{}, fmt.Errorf("nothing has been counted: say \"profile on\" first")
	}
	if what == "show" {
		return k.showProfile(), nil
	}
	if len(rest) != 1 {
		return shell.Answer{}, shell.Usage("the name of a file is missing")
	}
	return shell.OK, k.writeFile(rest[0], func(out io.Writer) {
		if what == "folded" {
			k.profile.WriteFolded(out)
		} else {
			k.profile.WriteFlame(out, k.session.Target().Where)
		}
	})
}

func (k *state) showProfile() shell.Answer {
	p := profiled{k.profile.Bytecodes(), k.profile.Methods(), k.profile.Lines()}
	text, names := &strings.Builder{}, []string{}
	fmt.Fprintf(text, "%9s %9s %7s\n", "own", "all", "calls")
	for i, m := range p.Methods {
		if i < topRows {
			fmt.Fprintf(text, "%9d %9d %7d  %s\n", m.Own, m.All, m.Calls, m.Method)
			names = append(names, fmt.Sprintf("%s %d", m.Method, m.Own))
		}
	}
	for i, l := range p.Lines {
		if i < topRows {
			fmt.Fprintf(text, "%9d  %s:%d\n", l.Bytecodes, l.File, l.Line)
		}
	}
	line := fmt.Sprintf("%d bytecodes", p.Bytecodes)
	fmt.Fprintln(text, line)
	return shell.Answer{Line: line + ": " + strings.Join(names, ", "), Text: text.String(),
		Value: p}
}

// covered is the answer of coverage, for a program.
type covered struct {
	Sum     inspect.Sum       `json:"sum"`
	Methods []inspect.Covered `json:"methods"`
}

func (k *state) coverageWord(arguments []string) (shell.Answer, error) {
	what, rest, err := choice(arguments, "on", "off", "show", "lcov", "html")
	if err != nil {
		return shell.Answer{}, err
	}
	switch what {
	case "on":
		k.coverage = inspect.NewCoverage(k.names)
		return shell.OK, k.watch()
	case "off":
		k.coverage = nil
		return shell.OK, k.watch()
	}
	if k.coverage == nil {
		return shell.Answer{}, fmt.Errorf("nothing has been counted: say \"coverage on\" first")
	}
	report := k.coverage.Report(k.card.Machine().Packages())
	if what == "show" {
		text := &strings.Builder{}
		writeCoverage(text, report)
		sum := inspect.SumOf(report)
		return shell.Answer{Line: sum.String(), Text: text.String(), Value: covered{sum, report}},
			nil
	}
	if len(rest) < 1 || len(rest) > 2 {
		return shell.Answer{}, shell.Usage("the name of a file is missing")
	}
	sources := append(rest, "")[1]
	return shell.OK, k.writeFile(rest[0], func(out io.Writer) {
		if what == "lcov" {
			inspect.WriteLCOV(out, report, folder(sources))
		} else {
			inspect.WriteCoverHTML(out, "coverage", report, readFrom(sources))
		}
	})
}

// writeCoverage writes a table of methods, and the sum.
func writeCoverage(out io.Writer, report []inspect.Covered) {
	for _, m := range report {
		fmt.Fprintf(out, "%5d of %5d  %s", m.Reached, m.Instructions, m.Method)
		var missed []string
		for _, l := range m.Lines {
			if l.Reached == 0 && m.Reached > 0 {
				missed = append(missed, fmt.Sprint(l.Line))
			}
		}
		if len(missed) > 0 {
			fmt.Fprintf(out, "  not lines %s", strings.Join(missed, ", "))
		}
		fmt.Fprintln(out)
	}
	fmt.Fprintln(out, inspect.SumOf(report))
}

// folder is the name of a folder as it stands before that of a file; "" for none.
func folder(name string) string {
	if name == "" {
		return ""
	}
	return filepath.ToSlash(filepath.Clean(name)) + "/"
}

// readFrom reads source files from a folder.
func readFrom(folder string) func(file string) []byte {
	return func(file string) []byte {
		if folder == "" {
			return nil
		}
		content, err := durable.Read(filepath.Join(folder, filepath.FromSlash(file)))
		if err != nil {
			return nil
		}
		return lines.SourceText(content)
	}
}

// writeFile writes a file as a whole, and makes the folders above it that are not there.
func (k *state) writeFile(name string, write func(out io.Writer)) error {
	if err := k.session.MayWrite(name); err != nil {
		return err
	}
	content := &bytes.Buffer{}
	write(content)
	return durable.Replace(name, content.Bytes(), durable.Everyone)
}
