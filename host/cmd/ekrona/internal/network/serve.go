package network

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"ekrona.example/host/cmd/ekrona/internal/cli"
	"ekrona.example/host/cmd/ekrona/internal/parties"
	"ekrona.example/host/party"
	"ekrona.example/host/party/bank"
	"ekrona.example/host/party/centralbank"
)

// CentralBankCommand is "ekrona centralbank".
func CentralBankCommand() *cobra.Command {
	return cli.Group("centralbank", "The central bank as a service, and how to watch it",
		serveCentralBankCommand(), totalsCommand(), reconcileCommand(), fundPoolCommand(),
		auditCommand(), backUpCentralBankCommand(), archiveCommand())
}

// IntermediaryCommand is "ekrona intermediary".
func IntermediaryCommand() *cobra.Command {
	return cli.Group("intermediary", "An intermediary as a service", serveIntermediaryCommand(),
		backUpIntermediaryCommand(), restoreIntermediaryCommand())
}

// serveFlags are the flags of a service, over its settings.
type serveFlags struct {
	listen, database, owner, central, url, level string
}

func (f *serveFlags) bind(c *cobra.Command) *cobra.Command {
	c.Args = cli.Exactly(1, "the folder of the party")
	c.Flags().StringVar(&f.listen, "listen", "", "HOST:PORT, over service.listen of the settings")
	c.Flags().StringVar(&f.database, "database", "", "file, or postgres://USER@HOST:PORT/NAME, "+
		"over database of the settings")
	c.Flags().StringVar(&f.owner, "database-owner", "", "postgres://OWNER@HOST:PORT/NAME by the "+
		"role that owns the tables, over database_owner of the settings")
	c.Flags().StringVar(&f.url, "url", "", "https://HOST:PORT by which other processes on the "+
		"same database call this one, over service.url of the settings")
	logFlag(c, &f.level)
	return c
}

// set puts the flags over settings.
func (f *serveFlags) set(s *party.Service, database, owner *string) {
	over(&s.Listen, f.listen)
	over(&s.URL, f.url)
	over(database, f.database)
	over(owner, f.owner)
}

// check refuses flags with which no service can be started.
func (f *serveFlags) check() error {
	for _, flag := range []struct {
		name, value string
		check       func(key, value string) error
	}{{"--listen", f.listen, party.HostPort}, {"--database", f.database, party.Source},
		{"--database-owner", f.owner, party.SourceOnServer}, {"--url", f.url, party.OwnURL},
		{"--central-bank", f.central, party.Reached}} {
		if flag.value == "" {
			continue
		}
		if err := flag.check(flag.name, flag.value); err != nil {
			return cli.Usage("%w", err)
		}
	}
	return nil
}

func over(is *string, flag string) {
	if flag != "" {
		*is = flag
	}
}

// hangups returns SIGHUP as it comes, which ends nothing until stop is called; nor does it, until
// then, that nobody reads the log any more, for which the system sends SIGPIPE.
func hangups() (hangup <-chan os.Signal, stop func()) {
	c, unread := make(chan os.Signal, 1), make(chan os.Signal, 1)
	signal.Notify(c, syscall.SIGHUP)
	signal.Notify(unread, syscall.SIGPIPE)
	return c, func() { signal.Stop(c); signal.Stop(unread) }
}

// endBySecondSignal has another SIGTERM or Ctrl-C end the program at once: a killed node goes on at
// its next start.
func endBySecondSignal() { signal.Reset(os.Interrupt, syscall.SIGTERM) }

// run says where a service answers, and runs it. SIGHUP has it read its certificates anew.
func (f *serveFlags) run(c *cobra.Command, server *party.Server) error {
	hangup, stop := hangups()
	defer stop()
	server.Chore(func(ctx context.Context) {
		for {
			select {
			case <-ctx.Done():
				return
			case <-hangup:
				_ = server.Reload(ctx) // it is logged, and the service goes on
			}
		}
	})
	defer context.AfterFunc(c.Context(), endBySecondSignal)()
	if _, err := fmt.Fprintln(c.OutOrStdout(), server.URL()); err != nil {
		return errors.Join(err, server.Close())
	}
	return server.Run(c.Context())
}

