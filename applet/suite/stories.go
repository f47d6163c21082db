package suite

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// Story is one part of the suite that can be told by itself: a case, or a command
// that is torn before each of its writes.
type Story struct {
	Name string
	tell func(ctx context.Context, target Cutter, world **country) []string
}

// Stories are all cases, then all commands to tear.
func Stories() []Story {
	var stories []Story
	for _, tc := range cases() {
		stories = append(stories, Story{tc.name, func(ctx context.Context, target Cutter, world **country) []string {
			return attempt(&caseRun{ctx: ctx, target: target, coverage: newCoverage(), world: *world}, tc, world)
		}})
	}
	for _, tc := range tornCases() {
		stories = append(stories, Story{"torn: " + tc.name, func(ctx context.Context, target Cutter, world **country) []string {
			_, failures := tc.tearAll(ctx, target, world)
			return failures
		}})
	}
	return stories
}

// Teller tells stories with authorities of its own. It is for one goroutine.
type Teller struct{ world *country }

// Tell tells a story to fresh cards of the target. The error says what was not as
// it must be.
func (t *Teller) Tell(ctx context.Context, target Cutter, story Story) error {
	if failures := story.tell(ctx, target, &t.world); len(failures) > 0 {
		return errors.New(strings.Join(failures, "\n"))
	}
	return nil
}

// tearAll cuts the power before each write of the command in turn, until it has
// fewer.
func (tc tornCase) tearAll(ctx context.Context, target Cutter, world **country) (writes int, failures []string) {
	for n := answerLost; ; n++ {
		whole := false
		cut := testCase{fmt.Sprintf("cut before write %d", n), func(c *caseRun) {
			s, command := tc.prepare(c)
			whole = c.tear(target, s, command, n)
		}}
		for _, failure := range attempt(&caseRun{ctx: ctx, target: target, coverage: newCoverage(), world: *world}, cut, world) {
			failures = append(failures, cut.name+": "+failure)
		}
		if whole || len(failures) > 0 {
			return n - 1, failures
		}
	}
}
