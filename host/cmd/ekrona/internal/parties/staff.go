package parties

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"ekrona.example/host/banking"
	"ekrona.example/host/cmd/ekrona/internal/cli"
	"ekrona.example/host/notary"
	"ekrona.example/host/party/bank"
	"ekrona.example/host/party/centralbank"
	"ekrona.example/host/remote"
	"ekrona.example/host/sandbox"
	"ekrona.example/host/service/link"
	"ekrona.example/personalization/pki"
	"ekrona.example/personalization/pki/keys"
	"ekrona.example/personalization/pki/keys/secret"
	"ekrona.example/personalization/pki/transport"
)

// staff says where the staff of a node reach it.
type staff struct{ at, as string }

// BindStaff adds the flags to a command of a node's own staff, which may reach it over the network.
func (f *Flags) BindStaff(c *cobra.Command) *cobra.Command {
	f.StaffFlags(c)
	return f.Bind(c)
}

// StaffFlags adds to a command that is bound already the flags by which staff reach a node.
func (f *Flags) StaffFlags(c *cobra.Command) {
	c.Flags().StringVar(&f.staff.at, "at", "",
		"https://HOST:PORT of the node as a service, in place of --state")
	c.Flags().StringVar(&f.staff.as, "as", "",
		"FOLDER/NAME of your key and X.509 certificate, with --at; FOLDER has the trusted root too")
}

// IsStaff reports whether the command line says where a node is reached by its staff.
func (f *Flags) IsStaff() bool { return f.staff.at != "" }

// Central is the central bank as its staff reach it.
type Central interface {
	notary.Operator
	notary.Supervisor
}

// Room is where the central bank's staff are.
type Room struct {
	Central Central
	Now     time.Time
	// CrisisCertificate returns that of the crisis key (7F21), where it is at hand.
	CrisisCertificate func() ([]byte, error)
}

// RunCentral does something at the central bank of the sandbox, or over the network.
func (f *Flags) RunCentral(
	c *cobra.Command, do func(ctx context.Context, r Room) error,
) error {
	if f.staff.at != "" {
		return f.overNetwork(c, centralbank.Operator,
			func(ctx context.Context, t remote.Transport) error {
				return do(ctx, Room{struct {
					notary.Operator
					notary.Supervisor
				}{notary.NewOperator(t), notary.NewSupervisor(t)}, time.Now(), noCrisisKey})
			})
	}
	return f.Run(c, func(ctx context.Context, s *sandbox.Sandbox) error {
		central, err := s.CentralBank(ctx)
		if err != nil {
			return err
		}
		return do(ctx, Room{central, s.Clock().Now(), s.CrisisCertificate})
	})
}

func noCrisisKey() ([]byte, error) {
	return nil, cli.Usage("with --at give the certificate of the crisis key too: --crisis-key FILE")
}

// RunBank does something at a bank of the sandbox, or over the network at the one that is there.
func (f *Flags) RunBank(
	c *cobra.Command, name string, do func(ctx context.Context, b banking.Operator) error,
) error {
	if f.staff.at != "" {
		return f.overNetwork(c, bank.Operator, func(ctx context.Context, t remote.Transport) error {
			return do(ctx, banking.NewOperator(t))
		})
	}
	return f.RunOwnBank(c, name,
		func(ctx context.Context, b *bank.Bank) error { return do(ctx, b) })
}

// RunOwnBank does something at a bank of the sandbox.
func (f *Flags) RunOwnBank(
	c *cobra.Command, name string, do func(ctx context.Context, b *bank.Bank) error,
) error {
	if name == "" {
		return cli.Usage("%s: name the bank: --bank NAME", c.CommandPath())
	}
	return f.Run(c, func(ctx context.Context, s *sandbox.Sandbox) error {
		b, err := s.Bank(ctx, name)
		if err != nil {
			return err
		}
		return do(ctx, b)
	})
}

// overNetwork does something by a link with the certificate of the staff.
func (f *Flags) overNetwork(
	c *cobra.Command, contract string, do func(ctx context.Context, t remote.Transport) error,
) (err error) {
	folder, name := filepath.Split(filepath.Clean(f.staff.as))
	switch {
	case f.State != "":
		return cli.Usage("%s: choose --state or --at", c.CommandPath())
	case f.staff.as == "" || folder == "":
		return cli.Usage("%s: say by which certificate: --as FOLDER/NAME", c.CommandPath())
	}
	shown, err := transport.Open(c.Context(), pki.OpenWith(filepath.Clean(folder),
		keys.Options{Secret: secret.Once(secret.From(""))}), name, time.Now)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, shown.Close()) }()
	if err := shown.CheckRole(transport.Client); err != nil {
		return fmt.Errorf("--as %s: %w", f.staff.as, err)
	}
	l, err := link.New(link.Config{URL: f.staff.at, Contract: contract, TLS: shown.Client})
	if err != nil {
		return cli.Usage("--at: %w", err)
	}
	return errors.Join(do(c.Context(), l), l.Close())
}
