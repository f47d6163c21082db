package week

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"ekrona.example/apdu/message"
	"ekrona.example/host/banking"
	"ekrona.example/host/clock"
	"ekrona.example/host/durable"
	"ekrona.example/host/latency"
	"ekrona.example/host/network"
	"ekrona.example/host/party"
	partybank "ekrona.example/host/party/bank"
	"ekrona.example/host/remote"
	httplink "ekrona.example/host/service/link"
	"ekrona.example/host/session"
	"ekrona.example/host/store"
	"ekrona.example/host/wallet"
	"ekrona.example/personalization/pki"
	"ekrona.example/personalization/pki/transport"
)

// loopback is where the services listen, at any port.
const loopback = "127.0.0.1:0"

// callPatience is for how long a phone or terminal repeats a call for which the bank has no room.
const callPatience = 5 * time.Minute

// running is a clock that goes on from a moment of the week.
type running struct {
	at, since time.Time
	of        clock.Clock
}

// Now implements clock.Clock.
func (r running) Now() time.Time { return r.at.Add(r.of.Now().Sub(r.since)) }

// services are those of a morning.
type services struct {
	urls  map[message.Name]string
	trust *transport.Endpoint
}

// morningServed has everybody synchronise at the services, and takes the databases back.
func (w *world) morningServed(ctx context.Context, m *Morning) error {
	now := running{w.clock.At, w.plan.Clock.Now(), w.plan.Clock}
	e := party.Environment{Clock: now}
	if err := w.handToServices(ctx, e); err != nil {
		return fmt.Errorf("morning after: the services' folders: %w", err)
	}
	err := w.serve(ctx, e, func(s *services) error {
		for round := range rounds {
			c, err := w.crowd(ctx, s, round)
			if err != nil {
				return err
			}
			m.Instructions += c.Instructions
			m.Served = append(m.Served, c)
		}
		return nil
	})
	if err != nil {
		return err
	}
	w.clock.At, w.served.ended = now.Now(), true
	if err := w.openCentralBank(ctx, w.plan.Liquidity); err != nil {
		return err
	}
	for _, b := range w.banks {
		if err := w.openBank(ctx, b); err != nil {
			return err
		}
		if err := b.Start(ctx); err != nil {
			return err
		}
	}
	return nil
}

// handToServices puts the databases where the services have theirs, and makes their certificates.
func (w *world) handToServices(ctx context.Context, e party.Environment) error {
	opened := map[message.Name]*bank{"": {db: w.centralDB}}
	for _, b := range w.banks {
		opened[b.name] = b
	}
	for name, b := range opened {
		file := w.served.file(name)
		if file != "" {
			image, err := store.Image(ctx, b.db)
			if err != nil {
				return err
			}
			for _, end := range []string{"-wal", "-shm"} { // of the founding
				if err := os.Remove(file + end); err != nil && !errors.Is(err, fs.ErrNotExist) {
					return err
				}
			}
			if err := durable.Replace(file, image, durable.OwnerOnly); err != nil {
				return err
			}
		}
		if err := b.db.Close(); err != nil {
			return err
		}
	}
	hosts, err := network.HostsOf(loopback)
	if err != nil {
		return err
	}
	return network.Certify(ctx, w.served.Folder, hosts, e)
}

// serve calls do while the services answer.
func (w *world) serve(
	ctx context.Context, e party.Environment, do func(s *services) error,
) (err error) {
	var banks []string
	for _, b := range w.banks {
		banks = append(banks, filepath.Base(w.served.folderOf(b.name)))
	}
	s := &services{urls: map[message.Name]string{}}
	if s.trust, err = transport.Open(ctx, pki.Open(filepath.Join(w.served.Folder,
		network.TLSFolder), nil), "", e.Clock.Now); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.trust.Close()) }()
	serving, stop := context.WithCancel(context.WithoutCancel(ctx))
	started, ended := make(chan network.Network, 1), make(chan error, 1)
	go func() {
		ended <- network.Serve(serving, w.served.Folder, banks, network.Options{Environment: e,
			Listen: loopback}, func(n network.Network) error { started <- n; return nil })
	}()
	defer func() { stop(); err = errors.Join(err, <-ended) }()
	select {
	case n := <-started:
		for _, b := range n.Banks {
			s.urls[b.Name] = b.URL
		}
	case err := <-ended:
		ended <- nil
		return err
	}
	return do(s)
}

// line is one phone's or terminal's way to its bank, with the time that was spent in calls.
type line struct {
	*httplink.Client
	spent time.Duration // one call at a time
}

// Call implements [remote.Transport].
func (l *line) Call(ctx context.Context, name string, request []byte) (remote.Reply, error) {
	began := time.Now()
	defer func() { l.spent += time.Since(began) }()
	return l.Client.Call(ctx, name, request)
}

