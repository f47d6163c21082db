package batch

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"ekrona.example/apdu/message"
	"ekrona.example/personalization"
	"ekrona.example/personalization/batch/letter"
	"ekrona.example/personalization/cardkeys"
)

// headJob is a job while it is read, with the limits of cards that name none.
type headJob struct {
	Job
	limits  personalization.Limits
	limited map[string]bool // columns for which the job itself names a ceiling
}

// mapping is a YAML mapping of known fields, with their lines.
type mapping struct {
	file     string
	line     int
	fields   map[string]*yaml.Node
	problems *Problems
}

// head is a job file read so far: where its cards are.
type head struct {
	mapping
	table *yaml.Node // name of a CSV file
	cards *yaml.Node // or a list
}

var jobFields = []string{"job", "bank", "batch", "keys", "expiry", "ceilings", "letters",
	"cards"}

// parseHead reads the job file but for its cards; nil if it is no mapping at all.
func parseHead(file string, content []byte, problems *Problems) (*head, headJob) {
	job := headJob{limits: personalization.DefaultLimits(), limited: map[string]bool{}}
	node, err := document(content)
	if err != nil {
		problems.add(file, lineOf(err), "%v", err)
		return nil, job
	}
	h := &head{mapping: *fields(file, node, problems, jobFields...)}
	if h.fields == nil {
		return nil, job
	}
	if job.Name = h.text("job", true); job.Name != "" && !namePattern.MatchString(job.Name) {
		h.complain("job", "%.60q: give 1 to 40 of a-z, 0-9 and -", job.Name)
	}
	if bank := h.text("bank", true); bank != "" {
		job.Bank = message.Name(bank)
		if _, err := message.NewDeviceID(job.Bank, "C0000001"); err != nil {
			h.complain("bank", "%.60q: give the intermediary's name, such as SENORDIC", bank)
		}
	}
	if text := h.text("batch", false); text != "" {
		job.Batch, err = message.ParseDeviceID(text)
		if err != nil || job.Batch.Name() != job.Bank {
			h.complain("batch", "%.60q: give a batch of the intermediary's cards, such as "+
				"SENORDICB0000001", text)
		}
	}
	if keys := h.section("keys", true, "initial", "final"); keys != nil {
		job.Initial, job.Final = keys.text("initial", true), keys.text("final", true)
		if job.Final == cardkeys.Test {
			keys.complain("final",
				"everybody knows the test keys: make others with \"ekrona issue key FILE\"")
		}
	}
	if text := h.text("expiry", false); text != "" {
		if job.Expiry, err = message.ParseDate(text); err != nil {
			h.complain("expiry", "%.60q: give a day such as 2030-12-31", text)
		}
	}
	if section := h.section("ceilings", false, limitColumns...); section != nil {
		for column := range section.fields {
			job.limited[column] = true
		}
		job.limits = limits(file, func(column string) (string, int) {
			return section.text(column, false), section.lineOf(column)
		}, job.limits, problems)
	}
	h.recipients(&job.Job)
	switch node := h.fields["cards"]; {
	case node == nil:
		problems.add(file, h.line, "cards: missing: name a CSV file, or list the cards here")
	case node.Kind == yaml.SequenceNode:
		h.cards = node
	case scalar(node) && node.Value != "":
		h.table = node
	default:
		h.complain("cards", "name a CSV file, or list the cards here")
	}
	return h, job
}

// recipients reads for whom the PIN letters are.
func (h *head) recipients(job *Job) {
	section := h.section("letters", true, "recipients")
	if section == nil {
		return
	}
	node := section.fields["recipients"]
	if node == nil || node.Kind != yaml.SequenceNode || len(node.Content) == 0 {
		section.complain("recipients",
			"list the public keys of those who print the PIN letters, each \"age1...\"")
		return
	}
	for _, one := range node.Content {
		recipient, err := letter.Recipient(one.Value)
		if err != nil {
			h.problems.add(h.file, one.Line, "recipients: %v", err)
			continue
		}
		job.Recipients = append(job.Recipients, recipient)
	}
}

// cardsFile is the file with the cards.
func (h *head) cardsFile() string {
	if h.table != nil {
		return h.table.Value
	}
	return h.file
}

// inline reads the cards that are listed in the job file.
func (h *head) inline(job headJob) []Card {
	var cards []Card
	for _, node := range h.cards.Content {
		row := fields(h.file, node, h.problems, columns...)
		if row.fields != nil {
			cards = append(cards,
				cardOf(h.file, node.Line,
					func(column string) string { return row.text(column, false) }, job, h.problems))
		}
	}
	return cards
}

// document is the one YAML document of a file.
func document(content []byte) (*yaml.Node, error) {
	in := yaml.NewDecoder(bytes.NewReader(content))
	var first, second yaml.Node
	if err := in.Decode(&first); errors.Is(err, io.EOF) || err == nil && len(first.Content) != 1 {
		return nil, errors.New("it is empty: a job begins with \"job: NAME\"")
	} else if err != nil {
		return nil, err
	}
	if err := in.Decode(&second); !errors.Is(err, io.EOF) {
		return nil, errors.New("it goes on after the job: one job in a file, without \"---\"")
	}
	return first.Content[0], nil
}

// lineOf is the line that an error of the YAML parser names, 0 for none.
func lineOf(err error) int {
	_, after, _ := strings.Cut(err.Error(), "line ")
	number, _, _ := strings.Cut(after, ":")
	n, err := strconv.Atoi(number)
	if err != nil {
		return 0
	}
	return n
}

func scalar(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode }

// fields reads a mapping that has only the known fields.
func fields(file string, node *yaml.Node, problems *Problems, known ...string) *mapping {
	m := &mapping{file: file, line: node.Line, problems: problems}
	if node.Kind != yaml.MappingNode {
		problems.add(file, node.Line, "here should be fields: %s", strings.Join(known, ", "))
		return m
	}
	m.fields = map[string]*yaml.Node{}
	for i := 0; i+1 < len(node.Content); i += 2 {
		name, value := node.Content[i], node.Content[i+1]
		switch _, again := m.fields[name.Value]; {
		case !scalar(name) || !slices.Contains(known, name.Value):
			problems.add(file, name.Line, "unknown field %.60q; there are %s", name.Value,
				strings.Join(known, ", "))
		case again:
			problems.add(file, name.Line, "field %s is there twice", name.Value)
		default:
			m.fields[name.Value] = value
		}
	}
	return m
}

func (m *mapping) lineOf(name string) int {
	if node := m.fields[name]; node != nil {
		return node.Line
	}
	return m.line
}

func (m *mapping) complain(name, format string, arguments ...any) {
	m.problems.add(m.file, m.lineOf(name), "%s: %s", name, fmt.Sprintf(format, arguments...))
}

// text is a field's text, without blanks around it.
func (m *mapping) text(name string, needed bool) string {
	node := m.fields[name]
	switch {
	case node == nil && needed:
		m.complain(name, "missing")
	case node == nil:
	case !scalar(node):
		m.complain(name, "here should be a text or number")
	case strings.TrimSpace(node.Value) == "" && needed:
		m.complain(name, "empty")
	default:
		return strings.TrimSpace(node.Value)
	}
	return ""
}

// section is a field that has fields.
func (m *mapping) section(name string, needed bool, known ...string) *mapping {
	node := m.fields[name]
	if node == nil {
		if needed {
			m.complain(name, "missing; it has %s", strings.Join(known, ", "))
		}
		return nil
	}
	if s := fields(m.file, node, m.problems, known...); s.fields != nil {
		return s
	}
	return nil
}
