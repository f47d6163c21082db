package rehearsal_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/apdu"
	"ekrona.example/apdu/globalplatform"
	"ekrona.example/apdu/gpc"
	"ekrona.example/apdu/scp03"
	"ekrona.example/apdu/spec"
	"ekrona.example/applet"
	"ekrona.example/emulator/card"
	emulated "ekrona.example/emulator/globalplatform"
	"ekrona.example/personalization"
	"ekrona.example/personalization/issuertest"
	"ekrona.example/personalization/preflight"
	"ekrona.example/personalization/rehearsal"
)

// desk is a place where cards are issued.
type desk struct {
	*testing.T
	*issuertest.Issuer
}

func newDesk(t *testing.T) desk {
	t.Helper()
	return desk{t, issuertest.New(t)}
}

func (d desk) order() personalization.Order { return d.Order(d) }

func (d desk) blank() *emulated.Card { return d.Blank(d) }

var today = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// need is what the applet takes: a report without it says nothing of the applet on the card.
func need(t testing.TB) preflight.Need {
	t.Helper()
	n, err := preflight.NeedOf(applet.CAP, spec.DefaultSlots)
	require.NoError(t, err)
	return n
}

// plan rehearses what is to be done with a card.
func (d desk) plan(
	c *emulated.Card, l personalization.Line, o personalization.Order,
) *rehearsal.Plan {
	d.Helper()
	require.NoError(d, c.Reset())
	report, err := preflight.Inspect(d.Context(), c, preflight.Options{Today: today, Need: need(d)})
	require.NoError(d, err)
	state, ok := rehearsal.StateOf(report)
	require.True(d, ok)
	link, err := card.LinkNamed("contact-115200")
	require.NoError(d, err)
	plan, err := rehearsal.Rehearse(d.Context(), l, o, state, link)
	require.NoError(d, err)
	require.NoError(d, c.Reset())
	return plan
}

var errWithdrawn = errors.New("pulled")

// issue issues under guard, and returns what went over the wire. The answer of the
// command lost (from 1; 0 for none) does not come.
func (d desk) issue(
	c *emulated.Card, l personalization.Line, o personalization.Order, lost int,
) ([]rehearsal.Shape, error) {
	d.Helper()
	plan := d.plan(c, l, o)
	var sent []rehearsal.Shape
	record := func(e apdu.Exchange) {
		if !e.Carried {
			sent = append(sent, rehearsal.Shapes(e)...)
		}
	}
	n := 0
	link := apdu.CardFunc(func(ctx context.Context, command apdu.Command) (apdu.Response, error) {
		n++
		if lost > 0 && n > lost {
			return apdu.Response{}, errWithdrawn
		}
		response, err := c.Transmit(ctx, command)
		if n == lost {
			err = errWithdrawn
		}
		return response, err
	})
	l.Watch = func(channel apdu.Card) apdu.Card {
		return apdu.Recorder{Card: channel, Sink: record}
	}
	_, err := l.Issue(d.Context(), apdu.Recorder{Card: plan.Guard(link), Sink: record}, o,
		issuertest.Secrets(d), func(personalization.Stage) error { return nil })
	require.NotErrorIs(d, err, rehearsal.ErrUnplanned)
	if err == nil {
		var lists [][]rehearsal.Shape
		for _, c := range plan.Cases {
			var list []rehearsal.Shape
			for _, step := range c.Steps {
				list = append(list, step.Shapes()...)
			}
			lists = append(lists, list)
		}
		assert.Contains(d, lists, sent, "what went out is one of the lists, whole")
	}
	return sent, err
}

func TestARealRunSendsWhatWasRehearsed(t *testing.T) {
	d := newDesk(t)
	whole, o := d.blank(), d.order()
	sent, err := d.issue(whole, d.Line, o, 0)
	require.NoError(t, err)
	require.Greater(t, len(sent), 20)
	_, err = d.issue(whole, d.Line, o, 0)
	require.NoError(t, err, "active")
	for lost := 1; lost <= len(sent); lost++ {
		if shape := sent[lost-1]; shape.INS == gpc.InsLoad && shape.P1 == 0 && shape.P2 > 1 {
			continue // one block of many is as another
		}
		c, o := d.blank(), d.order()
		_, err := d.issue(c, d.Line, o, lost)
		require.ErrorIs(t, err, errWithdrawn)
		_, err = d.issue(c, d.Line, o, 0)
		require.NoError(t, err, "after command %d", lost)
	}
}

