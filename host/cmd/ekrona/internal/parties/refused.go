package parties

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"ekrona.example/apdu"
	"ekrona.example/host/cmd/ekrona/internal/cli"
	"ekrona.example/host/limit"
)

// said is an error of the command with what a customer reads of it.
type said struct {
	error
	swedish string
}

func (s *said) Unwrap() error { return s.error }

// Said has an error say something to the customer too: one that the command itself has found, of
// what a customer has given to the phone.
func Said(err error, swedish string) error { return &said{err, swedish} }

// showRefusal says why a payment was refused, besides the error itself: to a script with all
// numbers of a limit, to a person with what the customer reads.
func (f *Flags) showRefusal(c *cobra.Command, err error) error {
	if !f.customers {
		return err
	}
	var reached *limit.Reached
	if errors.As(err, &reached) {
		return f.sayRefused(c, err, reached, reached.Swedish())
	}
	if swedish := Swedish(err); swedish != "" {
		return f.sayRefused(c, err, Notice{err.Error(), swedish}, swedish)
	}
	return err
}

func (f *Flags) sayRefused(c *cobra.Command, err error, all any, swedish string) error {
	if f.AsJSON {
		return errors.Join(err, cli.WriteJSON(c.OutOrStdout(), struct {
			Refused any `json:"refused"`
			Notices
		}{all, f.Notices()}))
	}
	f.CustomerReads(c, Words{err.Error(), swedish})
	return err
}

// Words are what a customer reads, in both languages, for a script.
type Words struct {
	English string `json:"customer_en"`
	Swedish string `json:"customer_sv"`
}

// Notice is what a customer or a cashier reads beside an answer, or of a payment that was refused
// or stopped other than by a limit, in both languages.
type Notice struct {
	English string `json:"text_en"`
	Swedish string `json:"text_sv"`
}

// Notices are part of the answers of commands that may have some.
type Notices struct {
	Notices []Notice `json:"notices,omitempty"`
}

// CustomerReads shows a person what the customer's phone shows.
func (f *Flags) CustomerReads(c *cobra.Command, words Words) {
	if !f.AsJSON {
		fmt.Fprintf(c.ErrOrStderr(), "the customer reads: %s\n", words.Swedish)
	}
}

// Notice warns of what a customer or a cashier is to know beside what was asked for. Both lines are
// in the answer too, if it has [Flags.Notices], or beside a refusal.
func (f *Flags) Notice(c *cobra.Command, english error, swedish string) {
	n := Notice{apdu.Joined(english.Error()), swedish}
	f.notices = append(f.notices, n)
	f.Warn(c, "%s", n.English)
	f.CustomerReads(c, Words(n))
}

// Notices returns what was noticed so far.
func (f *Flags) Notices() Notices { return Notices{f.notices} }
