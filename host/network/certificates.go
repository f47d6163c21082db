package network

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"time"

	"ekrona.example/host/party"
	"ekrona.example/personalization/pki"
	"ekrona.example/personalization/pki/transport"
)

// TLSFolder has the servers' root of a network, and the certificate of its staff.
const TLSFolder = "tls"

// Names of keys and X.509 certificates.
const (
	rootName   = "tls-root" // in every folder of keys
	serverName = "server"
	clientName = "client"
)

// centralBankName is the one that the central bank's processes show each other. It is no
// intermediary's.
const centralBankName = "central-bank"

// Operator is the name in the certificate of the sandbox's staff, and that of its key: it is the
// operator of every node.
const Operator = "operator"

const (
	rootTitle = "e-krona sandbox"
	rootYears = 20
	leafDays  = 397
	renewDays = 30 // before a certificate's end it gets another one
)

// issuer certifies servers and clients of a sandbox.
type issuer struct {
	random io.Reader
	now    time.Time
	root   pki.Folder
}

func newIssuer(ctx context.Context, folder string, e party.Environment) (issuer, error) {
	i := issuer{e.Random, e.Clock.Now(), pki.Open(filepath.Join(folder, TLSFolder), e.Random)}
	_, err := transport.Root(ctx, i.root, rootName, rootTitle, i.now.Add(-time.Hour),
		i.now.AddDate(rootYears, 0, 0))
	return i, err
}

// certify gives a folder of keys the servers' root, and the certificates of the subjects, by the
// names of their keys. One that is good for some time and the same hosts stays.
func (i issuer) certify(
	ctx context.Context, keys pki.Folder, subjects map[string]transport.Subject,
) error {
	if err := transport.Adopt(ctx, keys, i.root, rootName, i.now); err != nil {
		return err
	}
	for name, subject := range subjects {
		shown, err := transport.Open(ctx, keys, name, func() time.Time { return i.now })
		if err == nil {
			good := shown.Until().After(i.now.AddDate(0, 0, renewDays)) &&
				slices.Equal(shown.Hosts(), subject.Hosts)
			if err := shown.Close(); err != nil {
				return err
			}
			if good {
				continue
			}
		}
		if err := transport.Certify(ctx, keys, name, subject, i.root, rootName, i.now,
			i.now.AddDate(0, 0, leafDays)); err != nil {
			return fmt.Errorf("certificate %s: %w", keys.Path(name, pki.ServerCertificateFile), err)
		}
	}
	return nil
}
