// Package model_test explores the Promela models of the protocol with Spin: each whole, in which no
// promise may break, and once for each rule without that rule, in which one must. The model of
// payments and settlement is ekrona.pml, with the promises of the protocol's section 8 and the
// rules that it marks with a dagger; protocol 2 has small ones of its own (protocol2_test.go).
// README.md describes all; start with ekrona.pml.
//
// It needs the programs spin and gcc (on Debian: apt-get install spin gcc) and is skipped without
// them, unless EKRONA_REQUIRE_SPIN=1 requires them.
package model_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/apdu/thorough"
)

// TestPromisesHold explores each scenario whole. The situations are those that the scenario is
// there for: a model that never reaches them proves nothing about them. One scenario in five is
// explored, or with EKRONA_THOROUGH=1 each.
func TestPromisesHold(t *testing.T) {
	requireSpin(t)
	for n, scenario := range []struct {
		name string
		met  []string
	}{
		{"TWO_PAYERS", []string{"a payment set aside", "a payment that came back",
			"a request paid again", "a late State",
			"an end that decided for an undecided payee", "claims settled together"}},
		{"CHAIN", []string{"a payment set aside", "a payment that came back", "a claim that waits",
			"a late State",
			"an end that decided for an undecided payee", "a claim that a holding paid",
			"a holding repaid", "claims settled together"}},
		{"RING", []string{"a payment set aside", "a payment that came back", "a claim that waits",
			"a late State", "claims settled together"}},
		{"LOADED_CHAIN", []string{"a payment set aside", "a payment that came back",
			"a claim that waits", "a late State",
			"an untaken credit", "claims settled together"}},
		{"STOLEN_KEY", []string{"a payment set aside", "a payment that came back",
			"a contrary decision that moved nothing", "a late State",
			"an end that decided for an undecided payee", "claims settled together"}},
	} {
		if !thorough.Tries(n, 5) {
			continue
		}
		t.Run(scenario.name, func(t *testing.T) {
			t.Parallel()
			assert.ElementsMatch(t, scenario.met, explore(t, "ekrona", scenario.name))
		})
	}
}

// explore visits every state of a model in which each promise must hold, and returns the situations
// that it met.
func explore(t *testing.T, model string, switches ...string) (met []string) {
	t.Helper()
	dir := modelIn(t)
	build(t, dir, model, append(switches, "COVERAGE"), "-O1", "-DPRINTF")
	result := run(t, dir, "./pan", "-n", "-m10000")
	require.Equal(t, "0", found(t, errorCount, result), "%s", result)
	require.NotContains(t, result, "Search not completed")
	require.NotContains(t, result, "max search depth too small")
	t.Logf("%s states, %s transitions", found(t, stateCount, result),
		found(t, transitionCount, result))
	for _, line := range situation.FindAllStringSubmatch(result, -1) {
		met = append(met, line[1])
	}
	return met
}

// withoutRule are the runs without one rule: a scenario in which it is missed, and the promise that
// breaks. A rule can be missed for one reason only.
var withoutRule = []struct {
	without, scenario, breaks string
}{
	{"TWO_BODIES", "LOADED_CHAIN", "8.2: a State that the records do not explain"},
	{"KEEP_UNTAKEN", "LOADED_CHAIN", "8.10: a card and its shadow wallet that do not agree"},
	{"CREDIT_COVERS", "LOADED_CHAIN", "8.7: a limit broken, or a wallet below zero"},
	{"ACK_UNHELD", "TWO_PAYERS", "8.10: a card and its shadow wallet that do not agree"},
	{"ACK_FINAL", "TWO_PAYERS", "8.10: a card that synchronised without getting its log back"},
	{"UNDO", "STOLEN_KEY", "8.2: a State that the records do not explain"},
	{"UNDO", "TWO_PAYERS", "8.2: a State that the records do not explain"},
	{"ENDED_VOIDS", "CHAIN", "8.4: a holding that paid for claims known in time"},
	{"ENDED_KNOWN_ONLY", "CHAIN", "8.10: a card and its shadow wallet that do not agree"},
	{"NO_REPAY", "CHAIN", "8.4: a holding that paid for claims known in time"},
	{"SWEEP_UNSPOKEN", "CHAIN", "8.4: a holding that paid for claims known in time"},
	{"PAYER_DECIDES", "TWO_PAYERS", "8.2: a State that the records do not explain"},
	{"LAST_WORD", "STOLEN_KEY", "8.2: a State that the records do not explain"},
	{"WAITING_BLOCKS", "CHAIN", "8.10: an honest card blocked"},
	{"NO_NETTING", "RING", "8.4: a debit on which there is no verdict"},
	{"UNCOVERED_EARLY", "LOADED_CHAIN", "8.10: a card and its shadow wallet that do not agree"},
	{"ROUNDS=1", "TWO_PAYERS", "8.10: a card and its shadow wallet that do not agree"},
	{"NO_RESERVE", "LOADED_CHAIN", "8.7: a limit broken, or a wallet below zero"},
}

