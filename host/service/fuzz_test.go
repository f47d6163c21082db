package service

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"ekrona.example/host/remote"
	"ekrona.example/host/service/link"
)

// FuzzServe sends any request: it is carried out and answered, or a problem document says by which
// rule not, and then nothing is carried out.
func FuzzServe(f *testing.F) {
	f.Add("POST", "/v1/public/echo", "application/json", []byte(`{"name":"a"}`))
	f.Add("POST", "/v1/node/echo", "application/json", []byte(`{"name":"a"}`))
	f.Add("POST", "/v1/app/echo", "application/json; charset=utf-8", []byte(`{}`))
	f.Add("GET", "/v1/public/echo", "", []byte(nil))
	f.Add("GET", "/v1/nonce", "", []byte(nil))
	f.Add("POST", "//v1/public/echo", "application/json", []byte(`{"name":"a"}`))
	f.Add("POST", "/v1/public/../public/echo", "application/json", []byte(`{"name":"a"}`))
	f.Add("POST", "/v1/public/echo?x", "application/json", []byte(`{"name":"a"}`))
	f.Add("PUT", "/v1//", "application/json", []byte(`[]`))
	carriedOut := 0
	answer := func(Caller) *remote.Server {
		s := remote.NewServer(toy{})
		remote.Handle(s, "echo", func(_ context.Context, q thing) (thing, error) {
			carriedOut++
			return q, nil
		})
		return s
	}
	s, err := New(Config{Title: "fuzz", Hosts: func() []string { return []string{"127.0.0.1"} },
		Limits: Limits{NodePerSecond: 1e9, NodeBurst: 1e9},
		Endpoints: []Endpoint{
			{Contract: "public", Who: Anybody, Answer: answer},
			{Contract: "node", Who: Certified, Answer: answer},
			{Contract: "app", Who: Signed, Answer: answer},
		}})
	require.NoError(f, err)
	f.Fuzz(func(t *testing.T, method, path, kind string, body []byte) {
		r, err := http.NewRequestWithContext(t.Context(), method, "https://127.0.0.1"+path,
			bytes.NewReader(body))
		if err != nil {
			return
		}
		r.Header.Set("Content-Type", kind)
		r.RemoteAddr = "127.0.0.1:1"
		before, w := carriedOut, httptest.NewRecorder()
		s.ServeHTTP(w, r)
		switch w.Header().Get("Content-Type") {
		case link.ProblemType:
			var p link.Problem
			require.NoError(t, json.Unmarshal(w.Body.Bytes(), &p))
			require.Equal(t, w.Code, p.Status)
			require.NotEmpty(t, p.Code)
			require.Equal(t, before, carriedOut)
		case "application/json":
			require.True(t, json.Valid(w.Body.Bytes()))
		default: // a number, or the metrics
			require.Contains(t, []string{link.NoncePath, "/metrics"}, r.URL.Path)
			require.Equal(t, before, carriedOut)
		}
	})
}
