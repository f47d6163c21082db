package message

import (
	"fmt"
	"time"

	"ekrona.example/apdu/layout"
	"ekrona.example/apdu/spec"
)

// Date is a day from 2000-01-01 to 2099-12-31, as certificates and Instructions
// carry it: YYMMDD, one digit a byte (TR-03110-3 §C.1). The zero Date is none
// and encodes to an error. Dates compare with ==, [Date.Before] and [Date.After].
type Date struct{ days uint16 } // days since 1999-12-31

var dateEpoch = time.Date(1999, 12, 31, 0, 0, 0, 0, time.UTC)

const maxDays = 36525 // 2099-12-31

// DateOf is the day of t in UTC. A day outside the century is the zero Date.
func DateOf(t time.Time) Date {
	days := int64(t.UTC().Truncate(24*time.Hour).Sub(dateEpoch) / (24 * time.Hour))
	if days < 1 || days > maxDays {
		return Date{}
	}
	return Date{uint16(days)}
}

// ParseDate reads 2006-01-02.
func ParseDate(s string) (Date, error) {
	t, err := time.Parse(time.DateOnly, s)
	if err != nil {
		return Date{}, layout.Malformed("date %q is not YYYY-MM-DD", s)
	}
	d := DateOf(t)
	if d.IsZero() {
		return Date{}, layout.Malformed("date %q is not between 2000 and 2099", s)
	}
	return d, nil
}

// Time is the beginning of the day in UTC.
func (d Date) Time() time.Time { return dateEpoch.AddDate(0, 0, int(d.days)) }

// IsZero reports whether d is none.
func (d Date) IsZero() bool { return d.days == 0 }

// Before reports whether d is an earlier day than e.
func (d Date) Before(e Date) bool { return d.days < e.days }

// After reports whether d is a later day than e.
func (d Date) After(e Date) bool { return d.days > e.days }

// AddDays is the day n days after d; the zero Date when that leaves the century.
func (d Date) AddDays(n int) Date { return DateOf(d.Time().AddDate(0, 0, n)) }

// String is 2006-01-02, or "none".
func (d Date) String() string {
	if d.IsZero() {
		return "none"
	}
	return d.Time().Format(time.DateOnly)
}

// Bytes is YYMMDD, one digit a byte.
func (d Date) Bytes() ([]byte, error) {
	if d.IsZero() {
		return nil, layout.Malformed("date is missing")
	}
	b := []byte(d.Time().Format("060102"))
	for i := range b {
		b[i] -= '0'
	}
	return b, nil
}

// DateFromBytes decodes YYMMDD, one digit a byte.
func DateFromBytes(b []byte) (Date, error) {
	if len(b) != spec.DateLength {
		return Date{}, layout.Malformed("a date has %d bytes, this has %d", spec.DateLength, len(b))
	}
	var digits [spec.DateLength]byte
	for i, c := range b {
		if c > 9 {
			return Date{}, layout.Malformed("date %X: byte %d is no digit", b, i+1)
		}
		digits[i] = c + '0'
	}
	return ParseDate(fmt.Sprintf("20%s-%s-%s", digits[:2], digits[2:4], digits[4:]))
}

// optionalDate is a Date that may be none.
type optionalDate struct{ *Date }

// Absent reports whether there is none.
func (o optionalDate) Absent() bool { return o.IsZero() }

// Clear makes it none.
func (o optionalDate) Clear() { *o.Date = Date{} }

// MarshalBinary gives the content of the data object.
func (d *Date) MarshalBinary() ([]byte, error) { return d.Bytes() }

// UnmarshalBinary takes the content of the data object.
func (d *Date) UnmarshalBinary(b []byte) (err error) {
	*d, err = DateFromBytes(b)
	return err
}
