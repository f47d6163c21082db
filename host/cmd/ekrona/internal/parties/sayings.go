package parties

import (
	"cmp"
	"errors"
	"fmt"

	"ekrona.example/apdu"
	"ekrona.example/apdu/pairing"
	"ekrona.example/apdu/pin"
	"ekrona.example/apdu/spec"
	"ekrona.example/applet/client"
	"ekrona.example/host/banking"
	"ekrona.example/host/crisis"
	"ekrona.example/host/limit"
	"ekrona.example/host/notary"
	"ekrona.example/host/order"
	"ekrona.example/host/remote"
	"ekrona.example/host/sandbox"
	"ekrona.example/host/session"
	"ekrona.example/host/terminal"
	"ekrona.example/host/wallet"
)

// saying is an error and what a customer reads of it.
type saying struct {
	err     error
	swedish string
}

// refusals are what a customer reads of errors that are not limits. Errors that no customer meets,
// or can do nothing about, are not in it.
var refusals = []saying{
	{crisis.ErrFalse, "Krisbeslutet är inte äkta. Ingenting har ändrats. Hämta det på nytt från " +
		"banken eller Riksbanken."},
	{crisis.ErrOld, "Krisbeslutet är inte nyare än det som redan gäller, eller så är det " +
		"upphävt. Ingenting har ändrats."},
	{crisis.ErrOldKey, "Krisbeslutet är undertecknat med en nyckel som inte gäller längre. " +
		"Ingenting har ändrats."},
	{crisis.ErrRoot, "Krisbeslutet kan inte kontrolleras, eftersom Riksbanken har bytt sin " +
		"nyckel. Ingenting har ändrats. Koppla upp dig först, och läs in det igen."},
	{crisis.ErrEarly, "Krisbeslutet har inte börjat gälla. Ingenting har ändrats. Läs in det på " +
		"dess första dag."},
	{crisis.ErrNoKey, "Krisbeslutet kan inte kontrolleras, eftersom ett certifikat saknas. " +
		"Ingenting har ändrats."},
	{terminal.ErrRevoked, "Kortet är spärrat. Köpet är avbrutet, och pengarna kommer " +
		"tillbaka till kortinnehavarens konto. Betala med ett annat kort."},
	{terminal.ErrPayerExpired, "Kortet har gått ut. Köpet är avbrutet, och pengarna kommer " +
		"tillbaka till kortinnehavarens konto. Betala med ett annat kort."},
	{terminal.ErrAccepted, "Köpet är betalt och kan inte avbrytas. Ge tillbaka pengarna med en " +
		"återbetalning."},
	{terminal.ErrNameTaken, "Namnet är redan använt för ett annat köp. Ingenting är betalt."},
	{terminal.ErrNameLost, "Terminalen vet inte om köpet är betalt. Se efter på säljarens konto, " +
		"innan du betalar igen."},
	{terminal.ErrNoSale, "Köpet finns inte i terminalen. Börja ett nytt köp."},
	{terminal.ErrPINNeeded, "Kortet vill ha PIN-koden. Ange den, och håll kortet mot terminalen " +
		"igen."},
	{terminal.ErrPayment, "Kortets svar är ingen giltig betalning. Ingenting är betalt. Betala " +
		"med ett annat kort."},
	{terminal.ErrBatch, "Kortet kan inte visa vem som har gett ut det. Ingenting är betalt. " +
		"Betala med ett annat kort."},
	{terminal.ErrIssuer, "Terminalen känner inte den som har gett ut kortet. Betala med ett " +
		"annat kort, eller koppla först upp terminalen."},
	{terminal.ErrInstruction, "Terminalen och banken är inte överens. Koppla upp terminalen igen."},
	{terminal.ErrJournal, "Terminalens uppgifter går inte att läsa, och den kan inte ta betalt. " +
		"Betala på ett annat sätt."},
	{terminal.ErrJournalKey, "Terminalens uppgifter hör till en annan nyckel, och den kan inte " +
		"ta betalt. Betala på ett annat sätt."},
	{terminal.ErrRefused, "Köpet är avbrutet. Det som har betalats kommer tillbaka till " +
		"kortinnehavarens konto. Börja ett nytt köp."},
	{terminal.ErrBlocked, "Terminalen är spärrad och kan inte ta betalt. Betala på ett " +
		"annat sätt."},
	{client.ErrUnknownRoot, "Kortet och mottagaren har olika nycklar från Riksbanken. Koppla upp " +
		"båda först, eller betala på ett annat sätt."},
	{terminal.ErrRolledBack, "Terminalen kan inte ta betalt: dess uppgifter är från en äldre " +
		"kopia. Betala på ett annat sätt."},
	{terminal.ErrEnded, "Terminalen är avslutad och kan inte ta betalt. Betala på ett annat sätt."},
	{terminal.ErrExpired, "Terminalens certifikat har gått ut, och den kan inte ta " +
		"betalt. Betala på ett annat sätt."},
}

