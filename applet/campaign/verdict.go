package campaign

import "fmt"

// Verdict is the kind of result of a variant.
type Verdict uint8

// The verdicts. A trial gives one of the first four; a report gives the others by
// comparison with the reasons.
const (
	Open     Verdict = iota // not decided
	Held                    // all is as it must be
	Finding                 // something is not, and nobody has accepted it
	Broken                  // it could not be tried
	Accepted                // a finding that a reason is written down for
	Stale                   // held, and a reason is written down why it would not
)

var verdictNames = [...]string{"open", "held", "finding", "broken", "accepted", "stale"}

// String names the verdict as text and JSON have it.
func (v Verdict) String() string {
	if int(v) < len(verdictNames) {
		return verdictNames[v]
	}
	return fmt.Sprintf("verdict %d", v)
}

// IsFinal reports whether trying again would give the same verdict, so that the journal
// keeps it.
func (v Verdict) IsFinal() bool { return v == Held || v == Finding }

// Passes reports whether a campaign with this verdict can succeed.
func (v Verdict) Passes() bool { return v == Held || v == Accepted }

// MarshalText implements [encoding.TextMarshaler].
func (v Verdict) MarshalText() ([]byte, error) { return []byte(v.String()), nil }

// UnmarshalText implements [encoding.TextUnmarshaler].
func (v *Verdict) UnmarshalText(text []byte) error {
	for i, name := range verdictNames {
		if name == string(text) {
			*v = Verdict(i)
			return nil
		}
	}
	return fmt.Errorf("%q is no verdict", text)
}
