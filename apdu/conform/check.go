package conform

import (
	"fmt"
	"strings"

	"ekrona.example/apdu"
	"ekrona.example/apdu/atr"
	"ekrona.example/apdu/script"
)

// Check is one rule of a standard, with commands that show whether a card keeps it.
//
// Lines are of the language of package script without a vocabulary: hex, and behind "->" what is
// accepted. A line whose answer is not accepted breaks the rule; after "? " it leaves the check
// out instead; without "->" any answer will do. Names in braces stand for what is known:
//
//	{AID} {L}     the application's AID, and its length as a byte
//	{L+1}         one more than that
//	{PART} {PL}   the AID without its last byte, and the length of that
//	{LAST}        its last byte
//	{CH} {N}      class byte and number of the logical channel that the check has opened last
//	{OK}          normal processing and warnings: 9000, 61xx, 62xx, 63xx
//	{NO}          execution and checking errors, 64xx to 6Fxx, and proprietary status words,
//	              91xx to 9Fxx, of which the standard does not say what they mean
//	{ANY}         every status word that the standard allows
type Check struct {
	ID     string // of its group and a number, such as SEL-03
	Clause string // document, edition, clause
	Rule   string // what the card must do, in one sentence
	Should bool   // the standard recommends it, or good practice does: a note if it is not kept
	Needs  Need
	Lines  []string

	// Else are status words, as in a line, that a standard allows instead of those that Lines
	// accept: the rule is not kept, and need not be. Why says who decides it, and by which clause.
	Else, Why string
	// Leave, if not nil, looks at the answers to Lines before Judge; it returns by which clause
	// what came is left to the application, "" where it is not.
	Leave func(k *Known, answers []Answer) string
	// Judge, if not nil, looks at the answers to Lines when each was accepted; it returns what
	// is wrong, "" for nothing.
	Judge func(k *Known, answers []Answer) string
	// Loop, if not nil, is one line that is sent until its answer is not {OK} any more, at most
	// [maxLoop] times, after Lines; its answers are given to Judge too.
	Loop string
}

// Group is the group of a check.
func (c Check) Group() string {
	group, _, _ := strings.Cut(c.ID, "-")
	return group
}

// Groups are the groups of checks in their order, and what they are about.
var Groups = []struct{ ID, Title string }{
	{"ATR", "Answer to reset"},
	{"CLA", "Class byte"},
	{"INS", "Instruction byte"},
	{"LEN", "Forms of a command: Lc, data and Le"},
	{"SEL", "SELECT"},
	{"MCH", "Logical channels"},
	{"CHN", "Command chaining"},
	{"GRS", "GET RESPONSE"},
	{"RET", "Commands that only read"},
	{"SWS", "Status words, over all answers"},
}

// maxLoop ends a check that waits for a card to say that there is no more.
const maxLoop = 40

// Need is what card and reader must have for a check to be carried out.
type Need uint

// The needs.
const (
	NeedAID      Need = 1 << iota // an application that is selected by its AID
	NeedBlocks                    // bytes go to the card as they are: T=1 or contactless
	NeedContact                   // a slot: an ATR of the card's own, and class FF reaches it
	NeedExtended                  // card and reader carry extended length
)

// needs say when a need is met, and why a check is left out when it is not.
var needs = []struct {
	need Need
	met  func(k *Known) bool
	why  string
}{
	{NeedContact, func(k *Known) bool { return k.Contact },
		"over a contactless reader: it makes the ATR and takes class FF itself"},
	{NeedAID, func(k *Known) bool { return len(k.AID) > 0 },
		"no application's AID is known: give one with --aid"},
	{NeedBlocks, func(k *Known) bool { return k.Blocks },
		"over T=0 the reader makes the command's form, and such bytes do not reach the card"},
	{NeedExtended, func(k *Known) bool { return k.Extended },
		"card or reader does not declare extended length"},
}

// Known is what is known of the card.
type Known struct {
	AID      []byte // of the application; nil for none
	ATR      []byte
	Blocks   bool // bytes go to the card as they are
	Contact  bool
	Extended bool

	first   []byte // the ATR of the first reset
	channel int    // opened last in the check that runs; 0 for none
}

