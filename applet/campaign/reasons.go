package campaign

import (
	"fmt"
	"strings"
)

// Separator stands between the fields of a name that has several, and before the reason.
const Separator = " | "

// Reasons are why findings are accepted, by the variants' names.
type Reasons map[string]string

// ParseReasons reads the text of a reasons file: on each line a name, [Separator] and the
// reason; lines that begin with # are remarks.
func ParseReasons(text string) (Reasons, error) {
	reasons := Reasons{}
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		at := strings.LastIndex(line, Separator)
		if at < 0 || strings.TrimSpace(line[at+len(Separator):]) == "" {
			return nil, fmt.Errorf("%q has no reason; write it behind %q", line, Separator)
		}
		name := line[:at]
		if _, twice := reasons[name]; twice {
			return nil, fmt.Errorf("%q is there twice", name)
		}
		reasons[name] = line[at+len(Separator):]
	}
	return reasons, nil
}
