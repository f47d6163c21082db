package parties

import (
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"ekrona.example/apdu"
	"ekrona.example/apdu/spec"
	"ekrona.example/applet/client"
	"ekrona.example/host/banking"
	"ekrona.example/host/cmd/ekrona/internal/cli"
	"ekrona.example/host/crisis"
	"ekrona.example/host/limit"
	"ekrona.example/host/order"
	"ekrona.example/host/terminal"
	"ekrona.example/host/wallet"
)

// refused is why a payment was refused or stopped, other than by a limit, for a script.
type refused struct {
	English string `json:"text_en"`
	Swedish string `json:"text_sv"`
}

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
	{crisis.ErrOldKey, "Krisbeslutet är undertecknat med en nyckel som inte gäller längre. " +
		"Ingenting har ändrats."},
	{crisis.ErrEarly, "Krisbeslutet har inte börjat gälla. Ingenting har ändrats. Läs in det på " +
		"dess första dag."},
	{crisis.ErrNoKey, "Krisbeslutet kan inte kontrolleras, eftersom ett certifikat saknas. " +
		"Ingenting har ändrats."},
	{terminal.ErrRevoked, "Kortet är spärrat. Köpet är avbrutet, och pengarna kommer " +
		"tillbaka till kortinnehavarens konto. Betala med ett annat kort."},
	{terminal.ErrPayerExpired, "Kortet har gått ut. Köpet är avbrutet, och pengarna kommer " +
		"tillbaka till kortinnehavarens konto. Betala med ett annat kort."},
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
	{spec.SWBlocked, "Kortet är spärrat av banken. Betala med ett annat kort, och fråga banken."},
	{spec.SWClosed, "Kortet är avslutat och kan inte betala eller ta emot. Använd ett annat kort."},
	{spec.SWExpired, "Kortet har gått ut. Koppla upp det, så att banken kan förnya det, eller " +
		"använd ett annat kort."},
}

// refusalsOfPhones are what a customer's own phone says where a card and an online wallet meet.
var refusalsOfPhones = []saying{
	{banking.ErrNotCovered, "Pengarna på kontot räcker inte. Ingenting har flyttats. Välj ett " +
		"lägre belopp, eller sätt in pengar först."},
	{banking.ErrUnloadClosed, "Uttaget är avslutat. Det som har betalats kommer tillbaka till " +
		"kontot. Gör ett nytt uttag."},
	{banking.ErrNoDevice, "Kortet eller terminalen finns inte hos den här banken."},
	{order.ErrSignature, "En annan telefon är registrerad hos banken. Ingenting har ändrats. " +
		"Registrera den här telefonen först."},
	{wallet.ErrPending, "Laddningen är beställd. Pengarna kommer när kortet kopplas upp nästa " +
		"gång."},
	{wallet.ErrNotTaken, "Kortet kunde inte ta emot laddningen. Pengarna är kvar på kontot."},
	{wallet.ErrAnotherCard, "Det är fel kort. Håll ditt eget kort mot telefonen."},
	{wallet.ErrOwnRequest, "Det är kortets egen begäran. Betala den på den andra telefonen."},
	{wallet.ErrNotRequested, "Betalningen kommer från ett annat kort än det som skulle betala."},
	{wallet.ErrRefused, "Begäran är avslutad. Det som har betalats kommer tillbaka till " +
		"betalarens konto. Gör en ny begäran."},
	{wallet.ErrNotOpen, "Begäran är redan besvarad och kan inte avvisas. Pengar som har tagits " +
		"emot betalas tillbaka med en ny betalning."},
	{wallet.ErrAnswered, "Begäran är redan besvarad. Gör en ny begäran."},
	{wallet.ErrNoTransfer, "Telefonen har inte sett den begäran. Läs in den först."},
	{wallet.ErrAltered, "Meddelandet har ändrats på vägen. Håll kortet mot telefonen igen, eller " +
		"be avsändaren skicka det på nytt."},
	{wallet.ErrSessionEnded, "Kortet togs bort för tidigt. Håll det mot telefonen igen."},
	{wallet.ErrPINNeeded, "Ange kortets PIN-kod, och håll kortet mot telefonen igen."},
	{spec.SWPINBlocked, "PIN-koden är spärrad. Lås upp den med PUK-koden, eller fråga banken."},
	{client.ErrNoApplication, "Det är inget e-kronakort, eller så är det spärrat. Använd ett " +
		"annat kort."},
	{client.ErrCardLocked, "Kortet är låst av den som gav ut det. Fråga banken."},
}

// said is an error of the command with what a customer reads of it.
type said struct {
	error
	swedish string
}

func (s *said) Unwrap() error { return s.error }

// Said has an error say something to the customer too: one that the command itself has found, of
// what a customer has given to the phone.
func Said(err error, swedish string) error { return &said{err, swedish} }

// wrongPIN is what a customer reads of a PIN that was wrong, with the tries that are left.
const wrongPIN = "Fel PIN-kod. Försök kvar: %d."

// torn is what a customer reads when the card left the field too early.
const torn = "Kortet togs bort för tidigt. Håll det mot terminalen igen."

// showRefusal says why a payment was refused, besides the error itself: to a script with all
// numbers of a limit, to a person with what the customer reads.
func (f *Flags) showRefusal(c *cobra.Command, err error) error {
	var reached *limit.Reached
	if errors.As(err, &reached) {
		return f.sayRefused(c, err, reached, reached.Swedish())
	}
	if swedish := ofOther(err); swedish != "" {
		return f.sayRefused(c, err, refused{err.Error(), swedish}, swedish)
	}
	return err
}

func (f *Flags) sayRefused(c *cobra.Command, err error, all any, swedish string) error {
	if f.AsJSON {
		return errors.Join(err, cli.WriteJSON(c.OutOrStdout(), map[string]any{"refused": all}))
	}
	f.CustomerReads(c, swedish)
	return err
}

// CustomerReads shows a person what the customer's phone shows.
func (f *Flags) CustomerReads(c *cobra.Command, swedish string) {
	if !f.AsJSON {
		fmt.Fprintf(c.ErrOrStderr(), "the customer reads: %s\n", swedish)
	}
}

// ofOther returns what a customer reads of an error that is not a limit; "" where it is nothing.
func ofOther(err error) string {
	var tries apdu.TriesLeft
	if errors.As(err, &tries) && tries > 0 {
		return fmt.Sprintf(wrongPIN, int(tries))
	}
	if s, is := errors.AsType[*said](err); is {
		return s.swedish
	}
	for _, r := range slices.Concat(refusals, refusalsOfPhones) {
		if errors.Is(err, r.err) {
			return r.swedish
		}
	}
	var tap *terminal.TornTap
	if errors.As(err, &tap) {
		return torn
	}
	return ""
}
