package cli

import (
	"github.com/spf13/cobra"

	"ekrona.example/host/notary"
)

// Page are the flags of a command that shows lists which grow for ever: the newest first, so many
// of each, and from where on the rest follows.
type Page struct {
	Limit  int
	Before uint32
	After  string
}

// pageLimit is how many are shown where nobody says otherwise.
const pageLimit = 50

// Add adds the flags: what the numbered list has and what the other one.
func (p *Page) Add(c *cobra.Command, numbered, other string) {
	p.AddDevices(c, other)
	c.Flags().Uint32Var(&p.Before, "before", 0, "show the "+numbered+" below this number")
}

// AddDevices adds the flags of a command that lists devices alone.
func (p *Page) AddDevices(c *cobra.Command, what string) {
	c.Flags().IntVar(&p.Limit, "limit", pageLimit, "how many of each are shown at most")
	c.Flags().StringVar(&p.After, "after", "", "show the "+what+" after this device id")
}

// Check checks the command line.
func (p *Page) Check() error {
	if p.Limit < 1 || p.Limit > notary.MaxPage {
		return Usage("--limit: %d; give 1 to %d", p.Limit, notary.MaxPage)
	}
	return nil
}
