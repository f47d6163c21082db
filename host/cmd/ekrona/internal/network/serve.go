package network

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

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
		backUpCentralBankCommand())
}

// IntermediaryCommand is "ekrona intermediary".
func IntermediaryCommand() *cobra.Command {
	return cli.Group("intermediary", "An intermediary as a service", serveIntermediaryCommand(),
		backUpIntermediaryCommand(), restoreIntermediaryCommand())
}

// serveFlags are the flags of a service, over its settings.
type serveFlags struct {
	listen, database, central, level string
}

func (f *serveFlags) bind(c *cobra.Command) *cobra.Command {
	c.Args = cli.Exactly(1, "the folder of the party")
	c.Flags().StringVar(&f.listen, "listen", "", "HOST:PORT, over service.listen of the settings")
	c.Flags().StringVar(&f.database, "database", "", "file, or postgres://USER@HOST:PORT/NAME, "+
		"over database of the settings")
	logFlag(c, &f.level)
	return c
}

func over(is *string, flag string) {
	if flag != "" {
		*is = flag
	}
}

// run says where a service answers, and runs it.
func (f *serveFlags) run(c *cobra.Command, server *party.Server) error {
	if _, err := fmt.Fprintln(c.OutOrStdout(), server.URL()); err != nil {
		return errors.Join(err, server.Close())
	}
	return server.Run(c.Context())
}

const aboutServing = `

Its settings are in FOLDER/settings.yaml; its key and X.509 certificate for TLS are those of the name
service.server among its keys, made by "ekrona pki". When it answers, it prints its address. SIGTERM
and Ctrl-C end it when the calls that are under way have ended; killed, it goes on at the next
start.`

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
					over(&s.Service.Listen, f.listen)
					over(&s.Database, f.database)
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
				dial, release, err := bank.DialNotary(ctx, arguments[0], parties.Environment(ctx))
				if err != nil {
					return err
				}
				defer func() { err = errors.Join(err, release.Close()) }()
				b, err := bank.OpenWith(ctx, arguments[0], func(s *bank.Settings) {
					over(&s.Service.Listen, f.listen)
					over(&s.Database, f.database)
					over(&s.CentralBank, f.central)
				}, dial, parties.Environment(ctx))
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
	c.Flags().StringVar(&f.central, "central-bank", "", "https://HOST:PORT of the central bank, "+
		"over central_bank of the settings")
	return c
}

func (f *serveFlags) serve(
	c *cobra.Command, do func(ctx context.Context, log *slog.Logger) error,
) error {
	log, err := logOf(c, f.level)
	if err != nil {
		return err
	}
	return do(c.Context(), log)
}
