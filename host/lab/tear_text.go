package lab

import (
	"fmt"
	"io"
	"strings"

	"ekrona.example/host/progress"
)

// WriteText writes the report as text: a line for each line of the script, below it what its cuts
// left. Cuts that follow each other and left the same are one line.
func (r *TearReport) WriteText(out io.Writer) {
	at := 0
	for _, l := range r.Lines {
		fmt.Fprintf(out, "line %d  %s -> %s\n", l.Line, l.Command, short(l.Answer))
		if l.Skipped != "" {
			fmt.Fprintf(out, "  not torn: %s\n", l.Skipped)
			continue
		}
		end := at
		for end < len(r.Cuts) && r.Cuts[end].Line == l.Line {
			end++
		}
		writeCuts(out, r.Cuts[at:end])
		at = end
	}
	fmt.Fprintf(out, "%s of %s, %s\n", progress.Plural(len(r.Cuts), "cut"),
		progress.Plural(len(r.Lines), "line"), progress.Plural(r.Findings, "finding"))
}

// writeCuts writes the cuts of one line.
func writeCuts(out io.Writer, cuts []Cut) {
	for from := 0; from < len(cuts); {
		to := from + 1
		for to < len(cuts) && cuts[to].State == cuts[from].State &&
			strings.Join(cuts[to].Differs, "") == strings.Join(cuts[from].Differs, "") {
			to++
		}
		first, last := cuts[from], cuts[to-1]
		writes, where := fmt.Sprintf("write %d", first.Write), first.Where
		if to-from > 1 {
			writes = fmt.Sprintf("writes %d to %d", first.Write, last.Write)
			if last.Where != first.Where {
				where += " to " + last.Where
			}
		}
		fmt.Fprintf(out, "  cut before %-16s %-10s %s\n", writes, first.State, where)
		for _, d := range first.Differs {
			fmt.Fprintf(out, "      %s\n", d)
		}
		from = to
	}
}

// shortAnswer is the most of an answer that a table shows.
const shortAnswer = 32

func short(answer string) string {
	if len(answer) > shortAnswer {
		return answer[:shortAnswer-8] + "..." + answer[len(answer)-4:]
	}
	return answer
}
