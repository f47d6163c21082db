package model_test

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// crossing are the situations of every world on two databases.
var crossing = []string{"a claim that came again", "a claim before its payer",
	"a credit that came again", "a payment that came back"}

// TestPromisesHoldOnTwoDatabases explores each world of split.pml whole.
func TestPromisesHoldOnTwoDatabases(t *testing.T) {
	requireSpin(t)
	for _, world := range []struct {
		switches string
		met      []string
	}{
		{"SPLIT_CHAIN", append(slices.Clone(crossing), "a loan", "a loan repaid")},
		{"SPLIT_RING", append(slices.Clone(crossing), "a loan", "a loan repaid")},
		{"SPLIT_REQUEST", crossing},
		{"SPLIT_REQUEST THIEF",
			append(slices.Clone(crossing), "a contrary decision that moved nothing")},
	} {
		t.Run(world.switches, func(t *testing.T) {
			t.Parallel()
			assert.ElementsMatch(t, world.met,
				explore(t, "split", strings.Fields(world.switches)...))
		})
	}
}

// withoutRuleOfSplit are the runs without one rule of two databases: a world in which it is missed,
// and the promise that breaks.
var withoutRuleOfSplit = []struct{ without, world, breaks string }{
	{"ROW_LATER", "SPLIT_CHAIN", "8.4: a payee that is not paid"},
	{"SENT_IS_DONE", "SPLIT_CHAIN", "8.4: a debit on which there is no verdict"},
	{"NO_KEY", "SPLIT_CHAIN", "8.10: a card and its shadow wallet that do not agree"},
	{"CREDIT_FIRST", "SPLIT_CHAIN", "8.1: e-krona made or lost between two databases"},
	{"WORD_BY_PAYER", "SPLIT_REQUEST THIEF", "8.5: two settled payments for a request"},
	{"NO_ASK", "SPLIT_REQUEST", "8.4: a debit on which there is no verdict"},
	{"NO_LOAN", "SPLIT_RING", "8.4: a debit on which there is no verdict"},
	{"LOAN_KEPT", "SPLIT_RING", "8.13: a loan that is not repaid"},
	{"NO_TRANSIT", "SPLIT_CHAIN", "8.1: e-krona made or lost between two databases"},
	{"OTHERS_VERDICT", "SPLIT_CHAIN",
		"8.2: a balance that its device's database does not explain"},
}

// TestEachRuleOfTwoDatabasesIsNeeded takes out one rule at a time, and README.md tells of each.
func TestEachRuleOfTwoDatabasesIsNeeded(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	require.NoError(t, err)
	rows := strings.Split(string(readme), "\n")
	for _, rule := range withoutRuleOfSplit {
		t.Run(rule.without, func(t *testing.T) {
			t.Parallel()
			number, _, _ := strings.Cut(rule.breaks, ":")
			assert.True(t, slices.ContainsFunc(rows, func(row string) bool {
				cells := strings.Split(row, " | ")
				return slices.Contains(cells, "`"+rule.without+"`") &&
					strings.HasPrefix(cells[len(cells)-1], number+" ")
			}), "README.md has no row that tells that without %s %q breaks", rule.without, number)
			requireSpin(t)
			assert.Equal(t, rule.breaks, counterexample(t, "split",
				append(strings.Fields(rule.world), rule.without)...))
		})
	}
}
