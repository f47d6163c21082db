package remote

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

type thing struct {
	Name  string  `json:"name"`
	Count int     `json:"count,omitempty"`
	Parts []thing `json:"parts,omitempty"`
}

func TestDecodeIsStrict(t *testing.T) {
	for _, good := range []string{
		`{"name":"a"}`, ` {"name": "a", "count": 3} `, `{"parts":[{"name":"b"}], "name":""}`,
	} {
		require.NoError(t, Decode([]byte(good), &thing{}), good)
	}
	deep := `{"name":"a"}`
	for range maxDepth {
		deep = `{"name":"a","parts":[` + deep + `]}`
	}
	for _, bad := range []string{
		``, `{`, `{}`, `{"parts":[{"name":"b"}]}`, `{"name":"a","count":0}`,
		`{"name":"a","parts":[]}`,
		`{"name":"a","parts":[{}]}`, `{"name":"a","count":-0}`, `{"name":"a"}x`, `{"name":"a"} {}`,
		`{"name":"a","name":"b"}`, `{"Name":"a"}`, `{"NAME":"a"}`,
		`{"other":1}`,
		`{"name":null}`, `null`, `[]`, `{"count":1.0}`, `{"count":1e3}`, `{"count":"1"}`,
		"{\"name\":\"\xff\"}", `{"":1}`,
		`{"parts":[null]}`, `{"\u006eame":"a","name":"b"}`, deep,
	} {
		require.ErrorIs(t, Decode([]byte(bad), &thing{}), ErrFormat, bad)
	}
}

var errKnown, errMalformed = errors.New("a known error"), errors.New("not what belongs here")

// contract knows errKnown.
type contract struct{}

func (contract) ProblemOf(err error) (Problem, bool) {
	switch {
	case errors.Is(err, errKnown):
		return Problem{Code: "known", Detail: err.Error()}, true
	case errors.Is(err, errMalformed):
		return Problem{Code: "malformed"}, true
	}
	return Problem{}, false
}

func (contract) ErrorOf(p Problem) error {
	switch p.Code {
	case "known":
		return &Error{errKnown, p.Detail}
	case "malformed":
		return errMalformed
	}
	return nil
}

func (contract) Malformed(error) error { return errMalformed }

// dead is a link that is down, or whose far side answers nonsense.
type dead struct {
	reply Reply
	err   error
}

func (d dead) Call(context.Context, string, []byte) (Reply, error) { return d.reply, d.err }

func TestErrorsArriveAsWhatTheyAre(t *testing.T) {
	s := NewServer(contract{})
	secret := errors.New("disk of db7 is full")
	Handle(s, "echo", func(_ context.Context, q thing) (thing, error) {
		switch q.Name {
		case "known":
			return q, fmt.Errorf("item 3: %w", errKnown)
		case "secret":
			return q, secret
		}
		return q, nil
	})
	HandleOnly(s, "only", func(context.Context, None) error { return nil })
	c := Client{s, contract{}}
	ctx := t.Context()
	got, err := Ask[thing](ctx, c, "echo", thing{Name: "a", Count: 2})
	require.NoError(t, err)
	require.Equal(t, thing{Name: "a", Count: 2}, got)
	require.NoError(t, Do(ctx, c, "only", None{}))
	_, err = Ask[thing](ctx, c, "echo", thing{Name: "known"})
	require.ErrorIs(t, err, errKnown)
	require.EqualError(t, err, "item 3: a known error")
	_, err = Ask[thing](ctx, c, "echo", thing{Name: "secret"})
	require.ErrorIs(t, err, ErrFailed)
	require.NotContains(t, err.Error(), "db7")
	_, err = Ask[thing](ctx, c, "echo", map[string]int{"unknown": 1})
	require.ErrorIs(t, err, errMalformed)
	_, err = Ask[thing](ctx, c, "another", None{})
	require.ErrorIs(t, err, ErrUnknownCall)
	_, err = Ask[thing](ctx, Client{dead{err: secret}, contract{}}, "echo", None{})
	require.ErrorIs(t, err, secret)
	for _, reply := range []Reply{
		{}, {Body: []byte(`{"name":1}`)}, {Failed: true},
		{Failed: true, Body: []byte(`{"code":1}`)},
	} {
		_, err = Ask[thing](ctx, Client{dead{reply: reply}, contract{}}, "echo", None{})
		require.ErrorIs(t, err, ErrFormat)
	}
	_, err = Ask[thing](
		ctx,
		Client{dead{reply: Reply{Failed: true, Body: []byte(`{"code":"new"}`)}}, contract{}},
		"echo",
		None{},
	)
	require.ErrorIs(t, err, ErrFailed, "a code of a later version")
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{"name":"a","count":1,"parts":[{"name":"b"}]}`))
	f.Add([]byte(`{"name":"a","Name":"b"}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		var v, back thing
		if err := Decode(b, &v); err != nil {
			require.ErrorIs(t, err, ErrFormat)
			return
		}
		encoded, err := Encode(v)
		require.NoError(t, err)
		require.NoError(t, Decode(encoded, &back))
		again, err := Encode(back)
		require.NoError(t, err)
		require.Equal(t, string(encoded), string(again))
	})
}

// TestAValueThatDoesNotFitIsExplained: by its field and what belongs there, without our types.
func TestAValueThatDoesNotFitIsExplained(t *testing.T) {
	type inner struct {
		Count uint8 `json:"count"`
	}
	type outer struct {
		Name  string    `json:"name"`
		Body  []byte    `json:"body"`
		At    time.Time `json:"at"`
		Inner inner     `json:"inner"`
		List  []inner   `json:"list"`
		Yes   bool      `json:"yes"`
	}
	for text, want := range map[string]string{
		`{"name":7}`:     "field name is a number that does not fit: give a text",
		`{"name":["x"]}`: "field name is a list: give a text",
		`{"body":"?"}`:   "base64",
		`{"body":7}`:     "field body is a number that does not fit: give a text in base64",
		`{"at":7}`:       "RFC 3339",
		`{"at":"soon"}`:  "RFC 3339",
		`{"inner":{"count":300}}`: "field inner.count is a number that does not fit: " +
			"give a whole number of 0 to 255",
		`{"inner":{"count":"x"}}`: "field inner.count is a text: give a whole number of 0 to 255",
		`{"inner":7}`:             "field inner is a number that does not fit: give an object",
		`{"list":{}}`:             "field list is an object: give a list",
		`{"yes":"x"}`:             "field yes is a text: give true or false",
		`7`:                       "the value is a number that does not fit: give an object",
	} {
		err := Decode([]byte(text), &outer{})
		require.ErrorIs(t, err, ErrFormat, text)
		require.ErrorContains(t, err, want, text)
		for _, ours := range []string{"Go ", "uint8", "outer", "time.Time", "unmarshal"} {
			require.NotContains(t, err.Error(), ours, text)
		}
	}
}