// TestEveryMarkedRuleIsTakenOut: each rule that sections 5 and 6 of the protocol mark has its runs.
func TestEveryMarkedRuleIsTakenOut(t *testing.T) {
	protocol, err := os.ReadFile(filepath.Join("..", "PROTOCOL.md"))
	require.NoError(t, err)
	_, rest, found5 := strings.Cut(string(protocol), "\n## 5. ")
	sections, _, found7 := strings.Cut(rest, "\n## 7. ")
	require.True(t, found5 && found7)
	marked := strings.SplitAfter(strings.Join(strings.Fields(sections), " "), "†")
	marked = marked[:len(marked)-1]

	rules := []struct {
		ends     string
		switches []string
	}{
		{"kept by the notary†", []string{"TWO_BODIES"}},
		{"goes back online†", []string{"KEEP_UNTAKEN"}},
		{"covers no payment†", []string{"CREDIT_COVERS"}},
		{"whatever its verdict†", []string{"ACK_UNHELD", "ACK_FINAL"}},
		{"made money again and again†", []string{"UNDO"}},
		{"whether known now or later†", []string{"ENDED_VOIDS", "ENDED_KNOWN_ONLY"}},
		{"first repays that holding†", []string{"NO_REPAY"}},
		{"**The payee decides, once for each Request.**†", []string{"PAYER_DECIDES", "LAST_WORD"}},
		{"nobody is blocked for it†", []string{"WAITING_BLOCKS"}},
		{"(netting)†", []string{"NO_NETTING"}},
		{"only when its payer's device has ended†", []string{"UNCOVERED_EARLY"}},
	}
	require.Len(t, marked, len(rules), "the protocol marks more rules or fewer: give each its runs")
	for i, rule := range rules {
		assert.True(t, strings.HasSuffix(marked[i], rule.ends), "%q is not how %q ends", rule.ends,
			marked[i])
		for _, without := range rule.switches {
			assert.True(t, slices.ContainsFunc(withoutRule,
				func(r struct {
					without, scenario,
					breaks string
				}) bool {
					return r.without == without
				}), without)
		}
	}
}

// TestEachRuleIsNeeded takes out one rule at a time. Spin searches breadth first, so the run that
// it finds is a shortest one; it is replayed and logged. One rule in five is, or with
// EKRONA_THOROUGH=1 each.
func TestEachRuleIsNeeded(t *testing.T) {
	requireSpin(t)
	for n, rule := range withoutRule {
		if !thorough.Tries(n, 5) {
			continue
		}
		t.Run(rule.without+"/"+rule.scenario, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, rule.breaks, counterexample(t, "ekrona", rule.scenario, rule.without))
		})
	}
}

// counterexample searches a model in which a promise must break, and returns the promise.
func counterexample(t *testing.T, model string, switches ...string) (promise string) {
	t.Helper()
	dir := modelIn(t)
	switches = append(switches, "SHORTEST")
	build(t, dir, model, switches, "-O0", "-DBFS")
	result := run(t, dir, "./pan", "-n", "-m10000")
	require.NotEqual(t, "0", found(t, errorCount, result),
		"every promise holds without the rule:\n%s", result)

	replay := run(t, dir, "spin", spinArgs(model, switches, "-t", "-T")...)
	story, rest, broken := strings.Cut(replay, "broken ")
	require.True(t, broken, "%s", replay)
	promise, _, _ = strings.Cut(rest, "\n")
	t.Logf("%s states until\n%sbroken %s", found(t, stateCount, result), story, promise)
	return promise
}

var (
	errorCount      = regexp.MustCompile(`errors: (\d+)`)
	stateCount      = regexp.MustCompile(`(\d+) states, stored`)
	transitionCount = regexp.MustCompile(`(\d+) transitions`)
	situation       = regexp.MustCompile(`(?m)^\s*met (.*)$`)
)

func requireSpin(t *testing.T) {
	t.Helper()
	for _, program := range []string{"spin", "gcc"} {
		if _, err := exec.LookPath(program); err != nil {
			const advice = "the model is not explored: %v; install it (on Debian: apt-get " +
				"install spin gcc)"
			if os.Getenv("EKRONA_REQUIRE_SPIN") == "1" {
				t.Fatalf(advice, err)
			}
			t.Skipf(advice, err)
		}
	}
}

// modelIn copies the model to a directory of its own: Spin writes its verifier and the trail beside
// it.
func modelIn(t *testing.T) string {
	t.Helper()
	sources, err := filepath.Glob("*.pml")
	require.NoError(t, err)
	require.NotEmpty(t, sources)
	dir := t.TempDir()
	for _, name := range sources {
		source, err := os.ReadFile(name)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), source, 0o600))
	}
	return dir
}

// build makes the verifier. Its search is exhaustive: whole states are kept (no bit state, no hash
// compaction) and no interleaving is left out (no partial order reduction); memory is bounded, and
// reaching the bound is not completing.
func build(t *testing.T, dir, model string, switches []string, options ...string) {
	t.Helper()
	run(t, dir, "spin", spinArgs(model, switches, "-a")...)
	run(t, dir, "gcc", append(options, "-w", "-DSAFETY", "-DNOREDUCE", "-DMEMLIM=1500", "-o", "pan",
		"pan.c")...)
}

// spinArgs are the options, each switch as the definition of a macro, and the model's file.
func spinArgs(model string, switches []string, options ...string) []string {
	args := options
	for _, name := range switches {
		args = append(args, "-D"+name)
	}
	return append(args, model+".pml")
}

func run(t *testing.T, dir, program string, args ...string) string {
	t.Helper()
	command := exec.CommandContext(t.Context(), program, args...)
	command.Dir = dir
	output, err := command.CombinedOutput()
	require.NoError(t, err, "%s %s:\n%s", program, strings.Join(args, " "), output)
	return string(output)
}

func found(t *testing.T, what *regexp.Regexp, in string) string {
	t.Helper()
	match := what.FindStringSubmatch(in)
	require.NotNil(t, match, "no %s in:\n%s", what, in)
	return match[1]
}
