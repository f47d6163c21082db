package pki

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"ekrona.example/host/cmd/ekrona/internal/cli"
	"ekrona.example/personalization/pki"
	"ekrona.example/personalization/pki/keys"
	"ekrona.example/personalization/pki/keys/secret"
)

// Command is "ekrona pki".
func Command() *cobra.Command {
	c := cli.Group("pki", "Make and keep the keys and certificates of a party",
		rootCommand(), makeCommand(), requestCommand(), certifyCommand(), trustCommand(),
		importCommand(), rolloverCommand(), followCommand(),
		revokeCommand(), showCommand(), checkCommand())
	c.Long = `Make and keep the keys and certificates of a party: root and notary of the central
bank; CA, instruction key and unload desk of an intermediary; the terminal of a merchant;
and their servers and apps.

Each party has a folder. FOLDER/NAME means the key NAME.key with NAME.cvc, a
card-verifiable certificate, or NAME.crt, an X.509 one.

With both parties on one machine, one command makes a certified key:

  ekrona pki root central-bank/root --holder SERIKSBK00001
  ekrona pki make nordic/ca --role intermediary --holder SENORDIC00001 \
    --by central-bank/root

With the root on a machine of its own, its key never leaves that machine:

  at the intermediary  ekrona pki trust nordic/root root.cvc --anchor HASH
                       ekrona pki request nordic/ca --role intermediary \
                         --holder SENORDIC00001 --authority SERIKSBK00001
  at the root          ekrona pki show ca.req
                       ekrona pki certify ca.req --by central-bank/root --out ca.cvc
  at the intermediary  ekrona pki import nordic/ca ca.cvc

The next root certifies again what the present one has:

  at the root          ekrona pki root central-bank/root2 --holder SERIKSBK00002
                       ekrona pki rollover central-bank/root central-bank/root2 \
                         --out rollover
  at the intermediary  ekrona pki follow nordic rollover

Keys are in the folder under a passphrase, or with --key in the place of a reference:

  file:PATH
  tpm:PATH?device=/dev/tpmrm0
  pkcs11:token=NAME;object=NAME?module-path=LIBRARY&pin-source=file:PATH

Each command can be repeated: it does not do again what is done, and replaces no key.`
	return c
}

// signingKeys are the flags for passphrases and for new keys.
type signingKeys struct {
	passphraseFile string
	unprotected    bool
	reference      string
}

// add adds the flag for existing keys.
func (k *signingKeys) add(c *cobra.Command) {
	c.Flags().StringVar(&k.passphraseFile, "passphrase-file", "",
		"file with the passphrase of keys (default: the file that "+secret.Environment+
			" names, or a prompt)")
}

// addNew adds the flags for new keys too.
func (k *signingKeys) addNew(c *cobra.Command) {
	k.add(c)
	c.Flags().StringVar(&k.reference, "key", "", "where the key is or will be made: file:PATH, "+
		"tpm:PATH or a pkcs11: URI (default: in the folder)")
	c.Flags().BoolVar(&k.unprotected, "no-passphrase", false,
		"make a new key without passphrase: whoever reads its file, or has its TPM, can sign")
}

func (k *signingKeys) options() keys.Options {
	return keys.Options{Secret: secret.Once(secret.From(k.passphraseFile)),
		Unprotected: k.unprotected}
}

// refer keeps the reference of --key, if there is one, as the key of the name.
func (k *signingKeys) refer(at place) error {
	if k.reference == "" {
		return nil
	}
	r, err := keys.ParseReference(k.reference)
	if err != nil {
		return cli.Usage("--key: %w", err)
	}
	here, err := os.Getwd()
	if err != nil {
		return err
	}
	return at.folder.Refer(at.name, r.From(here).String())
}

// place is FOLDER/NAME.
type place struct {
	folder pki.Folder
	name   string
	text   string
}

// at reads FOLDER/NAME from the command line.
func (k *signingKeys) at(text string) (place, error) {
	folder, name := filepath.Split(filepath.Clean(text))
	if name == "" || strings.Trim(name,
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") != "" {
		return place{}, cli.Usage(
			"%q: write it as FOLDER/NAME, the name without an extension such as .key", text)
	}
	switch {
	case !strings.ContainsRune(text, filepath.Separator):
		return place{}, cli.Usage("%q: write it as FOLDER/NAME; ./%s is one in this folder", text,
			text)
	case folder == "":
		folder = "."
	}
	info, err := os.Stat(folder)
	if err == nil && !info.IsDir() || errors.Is(err, syscall.ENOTDIR) {
		return place{}, cli.Usage("%q: %s is a file: write it as FOLDER/NAME", text,
			filepath.Clean(folder))
	}
	return place{pki.OpenWith(filepath.Clean(folder), k.options()), name, text}, nil
}

// reply prints lines for a person, or a value for a script.
type reply struct{ asJSON bool }

func (r *reply) add(c *cobra.Command) {
	cli.JSONFlag(c, &r.asJSON)
}

func (r *reply) answer(c *cobra.Command, value any, text string) error {
	if r.asJSON {
		return cli.WriteJSON(c.OutOrStdout(), value)
	}
	_, err := fmt.Fprintln(c.OutOrStdout(), text)
	return err
}
