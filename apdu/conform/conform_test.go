package conform

import (
	"bytes"
	"context"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func results(t *testing.T, m *model) map[string]Result {
	t.Helper()
	all := map[string]Result{}
	_, err := Run(t.Context(), m.card(), modelAID, func(r Result) { all[r.Check.ID] = r })
	require.NoError(t, err, m)
	return all
}

// cleanModels keep every rule: one that answers at once, one that answers 61xx, one without
// channels and chaining, and one that offers T=0 alone.
func cleanModels() []*model {
	waits, plain, old := newModel(), newModel(), newModel()
	waits.waits, plain.plain = true, true
	old.atr = []byte{0x3B, 0x02, 0x80, 0x10}
	return []*model{newModel(), waits, plain, old}
}

// Cards that keep the rules pass, and each check is carried out on one of them.
func TestCardsThatKeepTheRules(t *testing.T) {
	done := map[string]bool{}
	for i, m := range cleanModels() {
		for id, r := range results(t, m) {
			assert.Contains(t, []Outcome{Passed, LeftOut}, r.Outcome, "%d: %s %s: %s", i, id,
				r.Check.Rule, r.Reason)
			assert.Equal(t, r.Outcome == Passed, r.Reason == "", id)
			done[id] = done[id] || r.Outcome == Passed
		}
	}
	for _, c := range Checks() {
		assert.True(t, done[c.ID], "%s is carried out on no card that keeps the rules", c.ID)
	}
}

// wrongATRs are answers to reset that break one rule each, or two.
var wrongATRs = map[string][]byte{
	"TS":              {0x3C, 0x02, 0x14, 0x50},
	"too long":        append([]byte{0x3B, 0x0F}, make([]byte, 40)...),
	"cut short":       {0x3B, 0x95, 0x80},
	"TCK wrong":       {0x3B, 0x80, 0x01, 0x82},
	"TCK missing":     {0x3B, 0x80, 0x01},
	"TCK for T=0":     {0x3B, 0x02, 0x14, 0x50, 0x46},
	"T=1 before T=0":  {0x3B, 0x80, 0x81, 0x00, 0x01},
	"Fi reserved":     {0x3B, 0x10, 0x81},
	"IFSC of 0":       {0x3B, 0x80, 0x81, 0x11, 0x00, 0x10},
	"BWI of 10":       {0x3B, 0x80, 0x81, 0x21, 0xA5, 0x85},
	"category":        {0x3B, 0x02, 0x55, 0x50},
	"COMPACT-TLV":     {0x3B, 0x03, 0x80, 0x73, 0x01},
	"status in three": {0x3B, 0x02, 0x00, 0x90},
}

// broken are the ways in which the model breaks rules; with "waits " before them, of the model
// that answers 61xx.
var broken = []string{
	"takes class FF", "ignores the class", "takes reserved classes", "takes secured classes",
	"ignores channels", "6800 is 6985", "takes malformed", "mute at malformed", "SW1 is 60",
	"SW1 is 00", "SW1 is 00 for data", "numb after malformed", "garbles extended",
	"data beside errors", "6F00", "6E01", "6AFF", "6C00", "takes all", "61 unasked",
	"more than asked", "6C of what was sent", "wrong objects",
	"more than asked+parts bring data", "parts are 62 with data", "chains any",
	"more than asked+parts bring data+chains any", "selects with A5",
	"takes unknown instructions",
	"unknown is 6985", "has every object", "the same challenges",
	"the same challenges after resets", "reads anything", "responses without end",
	"waits responses are short", "waits responses stay", "waits responses survive resets",
	"channel 0x20", "two bytes of channel", "channel 1 only", "manages anything",
	"closes nothing", "closing is refused", "closes the basic channel", "closed for good",
	"closing brings data", "numbered channels bring data", "one channel in a life",
	"channels survive resets", "selects nothing", "selects nothing after errors", "selects once",
	"selects on the basic channel only", "forgets the name", "ends at a channel",
	"parts survive resets",
	"more than asked+long challenges", "finds any file",
	"garbled templates", "another name", "finds longer names",
	"finds any name", "P2 is ignored", "P2 reserved is garbled", "occurs for ever",
	"P2 of 0C brings data", "longer in extended form",
	"longer each time", "warns every second time", "other ATR",
}

// allowed are the ways in which the model does otherwise than rules say and breaks none, since a
// standard leaves it to the application; and the checks that say so.
var allowed = map[string][]string{
	"refuses extended":        {"LEN-20", "LEN-21", "LEN-23"},
	"needs Le":                {"LEN-13"},
	"refuses Le of 1":         {"LEN-16"},
	"no template":             {"SEL-11", "SEL-12", "SEL-16", "SEL-17", "SEL-23"},
	"one template":            {"SEL-16", "SEL-17"},
	"parts of names are 6985": {"SEL-15"},
	"P2 reserved selects":     {"SEL-18", "SEL-19", "SEL-20"},
	"P2 reserved is 6985":     {"SEL-20"},
	"chaining is 6985":        {"CHN-09"},
	"short challenges":        {"RET-06"},
	"nameless":                {"SEL-12"},
	"empty responses":         {},
	"proprietary statuses":    {"SEL-20", "CHN-09"},
}

// What the standards leave to the application is no fault of the card, and is said with a clause.
func TestWhatIsLeftToTheApplication(t *testing.T) {
	for name, wanted := range allowed {
		t.Run(name, func(t *testing.T) {
			m := newModel(name)
			m.plain = name == "proprietary statuses"
			all := results(t, m)
			for id, r := range all {
				assert.NotContains(t, []Outcome{Failed}, r.Outcome, "%s: %s", id, r.Reason)
				if r.Outcome == Allowed {
					assert.Regexp(t, `\(.* §|\(Java Card 3\.0\.5 API`, r.Reason, id)
				}
			}
			for _, id := range wanted {
				assert.Equal(t, Allowed, all[id].Outcome, "%s: %s", id, all[id].Reason)
			}
		})
	}
}

// Every check can fail: for each there is a card that breaks its rule, and every way to break one
// is found.
func TestEveryCheckCanFail(t *testing.T) {
	failed := map[string][]string{}
	try := func(name string, m *model) {
		found := false
		for id, r := range results(t, m) {
			if r.Outcome == Failed || r.Outcome == Noted {
				failed[id] = append(failed[id], name)
				found = true
				assert.Equal(t, r.Check.Should, r.Outcome == Noted, id)
				assert.NotEmpty(t, r.Reason, id)
			}
		}
		assert.True(t, found, "nothing is found on a card that breaks a rule: %s", name)
	}
	for _, name := range broken {
		way, waits := strings.CutPrefix(name, "waits ")
		m := newModel(strings.Split(way, "+")...)
		m.waits = waits
		try(name, m)
	}
	for name, atr := range wrongATRs {
		m := newModel()
		m.atr = atr
		try(name, m)
	}
	for _, c := range Checks() {
		assert.NotEmpty(t, failed[c.ID], "%s fails on no card: %s", c.ID, c.Rule)
	}
}

// The checks are values of one form.
func TestTable(t *testing.T) {
	seen := map[string]bool{}
	groups := map[string]bool{}
	for _, g := range Groups {
		groups[g.ID] = true
	}
	k := &Known{AID: modelAID}
	for _, c := range Checks() {
		assert.False(t, seen[c.ID], c.ID)
		seen[c.ID] = true
		assert.True(t, groups[c.Group()], c.ID)
		assert.Regexp(t, regexp.MustCompile(`^[A-Z].*\.$`), c.Rule, c.ID)
		assert.Regexp(t, `^(ISO/IEC 7816-[34]:20\d\d|GPC 2\.3\.1|Java Card 3\.0\.5 .*) §`, c.Clause)
		assert.True(t, c.Judge != nil || len(c.Lines) > 0, c.ID)
		for _, line := range append(slices.Clone(c.Lines), c.Loop) {
			if line == "" || line == reset {
				continue
			}
			step, _, err := k.step(line)
			require.NoError(t, err, "%s: %s", c.ID, line)
			raw, err := step.Bytes()
			require.NoError(t, err)
			assert.NotNil(t, step.Expected, "%s: %s", c.ID, line)
			assert.Contains(t, []byte{0xA4, 0xA5, 0x70, 0xC0, 0xCA, 0x84, 0xB0, 0xFC, 0x60, 0x61,
				0x6F, 0x90, 0x91, 0x9F}, raw[1], "%s sends an instruction that could do harm", c.ID)
			if k.AID != nil && bytes.Contains([]byte(line), []byte("{AID}")) ||
				bytes.Contains([]byte(line), []byte("{P")) {
				assert.NotZero(t, c.Needs&NeedAID, "%s: %s", c.ID, line)
			}
		}
	}
	assert.GreaterOrEqual(t, len(seen), 100)
}

// What a card has not is left out with the reason.
func TestLeftOut(t *testing.T) {
	m := newModel()
	m.atr = []byte{0x3B, 0x80, 0x80, 0x01, 0x01} // as a contactless reader makes it
	all := map[string]Result{}
	card := m.card()
	card.Extended = false
	_, err := Run(t.Context(), card, nil, func(r Result) { all[r.Check.ID] = r })
	require.NoError(t, err)
	assert.Len(t, all, len(Checks()))
	for id, says := range map[string]string{"ATR-01": "contactless", "CLA-01": "contactless",
		"LEN-20": "AID", "LEN-24": "extended", "SEL-01": "AID"} {
		assert.Equal(t, LeftOut, all[id].Outcome, id)
		assert.Contains(t, all[id].Reason, says, id)
	}
	old := cleanModels()[3]
	assert.Contains(t, results(t, old)["LEN-01"].Reason, "T=0")
	assert.Contains(t, results(t, cleanModels()[2])["MCH-05"].Reason, "6881")
}

func TestFacts(t *testing.T) {
	facts, err := Run(t.Context(), newModel().card(), modelAID, func(Result) {})
	require.NoError(t, err)
	assert.Equal(t, Facts{Channels: modelChannels, Chaining: true, Partial: true}, facts)
}

// A card that is pulled out ends the run; what was found before is there.
func TestPulledOut(t *testing.T) {
	for at := 1; at < 40; at += 13 {
		m := newModel()
		card := m.card()
		inner, n, seen := card.Card, 0, 0
		card.Card = pullAt{func() bool { n++; return n == at }, m, inner}
		_, err := Run(t.Context(), card, modelAID, func(Result) { seen++ })
		require.ErrorIs(t, err, ErrLost)
		require.ErrorIs(t, err, errModelGone)
		assert.Less(t, seen, len(Checks()))
	}
	ended, end := context.WithCancel(t.Context())
	end()
	_, err := Run(ended, newModel().card(), modelAID, func(Result) { t.Fail() })
	assert.ErrorIs(t, err, context.Canceled)
}

// FuzzAnswers: no answer of a card, however malformed, breaks a judge.
func FuzzAnswers(f *testing.F) {
	f.Add([]byte{0x6F, 0x08, 0x84, 6, 1, 2, 3, 4, 5, 6, 0x90, 0}, []byte{0x3B, 0x80, 0x01, 0x81})
	f.Add([]byte{0x6C, 0x10}, modelATR)
	f.Add([]byte{0x61}, []byte{0x3B})
	f.Fuzz(func(t *testing.T, answer, atr []byte) {
		m := newModel()
		card := m.card()
		card.Bytes = func([]byte) ([]byte, error) { return answer, nil }
		card.Card = always(answer)
		card.ATR = func() []byte { return atr }
		n := 0
		_, err := Run(t.Context(), card, modelAID, func(r Result) {
			n++
			if r.Outcome != Passed && r.Reason == "" {
				t.Errorf("%s: %s without a reason", r.Check.ID, r.Outcome)
			}
		})
		if err != nil || n != len(Checks()) {
			t.Errorf("%d of %d: %v", n, len(Checks()), err)
		}
	})
}
