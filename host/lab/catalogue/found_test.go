package catalogue_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/apdu"
	"ekrona.example/apdu/spec"
	"ekrona.example/applet/attack"
	"ekrona.example/applet/suite"
	"ekrona.example/emulator/card"
	"ekrona.example/emulator/globalplatform"
	"ekrona.example/host/lab/catalogue"
)

// foundCard is a card that somebody else has made active, as it is found.
func foundCard(t *testing.T) (*catalogue.Found, *suite.Emulator) {
	t.Helper()
	target := suite.NewEmulator(card.P71)
	require.NoError(t, suite.Prepare(t.Context(), target, "somebody else's"))
	managed, err := globalplatform.New(target.Card(), globalplatform.Options{})
	require.NoError(t, err)
	asFound, err := target.Card().Snapshot()
	require.NoError(t, err)
	return &catalogue.Found{
		Where: "the test's reader", Virtual: true,
		Card: apdu.Framing{Card: managed, ExtendedLength: true},
		Begin: func() error {
			if err := target.Card().RestoreSnapshot(asFound); err != nil {
				return err
			}
			return managed.Reset()
		},
		Power: &attack.Power{Cut: managed.CutBefore, Reset: managed.Reset},
	}, target
}

// A card of somebody else's refuses all that a stranger can do, and what needs more is told.
func TestOnACardAsItIsFound(t *testing.T) {
	for _, row := range []struct {
		name                string
		copies, destructive bool
	}{
		{"in a reader", false, false}, {"in a reader, destroyed", false, true},
		{"a copy", true, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			found, _ := foundCard(t)
			found.Copies, found.Destructive = row.copies, row.destructive
			begin := found.Begin
			found.Begin = func() error { // a card in a reader keeps what was done to it
				err := begin()
				if !row.copies {
					begin = func() error { return found.Power.Reset() }
				}
				return err
			}
			report := played(t, catalogue.Plan{Entries: catalogue.All(), Found: found})
			var text strings.Builder
			require.NoError(t, report.Text(&text))
			require.NoError(t, report.Err(), text.String())
			assert.Contains(t, text.String(), "has the e-krona's applet, in the state active")
			assert.Greater(t, report.Tried(), 15)
			guess := verdictOf(t, report, "PIN guessed until the card is blocked")
			if row.copies || row.destructive {
				assert.Equal(t, catalogue.Refused, guess)
				assert.Zero(t, report.Count(catalogue.LeftOut))
			} else {
				assert.Equal(t, catalogue.LeftOut, guess)
			}
			assert.Equal(t, catalogue.NotApplicable,
				verdictOf(t, report, "Request for another payer"))
			for _, r := range report.Results {
				if r.Verdict == catalogue.NotApplicable || r.Verdict == catalogue.LeftOut {
					assert.NotEmpty(t, r.Reason, r.Name)
				}
			}
		})
	}
}

// What is safe takes nothing: the PIN has all its tries, and pays.
func TestSafeAttacksTakeNothing(t *testing.T) {
	found, target := foundCard(t)
	require.NoError(t, found.Begin())
	found.Begin = func() error { return found.Power.Reset() }
	played(t, catalogue.Plan{Entries: catalogue.All(), Found: found})
	_, err := apdu.Send(t.Context(), found.Card,
		spec.Select.Only().APDU([]byte(spec.AppletAID)))
	require.NoError(t, err)
	plaintext, _ := spec.Verify.Variant("plaintext")
	answer, err := found.Card.Transmit(t.Context(), plaintext.APDU())
	require.NoError(t, err)
	assert.EqualValues(t, spec.SWPINWrong|spec.PINTries, answer.SW)
	assert.NotNil(t, target.Card())
}

// fake is a card that answers with a function.
func fake(answer func(c apdu.Command) apdu.Response) *catalogue.Found {
	return &catalogue.Found{Where: "the test's reader", Destructive: true,
		Begin: func() error { return nil },
		Card: apdu.CardFunc(func(_ context.Context, c apdu.Command) (apdu.Response, error) {
			return answer(c), nil
		})}
}

func isSelectOf(c apdu.Command, aid string) bool {
	return c.INS == spec.Select.INS && c.CLA == 0 && string(c.Data) == aid
}