func TestRunsOfOtherLines(t *testing.T) {
	d := newDesk(t)
	initial := d.Line
	initial.Final = nil
	longer := d.Line
	longer.Final = scp03.Master(bytes.Repeat([]byte{0x5A}, 32))
	secured := d.Line
	secured.Secure = true
	deleting := d.Line
	deleting.DeleteApplet = true
	for name, line := range map[string]personalization.Line{"keys left": initial,
		"longer keys": longer, "secured": secured, "deleting": deleting} {
		_, err := d.issue(d.blank(), line, d.order(), 0)
		require.NoError(t, err, name)
	}
	all, err := d.issue(d.blank(), d.Line, d.order(), 0)
	require.NoError(t, err)
	c := d.blank()
	_, err = d.issue(c, d.Line, d.order(), len(all)-2)
	require.ErrorIs(t, err, errWithdrawn)
	mine := d.order()
	_, err = d.issue(c, d.Line, mine, 0)
	require.ErrorIs(t, err, personalization.ErrOtherCard)
	_, err = d.issue(c, deleting, mine, 0)
	require.NoError(t, err, "the other order's applet goes")

	// A load file of another version is in the way until it may go.
	c = d.blank()
	client, err := globalplatform.Open(t.Context(), c, nil, scp03.Options{Keys: scp03.TestKeys()})
	require.NoError(t, err)
	block := bytes.Clone(d.Line.CAP.LoadFile())
	const minorVersion = 7 // in the Header component, from its magic number on (JCVM 3.0.5 §6.4)
	block[bytes.Index(block, []byte{0xDE, 0xCA, 0xFF, 0xED})+minorVersion]++
	require.NoError(t, client.Load(t.Context(), d.Line.CAP.Header.Package.AID, block))
	mine = d.order()
	_, err = d.issue(c, d.Line, mine, 0)
	require.ErrorIs(t, err, personalization.ErrOtherApplet)
	_, err = d.issue(c, deleting, mine, 0)
	require.NoError(t, err, "the other version goes")
}

func TestGuardSendsNothingElse(t *testing.T) {
	d := newDesk(t)
	c, o := d.blank(), d.order()
	plan := d.plan(c, d.Line, o)
	passed := 0
	guarded := plan.Guard(apdu.CardFunc(func(context.Context, apdu.Command) (apdu.Response, error) {
		passed++
		return apdu.Response{SW: apdu.OK}, nil
	}))
	first := apdu.Command{INS: gpc.InsSelect, P1: gpc.P1ByName, Ne: 256}
	for name, c := range map[string]apdu.Command{
		"other instruction": {CLA: gpc.ClassPlain, INS: gpc.InsGetData, P2: 0xE0},
		"longer":            {INS: gpc.InsSelect, P1: gpc.P1ByName, Data: []byte{1}},
		"other P2":          {INS: gpc.InsSelect, P1: gpc.P1ByName, P2: 2},
		"deletion":          {CLA: gpc.ClassSecure, INS: gpc.InsDelete, Data: make([]byte, 24)},
	} {
		_, err := guarded.Transmit(t.Context(), c)
		require.ErrorIs(t, err, rehearsal.ErrUnplanned, name)
	}
	assert.Zero(t, passed)
	_, err := guarded.Transmit(t.Context(), first)
	require.NoError(t, err)
	_, err = guarded.Transmit(t.Context(), first)
	require.ErrorIs(t, err, rehearsal.ErrUnplanned, "once, as in the list")
	assert.Equal(t, 1, passed)
}

// narrow is a card manager of another name that takes 200 bytes in a command: with 256 LOAD
// commands at most, blocks of 160 bytes are too few for the applet.
type narrow struct{ *emulated.Card }

func (n narrow) Transmit(ctx context.Context, c apdu.Command) (apdu.Response, error) {
	r, err := n.Card.Transmit(ctx, c)
	r.Data = bytes.Replace(r.Data, []byte{0x9F, 0x65, 1, 0xFF}, []byte{0x9F, 0x65, 1, 0xC8}, 1)
	return r, err
}

func TestCardsOfOtherForm(t *testing.T) {
	d := newDesk(t)
	c, o := narrow{d.blank()}, d.order()
	client, err := globalplatform.Open(t.Context(), c, nil, scp03.Options{Keys: scp03.TestKeys()})
	require.NoError(t, err)
	require.NoError(t, client.StoreData(t.Context(), gpc.TagAID, []byte{0xA0, 0, 0, 0, 3, 0, 0, 0}))
	require.NoError(t, c.Reset())
	report, err := preflight.Inspect(t.Context(), c, preflight.Options{Today: today, Need: need(t)})
	require.NoError(t, err)
	state, ok := rehearsal.StateOf(report)
	require.True(t, ok)
	assert.Equal(t, 200, state.MaxData)
	plan, err := rehearsal.Rehearse(t.Context(), d.Line, o, state, card.Links()[0])
	require.NoError(t, err)
	require.NoError(t, c.Reset())
	_, err = d.Line.Issue(t.Context(), plan.Guard(c), o, issuertest.Secrets(t),
		func(personalization.Stage) error { return nil })
	require.NoError(t, err)
	assert.Greater(t, len(plan.Cases[0].Steps), 200, "more and smaller blocks")
}

