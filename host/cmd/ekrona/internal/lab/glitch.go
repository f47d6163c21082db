package lab

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"ekrona.example/apdu"
	"ekrona.example/applet"
	"ekrona.example/applet/campaign"
	"ekrona.example/applet/glitch"
	"ekrona.example/emulator/cap"
	"ekrona.example/emulator/card"
	"ekrona.example/emulator/fault"
	"ekrona.example/emulator/inspect"
	"ekrona.example/emulator/lines"
	"ekrona.example/host/cmd/ekrona/internal/cli"
	"ekrona.example/host/durable"
	"ekrona.example/host/lab"
	"ekrona.example/host/shell"
)

// labGlitch is what the command line asks for.
type labGlitch struct {
	caps, install           []string
	script, sources, named  string
	models                  []string
	html, journal, list     string
	reasons, fault, profile string
	plan                    glitch.Plan
	names                   *inspect.Names // for errors, once there are places
	asJSON                  bool

	trace    cli.Trace
	recorded cli.RecordingFlags
}

func glitchCommand() *cobra.Command {
	g := &labGlitch{}
	c := &cobra.Command{
		Use:   "glitch",
		Short: "Disturb an applet at every bytecode, and show by line what an attacker gains",
		Long: `Disturb an applet at every bytecode, and show by line what an attacker gains.

A laboratory has a laser: at one bytecode of a command it skips, inverts or replaces. Here a
virtual card does so, for each command in each state that the cases of the applet's APDU suite
bring it to, refusals too. Each fault is judged by what the card answers, what it has signed,
what it holds afterwards, and what its session lets one do; a refusal, silence and a loss of
the holder's are no gains. What executes the same bytecodes and is answered alike is tried
once.

Models of faults, those that end with = with a value:
  skip, skip=N        the bytecode is skipped, the stack stays; so many in a row
  zero, previous      its operands are popped, and zeros pushed, or the value below them
  invert, jump=+N     a branch goes the other way; it lands so many bytecodes behind its target (-N:
                      before it)
  call=HEX            a call is skipped and has that result
  read=HEX, flip=BIT  a value, or one byte that a native such as arrayCopy reads, is read as that,
                      or with that bit inverted
  write=HEX           the same for what is written
  unwritten           nothing is written of what a bytecode or native writes to fields and arrays
  index=+N            the index into an array is wrong by that
  argument=+N         a number that a native is given, such as a length, is wrong by that; or is
                      HEX, without a sign
  stuck               a counter stays what it is, whenever that bytecode comes again
  uncaught, unthrown  an exception passes the handler that would catch it; no handler is looked for
--models all is all of them, each with the values worth trying. Without --models: skip, zero,
invert, call=00, call=5A, call=FFFF, read=00, read=FF.

A fault has a name, MODEL@CASE/COMMAND#BYTECODE, which --fault repeats. What is known to
remain is in a list with a reason for each line; a gain that is not in it is marked with !,
and the exit code is 3.

With --cap and --script it is any applet, and the script is as "ekrona lab tear" takes it: a line
for each command, as "00A4040008F0454B524F4E4101 -> 9000", and select AID, or a transcript; seed is
that of the card; words that only show something are passed over; a command after cut is left out,
and one that mutes the card, with "-> none" behind it, is not disturbed. What counts as a gain is in
the script too, by lines as these. A script without --cap is for the e-krona's applet on
an active card with 100.00 kr and the PIN 2580, which is selected; with another build of that
applet, begin it with the line "ekrona".

  install MODULE [INSTANCE [PARAMETERS]]   first, in hex, once for each instance; else every applet
                                           of the last CAP file is installed
  ekrona              see above
  reset                                    takes the power away and gives it back
  gain accepted       what is refused without a fault is carried out, now or by a later line;
                      the rule if there is no other
  gain answer HEX     an answer has these bytes, and has them not without a fault
  gain memory         persistent memory is left neither as before the command nor as after
  gain changed        of the next line: it is carried out, and answers something else
  gain higher AT LEN  of the next line: the number in its answer, LEN bytes from AT, is higher

After a fault the rest of the script is played on. FILE.lines beside the CAP file is its table
of source lines; else lines come from its debug component, or are methods and offsets.

--trace shows, and --transcript and --capture keep, the commands of a script done once without a
fault; of a 6F00 the cause is said. What the suite's cases send is kept by "ekrona lab suite". A
transcript that has the line ekrona is for this command alone.

The last line says how many faults were tried, and how many gain something.`,
		Example: `  ekrona lab glitch --sample 20000 --html glitch.html
  ekrona lab glitch --sample 0 --pairs 1000000 --journal glitch.journal
  ekrona lab glitch --fault 'skip@script active/pin-blocked/30#214'
  ekrona lab glitch --cap wallet.cap --script wallet.glitch --sources src`,
		Args: cli.Exactly(0, "no arguments"),
		RunE: func(c *cobra.Command, _ []string) error { return g.run(c) },
	}
	f := c.Flags()
	f.IntVar(&g.plan.Sample, "sample", 20000, "how many single faults to try, 0 for all")
	f.Uint64Var(&g.plan.Seed, "seed", 1, "which of them")
	f.IntVar(&g.plan.Pairs, "pairs", 0, "how many pairs of faults in one command to try too, the "+
		"second near the first")
	f.StringVar(&g.named, "case", "", "only the suite's cases whose name contains this")
	f.StringSliceVar(&g.models, "models", nil, "models of faults, as skip,call=01, or all")
	f.StringVar(&g.fault, "fault", "", "repeat this one fault, by its name")
	cli.AddFiles(c, &g.caps, "cap", "CAP file, in place of this program's; several in the "+
		"order of loading")
	g.addInstall(c)
	f.StringVar(&g.script, "script", "", "file with the script; - is standard input")
	f.StringVar(&g.sources, "sources", "", "folder of its source files, or one above it; "+
		"else that of the CAP file")
	f.StringVar(&g.reasons, "reasons", "", "list of what is known to remain, in place of this "+
		"program's")
	f.StringVar(&g.list, "list", "", "write a list of what was found to this file, for --reasons")
	f.StringVar(&g.html, "html", "", "write a page with the source beside what is gained")
	f.StringVar(&g.journal, "journal", "", "keep what was found in this file, and go on from it")
	f.IntVar(&g.plan.Workers, "workers", runtime.NumCPU(), "cases tried at the same time")
	cli.AddProfile(c, &g.profile)
	g.trace.Add(c)
	g.recorded.AddFiles(c, false)
	cli.OutputFlags(c, "html", "list", "journal")
	cli.InPlace(c, "list", "reasons")
	cli.JSONFlag(c, &g.asJSON)
	return c
}

