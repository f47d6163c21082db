package network

import (
	"encoding/base64"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"ekrona.example/apdu/message"
	"ekrona.example/apdu/money"
	"ekrona.example/host/cmd/ekrona/internal/cli"
	"ekrona.example/host/cmd/ekrona/internal/parties"
	"ekrona.example/host/party/centralbank"
	"ekrona.example/host/progress"
	"ekrona.example/host/settlement/archive"
)

// archiveFlags are those of "centralbank archive".
type archiveFlags struct {
	before, to, verify, show string
	dryRun, asJSON           bool
}

func archiveCommand() *cobra.Command {
	f := &archiveFlags{}
	c := &cobra.Command{
		Use:   "archive FOLDER",
		Short: "Move the bodies of old payments into a file, also while it serves",
		Long: `Move the signed bodies of payments that were settled before a day, and of their receipts,
out of the central bank's database and into a new file of JSON lines, also while the central bank
serves. The day is in UTC. Rows, identities, amounts, verdicts and sums stay: a payment that comes again is
answered as before, and a second body of its number is still evidence. What is open, was given back,
or concerns a device that is reported lost or has evidence about it stays whole.

A body leaves the database when the file is on its disk and the database knows its hash. Interrupted
or killed at any point, it is finished by the same command; no other archive begins before.

--verify proves every body of a file against what has stayed: the file's hash, and each payment's
identity, number, amount and three signatures. --show DEVICE/NUMBER shows one payment's bodies, from
the database, or with --verify FILE from the file in which they are.

Keep the files with the backups: a database that is restored from before an archive has the bodies
itself, and takes the file by the same command; one from after it needs the file. On SQLite the room
is used again for what comes, and given back by VACUUM; on PostgreSQL by autovacuum.`,
		Example: `  ekrona centralbank archive DIR/central-bank --before 2026-01-01 --to 2025.jsonl
  ekrona centralbank archive DIR/central-bank --verify 2025.jsonl
  ekrona centralbank archive DIR/central-bank --show SENORDICC0000001/7 --verify 2025.jsonl`,
		Args: cli.Exactly(1, "the folder of the central bank"),
		RunE: func(c *cobra.Command, arguments []string) error {
			switch {
			case f.to == "" && f.before == "" && !f.dryRun && f.show != "":
				return f.find(c, arguments[0])
			case f.to == "" && f.before == "" && !f.dryRun && f.verify != "":
				return f.prove(c, arguments[0])
			case f.show != "" || f.verify != "":
				return cli.Usage("--verify and --show go with no --before, --to or --dry-run")
			}
			return f.write(c, arguments[0])
		},
	}
	c.Flags().StringVar(&f.before, "before", "", "day, YYYY-MM-DD (needed to archive)")
	c.Flags().StringVar(&f.to, "to", "", "file to write (needed to archive)")
	cli.OutputFlags(c, "to")
	c.Flags().BoolVar(&f.dryRun, "dry-run", false, "only count what would be archived")
	c.Flags().StringVar(&f.verify, "verify", "", "file of an archive to prove")
	c.Flags().StringVar(&f.show, "show", "", "DEVICE/NUMBER of a payment to show")
	cli.JSONFlag(c, &f.asJSON)
	return c
}

// showPause is how long archiving is silent about how far it has come.
const showPause = 5 * time.Second

func (f *archiveFlags) write(c *cobra.Command, folder string) error {
	if f.before == "" || f.to == "" && !f.dryRun {
		return cli.Usage("%s: name the day and the file: --before YYYY-MM-DD --to FILE",
			c.CommandPath())
	}
	if f.to != "" && f.dryRun {
		return cli.Usage("--dry-run writes nothing: leave out --to")
	}
	before, err := message.ParseDate(f.before)
	if err != nil {
		return cli.Usage("--before: %q: give a day as YYYY-MM-DD", f.before)
	}
	environment := parties.Environment(c.Context()).Complete()
	shown := time.Now()
	r, err := centralbank.Archive(c.Context(), folder, archive.Plan{Before: before, To: f.to,
		DryRun: f.dryRun, Clock: environment.Clock, Show: func(e progress.Event) {
			if time.Since(shown) >= showPause {
				shown = time.Now()
				fmt.Fprintln(c.ErrOrStderr(), e.Text)
			}
		}})
	if err != nil {
		return err
	}
	if f.dryRun {
		return cli.Answer(c, f.asJSON, r, "%s settled before %s would be archived, %d bytes of "+
			"bodies", progress.Plural(int(r.Payments), "payment"), r.Before, r.Bytes)
	}
	return cli.Answer(c, f.asJSON, r, "%s: %s settled before %s, %d bytes of bodies; SHA-256 %s",
		f.to, progress.Plural(int(r.Payments), "payment"), r.Before, r.Bytes, r.SHA256)
}

func (f *archiveFlags) prove(c *cobra.Command, folder string) error {
	r, err := centralbank.VerifyArchive(c.Context(), folder, f.verify)
	if err != nil {
		return err
	}
	return cli.Answer(c, f.asJSON, r, "%s: %s settled before %s, each as it was in the database",
		f.verify, progress.Plural(int(r.Payments), "payment"), r.Before)
}

func (f *archiveFlags) find(c *cobra.Command, folder string) error {
	device, number, _ := strings.Cut(f.show, "/")
	id, err := message.ParseDeviceID(device)
	if err != nil {
		return cli.Usage("--show: %q: give DEVICE/NUMBER, such as SENORDICC0000001/7", f.show)
	}
	atc, err := strconv.ParseUint(number, 10, 32)
	if err != nil {
		return cli.Usage("--show: %q: give DEVICE/NUMBER, such as SENORDICC0000001/7", f.show)
	}
	found, err := centralbank.FindPayment(c.Context(), folder, id, uint32(atc), f.verify)
	if err != nil {
		return err
	}
	where := "in the database"
	if found.Archive != "" {
		where = "in archive " + filepath.Base(found.Archive)
	}
	return cli.Answer(c, f.asJSON, found, "payment %s/%d of %s to %s, %s\npayment %s\nreceipt %s",
		found.Payer, found.ATC, money.Ore(found.Amount), found.Payee, where,
		base64.StdEncoding.EncodeToString(found.Payment),
		base64.StdEncoding.EncodeToString(found.Receipt))
}
