package crisis

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"ekrona.example/host/cmd/ekrona/internal/cli"
	"ekrona.example/host/cmd/ekrona/internal/parties"
	"ekrona.example/host/crisis"
	"ekrona.example/host/durable"
)

// Carry are the flags of commands that give a device a crisis order, or take one from it.
type Carry struct{ take, out string }

// Bind adds the flags to a command.
func (f *Carry) Bind(c *cobra.Command) *cobra.Command {
	c.Flags().StringVar(&f.take, "take", "",
		"file with a crisis order that is given to it: one of \"ekrona crisis countersign\", or "+
			"of --out")
	c.Flags().StringVar(&f.out, "out", "", "file into which its crisis order is written")
	cli.OutputFlags(c, "out")
	return c
}

// Taken reads the order of --take, if there is one.
func (f *Carry) Taken() (c crisis.Carried, given bool, err error) {
	if f.take == "" {
		return c, false, nil
	}
	content, err := durable.Read(f.take)
	if err != nil {
		return c, true, fmt.Errorf("--take: %w", err)
	}
	if c, err = crisis.Parse(content); err != nil {
		err = parties.Said(fmt.Errorf("--take: %s is no crisis order, or it was altered: give the "+
			"file of \"ekrona crisis countersign\" or of --out again (%w)", f.take, err),
			"Filen är inget krisbeslut, eller så har den ändrats. Hämta den på nytt från banken "+
				"eller Riksbanken.")
	}
	return c, true, err
}

// Outcome is what a device has made of the order of --take, for a script.
type Outcome struct {
	Taken bool `json:"taken"`
	// NotTaken says why not, where that is no error: the device has it already, or a later one.
	NotTaken *parties.Notice `json:"not_taken,omitempty"`
}

// OutcomeOf returns the outcome of an order that a device has judged: an older one, or the same, is
// not taken; of any other that is not, for one that is not genuine, it returns the error.
func OutcomeOf(err error) (o Outcome, _ error) {
	switch {
	case err == nil:
		o.Taken = true
	case errors.Is(err, crisis.ErrOld):
		o.NotTaken = &parties.Notice{English: "--take: not taken: " + err.Error(),
			Swedish: parties.Swedish(err)}
	default:
		return o, fmt.Errorf("--take: not taken: %w", err)
	}
	return o, nil
}

// Say tells a person why an order was not taken.
func (o Outcome) Say(c *cobra.Command, f *parties.Flags) {
	if o.NotTaken != nil {
		f.Warn(c, "%s", o.NotTaken.English)
		f.CustomerReads(c, parties.Words(*o.NotTaken))
	}
}

// Held is the crisis order that a device has, for a script; no order where it has none.
type Held struct {
	Order *OrderAnswer `json:"order,omitempty"`
	File  string       `json:"file,omitempty"`
}

// Give writes the file of --out, and returns what a device has.
func (f *Carry) Give(c crisis.Carried) (h Held, err error) {
	if len(c.Order) > 0 {
		order, err := OrderOf(c.Order)
		if err != nil {
			return h, err
		}
		h.Order = &order
	}
	if f.out == "" {
		return h, nil
	}
	if c.IsEmpty() {
		return h, errors.New("--out: there is no crisis order to write")
	}
	if err := durable.Replace(f.out, c.Bytes(), durable.Everyone); err != nil {
		return h, fmt.Errorf("--out: %w", err)
	}
	h.File = f.out
	return h, nil
}

// String is what a device has, for a person.
func (h Held) String() string {
	text := "no crisis order"
	if h.Order != nil {
		text = h.Order.String()
	}
	if h.File != "" {
		text += "\nwritten into " + h.File
	}
	return text
}
