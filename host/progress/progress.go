// Package progress defines the events that long work reports while it runs: the issuing of a card,
// a job of many, a demonstration, a simulation. A display, such as a terminal, a page or a log,
// needs this package only. Start at [Event].
//
// It imports nothing of this program, and an event holds no secret.
package progress

import (
	"fmt"
	"time"
)

// Kind is what has happened.
type Kind string

// The kinds.
const (
	Chapter Kind = "chapter" // a part starts; Text is its title
	Acted   Kind = "acted"   // Who did something: Text
	Counted Kind = "counted" // Count and Text say how far the work is

	Taken    Kind = "taken"     // the issuing of a card starts, or continues from Stage
	Reached  Kind = "reached"   // the card has reached Stage
	Made     Kind = "made"      // it is active, after Took
	Pulled   Kind = "pulled"    // it was taken away, and must come again if it has an order
	Failed   Kind = "failed"    // it refused, and may be tried once more
	Rejected Kind = "rejected"  // it refused for good; its place is free for another
	Refused  Kind = "refused"   // it was not started
	NotTaken Kind = "not taken" // it could not be started now
)

// Event is one thing that happened. Fields without a value are empty.
type Event struct {
	Kind   Kind          `json:"event"`
	Who    string        `json:"who,omitempty"`    // a party, or a reader
	Device string        `json:"device,omitempty"` // id of the card that is made
	Owner  string        `json:"owner,omitempty"`  // whose it will be
	Stage  string        `json:"stage,omitempty"`  // that the card has reached
	Text   string        `json:"text,omitempty"`   // for a human reader: a sentence, or a reason
	Took   time.Duration `json:"took_ns,omitempty"`
	Count  Count         `json:"count,omitzero"`
}

// Count is how far work is. Total is 0 where nobody knows.
type Count struct {
	Total int `json:"total"`
	Done  int `json:"done"`
	Begun int `json:"begun,omitempty"` // and not done
}

// Left returns what is neither done nor started.
func (c Count) Left() int { return c.Total - c.Done - c.Begun }

// Show receives the events of one piece of work, one after the other.
type Show func(Event)

// Emit calls the function with the event; a nil Show does nothing.
func (s Show) Emit(e Event) {
	if s != nil {
		s(e)
	}
}

// Plural is a number of things, such as "1 card" and "2 cards".
func Plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
