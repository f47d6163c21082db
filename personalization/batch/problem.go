package batch

import (
	"fmt"
	"slices"
	"strings"
)

// Problem is one thing that is wrong with a job.
type Problem struct {
	File string // as it was named
	Line int    // 1 for the first, 0 when it is no line's
	What string // what, and what to do
}

// String is the problem on one line.
func (p Problem) String() string {
	if p.Line == 0 {
		return fmt.Sprintf("%s: %s", p.File, p.What)
	}
	return fmt.Sprintf("%s:%d: %s", p.File, p.Line, p.What)
}

// Problems are all that is wrong with a job. As an error it means that nothing was
// started.
type Problems []Problem

// Error is every problem, each on its line.
func (p Problems) Error() string {
	lines := make([]string, len(p))
	for i, one := range p {
		lines[i] = one.String()
	}
	return strings.Join(lines, "\n")
}

func (p *Problems) add(file string, line int, format string, arguments ...any) {
	*p = append(*p, Problem{file, line, fmt.Sprintf(format, arguments...)})
}

// err is the problems in the order of their lines, nil if there are none.
func (p Problems) err() error {
	if len(p) == 0 {
		return nil
	}
	slices.SortStableFunc(p, func(a, b Problem) int {
		if a.File != b.File {
			return strings.Compare(a.File, b.File)
		}
		return a.Line - b.Line
	})
	return p
}
