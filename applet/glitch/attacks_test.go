package glitch

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/apdu"
	"ekrona.example/apdu/message"
	"ekrona.example/apdu/pin"
	"ekrona.example/apdu/spec"
	"ekrona.example/applet/client"
	"ekrona.example/applet/suite"
	"ekrona.example/emulator/card"
	"ekrona.example/emulator/fault"
)

// TestAttacksAreCounted: a look that disagrees with the one before is counted and silences the card
// until it is selected again; the number that its issuer set blocks it, and each one more. At the
// highest the count stays.
func TestAttacksAreCounted(t *testing.T) {
	target := suite.NewEmulator(card.P71).Seeded("attacks")
	require.NoError(t, suite.Prepare(t.Context(), target, "attacks"))
	c := target.Card()
	c.Reset()
	find := apdu.Command{INS: spec.Select.INS, P1: 4, Data: []byte(spec.AppletAID), Ne: 256}
	attack := noticed(t, c, find)

	entered, err := pin.NewBlock("2580") // the usual PIN of package suite
	require.NoError(t, err)
	counted := func() (message.FCI, message.Counters) {
		c.Reset()
		applet := client.New(c)
		fci, err := applet.Select(t.Context())
		require.NoError(t, err)
		require.NoError(t, applet.Verify(t.Context(), entered, client.PINTransport{}))
		counters, err := applet.Counters(t.Context())
		require.NoError(t, err)
		return fci, counters
	}
	injector := fault.NewInjector(c)
	for n := range spec.MostAttacks + 2 {
		fci, counters := counted()
		assert.EqualValues(t, min(n, spec.MostAttacks), counters.Attacks)
		assert.EqualValues(t, spec.DefaultAttacks, counters.MaxAttacks)
		assert.Equal(t, n >= spec.DefaultAttacks, fci.LifeCycle == spec.Blocked, n)
		c.Reset()
		injector.Arm(0, attack)
		r, err := c.Transmit(t.Context(), find)
		injector.Off()
		require.NoError(t, err)
		require.EqualValues(t, spec.SWUnknown, r.SW)
		r, err = c.Transmit(t.Context(), draw)
		require.NoError(t, err)
		assert.EqualValues(t, spec.SWUnknown, r.SW, "the card is silent")
	}
}

// draw is a command that a card which is not silent answers.
var draw = apdu.Command{INS: spec.GetChallenge.INS, Ne: 8}

// noticed is a fault that the card notices in a command, and counts.
func noticed(t *testing.T, c *card.Card, command apdu.Command) fault.Fault {
	t.Helper()
	e, err := fault.NewExperiment(t.Context(), c, command)
	require.NoError(t, err)
	for f := range e.Trace.Faults(fault.Models()) {
		r, err := e.Try(t.Context(), f)
		if err != nil || r.SW != spec.SWUnknown {
			continue
		}
		if r, err = c.Transmit(t.Context(), draw); err == nil && r.SW == spec.SWUnknown {
			require.NoError(t, c.RestoreSnapshot(e.Before))
			return f
		}
	}
	t.Fatal("no fault is noticed")
	return fault.Fault{}
}
