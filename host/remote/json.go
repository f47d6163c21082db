package remote

import (
	"bytes"
	"encoding"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"reflect"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// ErrFormat is wrapped by every refusal to read or write a value.
var ErrFormat = errors.New("not the JSON that belongs here")

// maxDepth is the deepest nesting of values; those of the contracts need 5.
const maxDepth = 16

// Encode writes a value as JSON. A text in it that is not UTF-8 is refused: encoding/json
// would send another one in its place.
func Encode(v any) ([]byte, error) {
	b, err := json.Marshal(v)
	if err == nil && hasReplacement(b) {
		err = errNotUTF8
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFormat, err)
	}
	return b, nil
}

// Items returns items as they are sent: nil becomes an empty item.
func Items(items [][]byte) [][]byte {
	all := make([][]byte, len(items))
	for n, item := range items {
		all[n] = append([]byte{}, item...)
	}
	return all
}

// Decode reads exactly one value, written as [Encode] writes it but for spaces and the
// order of fields: nothing after it, every field that is not left out when it is empty,
// none twice, none that the type lacks, no null. On an error the value is not to be used.
func Decode(b []byte, into any) error {
	if err := decode(b, into); err != nil {
		return fmt.Errorf("%w: %w", ErrFormat, shortened{err})
	}
	return nil
}

// maxReason is the most bytes of the reason why a value is not read: it may hold a name or a number
// of its sender's, of any length.
const maxReason = 200

// shortened is an error whose line has an end.
type shortened struct{ error }

// Error returns the line for a human reader.
func (s shortened) Error() string {
	text := s.error.Error()
	if len(text) <= maxReason {
		return text
	}
	return strings.ToValidUTF8(text[:maxReason], "") + "..."
}

// Unwrap returns the error.
func (s shortened) Unwrap() error { return s.error }

func decode(b []byte, into any) error {
	if !utf8.Valid(b) || hasLoneSurrogate(b) {
		return errNotUTF8
	}
	misfit := json.Unmarshal(b, into)
	var written []byte
	if misfit == nil {
		var err error
		if written, err = json.Marshal(into); err != nil {
			return err
		}
		if bytes.Equal(written, b) && depthOf(b) < maxDepth { // as our own programs write it
			return nil
		}
	}
	given, err := parse(b)
	if err != nil {
		return err
	}
	if misfit != nil {
		return explained(misfit)
	}
	want, err := parse(written)
	if err != nil {
		return err
	}
	if at, differs := difference(given, want, ""); differs {
		return fmt.Errorf("value%s is missing, superfluous or wrongly written", at)
	}
	return nil
}

// depthOf returns how deep the values of a JSON text are nested.
func depthOf(b []byte) (deepest int) {
	depth, isText := 0, false
	for i := 0; i < len(b); i++ {
		switch c := b[i]; {
		case isText && c == '\\':
			i++
		case c == '"':
			isText = !isText
		case isText:
		case c == '{', c == '[':
			depth++
			deepest = max(deepest, depth)
		case c == '}', c == ']':
			depth--
		}
	}
	return deepest
}

// explained says of a value that does not fit its field which one it is, and what belongs there,
// for who has never seen our types.
func explained(err error) error {
	var misfit *json.UnmarshalTypeError
	var base base64.CorruptInputError
	switch text := err.Error(); {
	case errors.As(err, &misfit):
		at := "the value"
		if misfit.Field != "" {
			at = "field " + misfit.Field
		}
		value, _, _ := strings.Cut(misfit.Value, " ")
		return fmt.Errorf("%s is %s: give %s", at, jsonWords[value], formOf(misfit.Type))
	case errors.As(err, &base):
		return errors.New("a text is not in base64 (RFC 4648 §4)")
	case errors.As(err, new(*time.ParseError)), strings.HasPrefix(text, "Time."):
		return errors.New("a time is not a text as by RFC 3339, such as 2026-11-30T08:15:00Z")
	case strings.HasPrefix(text, "json: "):
		return errors.New("a value is not of the form that belongs there")
	}
	return err
}

// jsonWords are encoding/json's words for values in ours.
var jsonWords = map[string]string{"string": "a text", "number": "a number that does not fit",
	"bool": "true or false", "array": "a list", "object": "an object"}

// formOf says how values of a type are written.
func formOf(t reflect.Type) string {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if reflect.PointerTo(t).Implements(reflect.TypeFor[encoding.TextUnmarshaler]()) {
		return "a text"
	}
	switch kind := t.Kind(); kind {
	case reflect.String:
		return "a text"
	case reflect.Bool:
		return "true or false"
	case reflect.Slice, reflect.Array:
		if t.Elem().Kind() == reflect.Uint8 {
			return "a text in base64"
		}
		return "a list"
	case reflect.Struct, reflect.Map:
		return "an object"
	case reflect.Float32, reflect.Float64:
		return "a number"
	default:
		if kind >= reflect.Uint && kind <= reflect.Uint64 {
			return fmt.Sprintf("a whole number of 0 to %d", uint64(math.MaxUint64)>>(64-t.Bits()))
		}
		if kind >= reflect.Int && kind <= reflect.Int64 {
			return fmt.Sprintf("a whole number of at most %d", int64(math.MaxInt64)>>(64-t.Bits()))
		}
	}
	return "another value"
}

// parse reads one value as maps, lists, strings, json.Number and bool. A field that
// stands twice is refused: encoding/json takes the last.
func parse(b []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	v, err := parseValue(d, 0)
	if err != nil {
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("there are bytes after the value")
	}
	return v, nil
}

func parseValue(d *json.Decoder, depth int) (any, error) {
	token, err := d.Token()
	if err != nil {
		return nil, err
	}
	if depth > maxDepth {
		return nil, fmt.Errorf("values are nested more than %d deep", maxDepth)
	}
	switch token {
	case json.Delim('{'):
		fields := map[string]any{}
		for d.More() {
			name, err := d.Token()
			if err != nil {
				return nil, err
			}
			key := fmt.Sprint(name)
			if _, twice := fields[key]; twice {
				return nil, fmt.Errorf("field %q stands twice", key)
			}
			if fields[key], err = parseValue(d, depth+1); err != nil {
				return nil, err
			}
		}
		_, err = d.Token() // the closing one
		return fields, err
	case json.Delim('['):
		items := []any{}
		for d.More() {
			item, err := parseValue(d, depth+1)
			if err != nil {
				return nil, err
			}
			items = append(items, item)
		}
		_, err = d.Token()
		return items, err
	}
	return token, nil
}

// difference returns where two parsed values differ first, such as ".entries[3].kind".
func difference(a, b any, path string) (at string, differs bool) {
	switch a := a.(type) {
	case map[string]any:
		b, same := b.(map[string]any)
		if !same {
			return path, true
		}
		for _, name := range slices.Sorted(maps.Keys(union(a, b))) {
			if at, differs = difference(a[name], b[name], path+"."+name); differs {
				return at, true
			}
		}
		return "", len(a) != len(b)
	case []any:
		b, same := b.([]any)
		if !same || len(a) != len(b) {
			return path, true
		}
		for i := range a {
			if at, differs = difference(a[i], b[i], fmt.Sprintf("%s[%d]", path, i)); differs {
				return at, true
			}
		}
		return "", false
	}
	return path, a != b
}

func union(a, b map[string]any) map[string]any {
	all := maps.Clone(a)
	maps.Copy(all, b)
	return all
}
