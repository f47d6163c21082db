package pki

import (
	"crypto/x509"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"ekrona.example/apdu/cvc"
	"ekrona.example/host/cmd/ekrona/internal/cli"
	"ekrona.example/host/durable"
	"ekrona.example/personalization/pki/revocation"
	"ekrona.example/personalization/pki/transport"
)

func revokeCommand() *cobra.Command {
	k, r, by, reason, days := &signingKeys{}, &reply{}, "", revocation.KeyCompromise.String(), 30
	c := &cobra.Command{
		Use:   "revoke [CERTIFICATE...]",
		Short: "Put certificates on the revocation list of the key that signed them",
		Long: `Put certificates on the revocation list of the key that signed them: NAME.crl beside
FOLDER/NAME of --by. All who verify need the list: they keep it with "ekrona pki import".
Without certificates the command makes the next list with the same content, which is due
before the current one expires. Nothing is removed from a list, and its number only
grows. Cards see no list.`,
		RunE: func(c *cobra.Command, arguments []string) error {
			issuer, err := k.at(by)
			if err != nil {
				return cli.Usage("--by: %w", err)
			}
			why, err := revocation.ParseReason(reason)
			if err != nil {
				return cli.Usage("--reason: %w", err)
			}
			if days < 1 {
				return cli.Usage("--days: %d: give the days until the next list is due", days)
			}
			list, err := revoke(c, issuer, arguments, why, days)
			if err != nil {
				return err
			}
			shown := showList(list)
			return r.answer(c, shown, shown.text())
		},
	}
	k.add(c)
	r.add(c)
	c.Flags().StringVar(&by, "by", "", "FOLDER/NAME of the key that signed them (needed)")
	c.Flags().StringVar(&reason, "reason", reason,
		"one of "+strings.Join(revocation.Reasons(), ", "))
	c.Flags().IntVar(&days, "days", days, "days until the next list is due")
	return c
}

func revoke(
	c *cobra.Command, issuer place, paths []string, why revocation.Reason, days int,
) (*revocation.List, error) {
	now := time.Now()
	next := now.AddDate(0, 0, days)
	if exists(issuer.folder.Path(issuer.name, "crt")) {
		revoked, err := readAll(paths, func(content []byte) (*x509.Certificate, error) {
			parsed, _, err := transport.Parse(content)
			return parsed, err
		})
		if err != nil {
			return nil, err
		}
		return transport.Revoke(c.Context(), issuer.folder, issuer.name, revoked, why, now, next)
	}
	revoked, err := readAll(paths, cvc.Parse)
	if err != nil {
		return nil, err
	}
	return issuer.folder.Revoke(c.Context(), issuer.name, revoked, why, now, next)
}

func readAll[T any](paths []string, parse func([]byte) (T, error)) ([]T, error) {
	var all []T
	for _, path := range paths {
		content, err := durable.Read(path)
		if err != nil {
			return nil, err
		}
		one, err := parse(content)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		all = append(all, one)
	}
	return all, nil
}
