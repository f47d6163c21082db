package suite

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
)

// testCase is one short story told to a fresh card.
type testCase struct {
	name string
	tell func(c *caseRun)
}

// cases are all of them, in the order of a card's life.
func cases() []testCase {
	return slices.Concat(
		scriptCases(), selectCases, wireCases, personalizationCases, authorityCases, pinCases, encipheredPINCases,
		payCases, payRefusedCases, receiveCases, receiveRefusedCases,
		stateCases, instructionCases, readCases, policyCases, expiryCases, thoroughCases,
	)
}

// Run carries out every case on the target and checks that together they touch
// every row of the spec, and that no answer is outside it.
func Run(t *testing.T, target Target) {
	total := newCoverage()
	divergences := target.Capabilities().Divergences
	known := make(map[string]bool)
	complete := true
	var world *country
	for _, tc := range cases() {
		known[tc.name] = true
		ran := false
		passed := t.Run(tc.name, func(t *testing.T) {
			ran = true
			covered := newCoverage()
			failures := attempt(&caseRun{ctx: t.Context(), target: target, coverage: covered, world: world}, tc, &world)
			reason, diverges := divergences[tc.name]
			switch {
			case diverges && len(failures) == 0:
				t.Errorf("passes on this target: remove the divergence %q", reason)
			case diverges:
				t.Skipf("diverges from a card: %s", reason)
			}
			for _, failure := range failures {
				t.Error(failure)
			}
			total.add(covered)
		})
		complete = complete && ran && passed // -run may have picked single cases
	}
	for name := range divergences {
		assert.True(t, known[name], "the divergence %q names no case", name)
	}
	if complete {
		assert.Empty(t, total.missing(), "rows of the spec that no case touches")
	}
}

// attempt tells one case to a fresh card and returns what failed. It runs in a
// goroutine of its own, so that a failure ends the case and not the test; so does
// a panic, to which a card that answers nonsense may lead.
func attempt(c *caseRun, tc testCase, world **country) []string {
	done := make(chan struct{})
	c.stop = runtime.Goexit
	go func() {
		defer close(done)
		defer func() {
			if broken := recover(); broken != nil {
				c.Errorf("the case broke off: %v\n%s", broken, debug.Stack())
			}
		}()
		if *world == nil {
			*world = c.newCountry()
		}
		c.world = *world
		tc.tell(c)
		c.settle()
	}()
	<-done
	return append(c.failures, c.coverage.strange...)
}

// Errorf implements the T of testify.
func (c *caseRun) Errorf(format string, args ...any) {
	c.failures = append(c.failures, fmt.Sprintf(format, args...))
}

// FailNow implements the T of testify: it ends the case.
func (c *caseRun) FailNow() { c.stop() }

// Helper lets testify leave our own frames out of its traces.
func (c *caseRun) Helper() {}
