// Package progress is what long work reports while it goes on: the issuing of a card, a
// job of many, a demonstration, a simulation. Whoever shows it, a terminal, a page or a
// log, needs to know this package only. Start at [Event].
//
// It imports nothing of this program, and an event holds no secret.
package progress

import "time"

// Kind is what has happened.
type Kind string

// The kinds.
const (
	Chapter Kind = "chapter" // a part begins; Text is its title
	Told    Kind = "told"    // Who did something: Text
	Counted Kind = "counted" // Count and Text say how far the work is

	Taken    Kind = "taken"     // the issuing of a card begins, or goes on from Stage
	Reached  Kind = "reached"   // the card has reached Stage
	Made     Kind = "made"      // it is active, after Took
	Pulled   Kind = "pulled"    // it went away, and is to come again if it has an order
	Failed   Kind = "failed"    // it refused, and may be tried once more
	Rejected Kind = "rejected"  // it refused for good; its place is free for another
	Refused  Kind = "refused"   // it was not begun
	NotTaken Kind = "not taken" // it could not be begun now
)

// Event is one thing that happened. Fields that say nothing are empty.
type Event struct {
	Kind   Kind          `json:"event"`
	Who    string        `json:"who,omitempty"`    // a party, or a reader
	Device string        `json:"device,omitempty"` // id of the card that is made
	Owner  string        `json:"owner,omitempty"`  // whose it will be
	Stage  string        `json:"stage,omitempty"`  // that the card has reached
	Text   string        `json:"text,omitempty"`   // for a person: a sentence, or why
	Took   time.Duration `json:"took_ns,omitempty"`
	Count  Count         `json:"count,omitzero"`
}

// Count is how far work is. Total is 0 where nobody knows.
type Count struct {
	Total int `json:"total"`
	Done  int `json:"done"`
	Begun int `json:"begun,omitempty"` // and not done
}

// Left is what is neither done nor begun.
func (c Count) Left() int { return c.Total - c.Done - c.Begun }

// Show gets the events of one piece of work, one after the other.
type Show func(Event)

// Tell shows an event, if there is anybody to show it to.
func (s Show) Tell(e Event) {
	if s != nil {
		s(e)
	}
}
