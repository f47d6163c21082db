package lab

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"ekrona.example/apdu/conform"
	"ekrona.example/apdu/spec"
	"ekrona.example/applet"
	"ekrona.example/emulator/card"
	"ekrona.example/host/cmd/ekrona/internal/cli"
	"ekrona.example/host/durable"
	"ekrona.example/host/lab/verdict"
	"ekrona.example/personalization/cardkeys"
	"ekrona.example/personalization/pki"
	"ekrona.example/personalization/pki/keys"
	"ekrona.example/personalization/pki/keys/secret"
	"ekrona.example/personalization/preflight"
)

// conformFlags are the flags of the command.
type conformFlags struct {
	cards                   *cli.CardFlags
	subject                 *subjectFlags
	keys, aid, html, link   string
	sign, passphrase        string
	verify, by              string
	noSuite, delete, asJSON bool
	verbose                 bool
}

func conformCommand() *cobra.Command {
	f := &conformFlags{cards: &cli.CardFlags{}, subject: &subjectFlags{}}
	c := &cobra.Command{
		Use:   "conform",
		Short: "Judge a card: what it is, what it keeps of the standards and the spec, its times",
		Long: `Judge a card: what it is, what it keeps of ISO/IEC 7816 and of the applet's spec, how
long it takes.

More than 160 checks run on any card and any applet: one in a reader, or virtual ones that are made
for it: blank of a --profile, with the CAP files of --cap, or a copy of the card in a file. Each
check names its clause; what a card may lack is left out with the reason. Nothing that they send
changes what is stored, and nothing costs a try. --aid names the application that is tested;
without it that is the e-krona applet, or the card manager.

The applet's own suite follows where it may: on virtual cards with the applet, and on a card in a
reader with --keys and --delete-applet, which deletes the applet on it for good. With --reader,
--cap names the CAP files that are on the card, for the model of its times.

--html writes one page that needs nothing else, with the whole report in it as JSON; --sign signs it
and shows the key's fingerprint, and --verify checks a page. "ekrona pki root lab/tester --holder
SETESTER00001" makes a key, once. --by is the fingerprint that the signer has told you by another
way.

A card that is pulled out ends the run; what was found until then is written. Exit code 3: the card
does not conform, or the page was altered.`,
		Example: `  ekrona lab conform --reader ACS --html verdict.html --sign lab/tester
  ekrona lab conform --cap purse.cap
  ekrona lab conform --verify verdict.html`,
		Args: cli.Exactly(0, "no arguments"),
		RunE: func(c *cobra.Command, _ []string) error {
			if err := f.check(c); err != nil {
				return err
			}
			if f.verify != "" {
				return f.verifyPage(c)
			}
			return f.run(c)
		},
	}
	f.cards.Add(c)
	cli.AddProfile(c, &f.subject.profile)
	cli.AddFiles(c, &f.subject.caps, "cap", "CAP files, in dependency order")
	c.Flags().StringArrayVar(&f.subject.install, "install", nil,
		"MODULE-AID[,INSTANCE-AID[,PARAMETERS]] in hex: an instance to make; can be repeated")
	c.Flags().StringVar(&f.aid, "aid", "", "AID of the application that is tested, in hex")
	c.Flags().StringVar(&f.keys, "keys", "", "keys of the card's security domain, for the "+
		"applet's suite: "+cardkeys.Usage)
	c.Flags().BoolVar(&f.delete, "delete-applet", false,
		"allow the suite to delete the applet on the card for good, with its keys and money")
	c.Flags().BoolVar(&f.noSuite, "no-suite", false, "leave the applet's suite out")
	c.Flags().StringVar(&f.link, "link", "", "link of the model's times: "+linkNames()+
		" (default: the first, or contact-115200 for a card in a slot)")
	c.Flags().StringVar(&f.html, "html", "", "write a page to this file")
	cli.OutputFlags(c, "html")
	c.Flags().StringVar(&f.sign, "sign", "", "sign the page with this key: FOLDER/NAME of "+
		"\"ekrona pki\", or file:PATH, tpm:PATH, pkcs11:...")
	c.Flags().StringVar(&f.passphrase, "passphrase-file", "",
		"file with the passphrase of the key (default: the file that "+secret.Environment+
			" names, or a prompt)")
	c.Flags().StringVar(&f.verify, "verify", "", "verify the signature of a page")
	c.Flags().StringVar(&f.by, "by", "", "with --verify: fingerprint of the signer's key, in hex")
	c.Flags().BoolVar(&f.verbose, "verbose", false, "show what passed and was left out too")
	cli.JSONFlag(c, &f.asJSON)
	return c
}

