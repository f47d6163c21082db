package catalogue_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/apdu"
	"ekrona.example/apdu/spec"
	"ekrona.example/applet"
	"ekrona.example/applet/suite"
	"ekrona.example/emulator/cap"
	"ekrona.example/emulator/card"
	"ekrona.example/emulator/vm"
	"ekrona.example/host/lab/catalogue"
)

// enough is how many attacks there must be (issue of the catalogue).
const enough = 80

func played(t *testing.T, p catalogue.Plan) *catalogue.Report {
	t.Helper()
	p.Workers = 2
	report, err := p.Run(t.Context())
	require.NoError(t, err)
	require.Len(t, report.Results, len(p.Entries))
	return report
}

// Every attack has its texts under a name of its own, is refused by what this program has, and its
// control succeeds.
func TestEveryAttackIsRefused(t *testing.T) {
	all := catalogue.All()
	names := map[string]bool{}
	for _, e := range all {
		assert.False(t, names[e.Name], "%q is there twice", e.Name)
		names[e.Name] = true
		for _, text := range []string{e.Threat, e.Defence, e.Clause} {
			assert.NotEmpty(t, text, e.Name)
			assert.NotContains(t, text, "as above", "%s: nothing is above it in a report", e.Name)
		}
	}
	report := played(t, catalogue.Plan{Entries: all, Seed: "catalogue"})
	var text strings.Builder
	require.NoError(t, report.Text(&text))
	require.NoError(t, report.Err(), text.String())
	assert.GreaterOrEqual(t, report.Tried(), enough)
	assert.Equal(t, report.Tried(), report.Count(catalogue.Refused))
	assert.Zero(t, report.Count(catalogue.NotApplicable)+report.Count(catalogue.LeftOut))
	lines := strings.Split(strings.TrimSpace(text.String()), "\n")
	assert.Equal(t, report.Summary(), lines[len(lines)-1])
}

// changed are fresh cards whose applet runs under a probe.
func changed(t *testing.T, probe vm.Probe) catalogue.Fresh {
	t.Helper()
	file, err := cap.Parse(applet.CAP)
	require.NoError(t, err)
	return func() (catalogue.Cards, error) {
		c, err := catalogue.VirtualCards(card.P71, "changed")()
		c.Applet = suite.NewChangedEmulator(card.P71, file.LoadFile(), probe)
		return c, err
	}
}

// returning has every call of an API method return a value, without its doing anything else.
func returning(method string, value int16) vm.Probe {
	return vm.Probe{Call: func(i *vm.Invocation) vm.Action {
		if !strings.HasPrefix(i.Callee.String(), method) {
			return vm.Action{}
		}
		return vm.Action{Kind: vm.Replace, Value: vm.ShortValue(value)}
	}}
}

// skipping has every call of an API method do nothing.
func skipping(method string) vm.Probe {
	return vm.Probe{Call: func(i *vm.Invocation) vm.Action {
		if !strings.HasPrefix(i.Callee.String(), method) {
			return vm.Action{}
		}
		return vm.Action{Kind: vm.Skip}
	}}
}

