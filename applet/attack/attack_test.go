package attack_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/apdu"
	"ekrona.example/apdu/cvc"
	"ekrona.example/apdu/spec"
	"ekrona.example/applet/attack"
)

// judged are the conditions of attacks whose answer is judged where its status word says nothing.
var judged = []attack.Condition{attack.Decided, attack.Brimful, attack.Issued}

// Every attack has all the texts of a catalogue, under a name of its own.
func TestTheList(t *testing.T) {
	names := map[string]bool{}
	for _, a := range slices.Concat(attack.All(), attack.Domains()) {
		assert.False(t, names[a.Name], "%q is there twice", a.Name)
		names[a.Name] = true
		for what, text := range map[string]string{"name": a.Name, "threat": a.Threat,
			"defence": a.Defence, "clause": a.Clause} {
			assert.NotEmpty(t, text, "%s: no %s", a.Name, what)
		}
		require.NotEmpty(t, a.Ways, a.Name)
		require.NotEmpty(t, a.Answers, a.Name)
		require.NotNil(t, a.Control.Make, "%s has no control", a.Name)
		taken := slices.Contains(a.Answers, apdu.OK) && !slices.Contains(judged, a.Card)
		assert.Equal(
			t,
			taken,
			a.Keeps == attack.KeepsNothing,
			"%s: what is refused changes nothing",
			a.Name,
		)
		ways := map[string]bool{}
		for _, way := range a.Ways {
			assert.False(t, ways[way.Name], "%s: %q is there twice", a.Name, way.Name)
			ways[way.Name] = true
			assert.True(t, way.Name != "" || len(a.Ways) == 1, "%s: a way without a name", a.Name)
		}
	}
}

func TestTheReaders(t *testing.T) {
	names := map[string]bool{}
	for _, r := range append(attack.Readers(), attack.AnotherAccept(nil)) {
		assert.False(t, names[r.Name], "%q is there twice", r.Name)
		names[r.Name] = true
		for what, text := range map[string]string{"name": r.Name, "threat": r.Threat,
			"defence": r.Defence, "clause": r.Clause} {
			assert.NotEmpty(t, text, "%s: no %s", r.Name, what)
		}
		var sent []apdu.Command
		below := apdu.CardFunc(func(_ context.Context, c apdu.Command) (apdu.Response, error) {
			sent = append(sent, c)
			return apdu.Response{Data: []byte{1}, SW: apdu.OK}, nil
		})
		held := r.Holding(below)
		other := spec.GetChallenge.Only().APDU()
		_, err := held.Transmit(t.Context(), other)
		require.NoError(t, err)
		require.Equal(t, []apdu.Command{other}, sent, "%s: other commands pass", r.Name)
		own := r.Command.Only().APDU([]byte{byte(spec.TagAmount), 4, 0, 0, 0, 7})
		answer, err := held.Transmit(t.Context(), own)
		require.NoError(t, err)
		asItIs := len(sent) == 2 && assert.ObjectsAreEqual(own, sent[1]) && answer.Data[0] == 1
		assert.False(t, asItIs, "%s: its own does not", r.Name)
	}
}

// toy is an attack of two ways on a card before it is active.
var toy = attack.Attack{
	Name: "toy", Card: attack.Installed, Answers: []apdu.StatusWord{spec.SWCertificate},
	Ways: []attack.Way{
		{Name: "one", Make: func(*attack.Setup) (attack.Blow, error) {
			return attack.Blow{Variant: spec.VerifyCertificate.Only(), Data: [][]byte{{1}}}, nil
		}},
		{Name: "two", Make: func(*attack.Setup) (attack.Blow, error) {
			return attack.Blow{
				Variant:     spec.VerifyCertificate.Only(),
				Data:        [][]byte{{2}},
				Authorities: [][]byte{{9}},
			}, nil
		}},
	},
}