func linkNames() string {
	var names []string
	for _, l := range card.Links() {
		names = append(names, l.Name)
	}
	return strings.Join(names, ", ")
}

func (f *conformFlags) check(c *cobra.Command) error {
	switch {
	case f.verify == "" && f.by != "":
		return cli.Usage("--by: it goes with --verify")
	case f.verify != "":
		if f.by != "" && !isFingerprint(f.by) {
			return cli.Usage("--by: %q is no fingerprint: give the 64 hex digits that --sign shows",
				f.by)
		}
		return cli.Alone(c, "--verify checks a page, and goes with --by and --json alone",
			"verify", "by", "json")
	case f.sign != "" && f.html == "":
		return cli.Usage("--sign: it signs the page of --html FILE")
	case f.cards.File != "" && f.cards.Reader != "":
		return cli.Usage("%s: name one card: --reader NAME or --card FILE", c.CommandPath())
	case f.delete && f.keys == "":
		return cli.Usage("--delete-applet: name the card's keys too, with --keys")
	}
	virtual := f.cards.File != "" || len(f.subject.caps) > 0
	for _, rule := range []struct {
		broken bool
		why    string
		flags  []string
	}{
		{f.sign == "", "it goes with --sign", []string{"passphrase-file"}},
		{f.noSuite, "--no-suite leaves out what needs it", []string{"keys", "delete-applet"}},
		{f.asJSON, "--json has every check", []string{"verbose"}},
		{!virtual, "it goes with --cap or --card", []string{"install"}},
		{f.cards.Reader != "", "it is for a virtual card", []string{"seed"}},
		{f.cards.Reader != "" && !virtual, "it is for a virtual card, or with --cap for the " +
			"model of a card in a reader", []string{"profile"}},
		{f.cards.File != "", "the card in the file has its applets: name one of both",
			[]string{"cap", "install"}},
	} {
		if rule.broken {
			if err := cli.Together(c, rule.why, rule.flags...); err != nil {
				return err
			}
		}
	}
	return nil
}

// isFingerprint reports whether a text is SHA-256 in hex.
func isFingerprint(text string) bool {
	b, err := hex.DecodeString(text)
	return err == nil && len(b) == sha256.Size
}

// open makes the subject of the flags.
func (f *conformFlags) open(c *cobra.Command) (*verdict.Subject, *cli.OpenCard, error) {
	s := &verdict.Subject{}
	var err error
	if f.aid != "" {
		aid, err := card.ParseAID(f.aid)
		if err != nil {
			return nil, nil, cli.Usage("--aid: %w", err)
		}
		s.AID = aid
	}
	if f.link != "" {
		if s.Link, err = card.LinkNamed(f.link); err != nil {
			return nil, nil, cli.Usage("--link: %w", err)
		}
	}
	if s.Need, err = preflight.NeedOf(applet.CAP, spec.DefaultSlots); err != nil {
		return nil, nil, err
	}
	f.subject.card, f.subject.seed = f.cards.File, f.cards.Seed
	inReader := f.cards.Reader != "" || f.cards.File == "" && len(f.subject.caps) == 0 &&
		!c.Flags().Changed("profile")
	ours, err := f.ours()
	if err != nil {
		return nil, nil, err
	}
	var opened *cli.OpenCard
	if inReader {
		opened, err = f.openReader(c, s)
	} else {
		opened, err = f.openVirtual(c, s, ours != nil)
	}
	if err != nil {
		return nil, nil, err
	}
	s.Where = opened.Where
	switch {
	case f.link != "":
	case inReader && !opened.Contactless():
		s.Link, err = card.LinkNamed("contact-115200")
	default:
		s.Link = card.Links()[0]
	}
	if err != nil {
		return nil, nil, errors.Join(err, opened.Close())
	}
	s.Card = conform.Card{Card: opened.Unframed, Bytes: opened.Bytes, Reset: opened.Reset,
		ATR: opened.LastATR, Extended: opened.ExtendedLength}
	if err := f.addSuite(s, opened, ours); err != nil {
		return nil, nil, errors.Join(err, opened.Close())
	}
	return s, opened, nil
}

