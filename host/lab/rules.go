package lab

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"ekrona.example/apdu"
	"ekrona.example/apdu/script"
	"ekrona.example/emulator/inspect"
)

// Rules say what a power cut, or a refused command, may leave. The zero Rules allow nothing but
// all or nothing, and what the Java Card API itself makes an exception.
type Rules struct {
	ignored  []string
	lower    []string
	higher   []string
	same     [][2]string
	observed []Line
	allowed  []string // findings of fuzzing
}

// ParseRules reads rules, one a line; "#" begins a comment. Patterns are names as a tear shows
// them, such as Purse.log[3] or Wallet.scratch, with "*" for anything.
//
//	ignore PATTERN         what is there may be anything: scratch memory, a counter of tries
//	never-lower PATTERN    a number that no cut may set back
//	never-higher PATTERN   a number that no cut may raise
//	same NAME NAME         two fields that hold the same after every cut
//	allow PATTERN          a finding of fuzzing that is known, by its kind and its place
//	observe LINE           the card is as before, or as after, when it answers this line so,
//	                       whatever its memory holds; several are done in their order
func (s *Subject) ParseRules(r io.Reader) (*Rules, error) {
	rules := &Rules{}
	for lines := apdu.NewLines(r, script.MaxLine); ; {
		text, err := lines.Next()
		if errors.Is(err, io.EOF) {
			return rules, nil
		}
		if err != nil {
			return nil, err
		}
		text = strings.TrimSpace(text)
		if text == "" || text[0] == '#' {
			continue
		}
		word, rest, _ := strings.Cut(text, " ")
		rest = strings.TrimSpace(rest)
		if err := rules.add(s, word, rest); err != nil {
			return nil, fmt.Errorf("line %d: %w", lines.Number(), err)
		}
	}
}

func (r *Rules) add(s *Subject, word, rest string) error {
	if rest == "" {
		return fmt.Errorf("%q has nothing behind it", word)
	}
	if word == "observe" {
		lines, err := s.ReadScript(strings.NewReader(rest))
		if err != nil {
			return err
		}
		r.observed = append(r.observed, lines...)
		return nil
	}
	rest, _, _ = strings.Cut(rest, " #")
	if word == "allow" {
		kind, _, _ := strings.Cut(strings.TrimSpace(rest), " ")
		if !strings.Contains(kind, "*") && !slices.Contains(kinds, Kind(kind)) {
			return fmt.Errorf("allow begins with a kind of finding, or with *: %q is none of %v",
				kind, kinds)
		}
		r.allowed = append(r.allowed, strings.TrimSpace(rest))
		return nil
	}
	names := strings.Fields(rest)
	want := 1
	if word == "same" {
		want = 2
	}
	known := []string{"ignore", "never-lower", "never-higher", "same"}
	switch {
	case !slices.Contains(known, word):
		return fmt.Errorf("%q is no rule: use ignore, never-lower, never-higher, same, allow, "+
			"observe",
			word)
	case len(names) != want:
		return fmt.Errorf("%s takes %d names, not %d", word, want, len(names))
	}
	switch word {
	case "ignore":
		r.ignored = append(r.ignored, names[0])
	case "never-lower":
		r.lower = append(r.lower, names[0])
	case "never-higher":
		r.higher = append(r.higher, names[0])
	default:
		r.same = append(r.same, [2]string{names[0], names[1]})
	}
	return nil
}

// ofAPI are what the API writes outside transactions by its own rules, each with its reason. They
// are names of hidden fields behind the class of the object.
var ofAPI = []struct{ class, field, reason string }{
	{"OwnerPIN", "secret[0]", "a try counter, which no transaction may give back"},
	{"OwnerPINxObject", "secret[0]", "a try counter, which no transaction may give back"},
	{"OwnerPINxWithPredecrementObject", "secret[0]", "a try counter"},
	{"Signature", "", "the state of an engine"},
	{"SignatureWithRecovery", "", "the state of an engine"},
	{"Cipher", "", "the state of an engine"},
	{"AEADCipher", "", "the state of an engine"},
	{"KeyAgreement", "", "the state of an engine"},
}

// allows reports whether a change is of no account.
func (r *Rules) allows(c inspect.Change, in *inspect.Image) bool {
	name := c.Name()
	for _, pattern := range r.ignored {
		if inspect.Matches(pattern, name) || inspect.Matches(pattern, c.Object) {
			return true
		}
	}
	for _, a := range ofAPI {
		if a.field == "" && c.Class == a.class {
			return true
		}
		if holder, is := strings.CutSuffix(name, "."+a.field); is && a.field != "" {
			if o := in.At(holder); o != nil && o.Class == a.class {
				return true
			}
		}
	}
	return false
}

// left is what is different and not allowed.
func (r *Rules) left(from, to *inspect.Image) []inspect.Change {
	var list []inspect.Change
	for _, c := range inspect.Diff(from, to) {
		if !r.allows(c, from) {
			list = append(list, c)
		}
	}
	return list
}

// broken lists the rules that an image breaks which came of another.
func (r *Rules) broken(before, now *inspect.Image) []string {
	var list []string
	if len(r.lower)+len(r.higher) > 0 {
		for _, c := range inspect.Diff(before, now) {
			list = append(list, r.moved(c)...)
		}
	}
	for _, pair := range r.same {
		a, foundA := now.Value(pair[0])
		b, foundB := now.Value(pair[1])
		if foundA && foundB && a != b {
			list = append(list, fmt.Sprintf("%s is %s and %s is %s", pair[0], a, pair[1], b))
		}
	}
	return list
}

// moved lists the rules about a direction that a change breaks.
func (r *Rules) moved(c inspect.Change) (list []string) {
	old, err := number(c, c.Old)
	if err != nil {
		return nil
	}
	now, err := number(c, c.New)
	if err != nil {
		return nil
	}
	for _, pattern := range r.lower {
		if now < old && inspect.Matches(pattern, c.Name()) {
			list = append(list, fmt.Sprintf("%s fell from %s to %s", c.Name(), c.Old, c.New))
		}
	}
	for _, pattern := range r.higher {
		if now > old && inspect.Matches(pattern, c.Name()) {
			list = append(list, fmt.Sprintf("%s rose from %s to %s", c.Name(), c.Old, c.New))
		}
	}
	return list
}

// number reads one side of a change: decimal of a field, hex of bytes.
func number(c inspect.Change, value string) (int64, error) {
	if c.Field == "" {
		return strconv.ParseInt(value, 16, 64)
	}
	return strconv.ParseInt(value, 10, 64)
}
