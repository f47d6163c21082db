package suite

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"

	"ekrona.example/apdu"
	"ekrona.example/emulator/card"
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
	run  func(ctx context.Context, target Cutter, r *Runner) []string
}

// Cases are all test cases, then all commands to tear.
func Cases() []Case {
	all := Untorn()
	for _, tc := range tornCases() {
		all = append(all, Case{"torn: " + tc.name,
			func(ctx context.Context, target Cutter, r *Runner) []string {
				return tc.tearAll(ctx, target, &r.world)
			}})
	}
	return all
}

// Untorn are all test cases, without commands to tear.
func Untorn() []Case {
	var all []Case
	for _, tc := range cases() {
		all = append(all, Case{tc.name,
			func(ctx context.Context, target Cutter, r *Runner) []string {
				run := &caseRun{ctx: ctx, target: target, coverage: newCoverage(), world: r.world,
					random: r.random, digits: r.Digits, around: r.Around}
				return attempt(run, tc, &r.world)
			}})
	}
	return all
}

// Runner carries out cases with authorities of its own. It is used by one goroutine at
// a time.
type Runner struct {
	// Seed, if not empty, makes the run of each test case repeat, whatever ran before: its keys and
	// random numbers follow from the seed and its name. The target's card must be seeded too.
	Seed string

	// Around, if not nil, stands between a test case and each card that it installs; known returns
	// what the case knows of the card at the time.
	Around func(installed apdu.Card, known func() *Knowledge) apdu.Card

	// Digits, if not nil, gives the digits of a PIN or PUK in place of the usual ones. Scripts have
	// theirs in their text.
	Digits func(usual string) string

	world  *cardScheme
	random io.Reader // nil for the system's
}

// Run carries out a case on fresh cards of the target. The error states what failed.
func (r *Runner) Run(ctx context.Context, target Cutter, c Case) error {
	if r.Seed != "" {
		r.world, r.random = nil, card.SeededRandom(r.Seed+" "+c.Name)
	}
	if failures := c.run(ctx, target, r); len(failures) > 0 {
		return errors.New(strings.Join(failures, "\n"))
	}
	return nil
}

// onFresh carries the case out on a fresh card and returns what failed.
func (tc testCase) onFresh(ctx context.Context, target Cutter, scheme **cardScheme) []string {
	run := &caseRun{ctx: ctx, target: target, coverage: newCoverage(), world: *scheme}
	return attempt(run, tc, scheme)
}