// The channel has the level that the card offers, and enciphers in any case.
func TestGuardLetsTheCardChooseTheLevel(t *testing.T) {
	d := newDesk(t)
	plan := d.plan(d.blank(), d.Line, d.order())
	for level, passes := range map[scp03.Level]bool{
		scp03.Full: true, scp03.CMACEncryptionRMAC: true, scp03.CMACEncryption: true,
		scp03.CMAC: false, scp03.Plain: false,
	} {
		guarded := plan.Guard(apdu.CardFunc(func(context.Context, apdu.Command) (apdu.Response,
			error) {
			return apdu.Response{SW: apdu.OK}, nil
		}))
		var err error
		for _, step := range plan.Cases[0].Steps {
			shape := step.Shapes()[0]
			c := apdu.Command{CLA: shape.CLA, INS: shape.INS, P1: shape.P1, P2: shape.P2,
				Data: make([]byte, shape.Length)}
			if c.INS == gpc.InsExternalAuthenticate {
				c.P1 = byte(level)
			}
			if _, err = guarded.Transmit(t.Context(), c); err != nil {
				break
			}
		}
		assert.Equal(t, passes, err == nil, level)
	}
}

// A card that changed its state between preflight and issuing is not touched further.
func TestGuardStopsWhenTheCardIsAnother(t *testing.T) {
	d := newDesk(t)
	blank, o := d.blank(), d.order()
	plan := d.plan(blank, d.Line, o)
	issued, other := d.blank(), d.order()
	_, err := d.issue(issued, d.Line, other, 0)
	require.NoError(t, err)
	require.NoError(t, issued.Reset())
	_, err = d.Line.Issue(t.Context(), plan.Guard(issued), other, issuertest.Secrets(d),
		func(personalization.Stage) error { return nil })
	assert.ErrorIs(t, err, rehearsal.ErrUnplanned)
}

// The page shows every command and no secret.
func TestPage(t *testing.T) {
	d := newDesk(t)
	o := d.order()
	plan := d.plan(d.blank(), d.Line, o)
	var out strings.Builder
	require.NoError(t, plan.Write(&out))
	page := out.String()
	for _, want := range []string{
		"1 > SELECT", "PUT KEY", "80 50 00 00,   8 bytes",
		"in the place of none, or the initial keys", "LOAD, block 0",
		"INSTALL [for install and make selectable]",
		"parameters             ", "hidden", "ACTIVATE",
		"If its load file is on the card already: the same without", "commands, ", "s on a P71",
	} {
		assert.Contains(t, page, want)
	}
	assert.NotContains(t, page, fmt.Sprintf("%X", o.Token[:]))
	assert.Greater(t, strings.Count(page, "LOAD, block"), 50)
	totals := plan.Cases[0].Totals()
	assert.Greater(t, totals.Card, time.Second)
	assert.Greater(t, totals.Sent, len(d.Line.CAP.LoadFile()))
}

// A script finds every command, its header and length, and what it all comes to.
func TestPlanForAScript(t *testing.T) {
	d := newDesk(t)
	plan := d.plan(d.blank(), d.Line, d.order())
	encoded, err := json.Marshal(plan.Cases)
	require.NoError(t, err)
	var cases []struct {
		If    string
		Steps []struct {
			Name string
			Wire []struct {
				Header string
				Length int
			}
			P71 int64 `json:"p71_us"`
		}
		Totals struct {
			Commands int
			Sent     int   `json:"bytes_sent"`
			P71      int64 `json:"p71_us"`
		}
	}
	require.NoError(t, json.Unmarshal(encoded, &cases))
	require.Len(t, cases, 2)
	first := cases[0]
	assert.Equal(t, "nothing of the applet is on the card", first.If)
	assert.Equal(t, first.Totals.Commands, len(first.Steps), "each goes in one command")
	assert.Positive(t, first.Totals.P71)
	assert.Equal(t, "SELECT", first.Steps[0].Name)
	assert.Equal(t, "00A40400", first.Steps[0].Wire[0].Header)
	sum := int64(0)
	for _, step := range first.Steps {
		assert.Positive(t, step.P71, step.Name)
		sum += step.P71
	}
	assert.InDelta(t, first.Totals.P71, sum, float64(len(first.Steps)), "rounded each")
	end := first.Steps[len(first.Steps)-2:]
	assert.Equal(t, "ACTIVATE", end[0].Name)
	assert.Equal(t, "SELECT", end[1].Name, "is it active?")
}
