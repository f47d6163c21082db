package pki

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"ekrona.example/apdu/message"
	"ekrona.example/apdu/signature"
	"ekrona.example/host/cmd/ekrona/internal/cli"
	"ekrona.example/host/durable"
	"ekrona.example/personalization/pki"
	"ekrona.example/personalization/pki/transport"
)

func rootCommand() *cobra.Command {
	k, s, r := &signingKeys{}, &subjectFlags{}, &reply{}
	c := &cobra.Command{
		Use:   "root FOLDER/NAME",
		Short: "Make a self-signed root, of cards or (--common-name) of servers",
		Long: `Make a self-signed root and show its anchor, by which others recognise it: every card
gets the anchor of its root at installation. Give it to others by another channel than
the certificate. With --common-name it is the CA of servers instead, X.509.`,
		Args: cli.Exactly(1, "FOLDER/NAME"),
		RunE: func(c *cobra.Command, arguments []string) error {
			at, err := k.at(arguments[0])
			if err != nil {
				return err
			}
			s.role = "root"
			if s.commonName != "" {
				s.role = string(transport.CA)
			}
			now := time.Now()
			if s.commonName != "" {
				return k.makeServerRoot(c, at, s, r, now)
			}
			subject, err := s.ofCard(now)
			if err != nil {
				return err
			}
			if err := k.refer(at); err != nil {
				return err
			}
			root, err := at.folder.Root(at.name, subject)
			if err != nil {
				return err
			}
			return errors.Join(r.show(c, root.Encoded), root.Close())
		},
	}
	k.addNew(c)
	s.addNames(c)
	r.add(c)
	return c
}

func (k *signingKeys) makeServerRoot(
	c *cobra.Command, at place, s *subjectFlags, r *reply, now time.Time,
) error {
	if _, err := s.ofTransport(); err != nil {
		return err
	}
	day, err := s.lastDay(now)
	if err != nil {
		return err
	}
	if err := k.refer(at); err != nil {
		return err
	}
	text, err := transport.Root(c.Context(), at.folder, at.name, s.commonName, now, endOf(day))
	if err != nil {
		return err
	}
	return r.show(c, text)
}

func requestCommand() *cobra.Command {
	k, s, r, authority := &signingKeys{}, &subjectFlags{}, &reply{}, ""
	c := &cobra.Command{
		Use:   "request FOLDER/NAME",
		Short: "Make a key and a request to have it certified elsewhere",
		Args:  cli.Exactly(1, "FOLDER/NAME"),
		RunE: func(c *cobra.Command, arguments []string) error {
			at, err := k.at(arguments[0])
			if err != nil {
				return err
			}
			request, err := k.request(c.Context(), at, s, authority, time.Now())
			if err != nil {
				return err
			}
			return r.show(c, request)
		},
	}
	k.addNew(c)
	s.add(c)
	r.add(c)
	c.Flags().StringVar(&authority, "authority", "",
		"card-verifiable: holder of the certificate that will sign it")
	return c
}

// request makes the key of a place and a request for it.
func (k *signingKeys) request(
	ctx context.Context, at place, s *subjectFlags, authority string, now time.Time,
) ([]byte, error) {
	isTransport, err := s.isTransport()
	if err != nil {
		return nil, err
	}
	if isTransport {
		subject, err := s.ofTransport()
		if err != nil {
			return nil, err
		}
		if err := oneKindOnly(at, "cvc", "req"); err != nil {
			return nil, err
		}
		if err := k.refer(at); err != nil {
			return nil, err
		}
		return transport.Request(ctx, at.folder, at.name, subject)
	}
	subject, err := s.ofCard(now)
	if err != nil {
		return nil, err
	}
	reference, err := message.ParseAuthorityRef(authority)
	if err != nil {
		return nil, cli.Usage("--authority: %w", err)
	}
	if err := oneKindOnly(at, "crt", "csr"); err != nil {
		return nil, err
	}
	if err := k.refer(at); err != nil {
		return nil, err
	}
	return at.folder.Request(ctx, at.name, subject, reference)
}