// addInstall adds the flag of what is installed.
func (g *labGlitch) addInstall(c *cobra.Command) {
	c.Flags().StringArrayVar(&g.install, "install", nil, "MODULE-AID[,INSTANCE-AID[,PARAMETERS]] "+
		"in hex: an instance to make, as the line install does; can be repeated")
}

func (g *labGlitch) check() error {
	if err := cli.CheckFolder("--sources", g.sources); err != nil {
		return err
	}
	switch {
	case len(g.install) > 0 && (len(g.caps) == 0 || g.script == ""):
		return cli.Usage("--install is for the applet of --cap and the commands of --script")
	case g.plan.Sample < 0:
		return cli.Usage("--sample: %d; give 0 for all, or more", g.plan.Sample)
	case g.plan.Pairs < 0:
		return cli.Usage("--pairs: %d; give 0 or more", g.plan.Pairs)
	case g.plan.Workers < 1:
		return cli.Usage("--workers: %d; give 1 or more", g.plan.Workers)
	case g.script != "" && g.named != "":
		return cli.Usage("--case is for the suite's cases; a script has none")
	}
	return nil
}

// prepare reads what the flags name.
func (g *labGlitch) prepare(c *cobra.Command) (reasons campaign.Reasons, err error) {
	if err := g.check(); err != nil {
		return nil, err
	}
	if g.script == "" {
		if err := cli.Together(c, "it is for the commands of a script, which --script names; "+
			"\"ekrona lab suite\" does the suite's cases", "trace", "transcript",
			"capture"); err != nil {
			return nil, err
		}
	}
	for _, name := range g.models {
		if name == "all" {
			g.plan.Models = append(g.plan.Models, fault.AllModels()...)
			continue
		}
		m, err := fault.ModelNamed(name)
		if err != nil {
			return nil, cli.Usage("--models: %w", err)
		}
		g.plan.Models = append(g.plan.Models, m)
	}
	profile, err := cli.ProfileOf(g.profile)
	if err != nil {
		return nil, err
	}
	if g.plan.Subject, err = g.subject(c, profile); err != nil {
		return nil, err
	}
	if g.plan.Places, err = g.places(); err != nil {
		return nil, err
	}
	g.plan.Journal = g.journal
	switch {
	case g.reasons != "":
		content, err := durable.Read(g.reasons)
		if err != nil {
			return nil, cli.FlagFile("--reasons", err)
		}
		if reasons, err = campaign.ParseReasons(string(content)); err != nil {
			return nil, cli.Usage("--reasons: %s: %w", g.reasons, err)
		}
		return reasons, nil
	case len(g.caps) == 0 && g.script == "":
		return glitch.Remaining()
	}
	return campaign.Reasons{}, nil
}

