package pki

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"ekrona.example/apdu/message"
	"ekrona.example/host/cmd/ekrona/internal/cli"
	"ekrona.example/host/durable"
	"ekrona.example/personalization/pki"
)

// certifiedAgain is a certificate by the next root, for a script.
type certifiedAgain struct {
	Holder string `json:"holder"`
	Role   string `json:"role"`
	Until  string `json:"until"`
	Issuer string `json:"issuer"`
	File   string `json:"file"`
}

func rolloverCommand() *cobra.Command {
	k, r, out := &signingKeys{}, &reply{}, ""
	c := &cobra.Command{
		Use:   "rollover FOLDER/ROOT FOLDER/NEXT [CERTIFICATE...]",
		Short: "Certify what a root has certified again under the next root",
		Long: `Introduce the next root: link it to the present one, and certify again under it what
the present one has certified, with the last day that it had. Without that, cards which
have learned the next root could not be shown the keys of an Instruction that is
outstanding, and would be of no use any more. The command certifies

  every notary and instruction key, also one whose last day is past;
  the CAs that are still good.

A crisis key is left out: certify the next one, by the next root, with "ekrona pki certify", and
order again what is in force, since a device that has met it takes no order of the former one.
What is on the root's revocation list is left out too. Certificates that ROOT.issued lacks are
given as files.

The parties take what is theirs with "ekrona pki follow"; then the central bank's notary
starts again, and the intermediaries join again with the same keys. Phones, terminals and
cards learn the next root when they synchronise. Make the next root with a last day that
is not before those of the keys. The present root's key is needed for this only, and is
then put away.`,
		Example: `  ekrona pki root central-bank/root2 --holder SERIKSBK00002
  ekrona pki rollover central-bank/root central-bank/root2 --out rollover
  ekrona pki follow nordic/keys rollover`,
		Args: cobra.MinimumNArgs(2),
		RunE: func(c *cobra.Command, arguments []string) error {
			root, err := k.at(arguments[0])
			if err != nil {
				return err
			}
			next, err := k.at(arguments[1])
			if err != nil {
				return err
			}
			if filepath.Dir(filepath.Clean(root.text)) != filepath.Dir(filepath.Clean(next.text)) {
				return cli.Usage("%s and %s are in two folders: keep both roots in one", root.text,
					next.text)
			}
			if out == "" {
				return cli.Usage("name the folder for the certificates: --out FOLDER")
			}
			var others [][]byte
			for _, path := range arguments[2:] {
				encoded, err := durable.Read(path)
				if err != nil {
					return err
				}
				others = append(others, encoded)
			}
			again, err := root.folder.Rollover(c.Context(), root.name, next.name, others,
				message.DateOf(time.Now()))
			if err != nil {
				return err
			}
			if err := os.MkdirAll(out, 0o755); err != nil {
				return err
			}
			if err := pki.Keep(out, again); err != nil {
				return err
			}
			return r.certified(c, out, again)
		},
	}
	k.add(c)
	r.add(c)
	c.Flags().StringVar(&out, "out", "", "folder for the certificates (needed)")
	return c
}

func (r *reply) certified(c *cobra.Command, out string, again []pki.Entry) error {
	var list []certifiedAgain
	var lines []string
	for _, k := range again {
		one := certifiedAgain{string(k.Certificate.Holder), k.Certificate.Role.String(),
			k.Certificate.Expiry.String(), string(k.Certificate.Authority),
			filepath.Join(out, string(k.Certificate.Holder)+".cvc")}
		list = append(list, one)
		lines = append(lines, fmt.Sprintf("%s, %s, by %s until %s: %s", one.Holder, one.Role,
			one.Issuer, one.Until, one.File))
	}
	return r.answer(c, map[string]any{"certificates": list}, strings.Join(lines, "\n"))
}

func followCommand() *cobra.Command {
	k, r := &signingKeys{}, &reply{}
	c := &cobra.Command{
		Use:   "follow FOLDER CERTIFICATES",
		Short: "Take from a folder what the next root has certified again",
		Long: `Take what concerns a party from the folder that "ekrona pki rollover" has filled: the
link to the next root, and for every certificate that the party has the one by the next
root. Each is verified first, up to a root that the party trusts.`,
		Args: cli.Exactly(2, "a party's folder and a folder with certificates"),
		RunE: func(c *cobra.Command, arguments []string) error {
			at, err := k.at(filepath.Join(arguments[0], "x"))
			if err != nil {
				return err
			}
			paths, err := filepath.Glob(filepath.Join(arguments[1], "*.cvc"))
			if err != nil {
				return err
			}
			if len(paths) == 0 {
				return cli.Usage("%s has no certificates: name the folder of \"ekrona pki "+
					"rollover\"", arguments[1])
			}
			var certificates [][]byte
			for _, path := range paths {
				encoded, err := durable.Read(path)
				if err != nil {
					return err
				}
				certificates = append(certificates, encoded)
			}
			names, err := at.folder.Follow(c.Context(), certificates)
			if err != nil {
				return err
			}
			text := "nothing is new"
			if len(names) > 0 {
				text = "taken: " + strings.Join(names, ", ")
			}
			return r.answer(c, map[string]any{"taken": append([]string{}, names...)}, text)
		},
	}
	k.add(c)
	r.add(c)
	return c
}
