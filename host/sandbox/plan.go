package sandbox

import (
	"time"

	"ekrona.example/apdu/cvc"
	"ekrona.example/apdu/message"
	"ekrona.example/apdu/money"
	"ekrona.example/host/party/centralbank"
)

// Plan says who is in a sandbox at its founding.
type Plan struct {
	Banks     []BankPlan
	People    []PersonPlan
	Merchants []MerchantPlan
	Terms     centralbank.Terms
	Database  string // of the central bank; empty for a file in its folder
}

// BankPlan is an intermediary to be founded.
type BankPlan struct {
	Name   message.Name
	Title  string
	Folder string    // its folder's name
	Issued money.Ore // e-krona that the central bank issues to it at its founding
	// Database is where it is not a file in the folder.
	Database string
}

// PersonPlan is a customer with a phone and a card.
type PersonPlan struct {
	Name    string // in lower case
	Bank    message.Name
	Deposit money.Ore // e-krona bought into the online wallet at first
}

// MerchantPlan is a merchant with a terminal.
type MerchantPlan struct {
	Name string
	Bank message.Name
}

// The names of the pilot's scheme.
const (
	Nordic message.Name = "SENORDIC"
	Fjord  message.Name = "SEFJORDB"

	firstSequence  = "00001" // of roots, notaries and CAs
	secondSequence = "00002" // of instruction keys: a reference names one key
	rootHolder     = cvc.Holder("SERIKSBK" + firstSequence)
	notaryHolder   = cvc.Holder("SENOTARY" + firstSequence)
	crisisHolder   = cvc.Holder("SECRISIS" + firstSequence)
)

// Validity of the certificates that a founding issues, in years.
const (
	rootYears      = 20
	authorityYears = 10
	deviceYears    = 4
)

// Pilot returns the scheme of the pilot's report: three people and a cafe at two
// intermediaries.
func Pilot() Plan {
	return Plan{
		Banks: []BankPlan{
			{Name: Nordic, Title: "Nordic Bank", Folder: "nordic-bank", Issued: 100_000_00},
			{Name: Fjord, Title: "Fjord Bank", Folder: "fjord-bank", Issued: 100_000_00},
		},
		People: []PersonPlan{
			{"anna", Nordic, 1_000_00},
			{"bertil", Nordic, 500_00},
			{"cecilia", Fjord, 500_00},
		},
		Merchants: []MerchantPlan{{"cafe", Fjord}},
		Terms:     centralbank.Terms{Honour: 30 * 24 * time.Hour, Wait: 90 * 24 * time.Hour},
	}
}
