package remote

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"
)

// ErrFormat is wrapped by every refusal to read or write a value.
var ErrFormat = errors.New("not the JSON that belongs here")

// maxDepth is how deep values lie in each other; those of the contracts need 5.
const maxDepth = 16

// Encode writes a value as JSON.
func Encode(v any) ([]byte, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFormat, err)
	}
	return b, nil
}

// Items are items as they travel: one that is nil is an empty one.
func Items(items [][]byte) [][]byte {
	all := make([][]byte, len(items))
	for n, item := range items {
		all[n] = append([]byte{}, item...)
	}
	return all
}

// Decode reads exactly one value: no byte after it, no field that the type lacks, none
// twice, none in other letters, and no null: what is not there is left out. On an
// error the value is not to be used.
func Decode(b []byte, into any) error {
	if err := check(b); err != nil {
		return fmt.Errorf("%w: %w", ErrFormat, err)
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return fmt.Errorf("%w: %w", ErrFormat, err)
	}
	return nil
}

// check refuses what encoding/json reads and we do not.
func check(b []byte) error {
	if !utf8.Valid(b) {
		return errors.New("text that is not UTF-8")
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	if err := checkValue(d, 0); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("something comes after the value")
	}
	return nil
}

func checkValue(d *json.Decoder, depth int) error {
	token, err := d.Token()
	if err != nil {
		return err
	}
	delimiter, nested := token.(json.Delim)
	switch {
	case token == nil:
		return errors.New("null: leave out what is not there")
	case !nested:
		return nil
	case depth == maxDepth:
		return fmt.Errorf("more than %d values in each other", maxDepth)
	}
	fields := map[json.Token]bool{}
	for d.More() {
		if delimiter == '{' {
			name, err := d.Token()
			if err != nil {
				return err
			}
			if fields[name] || !isField(name) {
				return fmt.Errorf("field %q stands twice, or is not in small letters", name)
			}
			fields[name] = true
		}
		if err := checkValue(d, depth+1); err != nil {
			return err
		}
	}
	_, err = d.Token() // the closing one
	return err
}

// isField reports whether a name is of small letters, digits and underscores, as all
// of ours are: encoding/json takes other letters for them.
func isField(name json.Token) bool {
	text, ok := name.(string)
	for i := range len(text) {
		if c := text[i]; (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '_' {
			return false
		}
	}
	return ok && text != ""
}
