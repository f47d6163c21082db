// Package layout encodes and parses Go values in the places that a layout of
// package spec gives them. Messages and certificates share it.
//
// Parsing is strict: the layout's fields in their order, with lengths in their
// bounds. Start at [Append] and [Read].
package layout

import (
	"errors"
	"fmt"

	"ekrona.example/apdu/spec"
	"ekrona.example/apdu/tlv"
)

// ErrMalformed is wrapped by every error of encoding and parsing.
var ErrMalformed = errors.New("malformed")

// Malformed makes an error that wraps [ErrMalformed].
func Malformed(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{ErrMalformed}, args...)...)
}

// Append writes values in the places of rows, one value for each row.
func Append(dst []byte, rows []spec.Field, values []Value) ([]byte, error) {
	if len(rows) != len(values) {
		return nil, Malformed("%d values for %d fields; the Go struct and the spec differ",
			len(values), len(rows))
	}
	for i, row := range rows {
		if o, ok := values[i].(Optional); ok && o.Absent() {
			if row.Presence != spec.Optional {
				return nil, Malformed("%s is missing", row.Name)
			}
			continue
		}
		if g, ok := values[i].(Group); ok && row.Layout != nil {
			content, err := Append(nil, row.Layout.Fields, g)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", row.Name, err)
			}
			if dst, err = tlv.Append(dst, row.Layout.Tag, content); err != nil {
				return nil, err
			}
			continue
		}
		content, err := values[i].MarshalBinary()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", row.Name, err)
		}
		if _, ok := values[i].(Whole); ok {
			dst = append(dst, content...)
			continue
		}
		if err := checkLength(row, content); err != nil {
			return nil, err
		}
		if row.Tag == 0 {
			dst = append(dst, content...)
			continue
		}
		if dst, err = tlv.Append(dst, row.Tag, content); err != nil {
			return nil, err
		}
	}
	return dst, nil
}

// Read takes values from the places of rows, from the front of r. On an error the
// values are not to be used.
func Read(r *tlv.Reader, rows []spec.Field, values []Value) error {
	if len(rows) != len(values) {
		return Malformed("%d values for %d fields; the Go struct and the spec differ", len(values),
			len(rows))
	}
	for i, row := range rows {
		if o, ok := values[i].(Optional); ok && row.Presence == spec.Optional &&
			!r.At(row.WireTag()) {
			o.Clear()
			continue
		}
		if w, ok := values[i].(Whole); ok {
			if err := w.ReadFrom(r); err != nil {
				return fmt.Errorf("%s: %w", row.Name, err)
			}
			continue
		}
		if row.WireTag() == 0 {
			if err := readRaw(r, row, values[i]); err != nil {
				return fmt.Errorf("%s: %w", row.Name, err)
			}
			continue
		}
		o, err := r.Expect(row.WireTag())
		if err != nil {
			return Malformed("%s: %w", row.Name, err)
		}
		if g, ok := values[i].(Group); ok && row.Layout != nil {
			if err := ReadExactly(o.Value, row.Layout.Fields, g); err != nil {
				return fmt.Errorf("%s: %w", row.Name, err)
			}
			continue
		}
		if err := checkLength(row, o.Value); err != nil {
			return err
		}
		if err := values[i].UnmarshalBinary(o.Value); err != nil {
			return fmt.Errorf("%s: %w", row.Name, err)
		}
	}
	return nil
}

// readRaw takes a field of one length that has no tag.
func readRaw(r *tlv.Reader, row spec.Field, value Value) error {
	content := r.Rest()
	if err := r.Skip(row.Min); err != nil {
		return Malformed("%w", err)
	}
	return value.UnmarshalBinary(content[:row.Min])
}

func checkLength(row spec.Field, content []byte) error {
	_, minimum, maximum := row.Value()
	if n := len(content); n < minimum || n > maximum {
		return Malformed("%s has %d bytes, it must have %d to %d", row.Name, n, minimum, maximum)
	}
	return nil
}

// ReadExactly takes values from b, which holds nothing else.
func ReadExactly(b []byte, rows []spec.Field, values []Value) error {
	r := tlv.NewReader(b)
	if err := Read(r, rows, values); err != nil {
		return err
	}
	return End(r)
}

// End fails when anything is left in r.
func End(r *tlv.Reader) error {
	if err := r.End(); err != nil {
		return Malformed("%w", err)
	}
	return nil
}
