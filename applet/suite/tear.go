package suite

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/apdu"
	"ekrona.example/applet/campaign"
)

// RunTorn cuts the power before every persistent write of every command of
// personalization and payment. After the restart the card must be as before the command
// or as after it, never in a third state; and the command, given again, must complete the
// flow once. The cuts of a command are shared out over the cores, each worker with a
// target of its own.
func RunTorn(t *testing.T, newTarget func() Cutter) {
	var scheme *cardScheme
	for _, tc := range tornCases() {
		t.Run(tc.name, func(t *testing.T) {
			writes, failures := tc.tearAt(t.Context(), newTarget(), &scheme, uncut)
			require.Empty(t, failures, "when it is not torn")
			report, err := tc.campaign(writes, newTarget).Run(t.Context())
			require.NoError(t, err)
			require.NoError(t, report.Err())
			t.Logf("%d persistent writes", writes)
		})
	}
}

// In the place of the number of a write, from 1, before which the power is cut: the command
// ends and its answer is lost, or is not.
const (
	answerLost = 0
	uncut      = -1
)

// String names the case in reports.
func (tc tornCase) String() string { return tc.name }

// campaign tries every cut of a command that makes so many writes.
func (tc tornCase) campaign(writes int, newTarget func() Cutter) *campaign.Campaign[int, tornCase] {
	c := &campaign.Campaign[int, tornCase]{Name: tc.name + ", torn", Undecided: campaign.Held}
	c.Start = func() (campaign.Try[int, tornCase], error) {
		var scheme *cardScheme
		target := newTarget()
		return func(ctx context.Context, n int, on tornCase) campaign.Trial {
			if _, failures := on.tearAt(ctx, target, &scheme, n); len(failures) > 0 {
				return campaign.Trial{
					Verdict: campaign.Finding, Detail: strings.Join(failures, "\n"),
				}
			}
			return campaign.Trial{}
		}, nil
	}
	for n := answerLost; n <= writes; n++ {
		c.Variants = append(c.Variants, campaign.Variant[int, tornCase]{
			Name: cutName(n), Value: n, Cases: []tornCase{tc},
		})
	}
	return c
}

func cutName(n int) string {
	switch n {
	case uncut:
		return "not cut"
	case answerLost:
		return "answer lost"
	}
	return fmt.Sprintf("cut before write %d", n)
}

// tearAll carries the command out, and then cuts the power before each of its writes in
// turn, until something fails.
func (tc tornCase) tearAll(ctx context.Context, target Cutter, scheme **cardScheme) []string {
	writes, failures := tc.tearAt(ctx, target, scheme, uncut)
	for n := answerLost; n <= writes && len(failures) == 0; n++ {
		_, failures = tc.tearAt(ctx, target, scheme, n)
	}
	return failures
}

// tearAt carries the command out on a fresh card, with that cut. It returns how many writes
// the command made, when it was not cut, and what failed.
func (tc tornCase) tearAt(
	ctx context.Context, target Cutter, scheme **cardScheme, n int,
) (writes int, failures []string) {
	cut := testCase{cutName(n), func(c *caseRun) {
		s, command := tc.prepare(c)
		var struck bool
		writes, struck = c.tear(target, s, command, n)
		require.Equal(c, n > answerLost, struck, "the power is cut if it has that write")
	}}
	for _, failure := range cut.onFresh(ctx, target, scheme) {
		failures = append(failures, cut.name+": "+failure)
	}
	return writes, failures
}

// verifierWrites are those of a verifier that gets another key, and of whose key it has.
const verifierWrites = 2

// tear runs the command with that cut, restarts, and completes the flow. It returns how many
// writes the command made, and whether the power was cut: a command with fewer writes ends.
func (c *caseRun) tear(
	target Cutter, s *subject, command attemptedCommand, n int,
) (writes int, struck bool) {
	r, err := s.cutting(target, n, &writes).
		Transmit(c.ctx, command.variant.APDU(command.data...))
	struck = err != nil
	if n <= answerLost {
		require.NoError(c, err)
	}
	if !struck {
		require.Equal(c, command.answer(), r.SW, "uncut")
		if command.readOnly {
			require.LessOrEqual(c, writes, verifierWrites, "a command that only reads")
		} else {
			require.Positive(c, writes)
		}
	}
	if !struck && n != answerLost {
		command.done(r.Data)
		return writes, struck
	}
	s.completeTorn(command, n, r.Data)
	return writes, struck
}

// completeTorn restarts after a command that was cut, or whose answer was lost, and completes
// the flow.
func (s *subject) completeTorn(command attemptedCommand, n int, lost []byte) {
	c := s.c
	s.newTap()
	happened := false
	if command.happened != nil {
		happened = command.happened()
	} else {
		happened = !s.matches()
		if n == answerLost {
			assert.Equal(c, !command.readOnly, happened, "what was answered has happened")
		}
	}
	s.newTap()
	if happened {
		assert.NotEqual(c, 1, n, "an effect before the first write")
		s.giveAgain(command, n, lost)
		return
	}
	if command.before != nil {
		command.before()
	}
	want := command.answer()
	if (n == answerLost || command.readOnly) && command.refusedAgain != 0 {
		want = command.refusedAgain
	}
	command.done(s.answers(want, command.variant, command.data...))
}

// giveAgain gives the command again, which has had its effect. lost is the answer that was
// lost, if the command came so far.
func (s *subject) giveAgain(command attemptedCommand, n int, lost []byte) {
	c := s.c
	if command.skipRepeat {
		return
	}
	if command.repeated != 0 {
		s.answers(command.repeated, command.variant, command.data...)
		command.done(nil)
		return
	}
	seen := s.look()
	s.newTap()
	if command.beforeRepeat != nil {
		command.beforeRepeat()
	}
	again := s.succeeds(command.variant, command.data...)
	if n == answerLost {
		assert.Equal(c, lost, again, "the repetition brings the answer that was lost")
	}
	command.done(again)
	same := seen == nil || s.sameAs(seen)
	assert.True(c, same, "what the torn command had left is what its repetition answers")
}

// cutting is the card, with power lost before the n-th write of the next whole
// command, whose writes it counts. The parts of a chain before its last write nothing.
func (s *subject) cutting(target Cutter, n int, writes *int) apdu.Card {
	armed := false
	transmit := func(ctx context.Context, c apdu.Command) (apdu.Response, error) {
		if c.IsChained() || armed {
			return s.raw.Transmit(ctx, c)
		}
		armed = true
		target.Cut(max(0, n))
		r, err := s.raw.Transmit(ctx, c)
		*writes = target.LastWrites()
		return r, err
	}
	extended := !target.Capabilities().ShortOnly
	return apdu.Framing{ExtendedLength: extended, Card: apdu.CardFunc(transmit)}
}
