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

	"ekrona.example/host/progress"
)

// Marks that programs put before text.
var (
	utf8Mark   = []byte{0xEF, 0xBB, 0xBF}
	utf16Marks = [][]byte{{0xFF, 0xFE}, {0xFE, 0xFF}}
)

// separators may separate the fields of a table.
const separators = ",;\t|"

// separated finds what separates the fields: what a first line "sep=;" names, as
// spreadsheets write it for each other, or what is most frequent in the line with the
// names. before is how many lines that took.
func separated(content []byte) (comma rune, rest []byte, before int) {
	first, rest, _ := bytes.Cut(content, []byte{'\n'})
	named := strings.TrimSpace(strings.Trim(strings.TrimRight(string(first), "\r"), `"`))
	if len(named) >= len("sep=") && strings.EqualFold(named[:len("sep=")], "sep=") {
		mark := strings.TrimPrefix(strings.TrimRight(strings.Trim(string(first), `"`), "\r\""),
			named[:len("sep=")])
		if len(mark) == 1 && strings.Contains(separators, mark) {
			return rune(mark[0]), rest, 1
		}
	}
	comma = ','
	for _, mark := range separators {
		if bytes.Count(first, []byte(string(mark))) > bytes.Count(first, []byte(string(comma))) {
			comma = mark
		}
	}
	return comma, content, 0
}

// parseTable reads cards from a table (RFC 4180, in UTF-8), whose first line names
// the columns, in capitals or not. Commas, semicolons, tabs or bars separate; see [separated].
func parseTable(file string, content []byte, head headJob, problems *Problems) []Card {
	content = bytes.TrimPrefix(content, utf8Mark)
	if !checkEncoding(file, content, problems) {
		return nil
	}
	comma, content, before := separated(content)
	in := csv.NewReader(bytes.NewReader(content))
	in.FieldsPerRecord = -1 // counted here, with a clearer error
	in.Comma = comma
	names, err := in.Read()
	if err != nil {
		problems.add(file, before+1, "it has no first line with the names of columns: %s",
			strings.Join(columns, ","))
		return nil
	}
	if !checkColumns(file, before+1, names, problems) {
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
			problems.add(file, before+wrong.StartLine, "%v: put a field that has a quote, a "+
				"line's end or %q in it in quotes, and double the quotes inside; nothing behind "+
				"this line was read", wrong.Err, in.Comma)
			break
		}
		line, _ := in.FieldPos(0)
		line += before
		if len(row) != len(names) {
			problems.add(file, line, "%s, the first line names %s",
				progress.Plural(len(row), "field"), progress.Plural(len(names), "column"))
			continue
		}
		cards = append(cards, cardOf(file, line, func(column string) string {
			if i := slices.Index(names, column); i >= 0 {
				return strings.TrimSpace(row[i])
			}
			return ""
		}, head, problems))
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
	if bytes.Contains(content, []byte{'\r'}) && !bytes.Contains(content, []byte{'\n'}) {
		problems.add(file, 1, "its lines end with CR alone: save it as CSV with line ends of "+
			"Windows or Unix")
		return false
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
func checkColumns(file string, line int, names []string, problems *Problems) bool {
	before := len(*problems)
	for i := range names {
		names[i] = strings.ToLower(strings.TrimSpace(names[i]))
		switch {
		case !slices.Contains(columns, names[i]):
			problems.add(file, line, "unknown column %.60q; there are %s", names[i],
				strings.Join(columns, ", "))
		case slices.Contains(names[:i], names[i]):
			problems.add(file, line, "column %s is there twice", names[i])
		}
	}
	if !slices.Contains(names, "owner") {
		problems.add(file, line, "column owner is missing")
	}
	return len(*problems) == before
}

// lines are those of an address: at line ends, or at semicolons with a blank.
func lines(text string) []string {
	var all []string
	for _, line := range strings.Split(strings.ReplaceAll(strings.ReplaceAll(text, "\r\n", "\n"),
		"; ", "\n"), "\n") {
		if line = strings.TrimSpace(line); line != "" {
			all = append(all, line)
		}
	}
	return all
}

func parseCount(text string, least, most uint8) (uint8, error) {
	n, err := strconv.ParseUint(text, 10, 8)
	if err == nil && (uint8(n) < least || uint8(n) > most) {
		err = fmt.Errorf("not %d to %d", least, most)
	}
	return uint8(n), err
}
