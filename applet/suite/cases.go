package suite

import (
	"context"
	"errors"
	"slices"
	"strings"
)

// cases are all test cases, in the order of a card's life.
func cases() []testCase {
	return slices.Concat(
		scriptCases(), selectCases, wireCases, personalizationCases, authorityCases,
		pinCases, encipheredPINCases, pairCases, securedCases, payCases, payRefusedCases,
		encipheredPayCases, receiveCases, receiveRefusedCases, crisisCases, crisisLimitCases,
		stateCases, instructionCases, readCases, policyCases, logCases, expiryCases, idCases,
		thoroughCases, attackCases(),
	)
}

// Case is one part of the suite that can be carried out by itself: a test case, or a command
// that is torn before each of its writes.
type Case struct {
	Name string
	run  func(ctx context.Context, target Cutter, scheme **cardScheme) []string
}

// Cases are all test cases, then all commands to tear.
func Cases() []Case {
	var all []Case
	for _, tc := range cases() {
		all = append(all, Case{tc.name, tc.onFresh})
	}
	for _, tc := range tornCases() {
		all = append(all, Case{"torn: " + tc.name, tc.tearAll})
	}
	return all
}

// Runner carries out cases with authorities of its own. It is used by one goroutine at
// a time.
type Runner struct{ world *cardScheme }

// Run carries out a case on fresh cards of the target. The error states what failed.
func (r *Runner) Run(ctx context.Context, target Cutter, c Case) error {
	if failures := c.run(ctx, target, &r.world); len(failures) > 0 {
		return errors.New(strings.Join(failures, "\n"))
	}
	return nil
}

// onFresh carries the case out on a fresh card and returns what failed.
func (tc testCase) onFresh(ctx context.Context, target Cutter, scheme **cardScheme) []string {
	run := &caseRun{ctx: ctx, target: target, coverage: newCoverage(), world: *scheme}
	return attempt(run, tc, scheme)
}
