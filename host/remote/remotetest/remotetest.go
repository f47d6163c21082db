// Package remotetest has what the tests of a contract need: a link that records the calls, a
// comparison with golden files, and a fuzz test of every type.
package remotetest

import (
	"context"
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"ekrona.example/host/remote"
)

// Recorder is a link that records the calls.
type Recorder struct {
	To    remote.Transport
	Lines strings.Builder // for each call its name, request and reply
	Names map[string]bool // of the calls
}

// Call implements remote.Transport.
func (r *Recorder) Call(ctx context.Context, name string, request []byte) (remote.Reply, error) {
	reply, err := r.To.Call(ctx, name, request)
	if r.Names == nil {
		r.Names = map[string]bool{}
	}
	r.Names[name] = true
	mark := "<"
	if reply.Failed {
		mark = "!"
	}
	fmt.Fprintf(&r.Lines, "%s\n> %s\n%s %s\n\n", name, request, mark, reply.Body)
	return reply, err
}

// Whole requires that as many calls were recorded as an authority has methods: none is
// missing on either side of the link, nor in the test.
func (r *Recorder) Whole(t *testing.T, of reflect.Type) {
	t.Helper()
	require.Len(t, r.Names, of.NumMethod(), "calls of %v", of)
}

// Golden requires that a file holds the text. With EKRONA_GOLDEN=write it is written.
func Golden(t *testing.T, path, text string) {
	t.Helper()
	if os.Getenv("EKRONA_GOLDEN") == "write" {
		require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
	}
	golden, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, string(golden), text)
}

// Type is a type of a contract, with an example in which no field is zero.
type Type struct {
	example any
	again   func(t *testing.T, b []byte) // decodes and encodes again, and compares
}

// Of returns the type of an example.
func Of[T any](example T) Type {
	return Type{example, func(t *testing.T, b []byte) {
		var v, back T
		if remote.Decode(b, &v) != nil {
			return
		}
		encoded, err := remote.Encode(v)
		require.NoError(t, err, "%T: a decoded value cannot be encoded", v)
		require.NoError(t, remote.Decode(encoded, &back), "%s", encoded)
		again, err := remote.Encode(back)
		require.NoError(t, err)
		require.Equal(t, string(encoded), string(again))
	}}
}

// Whole requires that every example survives encoding and decoding unchanged, and that bytes after
// it, an extra field and a null are refused.
func Whole(t *testing.T, types ...Type) {
	for _, typ := range types {
		filled(t, reflect.ValueOf(typ.example), reflect.TypeOf(typ.example).String())
		empty, err := remote.Encode(reflect.Zero(reflect.TypeOf(typ.example)).Interface())
		if err == nil {
			require.NotContains(
				t,
				string(empty),
				"null",
				"%T: an absent value is left out",
				typ.example,
			)
		}
		encoded, err := remote.Encode(typ.example)
		require.NoError(t, err)
		decode := func(b []byte) (any, error) {
			into := reflect.New(reflect.TypeOf(typ.example))
			err := remote.Decode(b, into.Interface())
			return into.Elem().Interface(), err
		}
		got, err := decode(encoded)
		require.NoError(t, err)
		require.Equal(t, typ.example, got)
		body := strings.TrimSuffix(string(encoded), "}")
		for _, bad := range []string{
			body + "}}", body + "} {}", body + "\x00}", body + `,"more":1}`, body + `,"more":null}`,
			"null", "",
		} {
			_, err := decode([]byte(bad))
			require.ErrorIs(t, err, remote.ErrFormat, "%T: %s", typ.example, bad)
		}
	}
}

// filled requires that an example has no zero field, so that one which the encoding
// leaves out is found.
func filled(t *testing.T, v reflect.Value, path string) {
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		require.False(t, v.IsNil(), path)
		if v.Elem().Kind() == reflect.Struct && v.Elem().Type().PkgPath() != "crypto/ecdsa" {
			filled(t, v.Elem(), path)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				filled(t, v.Field(i), path+"."+v.Type().Field(i).Name)
			}
		}
	case reflect.Slice:
		require.NotZero(t, v.Len(), path)
		if v.Type().Elem().Kind() != reflect.Uint8 {
			filled(t, v.Index(0), path)
		}
	default:
		require.False(t, v.IsZero(), "%s is zero in the example", path)
	}
}

// Fuzz reads any bytes as any of the types: what is accepted encodes to the same value.
func Fuzz(f *testing.F, types ...Type) {
	for n, typ := range types {
		encoded, err := remote.Encode(typ.example)
		require.NoError(f, err)
		f.Add(n, encoded)
	}
	f.Fuzz(func(t *testing.T, n int, b []byte) {
		if n >= 0 && n < len(types) {
			types[n].again(t, b)
		}
	})
}