// A card that takes everything is found out, with the commands that it took.
func TestACardThatTakesEverythingIsFoundOut(t *testing.T) {
	genuine, _ := foundCard(t)
	require.NoError(t, genuine.Begin())
	selected, err := genuine.Card.Transmit(t.Context(),
		spec.Select.Only().APDU([]byte(spec.AppletAID)))
	require.NoError(t, err)
	found := fake(func(c apdu.Command) apdu.Response {
		if isSelectOf(c, spec.AppletAID) {
			return selected
		}
		return apdu.Response{Data: make([]byte, 8), SW: apdu.OK}
	})
	report := played(t, catalogue.Plan{Entries: catalogue.All(), Found: found})
	require.ErrorIs(t, report.Err(), catalogue.ErrNotRefused)
	assert.Zero(t, report.Count(catalogue.Refused))
	var text, page strings.Builder
	require.NoError(t, report.Text(&text))
	require.NoError(t, report.HTML(&page))
	for _, out := range []string{text.String(), page.String()} {
		assert.Contains(t, out, "NOT REFUSED")
		assert.Contains(t, out, "was answered 9000 OK")
		assert.Contains(t, out, "PSO VERIFY CERTIFICATE", "the commands are shown, decoded")
	}
}

// Cards without the applet, and with another under its name, are told to be that.
func TestOnOtherCards(t *testing.T) {
	for _, row := range []struct {
		name   string
		answer apdu.Response
		says   string
	}{
		{"blank", apdu.Response{SW: apdu.SWFileNotFound}, "has no e-krona applet"},
		{"another applet", apdu.Response{Data: []byte{0x6F, 0}, SW: apdu.OK},
			"has another applet of that name"},
	} {
		t.Run(row.name, func(t *testing.T) {
			report := played(t, catalogue.Plan{Entries: catalogue.All(),
				Found: fake(func(c apdu.Command) apdu.Response {
					if isSelectOf(c, spec.AppletAID) {
						return row.answer
					}
					return apdu.Response{SW: apdu.SWInstruction}
				})})
			require.NoError(t, report.Err())
			assert.Zero(t, report.Tried())
			assert.Equal(t, len(catalogue.All()), report.Count(catalogue.NotApplicable))
			assert.Contains(t, report.Answer().Verdict, row.says)
		})
	}
}

// A card in another state of its life is attacked as it is there.
func TestOnACardThatIsNotActive(t *testing.T) {
	for _, row := range []struct {
		condition attack.Condition
		own       string // the attack that is for this state
	}{
		{attack.Installed, "command before the card has keys"},
		{attack.Personalized, "half-personalized card: command before activation"},
		{attack.Blocked, ""},
		{attack.Closed, ""},
	} {
		target := suite.NewEmulator(card.P71)
		var runner suite.Runner
		staged, err := runner.Stage(t.Context(), target, "not active", row.condition, false,
			func(apdu.Card, *attack.Setup) error { return nil })
		require.True(t, staged)
		require.NoError(t, err)
		report := played(t, catalogue.Plan{Entries: catalogue.All(), Found: &catalogue.Found{
			Where: "the test's reader", Card: apdu.Framing{Card: target.Card()},
			Begin: func() error { return target.Reset(t.Context()) }, Destructive: true,
		}})
		var text strings.Builder
		require.NoError(t, report.Text(&text))
		require.NoError(t, report.Err(), text.String())
		if row.own == "" {
			assert.Greater(t, report.Tried(), 15, "strangers are refused as by an active one")
			continue
		}
		assert.Equal(t, catalogue.Refused, verdictOf(t, report, row.own))
		assert.Equal(t, catalogue.NotApplicable,
			verdictOf(t, report, "command of another class"))
	}
}

// A card that is taken away has refused nothing, and taken nothing either.
func TestACardThatIsTakenAway(t *testing.T) {
	found, _ := foundCard(t)
	left, below := 200, found.Card
	lost := errors.New("the card is gone")
	found.Card = apdu.CardFunc(func(ctx context.Context, c apdu.Command) (apdu.Response, error) {
		if left--; left < 0 {
			return apdu.Response{}, lost
		}
		return below.Transmit(ctx, c)
	})
	report, err := catalogue.Plan{Entries: catalogue.All(), Found: found}.Run(t.Context())
	require.ErrorIs(t, err, lost)
	require.ErrorContains(t, err, "the card answers no more: it was taken away, or the attack")
	assert.Nil(t, report)
}

// An interrupted run has no report.
func TestInterrupted(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	stop()
	report, err := catalogue.Plan{Entries: catalogue.All()}.Run(ctx)
	require.ErrorIs(t, err, catalogue.ErrInterrupted)
	assert.Nil(t, report)
}
