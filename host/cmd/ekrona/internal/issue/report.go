package issue

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"ekrona.example/apdu/cvc"
	"ekrona.example/apdu/message"
	"ekrona.example/host/cmd/ekrona/internal/cli"
	"ekrona.example/host/durable"
	"ekrona.example/personalization/batch"
	"ekrona.example/personalization/batch/auditlog"
	"ekrona.example/personalization/batch/report"
)

// Files with the report, in a job's folder.
const (
	reportHTML = "report.html"
	reportCSV  = "report.csv"
)

func reportCommand() *cobra.Command {
	asJSON := false
	c := &cobra.Command{
		Use:   "report FOLDER",
		Short: "Write the report of a job again, as HTML and CSV",
		Long: `Write report.html and report.csv into the folder of a job, from its journal: each
card with its stages and the time that host and card took, and when each reader held
which card. "ekrona issue batch" writes them when it ends; this command also works while
it runs.`,
		Args: cli.Exactly(1, "the folder of a job"),
		RunE: func(c *cobra.Command, arguments []string) error {
			if err := writeReport(c.Context(), arguments[0]); err != nil {
				return err
			}
			page := filepath.Join(arguments[0], reportHTML)
			return cli.Answer(c, asJSON, struct {
				Page  string `json:"html"`
				Table string `json:"csv"`
			}{page, filepath.Join(arguments[0], reportCSV)}, "%s", page)
		},
	}
	cli.JSONFlag(c, &asJSON)
	return c
}

// writeReport writes page and table of a job.
func writeReport(ctx context.Context, folder string) error {
	record, err := batch.ReadRecord(ctx, folder)
	if err != nil {
		return err
	}
	var page, table bytes.Buffer
	if err := errors.Join(report.HTML(&page, record), report.CSV(&table, record)); err != nil {
		return err
	}
	for name, content := range map[string][]byte{reportHTML: page.Bytes(),
		reportCSV: table.Bytes()} {
		if err := durable.Replace(filepath.Join(folder, name), content,
			durable.OwnerOnly); err != nil {
			return fmt.Errorf("report: %w", err)
		}
	}
	return nil
}

func logCommand(w Wiring) *cobra.Command {
	state, bank, certificate, known, asJSON := "", "", "", "", false
	c := &cobra.Command{
		Use:   "log FOLDER",
		Short: "Verify the audit log of a job and show it",
		Long: `Verify the audit log of a job and show it. Each line's number, hash of the line
before and signature are verified, so that lines which were changed, removed, added or
moved are found. Lines missing at the end are found by the journal beside the log; if
journal and log were both set back, by --head, the head that this command printed before.

The key is that of the issuing intermediary: name the sandbox and the bank, or the
certificate.`,
		Example: `  ekrona issue log spring.job --state SANDBOX --bank SENORDIC
  ekrona issue log spring.job --certificate ca.cvc --head 12:5f1c...`,
		Args: cli.Exactly(1, "the folder of a job"),
		RunE: func(c *cobra.Command, arguments []string) error {
			key, err := logKey(c, w, state, bank, certificate)
			if err != nil {
				return err
			}
			heads := []auditlog.Head{{}}
			journal, err := batch.LogHead(c.Context(), arguments[0])
			if err != nil {
				return err
			}
			heads = append(heads, journal)
			if known != "" {
				head, err := auditlog.ParseHead(known)
				if err != nil {
					return cli.Usage("--head: %w", err)
				}
				heads = append(heads, head)
			}
			return showLog(c, filepath.Join(arguments[0], "audit.log"), key, heads, asJSON)
		},
	}
	c.Flags().StringVar(&state, "state", "", "folder of the sandbox whose bank issued the cards")
	c.Flags().StringVar(&bank, "bank", "", "name of the bank, such as SENORDIC")
	c.Flags().StringVar(&certificate, "certificate", "",
		"card-verifiable certificate of the key that signed the log")
	c.Flags().StringVar(&known, "head", "",
		"head that this command printed before; the log must have that line")
	cli.JSONFlag(c, &asJSON)
	return c
}

// logKey finds the key that a log is verified with.
func logKey(
	c *cobra.Command, w Wiring, state, bank, certificate string,
) (key *ecdsa.PublicKey, err error) {
	if certificate != "" {
		encoded, err := durable.Read(certificate)
		if err != nil {
			return nil, fmt.Errorf("--certificate: %w", err)
		}
		parsed, err := cvc.Parse(encoded)
		if err != nil {
			return nil, fmt.Errorf("--certificate: %s: %w", certificate, err)
		}
		return parsed.PublicKey, nil
	}
	if state == "" || bank == "" {
		return nil, cli.Usage(
			"%s: name who signed the log: --state DIR --bank NAME, or --certificate FILE",
			c.CommandPath())
	}
	err = w.Bank(c, state, message.Name(bank), func(ctx context.Context, b Bank) error {
		issuer, err := b.Issuer(ctx)
		if err == nil {
			key = issuer.CA.Certificate.PublicKey
		}
		return err
	})
	return key, err
}

// showLog verifies a log against every head that is known, and shows it.
func showLog(
	c *cobra.Command, path string, key *ecdsa.PublicKey, heads []auditlog.Head, asJSON bool,
) error {
	content, err := durable.Read(path)
	if err != nil {
		return fmt.Errorf("audit log: %w", err)
	}
	entries := []auditlog.Entry{}
	var head auditlog.Head
	for i, known := range heads {
		head, err = auditlog.Verify(bytes.NewReader(content), key, known,
			func(e auditlog.Entry) error {
				if i == 0 {
					entries = append(entries, e)
				}
				return nil
			})
		if err != nil {
			break
		}
	}
	if asJSON {
		type answer struct {
			Head    string           `json:"head"`
			Sound   bool             `json:"sound"`
			Entries []auditlog.Entry `json:"entries"`
		}
		return errors.Join(cli.WriteJSON(c.OutOrStdout(),
			answer{head.String(), err == nil, entries}), err)
	}
	for _, e := range entries {
		var fields []string
		for _, name := range slices.Sorted(maps.Keys(e.Fields)) {
			fields = append(fields, name+" "+e.Fields[name])
		}
		fmt.Fprintf(c.OutOrStdout(), "%4d  %s  %-13s %s\n", e.Number, e.At.Format(time.DateTime),
			e.Event, strings.Join(fields, ", "))
	}
	if err == nil {
		fmt.Fprintf(c.OutOrStdout(), "%d lines, all as they were written; head %s\n", head.Number,
			head)
	}
	return err
}
