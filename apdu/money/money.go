// Package money is the amount of e-krona: whole öre, in a type of its own, with arithmetic that
// fails instead of wrapping. Text is parsed strictly. Package message checks that an amount fits
// into a message.
package money

import (
	"fmt"
	"strconv"
	"strings"
)

// Ore is an amount in öre, 1/100 krona. Negative amounts are debits of a posting, never a price.
type Ore int64

// Krona is 100 öre.
const Krona Ore = 100

// Add returns a+b, or an error when the sum does not fit in 64 bits.
func (a Ore) Add(b Ore) (Ore, error) {
	sum := a + b
	if (b > 0 && sum < a) || (b < 0 && sum > a) {
		return 0, fmt.Errorf("amount: %d öre + %d öre does not fit in 64 bits", a, b)
	}
	return sum, nil
}

// Sub returns a-b, or an error when the difference does not fit in 64 bits.
func (a Ore) Sub(b Ore) (Ore, error) {
	difference := a - b
	if (b > 0 && difference > a) || (b < 0 && difference < a) {
		return 0, fmt.Errorf("amount: %d öre - %d öre does not fit in 64 bits", a, b)
	}
	return difference, nil
}

// String formats as "1234.50 kr", with a leading minus for a debit.
func (a Ore) String() string {
	sign, v := "", uint64(a)
	if a < 0 {
		sign, v = "-", -v
	}
	return fmt.Sprintf("%s%d.%02d kr", sign, v/uint64(Krona), v%uint64(Krona))
}

// Parse reads "200", "200.5", "200.50", "200 kr" or "200.50 kr": no sign, no exponent, no grouping,
// at most two decimals.
func Parse(text string) (Ore, error) {
	bad := fmt.Errorf("amount %q: write it as 200, 200.50 or \"200.50 kr\"", text)
	number := strings.TrimSuffix(strings.TrimSuffix(text, "kr"), " ")
	whole, fraction, dotted := strings.Cut(number, ".")
	if !digits(whole) || (dotted && (!digits(fraction) || len(fraction) > 2)) {
		return 0, bad
	}
	fraction = (fraction + "00")[:2]
	v, err := strconv.ParseInt(whole+fraction, 10, 64)
	if err != nil {
		return 0, bad
	}
	return Ore(v), nil
}

func digits(s string) bool {
	for _, c := range s {
		if c < '0' || c > '9' {
			return false
		}
	}
	return s != ""
}

// maxJSON is the largest whole number that every reader of JSON takes as it is
// (RFC 8259 §6).
const maxJSON Ore = 1<<53 - 1

// MarshalJSON writes whole öre; an amount beyond 2^53-1 is refused.
func (a Ore) MarshalJSON() ([]byte, error) {
	return strconv.AppendInt(nil, int64(a), 10), a.checkJSON()
}

// UnmarshalJSON reads whole öre: no decimals, no exponent, at most 2^53-1.
func (a *Ore) UnmarshalJSON(b []byte) error {
	v, err := strconv.ParseInt(string(b), 10, 64)
	if err != nil {
		return fmt.Errorf("amount %s: write it as whole öre", b)
	}
	if err := Ore(v).checkJSON(); err != nil {
		return err
	}
	*a = Ore(v)
	return nil
}

func (a Ore) checkJSON() error {
	if a < -maxJSON || a > maxJSON {
		return fmt.Errorf("amount %s: JSON carries at most %s", a, maxJSON)
	}
	return nil
}
