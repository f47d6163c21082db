package crisis

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

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
	return c
}

// Taken reads the order of --take, if there is one.
func (f *Carry) Taken() (c crisis.Carried, given bool, err error) {
	if f.take == "" {
		return c, false, nil
	}
	content, err := durable.Read(f.take)
	if err == nil {
		c, err = crisis.Parse(content)
	}
	if err != nil {
		err = fmt.Errorf("--take: %w", err)
	}
	return c, true, err
}

// IsAnother reports whether a device that was given a crisis order holds another one, or none.
func IsAnother(given, held crisis.Carried) bool {
	return len(given.Order) > 0 && !bytes.Equal(given.Order, held.Order)
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
