package batch

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"unicode/utf8"

	"filippo.io/age"
	"go.yaml.in/yaml/v3"

	"ekrona.example/apdu/message"
	"ekrona.example/apdu/money"
	"ekrona.example/apdu/spec"
	"ekrona.example/host/banking"
	"ekrona.example/host/durable"
	"ekrona.example/personalization"
	"ekrona.example/personalization/batch/letter"
)

// Bounds of what is read.
const (
	maxJobBytes   = 1 << 20
	maxTableBytes = 64 << 20
	maxCards      = 100_000
	maxLine       = 80 // characters of a line of a letter
	maxAddress    = 6  // lines
)

// Job is a checked job file: what all its cards share, and the cards.
type Job struct {
	Name    string
	Bank    message.Name // intermediary whose cards they are
	Initial string       // reference of the cards' initial keys, as the command line takes it
	// reference of the keys that replace them; "keep" leaves the initial ones
	Final      string
	Expiry     message.Date     // last day of the cards' certificates; none is left to the issuer
	Batch      message.DeviceID // whose key the cards share; none: by their numbers
	Recipients []age.Recipient
	Cards      []Card
	File       string // of the job
	CardsFile  string // file of the cards

	lines map[string]int // of the fields in File

	// Digest is the SHA-256 of what was read, so that a job that was started is not
	// continued after a change.
	Digest [sha256.Size]byte
}

// Card is one card of a job.
type Card struct {
	Line    int    // in its file
	Owner   string // the intermediary's reference of the customer
	Name    string // on the letter
	Address []string
	personalization.Limits

	// Second and Replaces are as in [banking.Reservation]. A card that is replaced is
	// reported lost when the new one is active.
	Second   bool
	Replaces message.DeviceID
}

// Place is where a field of the job's head is written, "bank" or "keys: final" for example:
// "spring.yaml:2: bank".
func (j *Job) Place(field string) string {
	if line := j.lines[field]; line > 0 {
		return fmt.Sprintf("%s:%d: %s", j.File, line, field)
	}
	return j.File + ": " + field
}

// reservation is that of the card's device id.
func (c Card) reservation(intent string) banking.Reservation {
	return banking.Reservation{
		Kind: banking.KindCard, Intent: intent, Owner: c.Owner,
		Second: c.Second, Replaces: c.Replaces,
	}
}

// MostSlots are the slots of the card with the longest log.
func (j *Job) MostSlots() uint8 {
	most := uint8(spec.MinSlots)
	for _, c := range j.Cards {
		most = max(most, c.Slots)
	}
	return most
}

// Keep instead of a reference to new keys leaves the cards their initial ones.
const Keep = "keep"

const maxOwner = 64 // characters

