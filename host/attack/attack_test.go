package attack_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/apdu/message"
	"ekrona.example/host/attack"
	"ekrona.example/host/banking"
	"ekrona.example/host/notary"
	"ekrona.example/host/session"
)

// Every attack says what a catalogue needs, once.
func TestTheList(t *testing.T) {
	names := map[string]bool{}
	said := func(name string, texts ...string) {
		assert.False(t, names[name], "%q is there twice", name)
		names[name] = true
		for _, text := range append(texts, name) {
			assert.NotEmpty(t, text, name)
		}
	}
	for _, a := range slices.Concat(attack.All(), attack.Sales()) {
		said(a.Name, a.Threat, a.Defence, a.Clause)
		require.NotEmpty(t, a.Ways, a.Name)
		require.NotEmpty(t, a.Answers, a.Name)
		require.NotNil(t, a.Control.Make, "%s has no control", a.Name)
		keepsRules := a.Keeps == attack.KeepsRules
		assert.Equal(t, a.MaySucceed(), keepsRules, "%s: what is refused moves nothing", a.Name)
		ways := map[string]bool{}
		for _, way := range a.Ways {
			assert.False(t, ways[way.Name], "%s: %q is there twice", a.Name, way.Name)
			ways[way.Name] = true
			assert.True(t, way.Name != "" || len(a.Ways) == 1, "%s: a way without a name", a.Name)
		}
	}
	for _, l := range attack.Links() {
		said(l.Name, l.Threat, l.Defence, l.Clause)
		require.Error(t, l.Answer, l.Name)
	}
}

// toy returns an attack whose call returns answer.
func toy(answer error, keeps attack.Keeps, right ...error) attack.Attack {
	return attack.Attack{
		Name: "toy", Answers: right, Keeps: keeps,
		Ways: []attack.Way{{Make: func(*attack.Setup) (attack.Call, error) {
			return func(context.Context, attack.Services) error { return answer }, nil
		}}},
	}
}

func TestRun(t *testing.T) {
	refused := notary.Refuse(notary.Funds, "too much")
	looks := 0
	steady := attack.Services{Balances: func(context.Context) (notary.Balances, error) {
		return notary.Balances{Issued: 1}, nil
	}}
	moving := attack.Services{Balances: func(context.Context) (notary.Balances, error) {
		looks++
		return notary.Balances{Issued: 1, Online: make([]notary.Account, looks)}, nil
	}}
	for _, row := range []struct {
		name   string
		attack attack.Attack
		on     attack.Services
		says   string
	}{
		{"refused", toy(refused, attack.KeepsBalances, notary.Funds), steady, ""},
		{"taken", toy(nil, attack.KeepsBalances, notary.Funds), steady, "the answer is no error"},
		{"otherwise", toy(refused, attack.KeepsBalances, notary.Head), steady,
			"too much, and head"},
		{"may be taken", toy(nil, attack.KeepsRules, nil), moving, ""},
		{"changed", toy(refused, attack.KeepsBalances, notary.Funds), moving, "have changed"},
	} {
		err := row.attack.Run(t.Context(), row.on, &attack.Setup{})
		if row.says == "" {
			require.NoError(t, err, row.name)
			continue
		}
		require.ErrorContains(t, err, row.says, row.name)
	}
	lost := errors.New("gone")
	unseen := attack.Services{Balances: func(context.Context) (notary.Balances, error) {
		return notary.Balances{}, lost
	}}
	require.ErrorIs(t, toy(nil, attack.KeepsRules, nil).Run(t.Context(), unseen, nil), lost)
}

// A missing part of the setup is an error.
func TestWithoutWhatItNeeds(t *testing.T) {
	for _, a := range []attack.Attack{
		attack.StolenDeviceKey, attack.CorruptedRecord, attack.HeardMessage, attack.FormerPhone,
		attack.RefusalOfNobody,
	} {
		_, err := a.Ways[0].Make(&attack.Setup{})
		require.ErrorContains(t, err, "attack: ", a.Name)
	}
}

// reading is a link that keeps what it received.
type reading struct {
	banking.Terminal
	got []session.Reading
}

func (r *reading) Report(
	_ context.Context, _ message.DeviceID, given session.Reading,
) (session.Answer, error) {
	r.got = append(r.got, given)
	return session.Answer{}, nil
}

func TestLinksAlterOneReadingOnce(t *testing.T) {
	for _, l := range attack.Links() {
		given := session.Reading{Records: [][]byte{{1, 2}}, Certificates: [][]byte{{3, 4}}}
		below := &reading{}
		link := l.Once(below)
		for range 2 {
			_, err := link.Report(t.Context(), "", given)
			require.NoError(t, err)
		}
		assert.NotEqual(t, given, below.got[0], l.Name)
		assert.Equal(t, given, below.got[1], l.Name)
		untouched := session.Reading{Records: [][]byte{{1, 2}}, Certificates: [][]byte{{3, 4}}}
		assert.Equal(t, untouched, given, "%s: the device keeps what it has", l.Name)
	}
}