// guess is an attack of a command of no variant, whose way has an answer of its own.
var guess = attack.Attack{
	Name: "guess", Card: attack.Installed, Answers: []apdu.StatusWord{spec.SWPINBlocked},
	Ways: []attack.Way{{Make: func(*attack.Setup) (attack.Blow, error) {
		raw := &apdu.Command{CLA: 0x0C, INS: 0x20, Data: []byte{2}}
		return attack.Blow{Raw: raw, Answers: []apdu.StatusWord{spec.SWPINWrong}}, nil
	}}},
}

func TestWayWithAnAnswerOfItsOwn(t *testing.T) {
	answering := func(sw apdu.StatusWord) *card {
		return &card{answers: map[byte]apdu.Response{2: {SW: sw}}}
	}
	require.NoError(t, guess.Run(t.Context(), answering(spec.SWPINWrong), &attack.Setup{}))
	err := guess.Run(t.Context(), answering(spec.SWPINBlocked), &attack.Setup{})
	require.ErrorContains(t, err, "guess: 0C200000 was answered 6983")
}

// card answers SELECT with its state as capabilities, and other commands by their data's first
// byte.
type card struct {
	state   byte
	answers map[byte]apdu.Response
	lost    error
}

func (c *card) Transmit(_ context.Context, command apdu.Command) (apdu.Response, error) {
	if command.INS == spec.Select.INS {
		fci := "\x6F\x28\x84\x08" + spec.AppletAID +
			"\xA5\x1C\xCD\x01\x01\x9F\x08\x02\x01\x00" + "\xCE\x01" +
			string([]byte{c.state}) + "\x9F\x4C\x08" + "12345678" + "\xC9\x04\x00\x00\x00\x00"
		return apdu.Response{Data: []byte(fci), SW: apdu.OK}, nil
	}
	if command.Data[0] == 1 {
		c.state += byte(len(c.answers[1].Data))
	}
	return c.answers[command.Data[0]], c.lost
}

func TestRun(t *testing.T) {
	refused := apdu.Response{SW: spec.SWCertificate}
	taken := apdu.Response{SW: apdu.OK}
	for _, row := range []struct {
		name    string
		answers map[byte]apdu.Response
		says    []string
	}{
		{"refused", map[byte]apdu.Response{1: refused, 2: refused, 9: taken}, nil},
		{"one way taken", map[byte]apdu.Response{1: refused, 2: taken, 9: taken},
			[]string{"toy, two: PSO VERIFY CERTIFICATE was answered 9000"}},
		{"an authority not taken", map[byte]apdu.Response{1: refused, 2: refused, 9: refused},
			[]string{"toy, two: PSO VERIFY CERTIFICATE: card answered 9407"}},
		{"data beside an error, and a change",
			map[byte]apdu.Response{1: {Data: []byte{7}, SW: spec.SWCertificate}, 2: refused,
				9: taken},
			[]string{"toy, one: PSO VERIFY CERTIFICATE was refused, and answered 1 bytes",
				"the card has changed"}},
	} {
		err := toy.Run(t.Context(), &card{answers: row.answers}, &attack.Setup{})
		if row.says == nil {
			require.NoError(t, err, row.name)
		}
		for _, says := range row.says {
			require.ErrorContains(t, err, says, row.name)
		}
	}
	lost := errors.New("gone")
	require.ErrorIs(
		t,
		toy.Run(t.Context(), &card{answers: map[byte]apdu.Response{}, lost: lost}, &attack.Setup{}),
		lost,
	)
}

// What an attack needs and is not given is an error.
func TestWithoutWhatItNeeds(t *testing.T) {
	_, err := attack.ReplayedInstruction.Make(&attack.Setup{})
	require.ErrorContains(t, err, "no Instruction")
	_, err = attack.PaymentOfNobody.Make(
		&attack.Setup{Other: attack.Identity{Certificate: new(cvc.Certificate)}},
	)
	require.ErrorContains(t, err, "no open Request")
}