var (
	namePattern  = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,39}$`)
	ownerPattern = regexp.MustCompile(`^[^\s\pC]+$`) // a count of this class takes 2 MB
)

// ReadJob reads a job file, and the table beside it that it may name, and checks
// everything in them. The error is [Problems], with all of them, or that of reading.
func ReadJob(path string) (*Job, error) {
	content, err := readBounded(path, maxJobBytes)
	if err != nil {
		return nil, fmt.Errorf("job file: %w", err)
	}
	return parseJob(path, content, func(name string) ([]byte, error) {
		if !filepath.IsAbs(name) {
			name = filepath.Join(filepath.Dir(path), name)
		}
		return readBounded(name, maxTableBytes)
	})
}

func readBounded(path string, most int64) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.Size() > most {
		return nil, fmt.Errorf("%s has %d bytes, the most is %d: make several jobs of it", path,
			info.Size(), most)
	}
	return durable.Read(path)
}

// parseJob reads a job from its file's content; table reads the table that it names.
func parseJob(file string, content []byte, table func(name string) ([]byte, error)) (*Job, error) {
	var problems Problems
	digest := sha256.New()
	digest.Write(content)
	head, job := parseHead(file, content, &problems)
	switch {
	case head == nil:
	case head.table != nil:
		rows, err := table(head.table.Value)
		if err != nil {
			problems.add(file, head.table.Line, "cards: %v", err)
			break
		}
		digest.Write(rows)
		job.Cards = parseTable(head.table.Value, rows, job, &problems)
	case head.cards != nil:
		job.Cards = head.inline(job)
	}
	if head != nil {
		job.File, job.CardsFile, job.lines = file, head.cardsFile(), map[string]int{}
		for name, node := range head.fields {
			job.lines[name] = node.Line
			for i := 0; node.Kind == yaml.MappingNode && i < len(node.Content); i += 2 {
				below := node.Content[i]
				job.lines[name+": "+below.Value] = below.Line
			}
		}
		checkCards(job.CardsFile, job.Cards, &problems)
	}
	if err := problems.err(); err != nil {
		return nil, err
	}
	digest.Sum(job.Digest[:0])
	return &job.Job, nil
}

// checkCards checks what concerns several cards.
func checkCards(file string, cards []Card, problems *Problems) {
	first := map[string]int{}
	for _, c := range cards {
		if line, again := first[c.Owner]; again && c.Owner != "" {
			problems.add(file, c.Line,
				"owner %.60q has a card on line %d already: one for each owner in a job", c.Owner,
				line)
			continue
		}
		first[c.Owner] = c.Line
	}
	switch {
	case len(cards) > maxCards:
		problems.add(file, 0, "%d cards, the most is %d: make several jobs of it", len(cards),
			maxCards)
	case len(cards) == 0 && len(*problems) == 0:
		problems.add(file, 0, "it names no cards")
	}
}

// limitColumns are the fields of a card's limits, and of those of a whole job.
var limitColumns = []string{"max_balance", "max_payment", "max_spent", "max_transactions", "slots",
	"max_attacks"}

// columns are the fields of a card, the same inline and in a table.
var columns = append([]string{"owner", "name", "address", "second", "replaces"}, limitColumns...)

// cardOf makes a card of its columns; a column that is missing or empty is what the
// job's head has.
func cardOf(
	file string, line int, value func(column string) string, head headJob, problems *Problems,
) Card {
	c := Card{Line: line, Owner: value("owner"), Name: value("name")}
	if utf8.RuneCountInString(c.Owner) > maxOwner || !ownerPattern.MatchString(c.Owner) {
		problems.add(file, line, "owner %.60q: give the customer's reference at the intermediary, "+
			"1 to 64 characters without blanks", c.Owner)
	}
	if c.Name == "" {
		c.Name = c.Owner
	}
	c.Second = yesOrNo(file, line, "second", value("second"), problems)
	if text := value("replaces"); text != "" {
		id, err := message.ParseDeviceID(text)
		if err != nil {
			problems.add(file, line, "replaces %.60q: give the device id of the owner's former "+
				"card", text)
		}
		c.Replaces = id
	}
	if c.Second && c.Replaces != "" {
		problems.add(file, line, "second and replaces: the card comes besides those in use or in "+
			"the place of one: leave one of the two empty")
	}
	c.Address = lines(value("address"))
	if len(c.Address) > maxAddress {
		problems.add(file, line, "address: %d lines, the most is %d", len(c.Address), maxAddress)
	}
	for _, text := range append([]string{c.Name}, c.Address...) {
		if n := len([]rune(text)); n > maxLine || !letter.Line(text) {
			problems.add(file, line, "name and address: a line of %d characters, %.60q: the most "+
				"is %d, all of them printable", n, text, maxLine)
		}
	}
	c.Limits = limits(file, func(column string) (string, int) { return value(column), line },
		head.limits, problems)
	most := head.limits
	for _, limit := range []struct {
		column    string
		above     bool
		own, most any
	}{
		{"max_balance", c.Ceilings.MaxBalance > most.Ceilings.MaxBalance, c.Ceilings.MaxBalance,
			most.Ceilings.MaxBalance},
		{"max_payment", c.Ceilings.MaxPayment > most.Ceilings.MaxPayment, c.Ceilings.MaxPayment,
			most.Ceilings.MaxPayment},
		{"max_spent", c.Ceilings.MaxSpent > most.Ceilings.MaxSpent, c.Ceilings.MaxSpent,
			most.Ceilings.MaxSpent},
		{"max_transactions", c.Ceilings.MaxTransactions > most.Ceilings.MaxTransactions,
			c.Ceilings.MaxTransactions, most.Ceilings.MaxTransactions},
		{"slots", c.Slots > most.Slots, c.Slots, most.Slots},
	} {
		if limit.above && head.limited[limit.column] {
			problems.add(file, line,
				"%s %v is above that of the job, %v: lower it, or raise the job's", limit.column,
				limit.own, limit.most)
		}
	}
	return c
}

// yesOrNo reads a column with yes or no; an empty one means no.
func yesOrNo(file string, line int, column, text string, problems *Problems) bool {
	switch strings.ToLower(text) {
	case "yes", "true":
		return true
	case "", "no", "false":
		return false
	}
	problems.add(file, line, "%s %.60q: write yes or no", column, text)
	return false
}

// limits are what the columns or fields name, over those given. Where only the balance is
// named, no payment may be above it, and where only the slots are, there are no more
// transactions.
func limits(
	file string, value func(column string) (string, int), l personalization.Limits,
	problems *Problems,
) personalization.Limits {
	ceilings := &l.Ceilings
	amount := func(column string, into *money.Ore) (line int, named bool) {
		text, line := value(column)
		if text == "" {
			return line, false
		}
		ore, err := money.Parse(text)
		if err != nil || ore == 0 || message.CheckAmount(ore) != nil {
			problems.add(file, line, "%s %.60q: give an amount in kronor above 0 that a card can "+
				"hold, such as 2000 or 499.50", column, text)
			return line, false
		}
		*into = ore
		return line, true
	}
	amount("max_balance", &ceilings.MaxBalance)
	line, named := amount("max_payment", &ceilings.MaxPayment)
	if named && ceilings.MaxPayment > ceilings.MaxBalance {
		problems.add(file, line,
			"max_payment is above max_balance: no such payment could ever be made")
	}
	ceilings.MaxPayment = min(ceilings.MaxPayment, ceilings.MaxBalance)
	amount("max_spent", &ceilings.MaxSpent)
	count := func(column string, least, most uint8) (n uint8, line int, named bool) {
		text, line := value(column)
		if text == "" {
			return 0, line, false
		}
		n, err := parseCount(text, least, most)
		if err != nil {
			problems.add(file, line, "%s %.60q: give a whole number from %d to %d", column, text,
				least, most)
		}
		return n, line, err == nil
	}
	if n, _, named := count("slots", spec.MinSlots, spec.MaxSlots); named {
		l.Slots = n
	}
	if n, _, named := count("max_attacks", 0, spec.MostAttacks); named {
		l.MaxAttacks = n
	}
	n, line, named := count("max_transactions", 1, spec.MaxSlots)
	if named {
		ceilings.MaxTransactions = uint16(n)
	}
	if named && n > l.Slots {
		problems.add(file, line,
			"max_transactions is above the slots of the log, %d: lower it, or raise slots", l.Slots)
	}
	return l.Fitted()
}