// subject is what is disturbed.
func (g *labGlitch) subject(c *cobra.Command, profile card.Profile) (glitch.Subject, error) {
	files, err := g.files()
	if err != nil {
		return nil, err
	}
	if g.script == "" {
		if err := requireEkrona(files); err != nil {
			return nil, err
		}
		suite, err := glitch.NewSuite(files[0], profile, g.named)
		if err != nil {
			return nil, cli.Usage("--case: %w", err)
		}
		return suite, nil
	}
	text, err := cli.ReadText(c, "--script", g.script)
	if err != nil {
		return nil, err
	}
	return g.scriptOf(g.script, text, profile, files)
}

// requireEkrona refuses CAP files that the suite's cases are not for.
func requireEkrona(files [][]byte) error {
	file, err := cap.Parse(files[len(files)-1])
	if err != nil {
		return cli.Usage("--cap: %w", err)
	}
	if len(files) > 1 || !cli.IsEkrona(file) {
		return cli.Usage("--cap: it is not the e-krona's applet, which the suite's cases are " +
			"for; give its commands by --script")
	}
	return nil
}

// scriptOf reads a script: of the CAP files, or of this program's, on an active card.
func (g *labGlitch) scriptOf(
	path, text string, profile card.Profile, files [][]byte,
) (*glitch.Script, error) {
	ekrona := len(g.caps) == 0
	s, err := glitch.NewScript(filepath.Base(path), strings.NewReader(text), profile, ekrona,
		files...)
	if err != nil {
		return nil, cli.Usage("%w", err)
	}
	for _, text := range g.install {
		i, err := lab.ParseInstance(strings.Split(text, ","))
		if err != nil {
			return nil, cli.Usage("--install %s: %w", apdu.Brief(text), err)
		}
		s.Install(i.Module, i.AID, i.Parameters)
	}
	return s, nil
}

// files are the CAP files.
func (g *labGlitch) files() ([][]byte, error) {
	if len(g.caps) == 0 {
		return [][]byte{applet.CAP}, nil
	}
	var files [][]byte
	for _, path := range g.caps {
		content, err := durable.Read(path)
		if err != nil {
			return nil, cli.FlagFile("--cap", err)
		}
		files = append(files, content)
	}
	return files, nil
}

// source returns the lines of a source file of the applet, named with the folders of its package.
func (g *labGlitch) source(path string) ([]string, error) {
	folders := []string{g.sources}
	if g.sources == "" {
		if len(g.caps) == 0 {
			return applet.Source(filepath.Base(path))
		}
		folders = nil
		for _, name := range g.caps {
			folders = append(folders, filepath.Dir(name))
		}
	}
	found, err := below(folders, filepath.FromSlash(path))
	if err != nil {
		return nil, err
	}
	content, err := durable.Read(found)
	return strings.Split(string(lines.SourceText(content)), "\n"), err
}

