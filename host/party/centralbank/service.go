package centralbank

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"ekrona.example/apdu/message"
	"ekrona.example/host/notary"
	"ekrona.example/host/party"
	"ekrona.example/host/remote"
	"ekrona.example/host/service"
	"ekrona.example/host/settlement"
	"ekrona.example/host/store"
	"ekrona.example/personalization/pki"
)

// Contracts of the central bank, as they stand in paths.
const (
	Participant = "participant"
	Operator    = "operator"
	Public      = "public"
)

// Title is that of the service.
const Title = "Central bank of offline e-krona"

// Endpoints returns what a central bank answers on the network, and to whom. An intermediary is
// known by the name in its certificate.
func Endpoints(n *settlement.Notary, operators []string) []service.Endpoint {
	return []service.Endpoint{
		{Contract: Participant, About: "an intermediary's call to the notary",
			Who: service.Certified, Admits: isIntermediary,
			Answer: func(c service.Caller) *remote.Server {
				return notary.ServeParticipant(n.For(message.Name(c.Name)))
			}},
		{Contract: Operator, About: "a call of the central bank's own staff",
			Who: service.Certified, Admits: service.Named(operators),
			Answer: func(service.Caller) *remote.Server {
				return notary.ServeOperator(n).Add(notary.ServeSupervisor(n))
			}},
		{Contract: Public, About: "what everybody may ask the notary", Who: service.Anybody,
			Answer: func(service.Caller) *remote.Server { return notary.ServePublic(n) }},
	}
}

func isIntermediary(c service.Caller) bool {
	_, err := message.ParseName(c.Name)
	return err == nil
}

// Listen puts the central bank on the network. Beside its calls it ends the devices that are due,
// and nets what a call leaves to it.
func (c *CentralBank) Listen(ctx context.Context, log *slog.Logger) (*party.Server, error) {
	s := c.Settings.Service
	c.attacks.log.Store(log)
	clocks := party.NewClocks(log)
	server, err := party.Listen(ctx, pki.Open(c.folder.Path(c.Settings.Keys), c.environment.Random),
		s, service.Config{Title: Title, Log: log, Endpoints: Endpoints(c.Notary, s.Operators),
			Metrics: []prometheus.Collector{c.batches, c.attacks, clocks, &totals{of: c.Notary,
				log: log, now: c.environment.Clock.Now}}, Heard: clocks.Heard,
			Ready: c.environment.Ready(c.Ledger), Lead: c.lease.Lead()}, c.environment)
	if err != nil {
		return nil, err
	}
	server.Chore(c.lease.Keep(log, c.environment))
	endDue := c.environment.Repeat(log, "ending devices that are due",
		func(ctx context.Context) error {
			if err := clocks.Doubted(); err != nil {
				return err
			}
			ended, err := notary.EndAllDue(ctx, c)
			for _, d := range ended {
				log.Info("device ended", "device", d.Device, "why", d.Why)
			}
			return err
		})
	server.Chore(func(ctx context.Context) {
		if clocks.AwaitFirst(ctx) == nil { // what ends never begins again, see Doubted
			endDue(ctx)
		}
	})
	server.Chore(func(ctx context.Context) { c.netLarge(ctx, log) })
	return server, nil
}

// netLargeAgain is when a netting is tried again that could not go on.
const netLargeAgain = 10 * time.Second

// netLarge nets large sets of claims whenever there are some. What a process before has begun it
// goes on with at once; as does who takes the lease over, with what is due.
func (c *CentralBank) netLarge(ctx context.Context, log *slog.Logger) {
	for ctx.Err() == nil {
		settled, err := c.NetLarge(ctx)
		if settled > 0 {
			log.Info("netted a large set of claims", "settled", settled)
		}
		var held *store.HeldError
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			if !errors.As(err, &held) { // else it is that process's
				log.Warn("netting a large set of claims: to be repeated", "error", err.Error(),
					"after", netLargeAgain.String())
			}
			if c.environment.Pause(ctx, netLargeAgain) != nil {
				return
			}
			continue
		}
		select {
		case <-ctx.Done():
		case <-c.LargeSets():
		}
	}
}