// refusalsOfPhones are what a customer's own phone says where a card and an online wallet meet.
var refusalsOfPhones = []saying{
	{banking.ErrNotCovered, "Pengarna på kontot räcker inte. Ingenting har flyttats. Välj ett " +
		"lägre belopp, eller sätt in pengar först."},
	{banking.ErrUnloadClosed, "Uttaget är avslutat. Det som har betalats kommer tillbaka till " +
		"kontot. Gör ett nytt uttag."},
	{banking.ErrOwnFunds, "Banken har inte så många e-kronor nu. Ingenting har köpts. Välj ett " +
		"lägre belopp, eller försök senare."},
	{banking.ErrNotForDesk, "Betalningen är inget uttag. Gör ett nytt uttag."},
	{banking.ErrCorrupted, "Uppgifterna har ändrats på vägen. Koppla upp kortet igen."},
	{banking.ErrNoCustomer, "Kunden finns inte hos den här banken."},
	{banking.ErrNoDevice, "Kortet eller terminalen finns inte hos den här banken."},
	{order.ErrSignature, "En annan telefon är registrerad hos banken. Ingenting har ändrats. " +
		"Registrera den här telefonen först."},
	{notary.Unsettled, "Betalningen är inte avräknad än. Koppla upp terminalen först."},
	{notary.Exceeds, "Återbetalningen är större än det som är kvar av betalningen. Ingenting har " +
		"betalats tillbaka. Välj ett lägre belopp."},
	{notary.NotTerminal, "Ett kort betalar tillbaka med en ny betalning."},
	{session.ErrUndecided, "En betalning väntar på kortets svar. Koppla upp kortet igen."},
	{session.ErrAnotherConfirmation, "Kortet och banken är inte överens. Koppla upp kortet igen."},
	{session.ErrUnfinished, "Kortet är inte helt uppkopplat. Koppla upp det igen senare."},
	{wallet.ErrPending, "Laddningen är beställd. Pengarna kommer när kortet kopplas upp nästa " +
		"gång."},
	{wallet.ErrNotTaken, "Kortet kunde inte ta emot laddningen. Pengarna är kvar på kontot."},
	{wallet.ErrNotPaired, NotPaired},
	{wallet.ErrIssuer, "Telefonen känner inte den som har gett ut kortet. Koppla upp telefonen."},
	{wallet.ErrNotLater, "Certifikatet är inget senare för det här kortet. Fråga banken."},
	{sandbox.ErrNoneHeld, "Det är någon annans kort. Håll ditt eget kort mot telefonen."},
	{sandbox.ErrWithdrawn, tornAtPhone},
	{sandbox.ErrNoneLost, "Inget kort är anmält som förlorat. Anmäl kortet först."},
	{wallet.ErrAnotherCard, otherCardHeld},
	{wallet.ErrOwnRequest, "Det är kortets egen begäran. Betala den på den andra telefonen."},
	{wallet.ErrNotRequested, "Betalningen kommer från ett annat kort än det som skulle betala."},
	{wallet.ErrRefused, "Begäran är avslutad. Det som har betalats kommer tillbaka till " +
		"betalarens konto. Gör en ny begäran."},
	{wallet.ErrNotOpen, "Begäran är redan besvarad och kan inte avvisas. Pengar som har tagits " +
		"emot betalas tillbaka med en ny betalning."},
	{wallet.ErrNameTaken, "Namnet är redan använt för något annat. Ingenting har gjorts. " +
		"Välj ett annat namn."},
	{wallet.ErrAnswered, "Begäran är redan besvarad. Gör en ny begäran."},
	{wallet.ErrNoTransfer, "Telefonen har inte sett den begäran. Läs in den först."},
	{wallet.ErrAltered, "Meddelandet har ändrats på vägen. Håll kortet mot telefonen igen, eller " +
		"be avsändaren skicka det på nytt."},
	{wallet.ErrSessionEnded, tornAtPhone},
	{wallet.ErrPINNeeded, "Ange kortets PIN-kod, och håll kortet mot telefonen igen."},
	{client.ErrNoApplication, "Det är inget e-kronakort, eller så är det spärrat. Använd ett " +
		"annat kort."},
	{client.ErrVersion, "Kortet är av en annan version. Fråga banken om ett nytt kort."},
	{client.ErrAnswer, strange},
	{pin.ErrKeyAnswer, strange},
	{pin.ErrPaymentAnswer, strange},
	{pairing.ErrNotCard, strange},
	{client.ErrCardLocked, "Kortet är låst av den som gav ut det. Fråga banken."},
}