// dial opens a line, over which a phone or terminal signs what it asks for.
func (s *services) dial(b *bank, contract string, by httplink.Signer) (*line, error) {
	client, err := httplink.New(httplink.Config{URL: s.urls[b.name], Contract: contract,
		TLS: s.trust.Client, Signer: &by, Patience: callPatience})
	return &line{Client: client}, err
}

// synchronised is one synchronisation.
type synchronised struct {
	result       session.Result
	took, waited time.Duration
}

// crowd has everybody synchronise once, as many at a time as the plan says.
func (w *world) crowd(ctx context.Context, s *services, round int) (Crowd, error) {
	order := w.morningOrder(round)
	show := w.plan.counter(fmt.Sprintf("morning after at the services, round %d", round+1),
		len(order))
	pockets, err := w.crowdPockets(ctx)
	if err != nil {
		return Crowd{}, err
	}
	if w.served.Watch != nil {
		w.served.Watch(round, true)
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	all, failed := make([]synchronised, len(order)), make([]error, len(pockets))
	var next, done atomic.Int64
	var callers sync.WaitGroup
	began := time.Now()
	for i, pocket := range pockets {
		callers.Go(func() {
			for ctx.Err() == nil {
				n := int(next.Add(1)) - 1
				if n >= len(order) {
					return
				}
				if all[n], failed[i] = w.synchroniseAt(ctx, s, pocket, order[n]); failed[i] != nil {
					stop()
					return
				}
				show(int(done.Add(1)))
			}
		})
	}
	callers.Wait()
	c := Crowd{Callers: len(pockets), Seconds: time.Since(began).Seconds()}
	if w.served.Watch != nil {
		w.served.Watch(round, false)
	}
	if err := errors.Join(failed...); err != nil {
		return c, err
	}
	if err := ctx.Err(); err != nil {
		return c, err
	}
	var took, waited []time.Duration
	for _, one := range all {
		c.Instructions += one.result.Instructions
		c.Undecided += len(one.result.Unanswered)
		took, waited = append(took, one.took), append(waited, one.waited)
	}
	c.Synchronisations = len(all)
	c.Took, c.Waited = latency.Of(took), latency.Of(waited)
	if round == rounds-1 && c.Undecided > 0 {
		return c, fmt.Errorf("%d payments are undecided after %d rounds", c.Undecided, rounds)
	}
	return c, nil
}

// crowdPockets returns where the phones of all callers are used.
func (w *world) crowdPockets(ctx context.Context) ([]*pocket, error) {
	for len(w.hands) < max(1, w.served.Callers) {
		one, err := newPocket(ctx)
		if err != nil {
			return nil, err
		}
		w.databases = append(w.databases, one.db)
		w.hands = append(w.hands, &hand{payer: one})
	}
	var pockets []*pocket
	for _, on := range w.hands[:max(1, w.served.Callers)] {
		pockets = append(pockets, on.payer)
	}
	return pockets, nil
}

// synchroniseAt is synchronise at the services.
func (w *world) synchroniseAt(
	ctx context.Context, s *services, on *pocket, n int,
) (one synchronised, err error) {
	ctx = context.WithoutCancel(ctx)
	if n >= len(w.people) {
		t := w.merchants[n-len(w.people)]
		way, err := s.dial(t.bank, partybank.Terminal, httplink.Signer{
			Key: httplink.Key{Device: t.ID()}, Signer: t.signer})
		if err != nil {
			return one, err
		}
		defer func() { _ = way.Close() }() // what is left open ends by itself
		t.link.Terminal = banking.NewTerminal(way)
		began := time.Now()
		one.result, err = t.Synchronise(ctx)
		one.took, one.waited = time.Since(began), way.spent
		if err != nil {
			return one, fmt.Errorf("%s synchronises: %w", t.name, err)
		}
		return one, nil
	}
	p := w.people[n]
	way, err := s.dial(p.bank, partybank.App, httplink.Signer{Key: httplink.Key{Customer: p.name},
		Signer: p.app})
	if err != nil {
		return one, err
	}
	defer func() { _ = way.Close() }()
	err = on.useOver(ctx, w, p, banking.NewWallet(way), func(phone *wallet.Wallet) error {
		began := time.Now()
		one.result, err = phone.Synchronise(ctx, wallet.Tap{Card: hold(p.card, tear{})})
		one.took, one.waited = time.Since(began), way.spent
		if err == nil && one.result.Difference != 0 {
			err = fmt.Errorf("its balance is off by %s", one.result.Difference)
		}
		return err
	})
	if err != nil {
		return one, fmt.Errorf("%s synchronises: %w", p.name, err)
	}
	return one, nil
}
