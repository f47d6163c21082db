package town

import (
	"time"

	"ekrona/apdu/cvc"
	"ekrona/apdu/message"
	"ekrona/apdu/money"
	"ekrona/host/notary"
)

// Plan says who lives in a town.
type Plan struct {
	Banks  []BankPlan
	People []PersonPlan
	Shops  []ShopPlan
	Terms  notary.Terms
}

// BankPlan is an intermediary to be founded.
type BankPlan struct {
	Name   message.Name
	Title  string
	File   string    // name of its files
	Issued money.Ore // e-krona that the central bank issues to it at its founding
}

// PersonPlan is an inhabitant to come.
type PersonPlan struct {
	Name    string // in lower case
	Bank    message.Name
	Deposit money.Ore // e-krona bought into the online wallet at first
}

// ShopPlan is a shop to be opened.
type ShopPlan struct {
	Name string
	Bank message.Name
}

// The names of the pilot's town.
const (
	Nordic message.Name = "SENORDIC"
	Fjord  message.Name = "SEFJORDB"

	firstSequence  = "00001" // of roots, notaries and CAs
	secondSequence = "00002" // of instruction keys: a reference names one key
	rootHolder     = cvc.Holder("SERIKSBK" + firstSequence)
	notaryHolder   = cvc.Holder("SENOTARY" + firstSequence)
)

// Pilot is the town of the pilot's report: three people and a café at two
// intermediaries.
func Pilot() Plan {
	return Plan{
		Banks: []BankPlan{
			{Nordic, "Nordic Bank", "nordic-bank", 100_000_00},
			{Fjord, "Fjord Bank", "fjord-bank", 100_000_00},
		},
		People: []PersonPlan{
			{"anna", Nordic, 1_000_00},
			{"bertil", Nordic, 500_00},
			{"cecilia", Fjord, 500_00},
		},
		Shops: []ShopPlan{{"cafe", Fjord}},
		Terms: notary.Terms{Honour: 30 * 24 * time.Hour, Wait: 90 * 24 * time.Hour},
	}
}
