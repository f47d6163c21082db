package attack

import "ekrona.example/apdu/spec"

// Condition is the state of a card that an attack needs.
type Condition uint8

// The conditions. Those from Active on are of a card that is active, or was, and in those from
// PINEntered on the PIN is verified in the session.
const (
	Managed         Condition = iota // any card, whose security domain is selected
	Issued                           // the same, of a card whose applet is active
	Installed                        // with the applet, and its root known
	KeysMade                         // and with its keys, and the CAs of Own and Foreign known
	Personalized                     // and with certificates, batch key and PIN: before activation
	Active                           // without more
	Paired                           // with Setup's PairKey
	Flooded                          // receives without PIN, and strangers have filled their slots
	PINEntered                       // with money, and the PIN verified in the session
	Asking                           // the same, and with an open Request that anybody may pay
	CardEnded                        // and since then the card's certificate has ended,
	OwnCAEnded                       // or that of its CA; it knows Foreign's,
	CAEnded                          // or that of another CA that it knows, Ended
	LastPolicy                       // PINEntered, with a policy of the highest version
	Ordered                          // PINEntered, knows the crisis key and holds an order by it
	LastOrder                        // the same, and the order has the highest number
	Decided                          // PINEntered, and has decided on Setup's Paid and Accepted
	LogFull                          // PINEntered, without a free slot in the log
	NoTransaction                    // PINEntered, after the most transactions of its policy
	AllSpent                         // PINEntered, after the most that its policy lets it pay
	AllOpen                          // Asking, with as many open Requests as there can be
	Brimful                          // PINEntered, with nearly as much money as 32 bits can say
	LastRecord                       // Asking, and no record number is left but for open Requests
	LastRequest                      // PINEntered, and no Request's number is left
	LastInstruction                  // PINEntered, and no Instruction's number is left
	LastDay                          // PINEntered, on the last day that a date can say
	SpentAcross                      // AllSpent, and the running total has passed 32 bits since
	CountedAcross                    // NoTransaction, and their running number has passed 16 bits
	Blocked                          // Asking, and since then blocked
	Closed                           // Asking, and since then closed
)

// needs says what each condition takes of whoever makes an attack.
var needs = map[Condition]string{
	Managed:      "the keys of its security domain",
	Issued:       "the keys of its security domain",
	Installed:    "a card that is not personalized, and the root's key",
	KeysMade:     "a card under personalization, its token and its CA's key",
	Personalized: "a card that is personalized and not active yet, and its token",
	Active:       "the keys of the card's scheme",
	Flooded:      "the keys of the card's scheme, and a policy that lets it receive without PIN",
	Paired:       "the card's PIN key, or the key of its phone",
}

// IsSet reports whether a card comes into the condition only when its memory is written: to count
// so far would take it for years.
func (c Condition) IsSet() bool {
	switch c {
	case LastRecord, LastRequest, LastInstruction, SpentAcross, CountedAcross:
		return true
	}
	return false
}

// Needs says what an attack in the condition needs.
func (c Condition) Needs() string {
	if text, own := needs[c]; own {
		return text
	}
	return "the card's PIN, and the keys of its scheme"
}

// LifeCycle is the state of the applet in the condition.
func (c Condition) LifeCycle() spec.LifeCycle {
	switch {
	case c == Blocked:
		return spec.Blocked
	case c == Closed:
		return spec.Closed
	case c >= Active, c == Issued:
		return spec.Active
	case c >= KeysMade:
		return spec.KeysMade
	}
	return spec.Installed
}
