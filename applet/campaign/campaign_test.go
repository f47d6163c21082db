package campaign

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// divisor is a case: it decides about the numbers that it divides.
type divisor int

func (d divisor) String() string { return fmt.Sprintf("divided by %d", int(d)) }

// numbers is a campaign on the numbers from 1 to n: one that 2, 3 or 5 divides is held,
// another is a finding, and 7 cannot be tried. It counts its trials.
func numbers(n int, trials *atomic.Int64) *Campaign[int, divisor] {
	c := &Campaign[int, divisor]{
		Name: "numbers", Subject: "small", Undecided: Finding,
		Start: func() (Try[int, divisor], error) {
			return func(_ context.Context, v int, on divisor) Trial {
				trials.Add(1)
				switch {
				case v == 7:
					panic("seven")
				case v%int(on) == 0:
					return Trial{Held, fmt.Sprintf("%d times", v/int(on))}
				}
				return Trial{}
			}, nil
		},
	}
	for v := range n {
		c.Variants = append(c.Variants, Variant[int, divisor]{
			Name: fmt.Sprint(v + 1), Title: fmt.Sprintf("number %d", v+1), Value: v + 1,
			Cases: []divisor{2, 3, 5},
		})
	}
	return c
}

func text(t *testing.T, r *Report) string {
	t.Helper()
	var b strings.Builder
	require.NoError(t, r.Text(&b))
	require.NoError(t, r.JSON(&b))
	return b.String()
}

// TestVerdicts: the first case that decides does, and the reasons are seen beside it.
func TestVerdicts(t *testing.T) {
	var trials atomic.Int64
	c := numbers(13, &trials)
	c.Reasons = Reasons{"11": "a prime", "12": "no prime", "99": "not in this sample"}
	last := 0
	c.Progress = func(p Progress) {
		last++
		assert.Equal(t, last, p.Done)
		assert.Equal(t, 13, p.Total)
		assert.NotEqual(t, Open, p.Last.Verdict)
	}
	r, err := c.Run(t.Context())
	require.NoError(t, err)
	assert.Equal(t, 13, last)
	for i, want := range map[int]Outcome{
		1:  {"1", "number 1", Finding, "", "", "", 3},
		2:  {"2", "number 2", Held, "divided by 2", "1 times", "", 1},
		9:  {"9", "number 9", Held, "divided by 3", "3 times", "", 2},
		11: {"11", "number 11", Accepted, "", "", "a prime", 3},
		12: {"12", "number 12", Stale, "divided by 2", "6 times", "no prime", 1},
	} {
		assert.Equal(t, want, r.Outcomes[i-1])
	}
	assert.Equal(t, Broken, r.Outcomes[6].Verdict)
	broke := `^the trial broke off at campaign_test.go:\d+ \(.*\): seven$`
	assert.Regexp(t, broke, r.Outcomes[6].Detail)
	for v, n := range []int{0, 8, 2, 1, 1, 1} {
		assert.Equal(t, n, r.Count(Verdict(v)), Verdict(v))
	}
	assert.EqualValues(t, trials.Load(), r.Tried())
	counts := "numbers: 13 tried, 8 held, 2 finding, 1 broken, 1 accepted, 1 stale\n"
	assert.Contains(t, text(t, r), counts)
	all := r.Err().Error()
	assert.Contains(t, all, "finding  number 13\nin the list of reasons it would be\n13 | ")
	assert.Contains(t, all, "stale  number 12  (divided by 2)  no prime\n6 times")
	assert.NotContains(t, all, "number 11\n")
	assert.NotContains(t, all, "number 2 ")
}

func TestAReportThatPasses(t *testing.T) {
	var trials atomic.Int64
	c := numbers(6, &trials)
	c.Reasons = Reasons{"1": "the first"}
	r, err := c.Run(t.Context())
	require.NoError(t, err)
	assert.NoError(t, r.Err())
}

// TestReportsAreTheSame however many workers there were.
func TestReportsAreTheSame(t *testing.T) {
	var trials atomic.Int64
	var reports []string
	for _, workers := range []int{0, 1, 7, 100} {
		c := numbers(40, &trials)
		c.Workers = workers
		r, err := c.Run(t.Context())
		require.NoError(t, err)
		reports = append(reports, text(t, r))
	}
	for _, report := range reports[1:] {
		assert.Equal(t, reports[0], report)
	}
}

// TestResume: whenever the program died, also in the middle of a line, what was decided is
// not tried again, and the report is that of a campaign that went through.
func TestResume(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal")
	var trials atomic.Int64
	c := numbers(10, &trials)
	c.Journal, c.Workers = path, 1
	r, err := c.Run(t.Context())
	require.NoError(t, err)
	want := text(t, r)
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, 10, strings.Count(string(content), "\n"), "the broken one is not kept")

	for n := range len(content) + 1 {
		require.NoError(t, os.WriteFile(path, content[:n], 0o600))
		kept := max(0, strings.Count(string(content[:n]), "\n")-1)
		decided := 0
		c.Progress = func(Progress) { decided++ }
		again, err := c.Run(t.Context())
		require.NoError(t, err, "after %d bytes", n)
		require.Equal(t, 10-kept, decided, "after %d bytes", n)
		require.Equal(t, want, text(t, again), "after %d bytes", n)
	}
}

