package remote

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestTheOperatorLearnsWhatIsHidden: what does not cross to the caller is in the log of the server,
// in one line each, and what crosses is not; nothing of requests, answers and arguments is there.
func TestTheOperatorLearnsWhatIsHidden(t *testing.T) {
	const secret = "PIN-1234"
	disk := errors.New("disk of db7\nis full")
	var log bytes.Buffer
	s := NewServer(contract{}).LogTo(slog.New(slog.NewTextHandler(&log, nil))).LogTo(nil)
	calls := map[string]func(q thing) (thing, error){
		"error": func(q thing) (thing, error) { return q, disk },
		"joined": func(q thing) (thing, error) {
			return q, errors.Join(errKnown, disk)
		},
		"index":  func(q thing) (thing, error) { return q.Parts[len(q.Name)], nil },
		"value":  func(q thing) (thing, error) { panic(q.Name) },
		"answer": func(q thing) (thing, error) { return thing{Name: q.Name + "\xff"}, nil },
		"known":  func(q thing) (thing, error) { return q, errKnown },
		"good":   func(q thing) (thing, error) { return q, nil },
	}
	for name, do := range calls {
		Handle(s, name, func(_ context.Context, q thing) (thing, error) { return do(q) })
	}
	for name, says := range map[string]string{
		"error":  `level=ERROR msg="call failed" call=error error="disk of db7; is full"`,
		"joined": `call=joined error="a known error; disk of db7; is full"`,
		"index":  `msg="call panicked" call=index panic="runtime error: index out of range`,
		"value":  `msg="call panicked" call=value panic="a string" at="[ekrona.example/host/`,
		"answer": `call=answer error="its answer: not the JSON that belongs here: text that is not`,
		"known":  "", "good": "", "unknown": "",
	} {
		log.Reset()
		_, err := Ask[thing](t.Context(), Client{s, contract{}}, name, thing{Name: secret})
		require.Equal(t, name != "good", err != nil, name)
		if says == "" {
			require.Empty(t, log.String(), name)
			continue
		}
		require.Contains(t, log.String(), says, name)
		require.NotContains(t, log.String(), secret, name)
		require.Equal(t, 1, strings.Count(log.String(), "\n"), name)
		require.NotContains(t, err.Error(), "db7", name)
	}
	require.Contains(t, func() string {
		log.Reset()
		_, _ = Ask[thing](t.Context(), Client{s, contract{}}, "index", thing{})
		return log.String()
	}(), "TestTheOperatorLearnsWhatIsHidden", "where it came from")

	log.Reset()
	gone, leave := context.WithCancel(t.Context())
	leave()
	_, err := Ask[thing](gone, Client{s, contract{}}, "error", thing{})
	require.ErrorIs(t, err, ErrFailed)
	require.Contains(t, log.String(), "level=INFO", "the caller has left")
}

// TestTheRequestIsNamedInTheLog: an error that the caller does not learn is found by the id of the
// request.
func TestTheRequestIsNamedInTheLog(t *testing.T) {
	var log bytes.Buffer
	s := NewServer(contract{}).LogTo(slog.New(slog.NewTextHandler(&log, nil)))
	HandleOnly(s, "fail", func(context.Context, None) error { return errors.New("disk") })
	ctx := WithRequestID(t.Context(), "request-7")
	require.ErrorIs(t, Do(ctx, Client{s, contract{}}, "fail", None{}), ErrFailed)
	require.Contains(t, log.String(), "request_id=request-7")
	require.Equal(t, "request-7", RequestID(ctx))
	require.Empty(t, RequestID(t.Context()))
}

// TestServersAreAddedUp: one server answers the calls of several, and names their types.
func TestServersAreAddedUp(t *testing.T) {
	a, b := NewServer(contract{}), NewServer(contract{})
	HandleOnly(a, "a", func(context.Context, None) error { return nil })
	Handle(b, "b", func(_ context.Context, q thing) (thing, error) { return q, nil })
	all := a.Add(b)
	require.NoError(t, Do(t.Context(), Client{all, contract{}}, "a", None{}))
	got, err := Ask[thing](t.Context(), Client{all, contract{}}, "b", thing{Name: "x"})
	require.NoError(t, err)
	require.Equal(t, thing{Name: "x"}, got)
	require.Equal(t, []Call{
		{"a", reflect.TypeFor[None](), reflect.TypeFor[None]()},
		{"b", reflect.TypeFor[thing](), reflect.TypeFor[thing]()},
	}, all.Calls())
}

// TestRequestsAreBounded: on both sides, and the refusal says what the bound is.
func TestRequestsAreBounded(t *testing.T) {
	called := 0
	s := NewServer(contract{})
	HandleOnly(s, "only", func(context.Context, thing) error { called++; return nil })
	big := thing{Name: strings.Repeat("a", MaxMessage-len(`{"name":""}`))}
	require.NoError(t, Do(t.Context(), Client{s, contract{}}, "only", big))
	body, err := Encode(big)
	require.NoError(t, err)
	require.Len(t, body, MaxMessage)
	big.Name += "a"
	err = Do(t.Context(), Client{dead{err: errors.New("it is sent")}, explaining{}}, "only", big)
	require.ErrorContains(t, err, "4194305 bytes; the most for one call is 4194304")
	reply, err := s.Call(t.Context(), "only", append(body, ' '))
	require.NoError(t, err)
	require.True(t, reply.Failed)
	require.Equal(t, 1, called)
}

// explaining is a contract whose malformed requests say why.
type explaining struct{ contract }

func (explaining) Malformed(why error) error { return why }