// below finds a file of a package in folders or below them: one that lies in the package's own
// folders before one that has its name alone.
func below(folders []string, path string) (string, error) {
	whole, named := "", ""
	for _, folder := range folders {
		err := filepath.WalkDir(folder, func(at string, entry fs.DirEntry, err error) error {
			switch {
			case err != nil || entry.IsDir(): // what cannot be read is passed over
			case at == filepath.Join(folder, path),
				strings.HasSuffix(at, string(filepath.Separator)+path):
				whole = at
				return fs.SkipAll
			case named == "" && entry.Name() == filepath.Base(path):
				named = at
			}
			return nil
		})
		if err != nil || whole != "" {
			return whole, err
		}
	}
	if named == "" {
		return "", fmt.Errorf("%s: no %s below it", strings.Join(folders, ", "), path)
	}
	return named, nil
}

// places are those of the CAP files, each with the table of source lines beside it.
func (g *labGlitch) places() (*glitch.Places, error) {
	tables := cli.Tables()
	g.names = inspect.NewNames(tables...)
	if len(g.caps) > 0 {
		var err error
		if tables, err = lab.TablesBeside(g.caps); err != nil {
			return nil, cli.FlagFile("--cap", err)
		}
		g.names.Add(tables...)
	}
	return glitch.NewPlaces(g.source, tables...), nil
}

// explained names in the error of a card that went mute where that was, by file and line.
func (g *labGlitch) explained(err error) error { return shell.Explained(err, g.names) }

func (g *labGlitch) run(c *cobra.Command) error {
	reasons, err := g.prepare(c)
	if err != nil {
		return err
	}
	if script, ok := g.plan.Subject.(*glitch.Script); ok {
		if err := g.playPlain(c, script); err != nil {
			return err
		}
	}
	out := c.OutOrStdout()
	if g.fault != "" {
		return g.repeat(c.Context(), out)
	}
	began := time.Now()
	g.plan.Show = showGlitches(c.ErrOrStderr(), began)
	result, err := g.plan.Run(c.Context())
	if result == nil {
		return g.explained(err)
	}
	fmt.Fprintf(c.ErrOrStderr(), "%.1f seconds\n", time.Since(began).Seconds())
	report := glitch.NewReport(result, reasons, g.named == "" && g.script == "")
	if err := g.write(report, reasons); err != nil {
		return err
	}
	if g.asJSON {
		err = errors.Join(err, cli.WriteJSON(out, glitchAnswerOf(report)))
	} else {
		err = errors.Join(err, report.Text(out))
	}
	if err == nil && report.Err() != nil {
		err = cli.Exit(cli.ExitViolated, report.Err())
	}
	return err
}

// showGlitches shows now and then how far a campaign has come.
func showGlitches(out io.Writer, began time.Time) func(done, total int, r *glitch.Result) {
	isDue := due()
	return func(done, total int, r *glitch.Result) {
		if !isDue() {
			return
		}
		tried := r.Faults + r.Pairs
		fmt.Fprintf(out, "%d of %d cases: %d faults tried, %d gain something (%.0f a second)\n",
			done, total, tried, len(r.Found), float64(tried)/time.Since(began).Seconds())
	}
}

// write writes the page and the list.
func (g *labGlitch) write(report *glitch.Report, reasons campaign.Reasons) error {
	if g.html != "" {
		var b strings.Builder
		err := report.HTML(&b, "Faults in "+g.plan.Subject.Name(), g.source)
		if err == nil {
			err = durable.Replace(g.html, []byte(b.String()), durable.Everyone)
		}
		if err != nil {
			return fmt.Errorf("--html: %w", err)
		}
	}
	if g.list == "" {
		return nil
	}
	list := report.List(reasons, "no reason is written down yet")
	if err := durable.Replace(g.list, []byte(list), durable.Everyone); err != nil {
		return fmt.Errorf("--list: %w", err)
	}
	return nil
}
