package pki

import (
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"ekrona.example/apdu/cvc"
	"ekrona.example/apdu/message"
	"ekrona.example/apdu/signature"
	"ekrona.example/host/cmd/ekrona/internal/cli"
	"ekrona.example/host/durable"
	"ekrona.example/personalization/pki"
	"ekrona.example/personalization/pki/revocation"
	"ekrona.example/personalization/pki/transport"
)

// document is the content of a file with a certificate, a request or a list.
type document struct {
	Kind    string    `json:"kind"`
	Role    string    `json:"role,omitempty"`
	Holder  string    `json:"holder,omitempty"`
	Hosts   []string  `json:"hosts,omitempty"`
	Issuer  string    `json:"issuer,omitempty"`
	From    string    `json:"from,omitempty"`
	Until   string    `json:"until,omitempty"`
	Serial  string    `json:"serial,omitempty"`
	Key     string    `json:"public_key,omitempty"` // 04 X Y, hex
	Anchor  string    `json:"anchor,omitempty"`     // SHA-256, hex
	Number  string    `json:"number,omitempty"`
	Revoked []revoked `json:"revoked,omitempty"`
}

type revoked struct {
	Serial string `json:"serial"`
	Since  string `json:"since"`
	Reason string `json:"reason"`
}

func (d document) text() string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	line := func(name, value string) {
		if value != "" {
			fmt.Fprintf(w, "%s\t%s\n", name, value)
		}
	}
	line("kind", d.Kind)
	line("role", d.Role)
	line("holder", d.Holder)
	line("hosts", strings.Join(d.Hosts, ", "))
	line("issuer", d.Issuer)
	line("from", d.From)
	line("until", d.Until)
	line("serial", d.Serial)
	line("number", d.Number)
	for _, r := range d.Revoked {
		line("revoked", fmt.Sprintf("%s since %s, %s", r.Serial, r.Since, r.Reason))
	}
	line("key", d.Key)
	line("anchor", d.Anchor)
	_ = w.Flush() // into memory, which does not fail
	return strings.TrimSuffix(b.String(), "\n")
}

// show reads a file of any kind.
func show(content []byte) (document, error) {
	switch {
	case isList(content):
		list, err := revocation.Parse(content)
		if err != nil {
			return document{}, err
		}
		return showList(list), nil
	case strings.HasPrefix(string(content), "-----BEGIN CERTIFICATE REQUEST-----"):
		public, subject, err := transport.ParseRequest(content)
		if err != nil {
			return document{}, err
		}
		point, err := signature.Point(public)
		return document{Kind: "X.509 request", Role: string(subject.Role), Holder: subject.Name,
			Hosts: subject.Hosts, Key: hex.EncodeToString(point)}, err
	case isPEM(content):
		return showServer(content)
	default:
		return showCard(content)
	}
}

// show answers with what a file holds.
func (r *reply) show(c *cobra.Command, content []byte) error {
	shown, err := show(content)
	if err != nil {
		return err
	}
	return r.answer(c, shown, shown.text())
}

func showServer(content []byte) (document, error) {
	c, subject, err := transport.Parse(content)
	if err != nil {
		return document{}, err
	}
	fingerprint := transport.Fingerprint(c)
	return document{
		Kind: "X.509 certificate", Role: string(subject.Role), Holder: subject.Name,
		Hosts: subject.Hosts, Issuer: c.Issuer.CommonName,
		From: c.NotBefore.Format(time.DateOnly), Until: c.NotAfter.Format(time.DateOnly),
		Serial: c.SerialNumber.Text(16),
		Anchor: hex.EncodeToString(fingerprint[:]),
	}, nil
}

// showCard distinguishes a request from a certificate by who signed it.
func showCard(content []byte) (document, error) {
	c, err := cvc.Parse(content)
	if err != nil {
		return document{}, fmt.Errorf(
			"neither a certificate nor a request nor a revocation list: %w", err)
	}
	point, err := signature.Point(c.PublicKey)
	if err != nil {
		return document{}, err
	}
	serial, err := revocation.CardSerial(c)
	if err != nil {
		return document{}, err
	}
	anchor, err := c.Anchor()
	if err != nil {
		return document{}, err
	}
	d := document{
		Kind: "card-verifiable certificate", Role: c.Role.String(), Holder: string(c.Holder),
		Issuer: string(c.Authority),
		From:   c.Effective.String(), Until: c.Expiry.String(), Serial: serial.Text(16),
		Key: hex.EncodeToString(point),
	}
	_, notOwn := pki.ParseRequest(content)
	switch {
	case string(c.Authority) == string(c.Holder):
		if notOwn != nil {
			return document{}, notOwn
		}
		d.Kind, d.Anchor = "root, self-signed", hex.EncodeToString(anchor[:])
	case notOwn == nil:
		d.Kind, d.Serial = "request for a card-verifiable certificate", ""
	case c.IsLink():
		d.Kind = "link certificate"
	}
	return d, nil
}