// missing returns why a check cannot be carried out; "" if it can.
func (k *Known) missing(c Check) string {
	for _, n := range needs {
		if c.Needs&n.need != 0 && !n.met(k) {
			return n.why
		}
	}
	return ""
}

// sets are the names in braces that stand for status words.
var sets = map[string]string{
	"{OK}": "9000 | 61xx | 62xx | 63xx",
	"{NO}": "64xx | 65xx | 66xx | 67xx | 68xx | 69xx | 6Axx | 6Bxx | 6Cxx | 6Dxx | 6Exx | 6Fxx" +
		" | 91xx | 92xx | 93xx | 94xx | 95xx | 96xx | 97xx | 98xx | 99xx | 9Axx | 9Bxx | 9Cxx" +
		" | 9Dxx | 9Exx | 9Fxx",
	"{ANY}": "xxxx",
}

// line is a line with its names replaced.
func (k *Known) line(text string) (string, error) {
	part := k.AID[:max(0, len(k.AID)-1)]
	pairs := []string{
		"{AID}", fmt.Sprintf("%X", k.AID), "{L}", fmt.Sprintf("%02X", len(k.AID)),
		"{L+1}", fmt.Sprintf("%02X", len(k.AID)+1), "{LAST}", fmt.Sprintf("%X", k.AID[len(part):]),
		"{PART}", fmt.Sprintf("%X", part), "{PL}", fmt.Sprintf("%02X", len(part)),
		"{CH}", fmt.Sprintf("%02X", apdu.ClassOfChannel(k.channel)),
		"{N}", fmt.Sprintf("%02X", k.channel),
	}
	for name, set := range sets {
		pairs = append(pairs, name, set)
	}
	text = strings.NewReplacer(pairs...).Replace(text)
	if at := strings.IndexAny(text, "{}"); at >= 0 {
		return "", fmt.Errorf("conform: no such name: %s", text[at:])
	}
	return text, nil
}

// words are hex and bytes that are no command.
var words = script.Vocabulary{Malformed: true}

// step reads a line; a precondition is one that leaves the check out.
func (k *Known) step(text string) (s script.Step, precondition bool, err error) {
	text, precondition = strings.CutPrefix(text, "? ")
	if text, err = k.line(text); err == nil {
		s, err = words.Parse(text)
	}
	return s, precondition, err
}

// Answer is one exchange of a check.
type Answer struct {
	Sent     []byte
	Received []byte // data and status word; nil if there is none
	Failed   string // why there is none
	// Malformed reports that something came that is no response; otherwise nothing came.
	Malformed bool
	Wanted    string // what is accepted; "" for anything
}

// Response is the answer; false if there is none.
func (a Answer) Response() (apdu.Response, bool) {
	r, err := apdu.ParseResponse(a.Received)
	return r, err == nil
}

// sw is the status word, 0 if none came.
func (a Answer) sw() apdu.StatusWord {
	r, _ := a.Response()
	return r.SW
}

func (a Answer) data() []byte {
	r, _ := a.Response()
	return r.Data
}

// ok reports normal processing or a warning.
func (a Answer) ok() bool {
	sw := a.sw()
	return sw == apdu.OK || sw>>8 >= 0x61 && sw>>8 <= 0x63
}

// Outcome is the result of a check.
type Outcome string

// The outcomes.
const (
	Passed  Outcome = "passed"
	Failed  Outcome = "failed"
	Noted   Outcome = "note"    // what should be is not
	Allowed Outcome = "allowed" // not as the rule says, where a standard leaves it open
	LeftOut Outcome = "left out"
)

// Result is a check with its outcome.
type Result struct {
	Check   Check
	Outcome Outcome
	Reason  string // why it failed, is allowed, or was left out; "" for passed
	Answers []Answer
}

// Facts is what a card has, from what was seen: no verdict.
type Facts struct {
	Channels int  // logical channels that can be open beside the basic one
	Chaining bool // takes a first part of a chain
	Partial  bool // selects by the beginning of an AID
}

// atrOf is a parsed answer to reset; nil for one that does not parse.
func (k *Known) atrOf() *atr.ATR {
	a, err := atr.Parse(k.ATR)
	if err != nil {
		return nil
	}
	return a
}
