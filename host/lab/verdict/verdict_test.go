package verdict_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/apdu"
	"ekrona.example/apdu/conform"
	"ekrona.example/apdu/message"
	"ekrona.example/apdu/spec"
	"ekrona.example/applet"
	"ekrona.example/emulator/card"
	emulated "ekrona.example/emulator/globalplatform"
	"ekrona.example/host/lab/verdict"
	"ekrona.example/host/shell"
	"ekrona.example/personalization/preflight"
)

// managed is a blank virtual card with CAP files and an instance of every applet in them.
func managed(t testing.TB, profile card.Profile, caps ...string) *emulated.Card {
	t.Helper()
	c, err := shell.NewVirtual(card.Options{Profile: profile}, t.Name())
	require.NoError(t, err)
	for _, name := range caps {
		content := readCAP(t, name)
		require.NoError(t, c.Manage(func(below *card.Card) error {
			loaded, err := below.Load(content)
			if err != nil {
				return err
			}
			for _, module := range loaded.Modules {
				if _, err := below.Install(module, module, nil); err != nil {
					return err
				}
			}
			return nil
		}))
	}
	require.NoError(t, c.Reset())
	return c
}

// subject is a virtual card to judge.
func subject(t testing.TB, c *emulated.Card) *verdict.Subject {
	t.Helper()
	need, err := preflight.NeedOf(applet.CAP, spec.DefaultSlots)
	require.NoError(t, err)
	return &verdict.Subject{
		Card: conform.Card{Card: c, Bytes: c.TransmitBytes, Reset: c.Reset, ATR: emulated.ATR,
			Extended: c.Below().Profile().ExtendedLength},
		Where: "virtual <script>alert(1)</script>", Need: need, Model: c, Virtual: true,
		Link: card.Links()[0], NoSuite: "a test leaves it out",
		Now: func() time.Time { return time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC) },
	}
}

func judged(t testing.TB, s *verdict.Subject) *verdict.Report {
	t.Helper()
	r, err := verdict.Run(t.Context(), s)
	require.NoError(t, err)
	return r
}

// failures are the IDs of what failed, with the reasons.
func failures(r *verdict.Report) (all []string) {
	for _, c := range r.Checks {
		if c.Outcome == conform.Failed {
			all = append(all, c.ID+" "+c.Reason)
		}
	}
	return all
}

// A blank card conforms, and says what it is.
func TestBlankCard(t *testing.T) {
	for _, profile := range []card.Profile{card.P71, card.P71Short, card.Unlimited} {
		r := judged(t, subject(t, managed(t, profile)))
		assert.Empty(t, failures(r), profile.Name)
		assert.True(t, r.Conforms, r.Verdict)
		assert.Equal(t, "A000000151000000", r.Application.String())
		assert.Equal(t, "NXP P71D321, JCOP 4", r.Identity.Production.Product)
		assert.Equal(t, profile.ExtendedLength, r.Facts.Extended)
		assert.GreaterOrEqual(t, len(r.Checks), 100)
		assert.NotEmpty(t, r.Timings)
		for _, timing := range r.Timings {
			assert.Nil(t, timing.Measured, "a virtual card measures nothing")
			assert.NotEmpty(t, timing.Model, timing.Command)
		}
		assert.Contains(t, r.TimedBy, "estimates")
		left := map[string]string{}
		for _, l := range r.LeftOut {
			left[l.What] = l.Why
		}
		assert.Equal(t, "a test leaves it out", left["the applet's suite"])
		assert.Contains(t, left, "VERIFY and other commands that count tries")
	}
}

// Applets that know nothing of this program are judged too, and change nothing by it.
func TestOtherApplets(t *testing.T) {
	for _, caps := range [][]string{{"purse.cap"}, {"lib.cap", "core.cap"}, {"extended.cap"},
		{"newer.cap"}, {"lib.cap", "core.cap", "vault.cap"}, {"managed.cap"}} {
		t.Run(caps[len(caps)-1], func(t *testing.T) {
			c := managed(t, card.Unlimited, caps...)
			s := subject(t, c)
			for _, a := range c.Below().Applets() {
				s.AID = a.AID
			}
			before := c.Below().Fingerprint()
			r := judged(t, s)
			require.NoError(t, c.Reset())
			if caps[0] == "purse.cap" { // the others count what comes to them
				assert.Equal(t, before, c.Below().Fingerprint(), "the card holds what it held")
			}
			assert.Equal(t, []byte(s.AID), []byte(r.Application))
			n := r.Count()
			assert.Greater(t, n.Passed, 100, failures(r))
			assert.Nil(t, r.Identity.Able, "it is not the e-krona applet")
			for _, f := range r.Identity.Findings {
				assert.NotContains(t, f.Text+f.Do+f.Subject, "the applet", f.Subject)
				assert.NotContains(t, f.Text+f.Do+f.Subject, "ekrona", f.Subject)
			}
			if honest := caps[0] == "purse.cap"; honest {
				assert.Empty(t, failures(r), "a correct applet conforms")
				assert.True(t, r.Conforms, r.Verdict)
			}
		})
	}
}

// The e-krona applet, installed and not yet issued, is found and conforms.
func TestOurApplet(t *testing.T) {
	c := managed(t, card.P71)
	parameters := message.InstallParameters{Device: "SE00000000000000", Role: spec.RoleCard,
		Slots: spec.DefaultSlots, Date: message.DateOf(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))}
	encoded, err := parameters.Encode()
	require.NoError(t, err)
	require.NoError(t, c.Manage(func(below *card.Card) error {
		if _, err := below.Load(applet.CAP); err != nil {
			return err
		}
		_, err := below.Install(card.AID(spec.AppletAID), card.AID(spec.AppletAID), encoded)
		return err
	}))
	r := judged(t, subject(t, c))
	assert.Equal(t, []byte(spec.AppletAID), []byte(r.Application))
	assert.Empty(t, failures(r))
	assert.True(t, r.Conforms)
}