func showList(l *revocation.List) document {
	d := document{
		Kind: "revocation list", Issuer: l.Issuer.CommonName, Number: l.Number.String(),
		From: l.ThisUpdate.Format(time.DateOnly), Until: l.NextUpdate.Format(time.DateOnly),
	}
	for _, e := range l.RevokedCertificateEntries {
		d.Revoked = append(d.Revoked,
			revoked{e.SerialNumber.Text(16), e.RevocationTime.Format(time.DateOnly),
				revocation.Reason(e.ReasonCode).String()})
	}
	return d
}

func showCommand() *cobra.Command {
	r := &reply{}
	c := &cobra.Command{
		Use:   "show FILE",
		Short: "Show a certificate, a request or a revocation list",
		Long: `Show a certificate, a request or a revocation list. A request is shown only if its
key signed it; the signature of a certificate is not verified: see "ekrona pki check".`,
		Args: cli.Exactly(1, "a file"),
		RunE: func(c *cobra.Command, arguments []string) error {
			content, err := durable.Read(arguments[0])
			if err != nil {
				return err
			}
			shown, err := show(content)
			if err != nil {
				return fmt.Errorf("%s: %w", arguments[0], err)
			}
			return r.answer(c, shown, shown.text())
		},
	}
	r.add(c)
	return c
}

func checkCommand() *cobra.Command {
	k, r, on, ahead := &signingKeys{}, &reply{}, "", 0
	c := &cobra.Command{
		Use:   "check FOLDER",
		Short: "Check a folder's keys, certificates and revocation lists",
		Long: `Check a folder's keys, certificates and revocation lists: each certificate must lead
to a root that the folder trusts, must not be revoked or expired, and must be that of the
key beside it. A key whose passphrase is not given is listed as protected and not opened.
A key without certificate is not good if a request for one waits. Exit code 1 if anything
is not good.`,
		Args: cli.Exactly(1, "a folder"),
		RunE: func(c *cobra.Command, arguments []string) error {
			now := time.Now()
			if on != "" {
				day, err := message.ParseDate(on)
				if err != nil {
					return cli.Usage("--on: %w", err)
				}
				now = day.Time()
			}
			switch info, err := os.Stat(arguments[0]); {
			case err != nil:
				return err
			case !info.IsDir():
				return cli.Usage("%s is a file: name the folder of a party; \"ekrona pki show\" "+
					"shows a file", arguments[0])
			}
			found, err := k.check(c, arguments[0], now, ahead)
			if err != nil {
				return err
			}
			if err := r.answer(c, found, findings(found)); err != nil {
				return err
			}
			bad := 0
			for _, f := range found {
				if f.Problem != "" {
					bad++
				}
			}
			if bad > 0 {
				return fmt.Errorf("%d of %d keys and certificates in %s are not good", bad,
					len(found), arguments[0])
			}
			return nil
		},
	}
	k.add(c)
	r.add(c)
	c.Flags().StringVar(&on, "on", "", "day to check for, YYYY-MM-DD (default: now)")
	c.Flags().IntVar(&ahead, "ahead", ahead,
		"days: a certificate that expires within them is not good")
	return c
}

func (k *signingKeys) check(
	c *cobra.Command, folder string, now time.Time, ahead int,
) ([]pki.Finding, error) {
	party := pki.OpenWith(folder, k.options())
	cards, err := party.Check(c.Context(), now)
	if err != nil {
		return nil, err
	}
	servers, err := transport.Check(c.Context(), party, now)
	if err != nil {
		return nil, err
	}
	found := append(cards, servers...)
	for i, f := range found {
		if f.Problem == "" && f.Days < ahead {
			found[i].Problem = fmt.Sprintf("ends in %d days: renew it", f.Days)
		}
	}
	uncertified, err := party.Uncertified()
	if err != nil {
		return nil, err
	}
	found = append(found, uncertified...)
	if len(found) == 0 {
		return nil, errors.New("no key or certificate in " + folder)
	}
	return found, nil
}

func findings(found []pki.Finding) string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "NAME\tROLE\tHOLDER\tISSUER\tUNTIL\tKEY\tVERDICT")
	for _, f := range found {
		verdict := "good"
		switch {
		case f.Problem != "":
			verdict = f.Problem
		case f.Key == pki.Uncertified:
			verdict = "no certificate, nor asked for one"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", f.Name, f.Role, f.Holder, f.Issuer, f.Until,
			f.Key, verdict)
	}
	_ = w.Flush() // into memory, which does not fail
	return strings.TrimSuffix(b.String(), "\n")
}
