package batch

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"ekrona/apdu/message"
)

// Marks that programs put before text.
var (
	utf8Mark   = []byte{0xEF, 0xBB, 0xBF}
	utf16Marks = [][]byte{{0xFF, 0xFE}, {0xFE, 0xFF}}
)

// parseTable reads cards from a table (RFC 4180, in UTF-8), whose first line names
// the columns. Commas or semicolons separate, as the first line does.
func parseTable(file string, content []byte, ceilings message.Policy, problems *Problems) []Card {
	content = bytes.TrimPrefix(content, utf8Mark)
	if !checkEncoding(file, content, problems) {
		return nil
	}
	in := csv.NewReader(bytes.NewReader(content))
	in.FieldsPerRecord = -1 // counted here, with a clearer error
	first, _, _ := bytes.Cut(content, []byte{'\n'})
	if bytes.Contains(first, []byte{';'}) && !bytes.Contains(first, []byte{','}) {
		in.Comma = ';'
	}
	names, err := in.Read()
	if err != nil {
		problems.add(file, 1, "it has no first line with the names of columns: %s", strings.Join(columns, ","))
		return nil
	}
	if !checkColumns(file, names, problems) {
		return nil
	}
	var cards []Card
	for len(cards) <= maxCards {
		row, err := in.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		var wrong *csv.ParseError
		if errors.As(err, &wrong) {
			problems.add(file, wrong.StartLine, "%v: put a field that has a quote, a line's end or %q in it in quotes, and double the quotes inside; nothing behind this line was read", wrong.Err, in.Comma)
			break
		}
		line, _ := in.FieldPos(0)
		if len(row) != len(names) {
			problems.add(file, line, "%d fields, the first line names %d columns", len(row), len(names))
			continue
		}
		cards = append(cards, cardOf(file, line, func(column string) string {
			if i := slices.Index(names, column); i >= 0 {
				return strings.TrimSpace(row[i])
			}
			return ""
		}, ceilings, problems))
	}
	return cards
}

func checkEncoding(file string, content []byte, problems *Problems) bool {
	for _, mark := range utf16Marks {
		if bytes.HasPrefix(content, mark) {
			problems.add(file, 1, "it is in UTF-16: save it as CSV in UTF-8")
			return false
		}
	}
	sound := true
	line := 0
	for rest := content; len(rest) > 0; {
		var text []byte
		text, rest, _ = bytes.Cut(rest, []byte{'\n'})
		if line++; !utf8.Valid(text) {
			problems.add(file, line, "it is not in UTF-8: save the table as CSV in UTF-8")
			sound = false
		}
	}
	return sound
}

// checkColumns makes the names those of columns, and complains of others.
func checkColumns(file string, names []string, problems *Problems) bool {
	before := len(*problems)
	for i := range names {
		names[i] = strings.TrimSpace(names[i])
		switch {
		case !slices.Contains(columns, names[i]):
			problems.add(file, 1, "unknown column %q; there are %s", names[i], strings.Join(columns, ", "))
		case slices.Contains(names[:i], names[i]):
			problems.add(file, 1, "column %s stands twice", names[i])
		}
	}
	if !slices.Contains(names, "owner") {
		problems.add(file, 1, "column owner is missing")
	}
	return len(*problems) == before
}

// lines are those of an address: at line ends, or at semicolons with a blank.
func lines(text string) []string {
	var all []string
	for _, line := range strings.Split(strings.ReplaceAll(strings.ReplaceAll(text, "\r\n", "\n"), "; ", "\n"), "\n") {
		if line = strings.TrimSpace(line); line != "" {
			all = append(all, line)
		}
	}
	return all
}

func parseCount(text string) (uint8, error) {
	n, err := strconv.ParseUint(text, 10, 8)
	if err == nil && n == 0 {
		err = fmt.Errorf("none")
	}
	return uint8(n), err
}
