// Package crisis is "ekrona crisis": how the central bank changes limits while there is no network.
// Start at [Command].
package crisis

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"ekrona.example/apdu/message"
	"ekrona.example/apdu/spec"
	"ekrona.example/host/cmd/ekrona/internal/cli"
	"ekrona.example/host/cmd/ekrona/internal/parties"
	"ekrona.example/host/crisis"
	"ekrona.example/host/durable"
	"ekrona.example/host/notary"
	"ekrona.example/personalization/pki"
	"ekrona.example/personalization/pki/keys"
	"ekrona.example/personalization/pki/keys/secret"
)

// Command is "ekrona crisis".
func Command() *cobra.Command {
	c := cli.Group("crisis",
		"The central bank's crisis orders: other limits while there is no network",
		draftCommand(false), signCommand(), countersignCommand(), draftCommand(true),
		showCommand())
	c.Long = `Order other limits for cards and terminals while there is no network. Terminals, phones and
cards carry a crisis order to each other; it counts from its first day to its last, and only up to
the ceilings of each card. Two rooms of the central bank sign it:

  ekrona crisis draft --days 7 --out draft --state DIR
  ekrona crisis sign draft --key DIR/crisis-key/crisis --out signed     (without any network)
  ekrona crisis countersign signed --by eva --out order --state DIR
  ekrona crisis show --state DIR

The file that comes out last is what devices take: "ekrona terminal crisis" and "ekrona wallet
crisis" give it to them. "ekrona crisis end" drafts an order without limits, which ends the crisis
by the same way. Each command can be repeated: a number has one order for ever.`
	return c
}

// OrderAnswer is a crisis order for a script.
type OrderAnswer struct {
	Number    uint32      `json:"number"`
	From      string      `json:"from"`
	Until     string      `json:"until"`
	CrisisKey string      `json:"crisis_key"`
	Notary    string      `json:"notary"`
	Identity  string      `json:"identity"` // SHA-256 of what is signed, hex
	Limits    []RowAnswer `json:"limits"`
}

// OrderOf returns a crisis order for a script.
func OrderOf(encoded []byte) (a OrderAnswer, err error) {
	o, err := message.Parse[message.CrisisOrder](encoded)
	if err != nil {
		return a, err
	}
	identity, err := message.Identity(o)
	a = OrderAnswer{o.Number, o.From.String(), o.Until.String(), string(o.CrisisKey),
		string(o.Notary), identity.String(), []RowAnswer{}}
	for _, r := range o.Rows {
		a.Limits = append(a.Limits, rowOf(r))
	}
	return a, err
}

// String is the order for a person.
func (a OrderAnswer) String() string {
	lines := []string{fmt.Sprintf("order %d, from %s to %s, by %s and %s", a.Number, a.From,
		a.Until, a.CrisisKey, a.Notary)}
	for _, r := range a.Limits {
		lines = append(lines, "  "+r.String())
	}
	if len(a.Limits) == 0 {
		lines = append(lines, "  no limits: it ends the crisis")
	}
	return strings.Join(lines, "\n")
}

// draft is one run of "crisis draft" or "crisis end".
type draft struct {
	parties.Flags
	from, until, key, out string
	days                  int
	rows                  []string
	ends                  bool
}

