package lab

import (
	"fmt"
	"slices"
	"strings"

	"ekrona.example/apdu"
	"ekrona.example/emulator/inspect"
)

// sought are the names in rules that no object or field had yet, and those that there were.
type sought struct {
	rules []string
	there map[string]bool
}

// names are what the rules name on the card.
func (r *Rules) names() *sought {
	s := &sought{rules: slices.Concat(r.ignored, r.lower, r.higher), there: map[string]bool{}}
	for _, pair := range r.same {
		s.rules = append(s.rules, pair[0], pair[1])
	}
	return s
}

// look takes in what is on a card now, as long as a name was not found.
func (s *sought) look(b *Bench) {
	if len(s.rules) == 0 {
		return
	}
	for _, name := range b.image().FieldNames() {
		if s.there[name] {
			continue
		}
		s.there[name] = true
		s.rules = slices.DeleteFunc(s.rules, func(rule string) bool {
			inArray, _, hasIndex := cutLast(rule, "[")
			return inspect.Matches(rule, name) || hasIndex && inspect.Matches(inArray, name)
		})
	}
}

func cutLast(text, at string) (before, after string, found bool) {
	i := strings.LastIndex(text, at)
	if i < 0 {
		return text, "", false
	}
	return text[:i], text[i+len(at):], true
}

// nearest is how many names an error offers.
const nearest = 3

// err is not nil if a rule names what was never on the card: a rule that holds nothing.
func (s *sought) err() error {
	if len(s.rules) == 0 {
		return nil
	}
	rule := s.rules[0]
	names := []string{}
	for name := range s.there {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int {
		if d := apdu.Distance(rule, a) - apdu.Distance(rule, b); d != 0 {
			return d
		}
		return strings.Compare(a, b)
	})
	return fmt.Errorf("the rules name %s, which nothing on the card is called, at no line of the "+
		"script; the nearest names: %s", rule, strings.Join(names[:min(nearest, len(names))], ", "))
}
