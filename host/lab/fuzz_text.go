package lab

import (
	"fmt"
	"io"
)

// WriteText writes the report as text: each finding with what changed and a script that shows it.
func (r *FuzzReport) WriteText(out io.Writer) {
	for _, f := range r.Findings {
		fmt.Fprintf(out, "%s  %s  (%d times)\n", f.Kind, f.Where, f.Times)
		for _, d := range f.Detail {
			fmt.Fprintf(out, "    %s\n", d)
		}
		for _, line := range f.Script {
			fmt.Fprintf(out, "  %s\n", line)
		}
		fmt.Fprintln(out)
	}
	fmt.Fprintf(out, "seed %d: %d sequences, %d commands in %.1f seconds (%.0f a second), "+
		"%d instructions reached, %d findings\n", r.Seed, r.Runs, r.Commands, r.Seconds, r.Rate,
		r.Reached, len(r.Findings))
}