// faulty is a card between a subject and its card, which breaks a rule.
func faulty(s *verdict.Subject, change func(c apdu.Command, r *apdu.Response) error) {
	below := s.Card.Card
	s.Card.Card = apdu.CardFunc(
		func(ctx context.Context, c apdu.Command) (apdu.Response, error) {
			r, err := below.Transmit(ctx, c)
			if err != nil {
				return r, err
			}
			err = change(c, &r)
			return r, err
		})
}

func TestWrongCard(t *testing.T) {
	s := subject(t, managed(t, card.P71))
	faulty(s, func(_ apdu.Command, r *apdu.Response) error {
		if r.SW != apdu.OK {
			r.Data = []byte("<b>beside</b>")
		}
		return nil
	})
	r := judged(t, s)
	assert.False(t, r.Conforms)
	assert.Contains(t, r.Verdict, "Does not conform")
	assert.Contains(t, strings.Join(failures(r), "\n"), "SWS-02")
	var page, text bytes.Buffer
	require.NoError(t, r.HTML(&page))
	assert.NotContains(t, page.String(), "<script>alert")
	assert.Contains(t, page.String(), "does not conform")
	require.NoError(t, r.Text(&text, false))
	assert.Contains(t, text.String(), "SWS-02")
	assert.NotContains(t, text.String(), "passed    ")
}

// The text says of every check that is not as its rule says, and of all that was left out, the
// same as the report has for programs.
func TestTextGivesReasons(t *testing.T) {
	r := judged(t, subject(t, managed(t, card.P71)))
	var text bytes.Buffer
	require.NoError(t, r.Text(&text, false))
	lines := strings.Split(text.String(), "\n")
	said := 0
	for _, c := range r.Checks {
		if c.Outcome == conform.Passed {
			continue
		}
		require.NotEmpty(t, c.Reason, c.ID)
		assert.True(t, slices.ContainsFunc(lines, func(l string) bool {
			return strings.HasPrefix(l, string(c.Outcome)) && strings.Contains(l, c.ID) &&
				strings.HasSuffix(l, ": "+c.Reason)
		}), "%s: %s", c.ID, c.Reason)
		said++
	}
	assert.NotZero(t, said)
	for _, l := range r.LeftOut {
		assert.Contains(t, text.String(), l.Why)
	}
	assert.Contains(t, text.String(), fmt.Sprintf("%d allowed, %d left out", r.Count().Allowed,
		r.Count().LeftOut))
}

// What others report of an answer is in the report.
func TestKnown(t *testing.T) {
	s := subject(t, managed(t, card.P71))
	faulty(s, func(c apdu.Command, r *apdu.Response) error {
		if c.INS == 0xCA && c.CLA == 0x80 {
			*r = apdu.Response{SW: apdu.SWConditions}
		}
		return nil
	})
	r := judged(t, s)
	require.Len(t, r.Known, 1)
	assert.Equal(t, "data-withheld", r.Known[0].ID)
	assert.True(t, r.Conforms, failures(r))
}

// A card that gives no status word at all is judged all the same.
func TestNoStatusWord(t *testing.T) {
	s := subject(t, managed(t, card.P71))
	faulty(s, func(c apdu.Command, r *apdu.Response) error {
		if c.INS == 0xCA {
			*r = apdu.Response{SW: 0xFFD1}
		}
		return nil
	})
	r := judged(t, s)
	assert.False(t, r.Conforms)
	assert.Contains(t, strings.Join(failures(r), "\n"), "FFD1 is no status word")
}

var errPulled = errors.New("the card was taken away")

// A card that is pulled out ends the run; what was found until then is in the report and on the
// page.
func TestPulledOut(t *testing.T) {
	for _, at := range []int{1, 3, 20, 150, 250} {
		s := subject(t, managed(t, card.P71))
		n, out := 0, false
		faulty(s, func(apdu.Command, *apdu.Response) error {
			if n++; n >= at {
				out = true
			}
			if out {
				return errPulled
			}
			return nil
		})
		reset := s.Card.Reset
		s.Card.Reset = func() error {
			if out {
				return errPulled
			}
			return reset()
		}
		r, err := verdict.Run(t.Context(), s)
		require.ErrorIs(t, err, conform.ErrLost)
		require.ErrorIs(t, err, errPulled)
		assert.NotContains(t, err.Error(), "\n")
		assert.False(t, r.Conforms)
		assert.Contains(t, r.Verdict, "Interrupted after")
		assert.Equal(t, at >= 20, r.Identity != nil)
		assert.Equal(t, at >= 150, len(r.Checks) > 20)
		var page bytes.Buffer
		require.NoError(t, r.HTML(&page))
		assert.Contains(t, page.String(), "Interrupted after")
	}
}

// The report that the page holds is the report.
func TestEmbedded(t *testing.T) {
	r := judged(t, subject(t, managed(t, card.P71)))
	var page bytes.Buffer
	require.NoError(t, r.HTML(&page))
	embedded, err := verdict.Embedded(page.Bytes())
	require.NoError(t, err)
	wanted, err := json.Marshal(r)
	require.NoError(t, err)
	assert.JSONEq(t, string(wanted), string(embedded))
	_, err = verdict.Embedded([]byte("<html>"))
	assert.ErrorIs(t, err, verdict.ErrNoReport)
}
