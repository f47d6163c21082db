package link

import (
	"net/http"
	"time"
)

// dateHeader says when a message was made, by the clock of its sender (RFC 9110 §6.6.1).
const dateHeader = "Date"

// Ahead returns by how much the clock of who sent a header is ahead of ours, which showed a time
// when it was made, to a second; says reports whether the header has a time.
func Ahead(h http.Header, at time.Time) (ahead time.Duration, says bool) {
	date, err := http.ParseTime(h.Get(dateHeader))
	if err != nil {
		return 0, false
	}
	return date.Add(time.Second / 2).Sub(at), true // it has whole seconds
}

// SetDate has a header say what a clock shows.
func SetDate(h http.Header, now time.Time) { h.Set(dateHeader, now.UTC().Format(http.TimeFormat)) }
