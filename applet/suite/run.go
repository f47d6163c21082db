package suite

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/apdu/thorough"
	"ekrona.example/applet/attack"
)

// testCase is one short case, run on a fresh card.
type testCase struct {
	name string
	run  func(c *caseRun)
}

// Result is the result of one case on a target.
type Result struct {
	Case     string
	Failures []string // none if the card is correct
	Diverges string   // why this target cannot pass the case, empty for most
	Commands []string // of the spec, that the case sent
}

// Err returns what is wrong, nil if nothing is: a case that fails, or a divergence
// whose case passes.
func (r Result) Err() error {
	switch {
	case r.Diverges == "" && len(r.Failures) > 0:
		return errors.New(strings.Join(r.Failures, "\n"))
	case r.Diverges != "" && len(r.Failures) == 0:
		return fmt.Errorf("passes on this target: remove the divergence %q", r.Diverges)
	}
	return nil
}

// Check carries out the cases whose name contains a text, every case for "", on the
// target and returns the result of each. It returns the rows of the spec that they did
// not touch; of all cases, only failed ones can leave any.
func Check(ctx context.Context, target Target, named string, tell func(Result)) (missing []string) {
	r := newRun(target)
	for _, tc := range cases() {
		if ctx.Err() != nil {
			break
		}
		if strings.Contains(tc.name, named) {
			tell(r.result(ctx, tc))
		}
	}
	for _, untouched := range r.total.missing() {
		missing = append(missing, untouched.String())
	}
	return missing
}

// Run is [Check] as a test.
func Run(t *testing.T, target Target) { RunSome(t, target, 1) }

// RunSome is Run with one of so many cases: for a target that another one, which runs each, stands
// for.
func RunSome(t *testing.T, target Target, of int) {
	r := newRun(target)
	complete := true
	for n, tc := range cases() {
		ran := false
		if !thorough.Tries(n, of) {
			complete = false
			continue
		}
		passed := t.Run(tc.name, func(t *testing.T) {
			ran = true
			result := r.result(t.Context(), tc)
			require.NoError(t, result.Err())
			if result.Diverges != "" {
				t.Skipf("diverges from a card: %s", result.Diverges)
			}
		})
		complete = complete && ran && passed // -run may have picked single cases
	}
	for name := range r.divergences {
		assert.True(t, slices.ContainsFunc(cases(),
			func(tc testCase) bool { return tc.name == name }), "the divergence %q names no case",
			name)
	}
	if complete {
		assert.Empty(t, r.total.missing(), "rows of the spec that no case touches")
	}
}

// run is one run of all cases.
type run struct {
	target      Target
	divergences map[string]string
	total       *coverage
	scheme      *cardScheme
}

func newRun(target Target) *run {
	divergences := maps.Clone(target.Capabilities().Divergences)
	if _, sets := target.(MemorySetter); !sets {
		if divergences == nil {
			divergences = map[string]string{}
		}
		for _, a := range attack.All() {
			if a.Card.IsSet() {
				divergences[caseOf(a)] = noSetting
			}
		}
	}
	return &run{target: target, divergences: divergences, total: newCoverage()}
}

func (r *run) result(ctx context.Context, tc testCase) Result {
	covered := newCoverage()
	failures := attempt(&caseRun{ctx: ctx, target: r.target, coverage: covered, world: r.scheme},
		tc, &r.scheme)
	reason, diverges := r.divergences[tc.name]
	if !diverges {
		r.total.add(covered)
	}
	return Result{tc.name, failures, reason, covered.commandNames()}
}

// attempt carries out one case on a fresh card and returns what failed. It runs in a
// goroutine of its own, so that a failure ends the case and not the test; so does a
// panic, which a card's malformed answer may cause.
func attempt(c *caseRun, tc testCase, scheme **cardScheme) []string {
	done := make(chan struct{})
	c.stop = runtime.Goexit
	go func() {
		defer close(done)
		defer func() {
			if broken := recover(); broken != nil {
				c.Errorf("the case broke off: %v\n%s", broken, debug.Stack())
			}
		}()
		if *scheme == nil {
			*scheme = c.newCardScheme()
		}
		c.world = *scheme
		tc.run(c)
		c.compareWithModel()
	}()
	<-done
	return append(c.failures, c.coverage.unexpected...)
}

// Errorf implements the T of testify.
func (c *caseRun) Errorf(format string, args ...any) {
	c.failures = append(c.failures, fmt.Sprintf(format, args...))
}

// FailNow implements the T of testify: it ends the case.
func (c *caseRun) FailNow() { c.stop() }

// Helper allows testify to leave our own frames out of its traces.
func (c *caseRun) Helper() {}
