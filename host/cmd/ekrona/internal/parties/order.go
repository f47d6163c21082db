package parties

import (
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"ekrona.example/host/banking"
	"ekrona.example/host/cmd/ekrona/internal/cli"
	"ekrona.example/host/order"
	"ekrona.example/host/remote"
	"ekrona.example/host/wallet"
)

// maxName is how many characters a name of an operation has at most.
const maxName = 100

// AboutOrder is the help of a command with [Order.Flag], after what it is that such a name names.
const AboutOrder = `
Without --order the same command again does the same again once it is done. With --order NAME, a
name of your own of 1 to 100 characters, it is done once: the same command again, whenever you do
not know whether it went through, finishes it or answers what it has done. Under that name
another amount is refused, and nothing done. What was refused or has come to nothing may be tried
again under the same name, unless the answer says otherwise.`

// Order is the caller's own name of an operation, under which it is done once, and its place in an
// answer.
type Order struct {
	Name     string `json:"order,omitempty"`
	Repeated bool   `json:"repeated,omitempty"` // a former call had done it: this one did nothing
}

// Flag adds --order; what says what the same order does not do again, such as "buys nothing more".
func (o *Order) Flag(c *cobra.Command, what string) {
	c.Flags().StringVar(&o.Name, "order", "", "name of the order, 1 to 100 characters: repeating "+
		"the same order "+what+" (default: a new one)")
	c.PreRunE = func(*cobra.Command, []string) error {
		if !c.Flags().Changed("order") {
			return nil
		}
		if n := utf8.RuneCountInString(o.Name); n < 1 || n > maxName {
			return cli.Usage("--order: a name of %d characters: give 1 to %d", n, maxName)
		}
		if err := remote.CheckText(o.Name); err != nil {
			return cli.Usage("--order: %w", err)
		}
		return nil
	}
}

// String is what a line for a person ends with.
func (o *Order) String() string {
	switch {
	case o.Repeated:
		return fmt.Sprintf(" (order %s; a former call had done it, this one did nothing)", o.Name)
	case o.Name != "":
		return fmt.Sprintf(" (order %s)", o.Name)
	}
	return ""
}

// Refused says of an order with a name that its bank has refused that the name is another order's,
// or that this one stays refused.
func (o *Order) Refused(err error) error {
	var refused *order.Refused
	if o.Name != "" && errors.Is(err, banking.ErrTaken) && !errors.Is(err, wallet.ErrNameTaken) {
		return fmt.Errorf("%w (order %s: %w)", wallet.ErrNameTaken, o.Name, err)
	}
	if o.Name == "" || !errors.As(err, &refused) || errors.Is(err, banking.ErrNotCovered) {
		return err
	}
	return fmt.Errorf("%w (order %s stays refused: a new attempt wants another --order)", err,
		o.Name)
}
