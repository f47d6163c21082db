package model_test

import (
	"flag"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/apdu/thorough"
)

// larger adds worlds that take minutes.
var larger = flag.Bool("larger", false, "explore the larger worlds of protocol 2 too")

// crisis are the situations of a world in which orders are taken, dropped and used too long.
var crisis = []string{"an order in place of another", "an order dropped",
	"an order used between cards after the crisis", "a prefix acknowledged",
	"an Instruction older than the order", "a synchronisation in mid-crisis"}

var theft = append(slices.Clone(crisis), "a thieves' order", "a thieves' order dropped",
	"a thieves' order undone without network", "an order dropped with its key")

var rollover = []string{"a successor written",
	"an Instruction by a key that has a successor", "an Instruction after a root rollover",
	"stolen keys that nothing has replaced on the card",
	"a stolen root that nothing has replaced on the card"}

var sales = []string{"a sale closed", "a sale closed whose debit was acknowledged",
	"a torn PAY made good", "an older record given again after the PIN"}

// TestPromisesOfProtocol2Hold explores each world whole, and demands the situations that it is
// there for.
func TestPromisesOfProtocol2Hold(t *testing.T) {
	requireSpin(t)
	for n, world := range []struct {
		model, switches string
		larger          bool
		met             []string
	}{
		{"keys", "TWO_EACH", false, rollover},
		{"keys", "THREE_ROOTS", false, rollover},
		{"keys", "THREE_KEYS", false, rollover},
		{"keys", "THREE_EACH", true, rollover},
		{"order", "RAISED", false, crisis},
		{"order", "LOWERED", false, crisis},
		{"order", "ROLLOVER", false,
			append(slices.Clone(crisis), "an order dropped with its key")},
		{"order", "WEAK", false, []string{"an order dropped", "a prefix acknowledged",
			"a synchronisation in mid-crisis"}},
		{"order", "ONE_KEY", false, crisis},
		{"order", "THIEVES", false, theft},
		{"order", "FORMER_ROOT", false, theft},
		{"order", "THIEVES PAYMENTS=10", true, theft},
		{"help", "PAYER_KEYS", false, []string{"a prefix acknowledged",
			"an order that was over when its payee synchronised",
			"records under an order beyond the acknowledgement that ended it"}},
		{"help", "PAYEE_TOO", false, []string{"a claim that waits for a person",
			"an order that was over when its payee synchronised"}},
		{"pay", "SESSIONS=3", false, sales},
		{"pay", "SESSIONS=4", true, sales},
		{"pair", "SESSIONS=4", false, []string{"a PAIR given again", "a pair replaced",
			"a phone lost with a paid open Request", "a REFUSE by who found the phone"}},
		{"payees", "ONE_CA", false, []string{"a CA stored in place of another",
			"a familiar payee", "a PAY shown again"}},
		{"challenge", "SESSIONS=3", false, []string{"a late State", "an Instruction",
			"a Challenge shown again", "an Instruction shown again"}},
	} {
		t.Run(world.model+"/"+world.switches, func(t *testing.T) {
			if world.larger && !*larger {
				t.Skip("a larger world: -larger explores it")
			}
			if !thorough.Tries(n, 2) {
				t.Skip("EKRONA_THOROUGH=1 explores it")
			}
			t.Parallel()
			assert.ElementsMatch(t, world.met,
				explore(t, world.model, strings.Fields(world.switches)...))
		})
	}
}

