package pki

import (
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"ekrona.example/apdu/message"
	"ekrona.example/host/cmd/ekrona/internal/cli"
	"ekrona.example/host/durable"
	"ekrona.example/personalization/pki/transport"
)

func certifyCommand() *cobra.Command {
	k, s, r, by, out := &signingKeys{}, &subjectFlags{}, &reply{}, "", ""
	c := &cobra.Command{
		Use:   "certify REQUEST",
		Short: "Certify a request, or link the next root to this one",
		Long: `Certify a request that "ekrona pki request" made. Look at it first with
"ekrona pki show". For the certificate of the next root, which has the same name and a
higher number, this makes a link certificate: by it cards and terminals that know this
root learn the next. A holder is certified for one key only. What was certified is kept
in NAME.issued, and the same request gets the same certificate again.`,
		Args: cli.Exactly(1, "a file with a request"),
		RunE: func(c *cobra.Command, arguments []string) error {
			issuer, err := k.at(by)
			if err != nil {
				return cli.Usage("--by: %w", err)
			}
			if out == "" {
				return cli.Usage("name the file for the certificate: --out FILE")
			}
			request, err := durable.Read(arguments[0])
			if err != nil {
				return err
			}
			made, err := certify(c.Context(), issuer, request, s.until, time.Now())
			if err != nil {
				return err
			}
			if err := write(out, made); err != nil {
				return err
			}
			return r.show(c, made)
		},
	}
	k.add(c)
	s.addUntil(c)
	r.add(c)
	c.Flags().StringVar(&by, "by", "", "FOLDER/NAME of the key that certifies it (needed)")
	c.Flags().StringVar(&out, "out", "", "file for the certificate (needed)")
	cli.OutputFlags(c, "out")
	return c
}

func trustCommand() *cobra.Command {
	k, r, anchor := &signingKeys{}, &reply{}, ""
	c := &cobra.Command{
		Use:   "trust FOLDER/NAME ROOT",
		Short: "Keep a root that this party trusts",
		Long: `Keep a root that this party trusts: other certificates are imported only if they lead
to one. The anchor (of X.509, the SHA-256 fingerprint) is what the root's owner sees with
"ekrona pki show"; it must come by another channel than the certificate.`,
		Args: cli.Exactly(2, "FOLDER/NAME and a file with a root certificate"),
		RunE: func(c *cobra.Command, arguments []string) error {
			at, err := k.at(arguments[0])
			if err != nil {
				return err
			}
			var hash message.Hash
			if n, err := hex.Decode(hash[:],
				[]byte(anchor)); len(anchor) != hex.EncodedLen(len(hash)) || err != nil ||
				n != len(hash) {
				return cli.Usage(
					"--anchor: give the %d hex digits that you have from the root's owner",
					hex.EncodedLen(len(hash)))
			}
			root, err := durable.Read(arguments[1])
			if err != nil {
				return err
			}
			if isPEM(root) {
				_, err = transport.Trust(at.folder, at.name, root, hash)
			} else {
				_, err = at.folder.Trust(at.name, root, hash)
			}
			if err != nil {
				return err
			}
			return r.show(c, root)
		},
	}
	r.add(c)
	c.Flags().StringVar(&anchor, "anchor", "", "anchor of the root: SHA-256 in hex (needed)")
	return c
}

func importCommand() *cobra.Command {
	k, r := &signingKeys{}, &reply{}
	c := &cobra.Command{
		Use:   "import FOLDER/NAME FILE",
		Short: "Verify a certificate or a revocation list, and keep it",
		Args:  cli.Exactly(2, "FOLDER/NAME and a file with a certificate or a revocation list"),
		RunE: func(c *cobra.Command, arguments []string) error {
			at, err := k.at(arguments[0])
			if err != nil {
				return err
			}
			content, err := durable.Read(arguments[1])
			if err != nil {
				return err
			}
			shown, err := show(content)
			if err != nil {
				return fmt.Errorf("%s: %w", arguments[1], err)
			}
			if err := importInto(c.Context(), at, content, time.Now()); err != nil {
				return err
			}
			return r.answer(c, shown, shown.text())
		},
	}
	k.add(c)
	r.add(c)
	return c
}

// importInto keeps a certificate or a list of either kind.
func importInto(ctx context.Context, at place, content []byte, now time.Time) error {
	var err error
	switch {
	case isList(content) && exists(at.folder.Path(at.name, "crt")):
		_, err = transport.ImportList(at.folder, at.name, content)
	case isList(content):
		_, err = at.folder.ImportList(at.name, content)
	case isPEM(content):
		_, err = transport.Import(ctx, at.folder, at.name, content, now)
	default:
		_, err = at.folder.Import(ctx, at.name, content)
	}
	return err
}

func isPEM(content []byte) bool { return bytes.HasPrefix(content, []byte("-----BEGIN ")) }

func isList(content []byte) bool { return bytes.HasPrefix(content, []byte("-----BEGIN X509 CRL")) }