func draftCommand(ends bool) *cobra.Command {
	d := &draft{ends: ends}
	c := &cobra.Command{
		Use:   "draft",
		Short: "Write the next crisis order into a file, unsigned",
		Long: `Write the next crisis order into a file, unsigned. Its limits are rows, each for a group of
people, an intermediary, both or all; the most specific one that fits a card counts, and raises
each limit that is lower. At most 6 rows; without --limits there is one for all, with twice the
default limits.`,
		Example: `  ekrona crisis draft --days 7 --out draft --state DIR
  ekrona crisis draft --days 7 --out draft --state DIR \
    --limits "balance=8000,payment=8000,spent=20000,receipts=6000,received=1000000" \
    --limits "group=1,spent=2000"`,
		Args: cli.Exactly(0, "no arguments"),
		RunE: func(c *cobra.Command, _ []string) error { return d.run(c) },
	}
	if ends {
		c.Use, c.Short = "end", "Write an order that ends the crisis into a file, unsigned"
		c.Long = `Write the next crisis order into a file, unsigned, with no limits: it ends the crisis by the
same way as it came. It spreads until its last day; after that day Instructions tell every card that
synchronises that all orders up to it are over.`
		c.Example = "  ekrona crisis end --days 7 --out draft --state DIR"
	} else {
		c.Flags().StringArrayVar(&d.rows, "limits", nil, "a row, such as "+
			"\"group=2,name=SENORDIC,balance=8000\"; amounts in kronor (repeat for more)")
	}
	d.BindStaff(c)
	c.Flags().StringVar(&d.from, "from", "", "first day, YYYY-MM-DD (default: today)")
	c.Flags().StringVar(&d.until, "until", "",
		fmt.Sprintf("last day, YYYY-MM-DD, at most %d days later", notary.MaxCrisisDays))
	c.Flags().IntVar(&d.days, "days", 0, "how many days it counts, instead of --until")
	c.Flags().StringVar(&d.key, "crisis-key", "",
		"file with the certificate of the crisis key (default: the sandbox's)")
	outFlag(c, &d.out)
	return c
}

func (d *draft) run(c *cobra.Command) error {
	if (d.until == "") == (d.days <= 0) {
		return cli.Usage("%s: say until when: --until YYYY-MM-DD, or --days N", c.CommandPath())
	}
	rows := []message.CrisisRow{crisis.DefaultRow()}
	if d.ends || len(d.rows) > 0 {
		rows = nil
	}
	for _, text := range d.rows {
		row, err := parseRow(text)
		if err != nil {
			return cli.Usage("--limits %q: %w", text, err)
		}
		if slices.ContainsFunc(rows, func(r message.CrisisRow) bool {
			return r.Group == row.Group && r.Name == row.Name
		}) {
			return cli.Usage("--limits %q: there is another row for the same cards: put both "+
				"into one", text)
		}
		rows = append(rows, row)
	}
	if len(rows) > spec.MaxOrderRows {
		return cli.Usage("--limits: %d rows: an order has at most %d", len(rows),
			spec.MaxOrderRows)
	}
	return d.RunCentral(c, func(ctx context.Context, r parties.Room) error {
		from, until, err := d.time(message.DateOf(r.Now))
		if err != nil {
			return err
		}
		key, err := crisisCertificate(d.key, r)
		if err != nil {
			return err
		}
		encoded, err := notary.DraftCrisis(ctx, r.Central,
			notary.CrisisDraft{CrisisKey: key, From: from, Until: until, Rows: rows})
		if err != nil {
			return err
		}
		if err := warnOfEmptyGroups(ctx, c, &d.Flags, r, rows); err != nil {
			return err
		}
		return answerWithFile(c, &d.Flags, d.out, encoded, encoded,
			"drafted; next: \"ekrona crisis sign\", where the crisis key is")
	})
}

// warnOfEmptyGroups names the rows for groups that no card is in.
func warnOfEmptyGroups(
	ctx context.Context, c *cobra.Command, f *parties.Flags, r parties.Room,
	rows []message.CrisisRow,
) error {
	report, err := r.Central.CrisisOrders(ctx, notary.CrisisPage{Limit: 1})
	if err != nil {
		return err
	}
	for _, row := range report.EmptyGroups(rows) {
		f.Warn(c, "no card is in %s: as long as none is, nobody gets that row's limits (\"ekrona "+
			"bank group\" puts cards into groups)", rowOf(row).whom())
	}
	return nil
}

// time returns the first and the last day of the order.
func (d *draft) time(today message.Date) (from, until message.Date, err error) {
	if from = today; d.from != "" {
		if from, err = message.ParseDate(d.from); err != nil {
			return from, until, cli.Usage("--from: %w", err)
		}
	}
	if until = from.AddDays(d.days - 1); d.until != "" {
		if until, err = message.ParseDate(d.until); err != nil {
			return from, until, cli.Usage("--until: %w", err)
		}
	}
	if until.Before(from) || until.After(from.AddDays(notary.MaxCrisisDays)) {
		return from, until, cli.Usage("from %s to %s: give a last day that is at most %d days "+
			"after the first", from, until, notary.MaxCrisisDays)
	}
	if until.Before(today) {
		return from, until, cli.Usage("from %s to %s: it would be over already, today is %s", from,
			until, today)
	}
	return from, until, nil
}

