package lab

import (
	"bytes"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"ekrona.example/host/cmd/ekrona/internal/cli"
	"ekrona.example/host/durable"
	"ekrona.example/host/lab"
)

// coverFiles are the files that cover writes.
type coverFiles struct{ lcov, html, folded, flame, sources string }

func coverCommand() *cobra.Command {
	f, files, asJSON := &subjectFlags{}, coverFiles{}, false
	c := &cobra.Command{
		Use:   "cover",
		Short: "Show which instructions and lines a script reaches, and where bytecodes go",
		Long: `Show which instructions and source lines a script reaches, and where bytecodes go.

` + subjectHelp,
		Example: `  ekrona lab cover --cap purse.cap --script credit.txt --html cover.html`,
		Args:    cli.Exactly(0, "no arguments"),
		RunE: func(c *cobra.Command, _ []string) error {
			if err := cli.CheckFolder("--sources", files.sources); err != nil {
				return err
			}
			s, script, err := f.open(c)
			if err != nil {
				return err
			}
			ran, err := s.Cover(c.Context(), script)
			if err != nil {
				return err
			}
			if err := files.write(ran); err != nil {
				return err
			}
			if missing := ran.Missing(files.sources); files.sources != "" && len(missing) > 0 {
				fmt.Fprintf(c.ErrOrStderr(), "--sources: there is no %s in %s: give the folder "+
					"above those of the packages\n", strings.Join(missing, ", no "), files.sources)
			}
			if asJSON {
				return cli.WriteJSON(c.OutOrStdout(), ran)
			}
			ran.WriteText(c.OutOrStdout())
			return nil
		},
	}
	f.add(c)
	c.Flags().StringVar(&files.lcov, "lcov", "", "write lcov's tracefile to this file")
	c.Flags().StringVar(&files.html, "html", "", "write a page to this file")
	c.Flags().StringVar(&files.folded, "folded", "",
		"write bytecodes by stack to this file, for flame graph programs")
	c.Flags().StringVar(&files.flame, "flame", "", "write a flame graph to this file, in SVG")
	c.Flags().StringVar(&files.sources, "sources", "",
		"folder of the Java sources, above those of the packages")
	cli.OutputFlags(c, "lcov", "html", "folded", "flame")
	cli.JSONFlag(c, &asJSON)
	return c
}

// write writes the files that were asked for.
func (f coverFiles) write(ran *lab.Ran) error {
	for _, one := range []struct {
		flag, path string
		write      func(out io.Writer)
	}{
		{"lcov", f.lcov, func(out io.Writer) { ran.WriteLCOV(out, f.sources) }},
		{"html", f.html, func(out io.Writer) { ran.WriteHTML(out, f.html, f.sources) }},
		{"folded", f.folded, ran.WriteFolded},
		{"flame", f.flame, func(out io.Writer) { ran.WriteFlame(out, f.flame) }},
	} {
		if one.path == "" {
			continue
		}
		content := &bytes.Buffer{}
		one.write(content)
		if err := durable.Replace(one.path, content.Bytes(), durable.Everyone); err != nil {
			return fmt.Errorf("--%s: %w", one.flag, err)
		}
	}
	return nil
}