// run judges the card, and writes what was found whatever happens.
func (f *conformFlags) run(c *cobra.Command) (err error) {
	var signer keys.Key
	if f.sign != "" { // before the card: a passphrase that is wrong costs no run
		if signer, err = f.signer(c.Context()); err != nil {
			return fmt.Errorf("--sign: %w", err)
		}
		defer func() { err = errors.Join(err, signer.Close()) }()
	}
	s, opened, err := f.open(c)
	if err != nil {
		return err
	}
	s.Show = showProgress(c.ErrOrStderr())
	report, broken := verdict.Run(c.Context(), s)
	closed := opened.Close()
	if f.asJSON { // before the page: a full disk loses no verdict
		err = cli.WriteJSON(c.OutOrStdout(), report)
	} else {
		err = report.Text(c.OutOrStdout(), f.verbose)
	}
	if f.html != "" {
		if failed := f.write(c, report, signer); failed != nil {
			err = errors.Join(err, fmt.Errorf("--html: %w", failed))
		}
	}
	switch {
	case broken != nil:
		return errors.Join(broken, err, closed)
	case err != nil || closed != nil:
		return errors.Join(err, closed)
	case !report.Conforms:
		return cli.Exit(cli.ExitViolated, errDoesNotConform)
	}
	return nil
}

var errDoesNotConform = errors.New("the card does not conform: look at what failed above")

// showProgress shows now and then how far a run has come.
func showProgress(out io.Writer) func(string) {
	isDue := due()
	return func(what string) {
		if isDue() {
			fmt.Fprintf(out, "at %s\n", what)
		}
	}
}

// write writes the page, signed if there is a key.
func (f *conformFlags) write(c *cobra.Command, r *verdict.Report, signer keys.Key) error {
	var page bytes.Buffer
	if err := r.HTML(&page); err != nil {
		return err
	}
	content := page.Bytes()
	if signer != nil {
		var err error
		if content, err = verdict.Sign(signer, content); err != nil {
			return err
		}
	}
	if err := durable.Replace(f.html, content, durable.Everyone); err != nil || signer == nil {
		return err
	}
	signed, err := verdict.Verify(content)
	if err == nil {
		fmt.Fprintf(c.ErrOrStderr(), "%s is signed by the key %s: tell that to whoever gets it, "+
			"by another way\n", f.html, signed.Fingerprint)
	}
	return err
}

// signer opens the key of --sign.
func (f *conformFlags) signer(ctx context.Context) (keys.Key, error) {
	options := keys.Options{Secret: secret.Once(secret.From(f.passphrase))}
	if strings.HasPrefix(f.sign, "file:") || strings.HasPrefix(f.sign, "tpm:") ||
		strings.HasPrefix(f.sign, "pkcs11:") {
		return keys.Open(ctx, f.sign, options)
	}
	folder, name := filepath.Split(f.sign)
	if folder == "" || name == "" {
		return nil, cli.Usage("%q: write it as FOLDER/NAME, as \"ekrona pki\" does", f.sign)
	}
	return pki.OpenWith(filepath.Clean(folder), options).Existing(ctx, name)
}

// verified is a page whose signature holds, for a script.
type verified struct {
	Page   string `json:"page"`
	Signed string `json:"signed_by"` // fingerprint
	Report any    `json:"report"`
}

func (f *conformFlags) verifyPage(c *cobra.Command) error {
	page, err := durable.Read(f.verify)
	if err != nil {
		return cli.Usage("--verify: %w", err)
	}
	signed, err := verdict.Verify(page)
	switch {
	case errors.Is(err, verdict.ErrAltered):
		return cli.Exit(cli.ExitViolated, fmt.Errorf("%s: %w", f.verify, err))
	case err != nil:
		return fmt.Errorf("%s: %w", f.verify, err)
	case f.by != "" && !strings.EqualFold(f.by, signed.Fingerprint):
		return cli.Exit(cli.ExitViolated, fmt.Errorf("%s: signed by the key %s, not by %s",
			f.verify, signed.Fingerprint, f.by))
	}
	report, err := verdict.Embedded(page)
	if err != nil {
		return fmt.Errorf("%s: %w", f.verify, err)
	}
	if f.asJSON {
		return cli.WriteJSON(c.OutOrStdout(), verified{f.verify, signed.Fingerprint, report})
	}
	text := "%s is as the holder of the key %s signed it\n"
	if f.by == "" {
		text += "Ask the signer for the key's fingerprint by another way, or give it with --by.\n"
	}
	_, err = fmt.Fprintf(c.OutOrStdout(), text, f.verify, signed.Fingerprint)
	return err
}
