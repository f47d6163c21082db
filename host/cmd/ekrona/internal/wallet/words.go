package wallet

import (
	"fmt"

	"ekrona.example/apdu/money"
	"ekrona.example/host/cmd/ekrona/internal/parties"
	"ekrona.example/host/envelope"
)

// ofAmount is what a customer reads; %s is an amount.
type ofAmount parties.Words

func (w ofAmount) with(amount money.Ore) parties.Words {
	return parties.Words{English: fmt.Sprintf(w.English, amount),
		Swedish: fmt.Sprintf(w.Swedish, amount)}
}

// toHand is what the customer reads beside a message that is to be handed over.
var toHand = map[envelope.Kind]ofAmount{
	envelope.Request: {"You ask for %s. Show the code to the one who pays.",
		"Du begär %s. Visa koden för den som ska betala."},
	envelope.Payment: {"Your card has paid %s. Show the code to the payee, who accepts the " +
		"payment with the own card.",
		"Ditt kort har betalat %s. Visa koden för mottagaren, som tar emot betalningen med sitt " +
			"kort."},
	envelope.Receipt: {"You have got %s. Show the receipt to the payer.",
		"Du har fått %s. Visa kvittot för betalaren."},
	envelope.Refusal: {"You have refused the Request for %s. Show the code to the payer: what " +
		"was paid all the same goes back.",
		"Du har avvisat begäran på %s. Visa koden för betalaren: det som ändå har betalats går " +
			"tillbaka."},
}

// What the payer reads of the payee's answer.
var (
	receiptTaken = parties.Words{English: "The payment was accepted and is done.",
		Swedish: "Betalningen är mottagen och klar."}
	refusalTaken = parties.Words{English: "The payee has refused the Request. What you have paid " +
		"comes back to the bank when the card synchronises.",
		Swedish: "Mottagaren har avvisat begäran. Det du har betalat kommer tillbaka till banken " +
			"när kortet kopplas upp."}
)

// What a customer reads, beside the error itself, of a message that the phone does not take.
const (
	unreadable = "Meddelandet går inte att läsa: en del saknas eller är ändrad. Be avsändaren om " +
		"det på nytt."
	otherKind = "Det är ett annat slags meddelande än det som väntas. Be avsändaren om rätt " +
		"meddelande."
	otherPayer = "Begäran gäller ett annat kort. Be om en ny begäran till ditt eget kort."
	otherPayee = "Betalningen är till ett annat kort. Den som ska ha pengarna tar emot den."
	otherTaker = "Svaret gäller ett annat korts betalning."
	noRequest  = "Telefonen har ingen sådan begäran öppen. Se efter vilka som är öppna, eller " +
		"koppla upp kortet."
)
