package shell

import (
	"cmp"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"ekrona.example/apdu"
	"ekrona.example/apdu/trace"
)

// knownAIDs are those of well-known applications and of the directories that list them.
var knownAIDs = []string{
	"A000000151000000",             // GlobalPlatform's card manager
	"315041592E5359532E4444463031", // 1PAY.SYS.DDF01 (EMV 4.3 Book 1 §12)
	"325041592E5359532E4444463031", // 2PAY.SYS.DDF01 (EMV Contactless Book B §3.3)
	"A0000000031010",               // Visa
	"A0000000041010",               // Mastercard
	"A0000000043060",               // Maestro
	"A00000002501",                 // American Express
	"A0000001523010",               // Discover
	"A0000003330101",               // UnionPay
	"A0000002471001",               // travel document (ICAO Doc 9303-10)
	"A0000002472001",               // travel records
	"D27600012401",                 // OpenPGP
	"A000000308000010000100",       // PIV
	"D2760000850101",               // NFC Forum tag type 4
	"A0000006472F0001",             // FIDO
	"E80704007F00070302",           // eIDAS token
}

// KnownAIDs are AIDs of well-known applications, for completion.
func KnownAIDs() []string { return slices.Clone(knownAIDs) }

// Complete returns the lines that a line to its end may become: words, names of commands with
// their options, status words behind "->", and what a word's arguments may be. If it is one, a
// blank stands behind it, unless more of the same follows, as behind a folder.
func (s *Session) Complete(line string) []string {
	i := strings.LastIndexAny(line, " \t") + 1
	begin, last := line[:i], line[i:]
	var found, other []string // as it is typed, and in the other case
	add := func(candidates []string) {
		for _, c := range candidates {
			switch {
			case strings.HasPrefix(c, last):
				found = append(found, begin+c)
			case strings.HasPrefix(strings.ToLower(c), strings.ToLower(last)):
				other = append(other, begin+c)
			}
		}
	}
	words := strings.Fields(begin)
	switch word, isWord := s.wordOf(words); {
	case slices.Contains(words, "->"):
		add(s.statusNames())
	case isWord && word.Complete != nil:
		add(word.Complete(s, words[1:], last))
	case isWord:
	case len(words) == 0:
		add(s.names.Words)
		add(s.titles(""))
	default:
		add(s.titles(strings.Join(words, " ")))
		add(s.optionsOf(words, last))
	}
	if len(found) == 0 {
		found = other
	}
	slices.Sort(found)
	found = slices.Compact(found)
	const goesOn = "=:." + string(filepath.Separator)
	if len(found) == 1 && found[0] != begin && strings.TrimRight(found[0], goesOn) == found[0] {
		found[0] += " "
	}
	return found
}

// wordOf is the word that a line begins with.
func (s *Session) wordOf(words []string) (Word, bool) {
	if len(words) == 0 {
		return Word{}, false
	}
	return s.find(words[0])
}

// titles are what may follow the beginning of a command's title, word by word.
func (s *Session) titles(begin string) []string {
	var next []string
	for _, c := range s.names.Commands {
		rest, is := c.Title, begin == ""
		if !is && len(c.Title) > len(begin) && strings.EqualFold(c.Title[:len(begin)], begin) {
			rest, is = strings.CutPrefix(c.Title[len(begin):], " ")
		}
		if is {
			next = append(next, rest)
		}
	}
	return next
}

// tagOption is the option whose values are tags.
const tagOption = "tag="

// optionsOf are the options of the command whose title the words begin with, and the tags that
// the last of them may name.
func (s *Session) optionsOf(words []string, last string) []string {
	n := len(words)
	for i, w := range words {
		if strings.Contains(w, "=") || w == "extended" {
			n = i
			break
		}
	}
	title := strings.Join(words[:n], " ")
	for _, c := range s.names.Commands {
		if !strings.EqualFold(c.Title, title) {
			continue
		}
		options := c.Options()
		if strings.HasPrefix(last, tagOption) && slices.Contains(options, tagOption) {
			for _, t := range trace.TagNames() {
				options = append(options, tagOption+t.Tag.String())
			}
		}
		return options
	}
	return nil
}

// statusNames are the status words by name and number.
func (s *Session) statusNames() []string {
	names := []string{"none"}
	for _, row := range s.names.Statuses {
		names = append(names, row.Name, row.Status.String())
	}
	for _, row := range apdu.StatusWords {
		names = append(names, row.Name)
		if row.First == row.Last {
			names = append(names, fmt.Sprintf("%04X", uint16(row.First)))
		}
	}
	return names
}

// Masked is a line as a history may keep it: of the commands and words that hold secrets the
// secret bytes are "**". A line that does not parse, and could hold one, is not kept: "".
func (s *Session) Masked(line string) string {
	step, found, err := s.names.ParseLine(line)
	switch {
	case err != nil, step.Malformed != nil:
		return ""
	case !found:
		return strings.TrimSpace(line)
	case step.Word != "":
		w, _ := s.find(step.Word)
		if w.Secret > 0 && len(step.Arguments) >= w.Secret {
			step.Arguments[w.Secret-1], step.Pattern = "**", nil
			return s.names.Text(step)
		}
		if w.Plain != nil && !w.Plain(step.Arguments) {
			return step.Word + " **"
		}
		if w.Line != nil && len(step.Arguments) > 0 {
			at := min(w.Line(step.Arguments), len(step.Arguments))
			inner := strings.Join(step.Arguments[at:], " ")
			if masked := s.Masked(inner); masked != inner {
				words := append([]string{step.Word}, step.Arguments[:at]...)
				return strings.Join(append(words, cmp.Or(masked, "**")), " ")
			}
		}
		return strings.TrimSpace(line)
	}
	spans := s.typed.Hidden(step.Command)
	if len(spans) == 0 {
		return strings.TrimSpace(line)
	}
	raw, err := step.Command.Bytes()
	if err != nil {
		return ""
	}
	header := dataAt(raw, len(step.Command.Data))
	masked := fmt.Appendf(nil, "%X", raw)
	for _, span := range spans {
		for i := 2 * (header + span.From); i < 2*(header+span.To) && i < len(masked); i++ {
			masked[i] = '*'
		}
	}
	return string(masked)
}

// dataAt is where the data of an encoded command begins: behind the header and Lc.
func dataAt(raw []byte, n int) int {
	const short, extended = 5, 7
	if len(raw) > 4 && raw[4] == 0 && n > 0 {
		return extended
	}
	return short
}