// cardSays is what a customer reads of what a card has answered, other than for a limit.
var cardSays = []saying{
	{spec.SWBlocked, "Kortet är spärrat av banken. Betala med ett annat kort, och fråga banken."},
	{spec.SWClosed, "Kortet är avslutat och kan inte betala eller ta emot. Använd ett annat kort."},
	{spec.SWExpired, "Kortet har gått ut. Koppla upp det, så att banken kan förnya det, eller " +
		"använd ett annat kort."},
	{spec.SWSecurity, "Kortet vill ha PIN-koden. Ange den, och håll kortet mot telefonen igen."},
	{spec.SWPINForm, "Kortet tar inte emot PIN-koden på det sättet. Betala med ett annat kort."},
	{spec.SWConditions, "Kortet kan inte göra det nu. Håll det mot telefonen igen, eller fråga " +
		"banken."},
	{spec.SWNotPaired, NotPaired},
	{spec.SWAddressee, otherCardHeld},
	{spec.SWMACWrong, otherCardHeld},
	{spec.SWCertificate, untrusted},
	{spec.SWRole, untrusted},
	{spec.SWSignature, untrusted},
	{spec.SWReferenceUnknown, untrusted},
	{spec.SWKeyKnown, untrusted},
	{spec.SWRequestReused, "Begäran är redan besvarad. Be om en ny begäran."},
	{spec.SWSelf, "Kortet kan inte betala till sig självt. Betala med ett annat kort."},
	{spec.SWCurrency, "Begäran är i en annan valuta än kortets. Betala på ett annat sätt."},
	{spec.SWVersion, "Kortet är av en annan version. Fråga banken om ett nytt kort."},
	{spec.SWOrderOld, "Krisbeslutet är inte nyare än det som kortet har. Ingenting har ändrats."},
	{spec.SWDate, atOdds},
	{spec.SWSequence, atOdds},
	{spec.SWHead, atOdds},
	{spec.SWPolicy, atOdds},
	{spec.SWMemoryFailure, broken},
	{spec.SWUnknown, broken},
}

// NotPaired is what a customer reads of a card that is not paired with the phone.
const NotPaired = "Kortet är inte kopplat till den här telefonen. Koppla ihop dem igen med " +
	"PIN-koden."

const (
	otherCardHeld = "Det är fel kort. Håll ditt eget kort mot telefonen."
	broken        = "Kortet är trasigt. Använd ett annat kort, och fråga banken."
	untrusted     = "Kortet litar inte på den andra parten. Ingenting är betalt. Koppla upp " +
		"båda, eller betala på ett annat sätt."
	atOdds = "Kortet och banken är inte överens. Koppla upp kortet igen. Om det inte hjälper, " +
		"fråga banken."
	// strange is of an answer that no e-krona card gives.
	strange = "Kortet svarar inte som ett e-kronakort. Håll det mot telefonen igen, eller använd " +
		"ett annat kort."
	away       = "Banken kan inte nås. Försök igen när det finns nät."
	bankCannot = "Banken kan inte göra det. Fråga banken."
)

// wrongPIN is what a customer reads of a PIN that was wrong, with the tries that are left.
const wrongPIN = "Fel PIN-kod. Försök kvar: %d."

// What a customer reads when the card left the field too early.
const (
	torn        = "Kortet togs bort för tidigt. Håll det mot terminalen igen."
	tornAtPhone = "Kortet togs bort för tidigt. Håll det mot telefonen igen."
)

// Swedish returns what a customer or a cashier reads of an error that is not a limit; "" where it
// is nothing.
func Swedish(err error) string {
	var tries apdu.TriesLeft
	if errors.As(err, &tries) && tries > 0 {
		return fmt.Sprintf(wrongPIN, int(tries))
	}
	if s, is := errors.AsType[*said](err); is {
		return s.swedish
	}
	if said := find(err, refusals); said != "" {
		return said
	}
	var tap *terminal.TornTap
	if errors.As(err, &tap) { // before what a phone says of what has torn it
		return torn
	}
	return cmp.Or(find(err, refusalsOfPhones), find(err, cardSays), ofKind(err))
}

// find returns what the first row says that an error is.
func find(err error, rows []saying) string {
	for _, r := range rows {
		if errors.Is(err, r.err) {
			return r.swedish
		}
	}
	return ""
}

// ofKind returns what a customer reads of an error that nothing else is said of: the bank's or the
// notary's, or a card's.
func ofKind(err error) string {
	if remote.IsPassing(err) {
		return away
	}
	var kind banking.Kind
	var refused *notary.Error
	if errors.As(err, &kind) || errors.As(err, &refused) || errors.Is(err, remote.ErrFailed) {
		return bankCannot
	}
	var word apdu.StatusWord
	if !errors.As(err, &word) {
		return ""
	}
	var reached *limit.Reached
	if errors.As(limit.OfCard(err, limit.Card), &reached) {
		return reached.Swedish()
	}
	return strange
}
