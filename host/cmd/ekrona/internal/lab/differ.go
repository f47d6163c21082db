package lab

import (
	"errors"
	"path/filepath"

	"github.com/spf13/cobra"

	"ekrona.example/applet/jcardsim"
	"ekrona.example/host/cmd/ekrona/internal/cli"
	"ekrona.example/host/lab"
)

// differFlags are those of differ besides the subject's.
type differFlags struct {
	subject subjectFlags
	sources []string
	class   string
	seed    uint64
	runs    int
	asJSON  bool
}

func differCommand() *cobra.Command {
	f := &differFlags{}
	c := &cobra.Command{
		Use:   "differ",
		Short: "Compare a script's answers with those of the same applet on jCardSim",
		Long: `Compare a script's answers with those of the same applet on jCardSim.

The CAP file runs on the virtual card, the classes of the same sources on jCardSim, another
implementation of the Java Card API: an answer that differs is a flaw of one of the two, or an
applet that relies on what the API leaves open. What a card draws is compared by its length. After
the script itself --runs mutations of it are compared. jCardSim loses no power, undoes no
transaction, has no firewall, no limits and no org.globalplatform; what comes of that, and what
else it is known to do otherwise, is set aside, and said.

It needs a JDK (11 or newer) and Maven, which fetches jCardSim the first time.

` + subjectHelp + `

Exit code 3: a difference.`,
		Example: `  ekrona lab differ --cap hello.cap --script hello.txt --sources src \
    --class hello.Hello`,
		Args: cli.Exactly(0, "no arguments"),
		RunE: func(c *cobra.Command, _ []string) error { return f.run(c) },
	}
	f.subject.add(c)
	cli.AddFiles(c, &f.sources, "sources",
		"folders of the Java sources, above those of the packages; "+
			"FILE.jar: classes of a library that they use")
	c.Flags().StringVar(&f.class, "class", "", "the applet's class, such as hello.Hello")
	c.Flags().IntVar(&f.runs, "runs", 100, "mutations of the script to compare")
	c.Flags().Uint64Var(&f.seed, "differ-seed", 1, "which mutations")
	cli.JSONFlag(c, &f.asJSON)
	return c
}

func (f *differFlags) run(c *cobra.Command) (err error) {
	switch {
	case len(f.sources) == 0:
		return cli.Usage("%s: --sources FOLDER is missing", c.CommandPath())
	case f.class == "":
		return cli.Usage("%s: --class is missing, such as hello.Hello", c.CommandPath())
	case f.runs < 0:
		return cli.Usage("--runs: %d; give 0 or more", f.runs)
	}
	for _, one := range f.sources {
		if filepath.Ext(one) == ".jar" { // whose error is that of reading it
			continue
		}
		if err := cli.CheckFolder("--sources", one); err != nil {
			return err
		}
	}
	s, script, err := f.subject.open(c)
	if err != nil {
		return err
	}
	differ := &lab.Differ{Subject: s, Script: script, Seed: f.seed, Runs: f.runs,
		KnownFault: func(c lab.Compared) string {
			return jcardsim.KnownFault(jcardsim.Exchange{Command: c.Command, Before: c.Before,
				Card: c.Card, Simulator: c.Other, Thrown: c.Thrown, Undone: c.Undone,
				Recovered: c.Recovered})
		}}
	if err := differ.Check(); err != nil {
		return err
	}
	folder, done, err := cli.TemporaryFolder()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, done()) }()
	classes, err := jcardsim.BuildApplet(c.Context(), f.sources, f.class, folder)
	if err != nil {
		return err
	}
	simulator, err := jcardsim.Start(classes, f.class)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, simulator.Close()) }()
	differ.Other = simulator
	report, err := differ.Run(c.Context())
	if err != nil {
		return err
	}
	if f.asJSON {
		err = cli.WriteJSON(c.OutOrStdout(), report)
	} else {
		report.WriteText(c.OutOrStdout())
	}
	return errors.Join(err, findings(len(report.Differences)))
}