// oneKindOnly keeps keys for card-verifiable and for X.509 certificates apart: a signature
// of one kind can then never be taken for one of the other.
func oneKindOnly(at place, others ...string) error {
	for _, kind := range others {
		if path := at.folder.Path(at.name, kind); exists(path) {
			return fmt.Errorf("%s is there: a key has one kind of certificate; choose another name",
				path)
		}
	}
	return nil
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

func makeCommand() *cobra.Command {
	k, s, r, by := &signingKeys{}, &subjectFlags{}, &reply{}, ""
	c := &cobra.Command{
		Use:   "make FOLDER/NAME",
		Short: "Make a key and certify it by another one on this machine",
		Long: `Make a key and certify it by another one on this machine: request, certify and import
in one. The certificates above it, up to the root, are copied into its folder.`,
		Example: `  ekrona pki make central-bank/notary --role notary --holder SENOTARY00001 \
    --by central-bank/root
  ekrona pki make nordic/desk --role desk --holder SENORDICDESK0001 --by nordic/ca
  ekrona pki make nordic/web --role server --host nordic.example --by central-bank/servers`,
		Args: cli.Exactly(1, "FOLDER/NAME"),
		RunE: func(c *cobra.Command, arguments []string) error {
			at, err := k.at(arguments[0])
			if err != nil {
				return err
			}
			issuer, err := k.at(by)
			if err != nil {
				return cli.Usage("--by: %w", err)
			}
			now := time.Now()
			made, err := k.make(c.Context(), at, issuer, s, now)
			if err != nil {
				return err
			}
			return r.show(c, made)
		},
	}
	k.addNew(c)
	s.add(c)
	r.add(c)
	c.Flags().StringVar(&by, "by", "", "FOLDER/NAME of the key that certifies it (needed)")
	return c
}

// make asks everything that can fail before it makes a key and has it certified: the
// issuer's key is opened, and the name's own files are looked at.
func (k *signingKeys) make(
	ctx context.Context, at, issuer place, s *subjectFlags, now time.Time,
) ([]byte, error) {
	authority, err := k.mayMake(ctx, at, issuer, s, now)
	if err != nil {
		return nil, err
	}
	if authority != "" {
		err = at.folder.Adopt(ctx, issuer.folder, issuer.name)
	} else {
		err = transport.Adopt(ctx, at.folder, issuer.folder, issuer.name, now)
	}
	if err != nil {
		return nil, err
	}
	requests := at.folder.Path(at.name, "req")
	asked := exists(requests)
	request, err := k.request(ctx, at, s, authority, now)
	if err != nil {
		return nil, err
	}
	made, err := certify(ctx, issuer, request, s.until, now)
	if errors.Is(err, pki.ErrTaken) && !asked {
		// It would bar the name for the next number.
		err = errors.Join(err, os.Remove(requests))
	}
	if err != nil {
		return nil, err
	}
	return made, importInto(ctx, at, made, now)
}

// mayMake fails as the issuer would, and does nothing. It gives the authority of a
// card-verifiable certificate.
func (k *signingKeys) mayMake(
	ctx context.Context, at, issuer place, s *subjectFlags, now time.Time,
) (authority string, err error) {
	isTransport, err := s.isTransport()
	if err != nil {
		return "", err
	}
	if isTransport {
		subject, err := s.ofTransport()
		if err != nil {
			return "", err
		}
		if err := oneKindOnly(at, "cvc", "req"); err != nil {
			return "", err
		}
		day, err := s.lastDay(now)
		if err != nil {
			return "", err
		}
		return "", transport.MayIssue(ctx, issuer.folder, issuer.name, subject, now, endOf(day))
	}
	subject, err := s.ofCard(now)
	if err != nil {
		return "", err
	}
	if err := oneKindOnly(at, "crt", "csr"); err != nil {
		return "", err
	}
	signer, err := issuer.folder.Certificate(issuer.name)
	if err != nil {
		return "", err
	}
	if err := issuer.folder.MayIssue(ctx, issuer.name, subject); err != nil {
		return "", err
	}
	return string(signer.Holder), k.mayClaim(ctx, at, issuer, subject)
}

// mayClaim fails if the holder has another key than the place's. Which one --key names shows
// when it is used; a certificate without its key is the request's to refuse.
func (k *signingKeys) mayClaim(
	ctx context.Context, at, issuer place, subject pki.Subject,
) (err error) {
	switch {
	case exists(at.folder.Path(at.name, "key")):
		key, err := at.folder.Existing(ctx, at.name)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, key.Close()) }()
		public, err := signature.PublicKey(key)
		if err != nil {
			return err
		}
		return issuer.folder.MayClaim(issuer.name, subject.Holder, public)
	case k.reference == "" && !exists(at.folder.Path(at.name, "cvc")):
		return issuer.folder.MayClaim(issuer.name, subject.Holder, nil)
	}
	return nil
}

// certify has the issuer certify a request of either kind, up to a day or as long as is
// usual.
func certify(
	ctx context.Context, issuer place, request []byte, until string, now time.Time,
) ([]byte, error) {
	s := subjectFlags{until: until}
	if isPEM(request) {
		public, subject, err := transport.ParseRequest(request)
		if err != nil {
			return nil, err
		}
		s.role = string(subject.Role)
		day, err := s.lastDay(now)
		if err != nil {
			return nil, err
		}
		return transport.Issue(ctx, issuer.folder, issuer.name, public, subject, now, endOf(day))
	}
	asked, err := pki.ParseRequest(request)
	if err != nil {
		return nil, err
	}
	subject := pki.Subject{Holder: asked.Holder, Role: asked.Role, Effective: message.DateOf(now),
		Expiry: asked.Expiry}
	if until != "" {
		if subject.Expiry, err = s.lastDay(now); err != nil {
			return nil, err
		}
	}
	return issuer.folder.Issue(ctx, issuer.name, asked, subject)
}

// write writes the file of --out, and replaces one that is there.
func write(path string, content []byte) error {
	if err := durable.Replace(path, content, durable.Everyone); err != nil {
		return fmt.Errorf("--out: %w", err)
	}
	return nil
}
