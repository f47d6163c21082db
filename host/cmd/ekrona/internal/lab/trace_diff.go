package lab

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"ekrona.example/applet/glitch"
	"ekrona.example/host/cmd/ekrona/internal/cli"
	"ekrona.example/host/progress"
)

// traceDiff is where two runs part, for a script.
type traceDiff struct {
	Commands int             `json:"commands"`
	Partings []partingAnswer `json:"partings"`
}

type partingAnswer struct {
	Command  int          `json:"command"` // its number, from 1
	Header   string       `json:"header"`
	N        int          `json:"n"` // bytecode of the first run, from 0
	Place    glitch.Place `json:"place"`
	Mnemonic string       `json:"mnemonic"`
	First    string       `json:"first"` // where each run goes on
	Second   string       `json:"second"`
	OnlyOne  int          `json:"only_first"` // bytecodes until they are together again
	OnlyTwo  int          `json:"only_second"`
}

func traceDiffCommand() *cobra.Command {
	g := &labGlitch{}
	var scripts, secrets []string
	c := &cobra.Command{
		Use:   "trace-diff",
		Short: "Show by source line where two runs of an applet execute different bytecodes",
		Long: `Show by source line where two runs of an applet execute different bytecodes.

A run that depends on a secret tells it to whoever measures time, power or radiation. Two of
--script are scripts with the same commands and different data, in the grammar of
"ekrona lab glitch --script". Or one alone, which has {secret} where the two values of --secret go,
in hex.

Both run on cards whose randomness is the same, that of the line seed in the script. --trace shows,
and --transcript and --capture keep, both runs. Exit code 3: the runs part.`,
		Example: `  ekrona lab trace-diff --cap wallet.cap --script one.script --script other.script
  ekrona lab trace-diff --script verify.script --secret 241234FFFFFFFFFF ` +
			`--secret 249876FFFFFFFFFF`,
		Args: cli.Exactly(0, "no arguments; scripts are named by --script"),
		RunE: func(c *cobra.Command, _ []string) error {
			switch {
			case len(scripts) < 1, len(scripts) > 2:
				return cli.Usage("%s takes one script or two, by --script; see %q", c.CommandPath(),
					c.CommandPath()+" --help")
			case len(scripts) == 1 && len(secrets) != 2:
				return cli.Usage("give two scripts, or one with {secret} in it and --secret twice")
			case len(scripts) == 2 && len(secrets) > 0:
				return cli.Usage("--secret goes with one script")
			}
			for i, s := range secrets {
				if _, err := hex.DecodeString(s); err != nil || s == "" {
					return cli.Usage("--secret: value %d is no hex of whole bytes", i+1)
				}
			}
			answer, err := g.traceDiff(c, scripts, secrets)
			if err != nil {
				return err
			}
			if g.asJSON {
				err = cli.WriteJSON(c.OutOrStdout(), answer)
			} else {
				err = answer.text(c.OutOrStdout())
			}
			if err == nil && len(answer.Partings) > 0 {
				err = cli.Exit(cli.ExitViolated, errors.New("the runs part"))
			}
			return err
		},
	}
	cli.AddFiles(c, &g.caps, "cap", "CAP file, in place of this program's; several "+
		"in the order of loading")
	g.addInstall(c)
	c.Flags().StringArrayVar(&scripts, "script", nil, "script of commands; twice, or once with "+
		"--secret")
	c.Flags().StringSliceVar(&secrets, "secret", nil, "what {secret} stands for, in hex; twice")
	c.Flags().StringVar(&g.sources, "sources", "", "folder of the source files")
	cli.AddProfile(c, &g.profile)
	g.trace.Add(c)
	g.recorded.AddFiles(c, true)
	cli.JSONFlag(c, &g.asJSON)
	return c
}

func (g *labGlitch) traceDiff(
	c *cobra.Command, scripts, secrets []string,
) (answer traceDiff, err error) {
	ctx := c.Context()
	if err := cli.CheckFolder("--sources", g.sources); err != nil {
		return answer, err
	}
	if len(g.install) > 0 && len(g.caps) == 0 {
		return answer, cli.Usage("--install is for the applet of --cap")
	}
	var texts []string
	for _, path := range scripts {
		text, err := cli.ReadText(c, "--script", path)
		if err != nil {
			return answer, err
		}
		texts = append(texts, text)
	}
	if len(scripts) == 1 {
		scripts, texts = append(scripts, scripts[0]), append(texts, texts[0])
	}
	profile, err := cli.ProfileOf(g.profile)
	if err != nil {
		return answer, err
	}
	files, err := g.files()
	if err != nil {
		return answer, err
	}
	places, err := g.places()
	if err != nil {
		return answer, err
	}
	recording, err := g.recorded.Create()
	if err != nil {
		return answer, err
	}
	defer func() { err = errors.Join(err, recording.Close()) }()
	var runs [2][]glitch.Executed
	for i, path := range scripts {
		text := texts[i]
		var without *glitch.Script
		if len(secrets) > 0 {
			// An error about the script quotes it: first with zeros in the secret's place.
			zeros := strings.Repeat("0", len(secrets[i]))
			without, err = g.scriptOf(path, strings.ReplaceAll(text, "{secret}", zeros), profile,
				files)
			if err != nil {
				return answer, err
			}
			text = strings.ReplaceAll(text, "{secret}", secrets[i])
		}
		s, err := g.scriptOf(path, text, profile, files)
		if err == nil {
			err = g.playOne(c, recording, s, [...]string{"first", "second"}[i]+" run")
		}
		if err == nil {
			runs[i], err = s.Traces(ctx)
		}
		switch {
		case err != nil && without != nil && ctx.Err() == nil:
			if _, err := without.Traces(ctx); err != nil {
				return answer, g.explained(err)
			}
			return answer, fmt.Errorf("%s: it cannot be run with secret %d, and why is not shown, "+
				"as the secret may be in it: try it with another value", path, i+1)
		case err != nil:
			return answer, g.explained(err)
		}
	}
	partings, err := glitch.PartingsOf(places, runs[0], runs[1])
	answer = traceDiff{Commands: len(runs[0]), Partings: []partingAnswer{}}
	for _, p := range partings {
		answer.Partings = append(answer.Partings, partingAnswer{p.Exchange, headerOf(p.Command),
			p.N, p.Place, p.Mnemonic, p.A, p.B, p.OnlyA, p.OnlyB})
	}
	return answer, err
}

func (d traceDiff) text(out io.Writer) error {
	var b strings.Builder
	for _, p := range d.Partings {
		fmt.Fprintf(&b, "command %d, %s, at bytecode %d: %s (%s)\n", p.Command, p.Header, p.N,
			p.Place, p.Mnemonic)
		fmt.Fprintf(&b, "    one goes on to %s, %s of its own\n", p.First,
			progress.Plural(p.OnlyOne, "bytecode"))
		fmt.Fprintf(&b, "    the other to   %s, %s of its own\n", p.Second,
			progress.Plural(p.OnlyTwo, "bytecode"))
	}
	fmt.Fprintf(&b, "%s, the runs part at %s\n", progress.Plural(d.Commands, "command"),
		progress.Plural(len(d.Partings), "place"))
	_, err := io.WriteString(out, b.String())
	return err
}