// crisisCertificate reads the certificate of a file, or the sandbox's.
func crisisCertificate(path string, r parties.Room) ([]byte, error) {
	if path != "" {
		return durable.Read(path)
	}
	return r.CrisisCertificate()
}

// readOrder reads an order that is not whole yet, from the file that a command has written.
func readOrder(path, command string) ([]byte, error) {
	encoded, err := durable.Read(path)
	if err != nil {
		return nil, err
	}
	if _, err := message.Parse[message.CrisisOrder](encoded); err != nil {
		return nil, cli.Usage("%s is no file of \"ekrona crisis %s\": give that (%w)", path,
			command, err)
	}
	return encoded, nil
}

func outFlag(c *cobra.Command, out *string) {
	c.Flags().StringVar(out, "out", "", "file to write (needed)")
	cli.OutputFlags(c, "out")
}

// answerWithFile writes a file and answers with the order in it.
func answerWithFile(
	c *cobra.Command, f *parties.Flags, path string, content, order []byte, done string,
) error {
	a, err := OrderOf(order)
	if err != nil {
		return err
	}
	if path == "" {
		return cli.Usage("%s: name the file to write: --out FILE", c.CommandPath())
	}
	if err := durable.Replace(path, content, durable.Everyone); err != nil {
		return fmt.Errorf("--out: %w", err)
	}
	return f.Answer(c, map[string]any{"order": a, "file": path}, "%s\n%s: %s", a, path, done)
}

func signCommand() *cobra.Command {
	f, key, out, passphrase := &parties.Flags{}, "", "", ""
	c := &cobra.Command{
		Use:   "sign FILE",
		Short: "Sign a drafted order with the crisis key: a file in, a file out",
		Long: `Sign a drafted order with the crisis key, which the central bank keeps apart from its notary: on
a machine without any network. What is signed is shown. The key alone puts nothing in force.`,
		Args: cli.Exactly(1, "a file from \"ekrona crisis draft\""),
		RunE: func(c *cobra.Command, arguments []string) (err error) {
			draft, err := readOrder(arguments[0], "draft")
			if err != nil {
				return err
			}
			folder, name := filepath.Split(filepath.Clean(key))
			if folder == "" || name == "" {
				return cli.Usage("%s: name the crisis key: --key FOLDER/NAME", c.CommandPath())
			}
			own, err := pki.OpenWith(filepath.Clean(folder), keys.Options{
				Secret: secret.Once(secret.From(passphrase))}).Identity(c.Context(), name)
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, own.Close()) }()
			signed, err := notary.SignCrisisDraft(draft, own.Signer, own.Certificate)
			if err != nil {
				return fmt.Errorf("%s: %w", arguments[0], err)
			}
			return answerWithFile(c, f, out, signed, signed,
				"signed by the crisis key; next: \"ekrona crisis countersign\"")
		},
	}
	c.Flags().StringVar(&key, "key", "", "FOLDER/NAME of the crisis key (needed)")
	c.Flags().StringVar(&passphrase, "passphrase-file", "",
		"file with the passphrase of the key (default: the file that "+secret.Environment+
			" names, or a prompt)")
	outFlag(c, &out)
	cli.JSONFlag(c, &f.AsJSON)
	return c
}

