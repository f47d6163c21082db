package attack

// Copied is what somebody does with the memory of a card that he has opened: a card cannot notice
// it. The notary does, when the card or what it has signed comes to it, and ends the card.
type Copied struct {
	Name    string
	Threat  string
	Defence string
	Clause  string
	// Spends reports that both the card and its copy pay.
	Spends bool
}

// Copies returns all of them.
func Copies() []Copied { return []Copied{SetBack, Cloned} }

// SetBack is a card whose memory is as it was before its last payment.
var SetBack = Copied{
	Name:    "card that is set back to before a payment",
	Threat:  "money that was paid is on the card again",
	Defence: "a State behind records that the notary holds proves a clone, and the card ends",
	Clause:  "PROTOCOL.md §6",
}

// Cloned is a card whose copy pays too.
var Cloned = Copied{
	Name:    "card that is cloned",
	Threat:  "money is paid twice, by the card and by its copy",
	Defence: "two records of one number, both by the card's key, prove a clone, and the card ends",
	Clause:  "PROTOCOL.md §6", Spends: true,
}