// withoutRule2 are the runs without one rule of protocol 2: a world in which it is missed, and the
// promise that breaks.
var withoutRule2 = []struct {
	model, without, world, breaks string
}{
	{"keys", "ANY_END", "TWO_EACH", minted},
	{"keys", "BOTH_ROOTS", "TWO_EACH", minted},
	{"keys", "NOT_WRITTEN", "TWO_EACH", minted},
	{"keys", "PRESENTING_WRITES", "TWO_EACH", endless},
	{"keys", "PRESENTING_WRITES", "TWO_EACH WRITES=99", bricked},
	{"keys", "NEW_KEYS_ONLY", "TWO_EACH", bricked},
	{"keys", "SESSION_STAYS", "TWO_EACH", minted},
	{"keys", "EARLIER_END", "TWO_EACH", bricked},
	{"keys", "GOES_BACK", "TWO_EACH", bricked},

	{"order", "ADDS", "RAISED",
		"cap: more paid since the acknowledgement than any order allows"},
	{"order", "NO_CEILING", "THIEVES",
		"cap: more paid since the acknowledgement than any order allows"},
	{"order", "ROW_ALONE", "WEAK", "lower: an order lowers"},
	{"order", "TAKING_RESETS", "RAISED", wrongDay},
	{"order", "PREFIX_RESETS", "RAISED", wrongDay},
	{"order", "NO_FROM", "RAISED", wrongDay},
	{"order", "NO_UNTIL", "RAISED", wrongDay},
	{"order", "NO_FLOOR", "RAISED",
		"floor: an order is used that is over by the card's own date"},
	{"order", "NO_LOWEST", "RAISED", told},
	{"order", "NEW_CARD_ANY", "RAISED", told},
	{"order", "EXACT", "RAISED",
		"newer: an Instruction takes away an order that is newer than itself"},
	{"order", "ANY_NUMBER", "RAISED",
		"back: a card goes back to an order that it had replaced"},
	{"order", "KEY_ALONE", "ROLLOVER", "reach: a card that cannot take the order in force"},
	{"order", "ONE_SIGNATURE", "ONE_KEY", "thief: one stolen key signs an order"},
	{"order", "ANY_END", "THIEVES", wrongDay},
	{"order", "ANY_KEY", "THIEVES",
		"remedy: the thieves' order after the second crisis key"},
	{"order", "KEY_STAYS", "THIEVES",
		"remedy: the thieves' number stops the central bank's order"},
	{"order", "LATER_END", "FORMER_ROOT",
		"remedy: the thieves' number stops the central bank's order"},
	{"order", "ORDER_STAYS", "THIEVES",
		"remedy: the thieves' order after the second crisis key"},
	{"order", "RISES_ONLY", "THIEVES",
		"remedy: a number that thieves set stops the central bank's orders"},

	{"help", "HELP_NOW", "PAYER_KEYS", honestWaits},
	{"help", "HELP_POLICY", "PAYER_KEYS", honestWaits},
	{"help", "HELP_TOLD", "PAYER_KEYS", honestWaits},
	{"help", "HELP_CEILINGS", "PAYEE_TOO",
		"help: more help between two acknowledgements than an order allows"},
	{"help", "NO_PAYER_LIMIT", "PAYER_KEYS", "payer: more from one payer between two " +
		"acknowledgements than an order lets a card spend"},

	{"payees", "NOT_FORGOTTEN", "ONE_CA",
		"key: a payee is paid whom the card's CA has not certified"},
	{"payees", "KEPT_UNPAID", "ONE_CA", "mark: who has no PIN has the card keep a payee"},
	{"payees", "NOT_MADE_UP", "ONE_CA",
		"time: the time of a refusal tells that the card has paid there"},

	{"pay", "NO_NONCE", "SESSIONS=3", "consent: a debit for which no PIN was typed"},
	{"pay", "UNBOUND", "SESSIONS=3", "consent: a debit for which no PIN was typed"},
	{"pay", "NONCE_STAYS", "SESSIONS=3", "refused: a refused PAY is carried out"},
	{"pay", "LAST_ALONE", "SESSIONS=3",
		"forged: a sale is closed though the card has paid"},
	{"pay", "ANY_RECORD", "SESSIONS=3", "cookie: an old Request identifies the card"},
	{"pay", "ANY_REFUSAL", "SESSIONS=3", "closed: a debit after the sale was closed"},
	{"pay", "ANY_SESSION", "SESSIONS=3", "closed: a debit after the sale was closed"},

	{"pair", "PAIR_ANY_SESSION", "SESSIONS=4", "replaced: the lost phone is paired again"},
	{"pair", "COMMAND_ANY_SESSION", "SESSIONS=4",
		"replay: a command of an earlier session is carried out"},
	{"pair", "ANSWER_FIRST", "SESSIONS=4", unheldKey},
	{"pair", "NEW_POINT", "SESSIONS=4", unheldKey},
	{"pair", "PHONE_ALONE", "SESSIONS=4",
		"stuck: the next phone cannot end what the lost one had open"},

	{"challenge", "EARLY", "SESSIONS=3", "clone: an honest card is taken for a clone"},
	{"challenge", "NO_NONCE", "SESSIONS=3",
		"mark: a heard Challenge identifies its card"},
	{"challenge", "ANY_TIME", "SESSIONS=3",
		"mark: a heard Instruction identifies its card"},
}

// TestEachRuleOfProtocol2IsNeeded takes out one rule at a time: a shortest run to the broken
// promise is replayed and logged.
func TestEachRuleOfProtocol2IsNeeded(t *testing.T) {
	requireSpin(t)
	for n, rule := range withoutRule2 {
		if !thorough.Tries(n, 3) {
			continue
		}
		t.Run(rule.model+"/"+rule.without+"/"+rule.world, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, rule.breaks, counterexample(t, rule.model,
				append(strings.Fields(rule.world), rule.without)...))
		})
	}
}

// TestReadmeTellsEveryRuleOfProtocol2: the switch and the promise stand in one row.
func TestReadmeTellsEveryRuleOfProtocol2(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	require.NoError(t, err)
	rows := strings.Split(string(readme), "\n")
	for _, rule := range withoutRule2 {
		promise, _, _ := strings.Cut(rule.breaks, ":")
		assert.True(t, slices.ContainsFunc(rows, func(row string) bool {
			cells := strings.Split(row, " | ")
			return slices.Contains(cells, "`"+rule.without+"`") &&
				strings.Contains(cells[len(cells)-1], promise)
		}), "%s: no row tells that without %s the promise %q breaks", rule.model, rule.without,
			promise)
	}
}

// Promises that more than one rule keeps.
const (
	minted      = "mint: what was replaced signs an Instruction that the card takes"
	bricked     = "brick: an outstanding Instruction that can never be applied"
	endless     = "writes: strangers write without bound"
	wrongDay    = "day: a terminal is paid under an order that is over, or has not begun"
	told        = "old: a card holds an order that the notary had told it is over"
	honestWaits = "honest: an honest payee's claim waits for a person"
	unheldKey   = "key: the card is paired with a key that no phone has"
)
