package remote

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTextsAreSentAsTheyAre(t *testing.T) {
	for _, good := range []string{"", "å", "a\ufffdb", `\ufffd`, `\\ufffd`, "\U0001d11e", "\x00"} {
		encoded, err := Encode(thing{Name: good})
		require.NoError(t, err, "%q", good)
		var back thing
		require.NoError(t, Decode(encoded, &back), "%q", good)
		require.Equal(t, good, back.Name)
	}
	for _, bad := range []any{
		thing{Name: "a\xff"}, thing{Name: "\\\xff"}, map[string]int{"\xc3": 1},
		thing{Parts: []thing{{Name: "\xed\xa0\x80"}}},
	} {
		_, err := Encode(bad)
		require.ErrorIs(t, err, ErrFormat, "%q", bad)
	}
	for _, bad := range []string{`"\ud834"`, `"\uDD1E"`, `"\ud834\u0041"`, `"a\\\udd1e\ud834"`} {
		require.ErrorIs(t, Decode([]byte(bad), new(string)), ErrFormat, bad)
	}
	for _, good := range []string{`"\ud834\udd1e"`, `"\\ud834"`, `"\ufffd"`} {
		require.NoError(t, Decode([]byte(good), new(string)), good)
	}
	_, err := Ask[thing](t.Context(), Client{NewServer(contract{}), contract{}}, "echo",
		thing{Name: "\xff"})
	require.ErrorIs(t, err, errMalformed)
}

func TestCheckText(t *testing.T) {
	for _, good := range []string{"", "Anna Åberg", "a\ufffd\n"} {
		require.NoError(t, CheckText(good))
	}
	for _, bad := range []string{"\x00", "a\x00", "a\xff", "\xed\xa0\x80"} {
		require.ErrorContains(t, CheckText(bad), "UTF-8 without NUL")
	}
}

// TestNothingOfAFailureCrosses: a panic, an answer that cannot be sent and the errors that are
// joined to one of the contract stay where they happened.
func TestNothingOfAFailureCrosses(t *testing.T) {
	s := NewServer(contract{})
	secret := errors.New("disk of db7 is full")
	HandleOnly(s, "panic", func(context.Context, None) error { panic(secret) })
	Handle(s, "answer", func(context.Context, None) (thing, error) {
		return thing{Name: "db7\xff"}, nil
	})
	Handle(s, "channel", func(context.Context, None) (chan int, error) { return nil, nil })
	HandleOnly(s, "joined", func(context.Context, None) error {
		return errors.Join(secret, secret)
	})
	c := Client{s, contract{}}
	for _, name := range []string{"panic", "answer", "channel", "joined"} {
		err := Do(t.Context(), c, name, None{})
		require.ErrorIs(t, err, ErrFailed, name)
		require.NotContains(t, err.Error(), "db7", name)
	}
	HandleOnly(s, "known", func(context.Context, None) error {
		return errors.Join(secret, errMalformed, errKnown)
	})
	err := Do(t.Context(), c, "known", None{})
	require.ErrorIs(t, err, errMalformed, "the first that the contract knows")
	require.NotErrorIs(t, err, errKnown)
	HandleOnly(s, "detail", func(context.Context, None) error {
		return errors.Join(errKnown, secret)
	})
	err = Do(t.Context(), c, "detail", None{})
	require.EqualError(t, err, errKnown.Error())
	HandleOnly(s, "broken", func(context.Context, None) error {
		return &Error{errKnown, "customer \xff"}
	})
	require.EqualError(t, Do(t.Context(), c, "broken", None{}), "customer \ufffd")
}