const aboutServing = `

Its settings are in FOLDER/settings.yaml; its key and X.509 certificate for TLS are those of the name
service.server among its keys, made by "ekrona pki". When it answers, it prints its address. SIGTERM
and Ctrl-C end it when the calls that are under way have ended, a second one at once; killed, it goes
on at the next start. SIGHUP has it read certificates and revocation lists anew.

Several processes, each with a folder of its own, may serve one database on PostgreSQL. One holds
the lease and decides; the others pass calls on to it, by the certificate of the name service.client
among their keys, or refuse them with its address. When it is silent for service.lease (6s) another
one takes over. /readyz and /metrics say who holds it. Callers name all of the processes, with
commas between their addresses.`

func serveCentralBankCommand() *cobra.Command {
	f := &serveFlags{}
	return f.bind(&cobra.Command{
		Use:   "serve FOLDER",
		Short: "Serve a central bank's notary to intermediaries",
		Long: `Serve a central bank's notary to intermediaries, who are known by their certificates, to its
own staff, and to everybody what everybody may ask.` + aboutServing,
		RunE: func(c *cobra.Command, arguments []string) error {
			return f.serve(c, func(ctx context.Context, log *slog.Logger) (err error) {
				b, err := centralbank.OpenWith(ctx, arguments[0], func(s *centralbank.Settings) {
					f.set(&s.Service, &s.Database, &s.DatabaseOwner)
				}, parties.Environment(ctx))
				if err != nil {
					return err
				}
				defer func() { err = errors.Join(err, b.Close()) }()
				server, err := b.Listen(ctx, log)
				if err != nil {
					return err
				}
				return f.run(c, server)
			})
		},
	})
}

func serveIntermediaryCommand() *cobra.Command {
	f := &serveFlags{}
	c := f.bind(&cobra.Command{
		Use:   "serve FOLDER",
		Short: "Serve an intermediary to phones and terminals",
		Long: `Serve an intermediary to phones and terminals, who sign their requests with their registered
keys, to the bureaus that issue its cards and to its own staff. At the central bank it is known by
the certificate of the name service.client among its keys.` + aboutServing,
		RunE: func(c *cobra.Command, arguments []string) error {
			return f.serve(c, func(ctx context.Context, log *slog.Logger) (err error) {
				settings, err := bank.ReadSettings(arguments[0])
				if err != nil {
					return err
				}
				to, err := bank.DialNotary(ctx, arguments[0], settings, log,
					parties.Environment(ctx))
				if err != nil {
					return err
				}
				defer func() { err = errors.Join(err, to.Close()) }()
				b, err := bank.OpenWith(ctx, arguments[0], func(s *bank.Settings) {
					f.set(&s.Service, &s.Database, &s.DatabaseOwner)
					over(&s.CentralBank, f.central)
				}, to.Dial, parties.Environment(ctx))
				if err != nil {
					return err
				}
				defer func() { err = errors.Join(err, b.Close()) }()
				server, err := b.Listen(ctx, to, log)
				if err != nil {
					return err
				}
				return f.run(c, server)
			})
		},
	})
	c.Flags().StringVar(&f.central, "central-bank", "", "https://HOST:PORT of the central bank, "+
		"or several with commas between them, over central_bank of the settings")
	return c
}

func (f *serveFlags) serve(
	c *cobra.Command, do func(ctx context.Context, log *slog.Logger) error,
) error {
	if err := f.check(); err != nil {
		return err
	}
	log, err := logOf(c, f.level)
	if err != nil {
		return err
	}
	return do(c.Context(), log)
}