// TestAMissingDefenceIsNoticed plays the catalogue on applets that have lost one.
func TestAMissingDefenceIsNoticed(t *testing.T) {
	for _, row := range []struct {
		defence string
		probe   vm.Probe
		noticed []string // names, or their beginnings
	}{
		{"signatures are verified", returning("javacard/security/Signature.verify", 1),
			[]string{"malformed signature: ", "amount exchanged on the way: Request",
				"Request with a wrong signature", "Payment with a wrong signature",
				"Instruction without both signatures", "chain that a stranger has made",
				"payee by a CA that made itself", "own certificate that its CA did not sign"}},
		{"the PIN is asked for", returning("javacard/framework/OwnerPIN.isValidated", 1),
			[]string{"Request without the PIN", "REQUEST without the PIN",
				"own certificate without the PIN", "second debit by one PIN",
				"two terminals at one tap"}},
		{"the PIN is compared", returning("javacard/framework/OwnerPIN.check", 1),
			[]string{"PIN guessed", "PUK guessed", "PIN guessed until the card is blocked",
				"PIN guessed while the power is cut"}},
		{"nonces are random", skipping("javacard/security/RandomData.generateData"),
			[]string{"nonce that comes again"}},
	} {
		t.Run(row.defence, func(t *testing.T) {
			report := played(t, catalogue.Plan{Entries: onCards(), Fresh: changed(t, row.probe)})
			require.ErrorIs(t, report.Err(), catalogue.ErrNotRefused)
			for _, name := range row.noticed {
				found := 0
				for _, r := range report.Results {
					if !strings.HasPrefix(r.Name, name) {
						continue
					}
					found++
					assert.Equal(t, catalogue.NotRefused, r.Verdict, r.Name)
					assert.NotEmpty(t, r.Failures, r.Name)
				}
				assert.NotZero(t, found, "no attack is called %q", name)
			}
		})
	}
}

// TestNoAttackIsRefusedByAccident: a card that says yes to everything has refused nothing, and one
// that refuses everything has not either.
func TestNoAttackIsRefusedByAccident(t *testing.T) {
	repeated := []string{ // what is answered as before, which is right
		"Request that is paid a second time", "Payment that is accepted a second time",
		"Instruction that is applied a second time", "credit that passes 32 bits",
		"nonce that comes again",
	}
	for _, row := range []struct {
		card   string
		change func(c apdu.Command, r apdu.Response) apdu.Response
		right  []string
	}{
		{"takes everything", func(_ apdu.Command, r apdu.Response) apdu.Response {
			if r.SW != apdu.OK {
				r = apdu.Response{SW: apdu.OK}
			}
			return r
		}, repeated},
		{"refuses everything", func(apdu.Command, apdu.Response) apdu.Response {
			return apdu.Response{SW: apdu.SWConditions}
		}, nil},
		{"refuses the blows alone", func(c apdu.Command, r apdu.Response) apdu.Response {
			if c.INS == spec.Pay.INS || c.INS == spec.GetChallenge.INS {
				return apdu.Response{SW: spec.SWSignature}
			}
			return r
		}, nil},
	} {
		t.Run(row.card, func(t *testing.T) {
			report := played(t, catalogue.Plan{Entries: onCards(), Fresh: func() (
				catalogue.Cards, error,
			) {
				c, err := catalogue.VirtualCards(card.P71, "fake")()
				c.Applet = answering{c.Applet, row.change}
				return c, err
			}})
			for _, r := range report.Results {
				if r.Verdict != catalogue.Refused {
					continue
				}
				usesOther := row.card == "refuses the blows alone"
				assert.True(t, usesOther || slices.Contains(row.right, r.Name),
					"%s: refused by accident", r.Name)
			}
			for _, name := range []string{"Request with a wrong signature",
				"Request by a device that has expired", "command of another class"} {
				assert.Equal(t, catalogue.NotRefused, verdictOf(t, report, name), name)
			}
		})
	}
}

func verdictOf(t *testing.T, report *catalogue.Report, name string) catalogue.Verdict {
	t.Helper()
	for _, r := range report.Results {
		if r.Name == name {
			return r.Verdict
		}
	}
	require.Fail(t, "no such attack", name)
	return ""
}

// onCards are the attacks on the applet.
func onCards() (all []catalogue.Entry) {
	for _, e := range catalogue.All() {
		if e.Target == catalogue.Applet {
			all = append(all, e)
		}
	}
	return all
}

// answering is fresh cards whose answers are changed.
type answering struct {
	suite.Target
	change func(c apdu.Command, r apdu.Response) apdu.Response
}

func (a answering) Install(ctx context.Context, parameters []byte) (apdu.Card, error) {
	below, err := a.Target.Install(ctx, parameters)
	return apdu.CardFunc(func(ctx context.Context, c apdu.Command) (apdu.Response, error) {
		r, err := below.Transmit(ctx, c)
		return a.change(c, r), err
	}), err
}
