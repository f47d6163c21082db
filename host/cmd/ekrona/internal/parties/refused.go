package parties

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"ekrona.example/apdu/spec"
	"ekrona.example/host/cmd/ekrona/internal/cli"
	"ekrona.example/host/crisis"
	"ekrona.example/host/limit"
	"ekrona.example/host/terminal"
)

// refused is why a payment was refused or stopped, other than by a limit, for a script.
type refused struct {
	English string `json:"text_en"`
	Swedish string `json:"text_sv"`
}

// refusals are what a customer reads of errors that are not limits. Errors that no customer meets,
// or can do nothing about, are not in it.
var refusals = []struct {
	err     error
	swedish string
}{
	{crisis.ErrFalse, "Krisbeslutet är inte äkta. Ingenting har ändrats. Hämta det på nytt från " +
		"banken eller Riksbanken."},
	{crisis.ErrOldKey, "Krisbeslutet är undertecknat med en nyckel som inte gäller längre. " +
		"Ingenting har ändrats."},
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
	{terminal.ErrExpired, "Terminalens certifikat har gått ut, och den kan inte ta " +
		"betalt. Betala på ett annat sätt."},
	{spec.SWBlocked, "Kortet är spärrat av banken. Betala med ett annat kort, och fråga banken."},
	{spec.SWClosed, "Kortet är avslutat och kan inte betala eller ta emot. Använd ett annat kort."},
	{spec.SWExpired, "Kortet har gått ut. Koppla upp det, så att banken kan förnya det, eller " +
		"använd ett annat kort."},
}

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
	for _, r := range refusals {
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
