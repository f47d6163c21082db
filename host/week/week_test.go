package week

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/apdu"
	"ekrona.example/apdu/money"
	"ekrona.example/host/limit"
	"ekrona.example/host/progress"
)

// small is a week that takes seconds: enough people for wages, pocket money and shared lunches.
func small(limits Limits) Plan {
	return Plan{Cards: 30, Terminals: 4, Days: 2, Seed: 2, Limits: limits, Workers: 3}
}

func play(t *testing.T, p Plan) Report {
	t.Helper()
	r, err := Run(t.Context(), p)
	require.NoError(t, err)
	require.False(t, r.BrokenOff)
	require.NotNil(t, r.Morning)
	return r
}

// checkAllIsWell checks what holds after every week, whatever the limits.
func checkAllIsWell(t *testing.T, p Plan, r Report) {
	t.Helper()
	assert.Empty(t, r.Violations)
	assert.Empty(t, r.Morning.Stuck)
	m := r.Morning
	assert.Equal(t, m.Issued, m.Online+m.Shadow+m.Pool, "all money is accounted for")
	assert.Equal(t, m.Shadow, m.OnCards, "behind each card is what it holds")
	require.Len(t, r.Days, p.Days)
	paid := 0
	for _, d := range r.Days {
		failed := 0
		for _, f := range d.Failed {
			assert.NotEqual(t, Unexpected, f.What)
			failed += f.Count
		}
		assert.Equal(t, d.Funded(), d.Paid+failed, "every failure has a reason")
		assert.Positive(t, d.Paid)
		paid += d.Paid
	}
	assert.GreaterOrEqual(t, m.Settled, paid, "what succeeded is settled")
}

// Under the pilot's limits a week is over soon, and what failed failed by a limit that is named.
func TestAWeekUnderThePilotsLimitsFailsByLimits(t *testing.T) {
	p := small(Pilot)
	r := play(t, p)
	checkAllIsWell(t, p, r)
	last := r.Days[len(r.Days)-1]
	assert.Less(t, last.share(), 50.0)
	for _, d := range r.Days {
		for _, f := range d.Failed {
			assert.Contains(t, []Reason{{What(limit.Transactions), limit.Payer},
				{What(limit.Transactions), limit.Payee}, {What(limit.Balance), limit.Payee},
				{What(limit.Receipts), limit.Terminal}}, f.Reason)
		}
	}
}

// Under the default limits all that is funded succeeds, unless somebody forgets the PIN or leaves
// after a torn tap.
func TestAWeekUnderTheDefaultLimitsFailsByNoLimit(t *testing.T) {
	p := small(Default)
	r := play(t, p)
	checkAllIsWell(t, p, r)
	torn := 0
	for _, d := range r.Days {
		torn += d.Torn
		assert.Empty(t, d.Failed)
		assert.Positive(t, d.BusiestHour)
	}
	assert.Positive(t, torn, "torn taps are healed: take a seed that has some")
	pilot := play(t, small(Pilot))
	for n, d := range r.Days {
		assert.Equal(t, d.Attempts, pilot.Days[n].Attempts, "people want the same")
	}
}

// A week follows from its seed: on one processor as on several, and another seed is another week.
func TestAWeekFollowsFromItsSeed(t *testing.T) {
	p := small(Pilot)
	first := play(t, p)
	p.Workers = 1
	again := play(t, p)
	assert.Equal(t, first.Days, again.Days)
	assert.Equal(t, first.Morning, again.Morning)
	assert.Equal(t, first.Digest, again.Digest)
	p.Seed++
	assert.NotEqual(t, first.Digest, play(t, p).Digest)
}

// What people want to pay does not depend on the limits.
func TestPeopleWantTheSameEachTime(t *testing.T) {
	one, other := newDistrict(1, 400, 20), newDistrict(1, 400, 20)
	wants := 0
	for day := range 7 {
		assert.Equal(t, one.day(day), other.day(day))
		wants += len(one.day(day))
		for n, a := range one.day(day) {
			assert.True(t, (a.payee == nobody) != (a.merchant == nobody), "attempt %d", n)
			assert.NotEqual(t, a.payer, a.payee)
			assert.Positive(t, a.amount)
			assert.True(t, a.minute >= opens && a.minute <= closes)
		}
	}
	perDay := float64(wants) / 7 / 400
	assert.True(t, perDay >= 2 && perDay <= 3, "%.2f payments a day and person", perDay)
}

// Attempts that touch the same card or terminal are played in their order.
func TestTimetableKeepsTheOrderOfEach(t *testing.T) {
	attempts := newDistrict(3, 60, 4).day(0)
	table := newTimetable(attempts)
	before := make([]map[int]bool, len(attempts)) // all that each one waits for, in the end
	for n := range attempts {
		before[n] = map[int]bool{}
	}
	for n := range attempts {
		for _, next := range table.after[n] {
			require.Greater(t, next, n)
			before[next][n] = true
			for earlier := range before[n] {
				before[next][earlier] = true
			}
		}
	}
	for n, a := range attempts {
		for m, b := range attempts[:n] {
			meet := a.payer == b.payer || a.payer == b.payee || a.payee == b.payer ||
				a.payee != nobody && a.payee == b.payee ||
				a.merchant != nobody && a.merchant == b.merchant
			if meet {
				assert.True(t, before[n][m], "%d before %d", m, n)
			}
		}
	}
}

