package network

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"ekrona.example/host/audit"
	"ekrona.example/host/cmd/ekrona/internal/cli"
	"ekrona.example/host/party/centralbank"
	"ekrona.example/host/progress"
)

// auditAnswer is what the auditor found, for a script.
type auditAnswer struct {
	Checked    []int             `json:"checked"` // numbers of the invariants
	Violations []audit.Violation `json:"violations"`
}

func auditCommand() *cobra.Command {
	asJSON := false
	c := &cobra.Command{
		Use:   "audit FOLDER",
		Short: "Check every row, signature and sum of the ledger, also while it serves",
		Long: `Have the auditor check the central bank's database as it is at one moment, also while the central
bank serves: the invariants of protocol section 8, by arithmetic that shares nothing with the notary's,
from every signed message that is kept. It finds rows that somebody has changed or taken away, sums in a
device's row that its history does not give, and ledger balances that their entries do not give. It holds
every column against the message that the row keeps, and against the rows that say the same. What is
said once it cannot find: when something was, who owns a device without money. Cards and terminals are
not at hand: "reconcile" judges what they have shown last.

It reads the whole database, and most of it is in memory meanwhile: that of a country is better checked
as a copy, on a machine of its own. The exit code is 3 if something does not hold.`,
		Example: "  ekrona centralbank audit DIR/central-bank",
		Args:    cli.Exactly(1, "the folder of the central bank"),
		RunE: func(c *cobra.Command, arguments []string) error {
			found, failed := centralbank.Audit(c.Context(), arguments[0])
			if failed != nil && len(found) == 0 {
				return failed
			}
			a := auditAnswer{slices.Sorted(maps.Keys(audit.Titles(false))),
				append([]audit.Violation{}, found...)}
			if failed != nil { // it has come as far as the rows
				a.Checked = []int{found[0].Number}
			}
			var text strings.Builder
			for _, v := range found {
				fmt.Fprintln(&text, v)
			}
			err := cli.Answer(c, asJSON, a, "%s%s checked, %s found", text.String(),
				progress.Plural(len(a.Checked), "invariant"),
				progress.Plural(len(found), "violation"))
			if err = errors.Join(err, failed); err != nil {
				return err
			}
			return cli.Violated(found)
		},
	}
	cli.JSONFlag(c, &asJSON)
	return c
}