func countersignCommand() *cobra.Command {
	f, key, by, out := &parties.Flags{}, "", "", ""
	c := &cobra.Command{
		Use:   "countersign FILE",
		Short: "Have the notary sign an order, which puts it in force",
		Long: fmt.Sprintf(`Have the notary sign an order, which puts it in force. It signs only the next number, by the
newest crisis key, for at most %d days and up to the end of both keys' certificates, and no limits
above those that the central bank has set for itself, nor a row for an intermediary that has not
joined. The file that is written is what devices take; those that synchronise get it by themselves.
The same order gives the same file again, until a later one has taken its place.`, notary.MaxCrisisDays),
		Args: cli.Exactly(1, "a file from \"ekrona crisis sign\""),
		RunE: func(c *cobra.Command, arguments []string) error {
			if by == "" {
				return cli.Usage("%s: say who orders it: --by NAME", c.CommandPath())
			}
			signed, err := readOrder(arguments[0], "sign")
			if err != nil {
				return err
			}
			return f.RunCentral(c, func(ctx context.Context, r parties.Room) error {
				certificate, err := crisisCertificate(key, r)
				if err != nil {
					return err
				}
				carried, err := notary.CountersignCrisis(ctx, r.Central, notary.CrisisSigning{
					Order: signed, CrisisKey: certificate, By: by})
				if err != nil {
					return err
				}
				order, err := message.Parse[message.CrisisOrder](carried.Order)
				if err != nil {
					return err
				}
				if err := warnOfEmptyGroups(ctx, c, f, r, order.Rows); err != nil {
					return err
				}
				done := "in force"
				if order.From.After(message.DateOf(r.Now)) {
					done = "signed; in force from " + order.From.String()
				}
				return answerWithFile(c, f, out, carried.Bytes(), carried.Order, done)
			})
		},
	}
	f.BindStaff(c)
	c.Flags().StringVar(&by, "by", "", "who orders it (needed)")
	c.Flags().StringVar(&key, "crisis-key", "",
		"file with the certificate of the crisis key (default: the sandbox's)")
	outFlag(c, &out)
	return c
}

// inForceAnswer is an order of the notary's table for a script.
type inForceAnswer struct {
	OrderAnswer
	By   string    `json:"by"`
	At   time.Time `json:"at"`
	Held int       `json:"devices_holding"`
}

func showCommand() *cobra.Command {
	f, page := &parties.Flags{}, &cli.Page{}
	c := &cobra.Command{
		Use:   "show",
		Short: "Show the crisis orders, who ordered them, and how far they have got",
		Long: `Show the crisis orders, the newest first, who ordered them and when, and how many devices held
each when they synchronised last; --before shows older ones. An order that the notary has not
signed is a sign that both keys were stolen: the devices that held one are named.`,
		Args: cli.Exactly(0, "no arguments"),
		RunE: func(c *cobra.Command, _ []string) error {
			if err := page.Check(); err != nil {
				return err
			}
			return f.RunCentral(c, func(ctx context.Context, r parties.Room) error {
				report, err := r.Central.CrisisOrders(ctx, notary.CrisisPage{Before: page.Before,
					After: message.DeviceID(page.After), Limit: page.Limit})
				if err != nil {
					return err
				}
				return show(c, f, report, page.Limit)
			})
		},
	}
	page.Add(c, "orders", "devices that alarm")
	return f.BindStaff(c)
}

func show(c *cobra.Command, f *parties.Flags, report notary.CrisisReport, limit int) error {
	orders, text, before := []inForceAnswer{}, "", uint32(0)
	for _, o := range report.Orders {
		a, err := OrderOf(o.Order)
		if err != nil {
			return err
		}
		orders = append(orders, inForceAnswer{a, o.By, o.At, o.Held})
		text += fmt.Sprintf("%s\n  ordered by %s on %s; %d of %d device(s) held it when they "+
			"synchronised last\n", a, o.By, o.At.Format(time.RFC3339), o.Held, report.Devices)
	}
	if n := len(report.Orders); n > 0 && report.Orders[n-1].Number > 1 {
		before = report.Orders[n-1].Number
		text += fmt.Sprintf("older orders: --before %d\n", before)
	}
	foreign, after := report.Foreign, message.DeviceID("")
	if foreign == nil {
		foreign = []message.DeviceID{}
	}
	for _, id := range foreign {
		text += fmt.Sprintf("ALARM: %s held an order that this notary has not signed: the crisis "+
			"key and the notary's are stolen\n", id)
	}
	if len(foreign) == limit { // there may be more
		after = foreign[limit-1]
		text += fmt.Sprintf("more of these devices: --after %s\n", after)
	}
	return f.Answer(c, map[string]any{"orders": orders, "lowest": report.Lowest,
		"next": report.Next, "devices": report.Devices, "foreign": foreign,
		"older_before": before, "foreign_after": after},
		"%s%d order(s) in all; cards that synchronise take none below %d", text, report.Next-1,
		report.Lowest)
}
