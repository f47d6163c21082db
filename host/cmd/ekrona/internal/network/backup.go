package network

import (
	"github.com/spf13/cobra"

	"ekrona.example/host/cmd/ekrona/internal/cli"
	"ekrona.example/host/cmd/ekrona/internal/parties"
	"ekrona.example/host/party/bank"
	"ekrona.example/host/party/centralbank"
)

// fileCommand makes a command that copies a database between a party's folder and a file.
func fileCommand(
	use, short, long, flag, usage string,
	do func(c *cobra.Command, folder, file string) error, done string,
) *cobra.Command {
	file, asJSON := "", false
	c := &cobra.Command{
		Use: use + " FOLDER", Short: short, Long: long,
		Args: cli.Exactly(1, "the folder of the party"),
		RunE: func(c *cobra.Command, arguments []string) error {
			if file == "" {
				return cli.Usage("%s: name the file: --%s FILE", c.CommandPath(), flag)
			}
			if err := do(c, arguments[0], file); err != nil {
				return err
			}
			return cli.Answer(c, asJSON, map[string]any{"folder": arguments[0], "file": file},
				"%s: "+done, file)
		},
	}
	c.Flags().StringVar(&file, flag, "", usage)
	if flag == outFlag {
		cli.OutputFlags(c, flag)
	}
	cli.JSONFlag(c, &asJSON)
	return c
}

// outFlag names the file that a copy is written to.
const outFlag = "out"

const aboutCopies = `

A database on PostgreSQL is copied by the server's own means. The keys, and the settings, are no part
of it: keep them by themselves.`

func backUpIntermediaryCommand() *cobra.Command {
	return fileCommand("backup", "Copy an intermediary's database into a file, while it serves too",
		`Copy an intermediary's database, on SQLite, into a new file, as it is at one moment, also while the
intermediary serves.`+aboutCopies, outFlag, "file to write (needed)",
		func(c *cobra.Command, folder, file string) error {
			return bank.BackUp(c.Context(), folder, file)
		}, "the database as it was at this moment")
}

func restoreIntermediaryCommand() *cobra.Command {
	return fileCommand("restore", "Take an intermediary's database from such a file",
		`Take an intermediary's database, on SQLite, from a file that "backup" has written. The present one
is set aside under the name of its file and ".former". What came after the copy the intermediary
learns again from the notary and from the devices, as they synchronise. Customers and deposits that
came after it are entered again. A load or refund whose order was lost is taken from its customer's
online wallet; where that has not as much, own funds stand in until it has.`+aboutCopies,
		"from", "file to read (needed)",
		func(c *cobra.Command, folder, file string) error {
			return bank.Restore(c.Context(), folder, file, parties.Environment(c.Context()))
		}, "is the intermediary's database")
}

func backUpCentralBankCommand() *cobra.Command {
	return fileCommand("backup", "Copy the settlement ledger into a file, also while it serves",
		`Copy the central bank's database, on SQLite, into a new file, as it is at one moment, also while the
central bank serves: for an archive and for auditors. There is no restore from it: what the notary
has acknowledged is never set back, since cards have dropped it. A ledger that must survive its
machine is kept on PostgreSQL with a synchronous standby.`+aboutCopies, outFlag,
		"file to write (needed)",
		func(c *cobra.Command, folder, file string) error {
			return centralbank.BackUp(c.Context(), folder, file)
		}, "the ledger as it was at this moment")
}