// A week that is interrupted reports what is known by then.
func TestAnInterruptedWeekReportsWhatIsKnown(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	p := small(Pilot)
	var days atomic.Int64
	p.Show = func(e progress.Event) {
		if e.Stage == "day 2" && days.Add(1) == 5 {
			stop()
		}
	}
	r, err := Run(ctx, p)
	require.NoError(t, err)
	assert.True(t, r.BrokenOff)
	assert.Nil(t, r.Morning)
	require.Len(t, r.Days, 2)
	assert.Positive(t, r.Days[1].Attempts)
	whole := play(t, small(Pilot))
	assert.Equal(t, whole.Days[0], r.Days[0])
	assert.Less(t, r.Days[1].Attempts, whole.Days[1].Attempts)
}

// One that is interrupted while cards are issued has no day.
func TestAWeekThatIsInterruptedBeforeItBegins(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	p := small(Pilot)
	p.Show = func(e progress.Event) {
		if e.Stage == "issuing" {
			stop()
		}
	}
	r, err := Run(ctx, p)
	require.NoError(t, err)
	assert.True(t, r.BrokenOff)
	assert.Empty(t, r.Days)
}

func TestPlansThatCannotBePlayed(t *testing.T) {
	for _, p := range []Plan{
		{Terminals: 1, Days: 1, Limits: Pilot}, {Cards: 1, Days: 1, Limits: Pilot},
		{Cards: 1, Terminals: 1, Limits: Pilot},
	} {
		require.ErrorIs(t, p.Check(), ErrPlan)
	}
	for _, change := range []func(p *Plan){
		func(p *Plan) { p.Cards = MaxCards + 1 }, func(p *Plan) { p.Terminals = 99999999 },
		func(p *Plan) { p.Days = MaxDays + 1 }, func(p *Plan) { p.Workers = MaxWorkers + 1 },
	} {
		p := small(Pilot)
		change(&p)
		require.ErrorIs(t, p.Check(), ErrLarge)
	}
	short := small(Crisis)
	short.Days = 1
	require.ErrorIs(t, short.Check(), ErrTooShort)
	require.ErrorContains(t, small("none").Check(), `limits "none"`)
	_, err := Run(t.Context(), small("none"))
	require.ErrorContains(t, err, `limits "none"`)
}

// A tap that is torn is answered no more, and the card goes on at the next one.
func TestTornTaps(t *testing.T) {
	w, err := foundWorld(t.Context(), Plan{Cards: 1, Terminals: 1, Days: 1, Limits: Pilot})
	require.NoError(t, err)
	defer func() { require.NoError(t, w.close()) }()
	c := w.people[0].card
	selection := apdu.Command{INS: 0xB0}
	for _, how := range []tear{{command: 2}, {command: 2, write: 1}} {
		held := hold(c, how)
		_, err := held.Transmit(t.Context(), selection)
		require.NoError(t, err)
		for range 2 {
			_, err = held.Transmit(t.Context(), selection)
			require.ErrorIs(t, err, errWithdrawn)
		}
	}
	_, err = w.state(t.Context(), w.people[0])
	require.NoError(t, err)
}

// A phone that was put away is the same when it is used again, and takes little room meanwhile.
func TestJournalsOfPhonesThatAreOff(t *testing.T) {
	k, err := newPocket(t.Context())
	require.NoError(t, err)
	defer k.db.Close()
	kept, err := k.journalOf(k.blank)
	require.NoError(t, err)
	image, err := kept.image(nil)
	require.NoError(t, err)
	assert.Equal(t, k.blank, image)
	assert.Less(t, len(kept)*10, len(k.blank))
	unused, err := journal(nil).image(k.blank)
	require.NoError(t, err)
	assert.Equal(t, k.blank, unused)
	_, err = journal("no journal").image(k.blank)
	require.Error(t, err)
}

func TestTableAndPictureHaveEveryDay(t *testing.T) {
	days := []Day{
		{Day: 1, Attempts: 5, Unfunded: 1, Paid: 4, Balances: Sums{Median: 3 * money.Krona}},
		{Day: 2, Attempts: 4, Paid: 1, Torn: 2, Failed: []Failed{
			{Reason{What(limit.Transactions), limit.Payer}, 2}, {Reason{What: Torn}, 1}}},
	}
	weeks := []Report{{Limits: Pilot, Days: days}, {Limits: Default, Days: days[:1]}}
	var b bytes.Buffer
	require.NoError(t, WriteTable(&b, weeks...))
	lines := strings.Split(strings.TrimSpace(b.String()), "\n")
	require.Len(t, lines, 5)
	for _, line := range lines {
		assert.Equal(t, strings.Count(lines[0], "|"), strings.Count(line, "|"), line)
	}
	assert.Contains(t, lines[2], "100.00 %")
	assert.Contains(t, lines[3], "25.00 %  | payer's transactions 2, torn and given up 1")
	picture, err := Plot(weeks...)
	require.NoError(t, err)
	for _, text := range []string{"<svg", "limits pilot", "limits default", "day 1", "day 2"} {
		assert.Contains(t, string(picture), text)
	}
	again, err := Plot(weeks...)
	require.NoError(t, err)
	assert.Equal(t, picture, again)
	_, err = json.Marshal(weeks)
	require.NoError(t, err)
}

// All means all: 9,999 of 10,000 are not shown as 100 %.
func TestPercentIsRoundedDown(t *testing.T) {
	assert.Equal(t, "99.99 %", percent(99_999, 100_000))
	assert.Equal(t, "100.00 %", percent(7, 7))
	assert.Equal(t, "0.09 %", percent(99, 100_000))
	assert.Equal(t, "-", percent(0, 0))
}