// TestAnEndedContext leaves the rest open, and the next run finishes it.
func TestAnEndedContext(t *testing.T) {
	var trials atomic.Int64
	c := numbers(20, &trials)
	c.Journal, c.Workers = filepath.Join(t.TempDir(), "journal"), 2
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	c.Progress = func(p Progress) {
		if p.Done == 4 {
			stop()
		}
	}
	r, err := c.Run(ctx)
	require.ErrorIs(t, err, context.Canceled)
	assert.Equal(t, 16, r.Count(Open))
	assert.ErrorContains(t, r.Err(), "open  number")
	c.Progress = nil
	r, err = c.Run(t.Context())
	require.NoError(t, err)
	assert.Zero(t, r.Count(Open))
}

func TestRunRefuses(t *testing.T) {
	var trials atomic.Int64
	folder := t.TempDir()
	path := filepath.Join(folder, "journal")
	c := numbers(3, &trials)
	c.Journal = path
	_, err := c.Run(t.Context())
	require.NoError(t, err)
	content, err := os.ReadFile(path)
	require.NoError(t, err)

	c.Subject = "other"
	_, err = c.Run(t.Context())
	require.ErrorContains(t, err, "name another file")
	c.Subject = "small"
	altered := bytes.Replace(content, []byte(`"program":"`), []byte(`"program":"0`), 1)
	require.NoError(t, os.WriteFile(path, altered, 0o600))
	_, err = c.Run(t.Context())
	require.ErrorContains(t, err, "by program 0")
	for _, line := range []string{
		`nonsense`, `{} {}`, `{"variant":"1","verdict":"best","tried":1}`,
		`{"variant":"1","verdict":"stale","tried":1}`,
	} {
		require.NoError(t, os.WriteFile(path, []byte(string(content)+line+"\n"), 0o600))
		_, err = c.Run(t.Context())
		require.ErrorContains(t, err, "line 5", line)
	}
	require.NoError(t, os.WriteFile(path, []byte("a letter\n"), 0o600))
	_, err = c.Run(t.Context())
	require.ErrorContains(t, err, "no journal")
	c.Journal = folder
	_, err = c.Run(t.Context())
	require.ErrorContains(t, err, "open journal")

	c = numbers(3, &trials)
	c.Start = func() (Try[int, divisor], error) { return nil, errors.New("no card") }
	_, err = c.Run(t.Context())
	require.ErrorContains(t, err, "no card")
	c = numbers(3, &trials)
	c.Variants[2].Name = "1"
	_, err = c.Run(t.Context())
	require.ErrorContains(t, err, `two variants are called "1"`)
}

// TestAForeignFileStaysAsItIs: with a newline or without, and of another campaign too.
func TestAForeignFileStaysAsItIs(t *testing.T) {
	var trials atomic.Int64
	path := filepath.Join(t.TempDir(), "letter")
	c := numbers(3, &trials)
	c.Journal = path
	for content, want := range map[string]string{
		"a letter without a newline":       "it is no journal",
		"a letter\nwith a torn end":        "it is no journal",
		"{}":                               "it is no journal",
		"\n":                               "it is no journal",
		"{}\nof another, torn":             "name another file",
		`{"campaign":"numbers","subject":`: "",
	} {
		require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
		_, err := c.Run(t.Context())
		after, failed := os.ReadFile(path)
		require.NoError(t, failed)
		if want == "" {
			require.NoError(t, err, "the start of this journal's own header")
			assert.Equal(t, 4, strings.Count(string(after), "\n"))
			continue
		}
		require.ErrorContains(t, err, want, content)
		assert.Equal(t, content, string(after))
	}
	assert.EqualValues(t, 6, trials.Load(), "one run: 3 cases for 1, one for 2, two for 3")
}

// TestOneCampaignHasTheJournal: a second one is refused, and may begin when the first has ended.
func TestOneCampaignHasTheJournal(t *testing.T) {
	var trials atomic.Int64
	first, second := numbers(2, &trials), numbers(2, &trials)
	first.Journal = filepath.Join(t.TempDir(), "journal")
	second.Journal = first.Journal
	tried := 0
	first.Progress = func(Progress) {
		tried++
		_, err := second.Run(t.Context())
		assert.ErrorContains(t, err, "another campaign has it open")
	}
	_, err := first.Run(t.Context())
	require.NoError(t, err)
	assert.Equal(t, 2, tried)
	r, err := second.Run(t.Context())
	require.NoError(t, err)
	assert.Zero(t, r.Count(Open))
}

func TestVerdictsAreText(t *testing.T) {
	for v := Open; v <= Stale; v++ {
		text, err := v.MarshalText()
		require.NoError(t, err)
		var again Verdict
		require.NoError(t, again.UnmarshalText(text))
		assert.Equal(t, v, again)
	}
	assert.Error(t, new(Verdict).UnmarshalText([]byte("best")))
	assert.Equal(t, "verdict 6", (Stale + 1).String(), "every verdict has a name")
}

func TestParseReasons(t *testing.T) {
	r, err := ParseReasons("# a remark\n\n a | b 1 | since it is so\nc | because \n")
	require.NoError(t, err)
	assert.Equal(t, Reasons{"a | b 1": "since it is so", "c": "because"}, r)
	for _, bad := range []string{"a", "a | ", "a | b\na | c"} {
		_, err := ParseReasons(bad)
		assert.Error(t, err, bad)
	}
}
