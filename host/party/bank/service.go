package bank

import (
	"context"
	"crypto/ecdsa"
	"errors"
	"log/slog"

	"github.com/prometheus/client_golang/prometheus"

	"ekrona.example/host/banking"
	"ekrona.example/host/intermediary"
	"ekrona.example/host/party"
	"ekrona.example/host/party/centralbank"
	"ekrona.example/host/remote"
	"ekrona.example/host/service"
	"ekrona.example/host/service/link"
	"ekrona.example/personalization/pki"
	"ekrona.example/personalization/pki/transport"
)

// Contracts of an intermediary, as they stand in paths.
const (
	App        = "app"
	Terminal   = "terminal"
	IssuerDesk = "desk"
	Operator   = "operator"
)

// Title is that of the service.
const Title = "Intermediary of offline e-krona"

// Endpoints returns what an intermediary answers on the network, and to whom. A phone is known by
// its customer's registered key, a terminal by its own.
func Endpoints(i *intermediary.Intermediary, operators, desks []string) []service.Endpoint {
	return []service.Endpoint{
		{Contract: App, About: "a call of the app on a customer's phone", Who: service.Signed,
			Admits: func(c service.Caller) bool { return c.Key.Customer != "" },
			Answer: func(c service.Caller) *remote.Server {
				return banking.ServeApp(i.ForCustomer(c.Key.Customer))
			}},
		{Contract: Terminal, About: "a call of a terminal, or of its owner by it",
			Who:    service.Signed,
			Admits: func(c service.Caller) bool { return c.Key.Device != "" },
			Answer: func(c service.Caller) *remote.Server {
				return banking.ServePointOfSale(i.ForTerminal(c.Key.Device))
			}},
		{Contract: IssuerDesk, About: "a call of a bureau that issues the intermediary's cards",
			Who: service.Certified, Admits: service.Named(desks),
			Answer: func(service.Caller) *remote.Server { return banking.ServeIssuerDesk(i) }},
		{Contract: Operator, About: "a call of the intermediary's own staff",
			Who: service.Certified, Admits: service.Named(operators),
			Answer: func(service.Caller) *remote.Server { return banking.ServeOperator(i) }},
	}
}

// Keys returns the registered keys of an intermediary's callers.
func Keys(i *intermediary.Intermediary) service.Keys {
	return func(ctx context.Context, k link.Key) (registered *ecdsa.PublicKey, err error) {
		if k.Device != "" {
			registered, err = i.TerminalKey(ctx, k.Device)
		} else {
			registered, err = i.AppKey(ctx, k.Customer)
		}
		if errors.Is(err, banking.ErrNoDevice) || errors.Is(err, banking.ErrNoCustomer) {
			err = service.ErrNoKey
		}
		return registered, err
	}
}

// Listen puts the intermediary on the network. Beside its calls it finishes what a crash or the
// notary's absence interrupted, and brings home the money of ended devices.
func (b *Bank) Listen(
	ctx context.Context, to *Notary, log *slog.Logger,
) (*party.Server, error) {
	s := b.Settings.Service
	server, err := party.Listen(ctx, pki.Open(b.folder.Path(b.Settings.Keys), b.random), s,
		service.Config{
			Title: Title, Log: log, Keys: Keys(b.Intermediary),
			Endpoints: Endpoints(b.Intermediary, s.Operators, s.Desks),
			Metrics:   []prometheus.Collector{to.calls, to.clocks}, Heard: to.clocks.Heard,
			Ready: b.environment.Ready(b.db), Lead: b.lease.Lead()}, b.environment)
	if err != nil {
		return nil, err
	}
	server.Reloads(to.shown)
	server.Chore(b.lease.Keep(log, b.environment))
	server.Chore(b.environment.Repeat(log, "finishing what was interrupted",
		func(ctx context.Context) error {
			if err := b.Start(ctx); err != nil {
				return err
			}
			return b.CollectEnded(ctx)
		}))
	return server, nil
}

// Notary is the way of an intermediary to a central bank on the network, and what was seen on it.
type Notary struct {
	Dial party.Dial

	shown  *transport.Endpoint
	calls  *party.Calls
	clocks *party.Clocks
}

// Close ends the use of the certificate that is shown there.
func (n *Notary) Close() error { return n.shown.Close() }

// DialNotary returns the way from the intermediary of a folder to a central bank on the network,
// which knows it by its certificate; log is nil for nobody. The caller closes it.
func DialNotary(
	ctx context.Context, path string, s Settings, log *slog.Logger, e party.Environment,
) (*Notary, error) {
	e = e.Complete()
	shown, err := transport.Open(ctx, pki.Open(party.Peek(path).Path(s.Keys), e.Random),
		s.Service.Complete().Client, e.Clock.Now)
	if err != nil {
		return nil, err
	}
	if err = shown.CheckRole(transport.Client); err == nil {
		err = shown.CheckName(string(s.Name))
	}
	if err != nil {
		return nil, errors.Join(err, shown.Close())
	}
	n := &Notary{shown: shown, calls: party.NewCalls(), clocks: party.NewClocks(log)}
	n.Dial = func(address string, _ party.Caller) remote.Transport {
		if !link.IsURL(address) { // as a sandbox reaches it
			return party.Failing{Why: party.Wrong("settings: central_bank", address,
				"https://HOST:PORT of the central bank, here or by --central-bank")}
		}
		return party.Linked(link.Config{URL: address, Contract: centralbank.Participant,
			TLS: shown.Client, Absence: party.NodesAbsence, Made: n.calls.Observe,
			Heard: n.clocks.Heard, Now: e.Clock.Now})
	}
	return n, nil
}
