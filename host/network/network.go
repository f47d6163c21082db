// Package network is a sandbox whose central bank and banks are services on the network: one
// process with a listener for each, on SQLite, with certificates of its own. It is for
// demonstrations and tests, as the sandbox is, and the parties are those that "ekrona centralbank
// serve" and "ekrona intermediary serve" start one by one.
//
// Start at [Up].
package network

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sync/errgroup"

	"ekrona.example/apdu/message"
	"ekrona.example/host/party"
	"ekrona.example/host/party/bank"
	"ekrona.example/host/party/centralbank"
	"ekrona.example/host/party/phone"
	"ekrona.example/host/party/pos"
	"ekrona.example/host/sandbox"
	"ekrona.example/host/service"
	"ekrona.example/personalization/pki"
	"ekrona.example/personalization/pki/transport"
)

// Options are what a network is started with.
type Options struct {
	party.Environment
	Listen string       // of the central bank; the banks have the ports after it; port 0: any
	Log    *slog.Logger // nil for nobody
	// Hangup has every node read its certificates and revocation lists anew; nil: never.
	Hangup <-chan os.Signal
	// Databases are those of banks, by name, and of the central bank, by the empty name, at their
	// founding; otherwise they are files in their folders.
	Databases map[message.Name]string
}

// Bank is a bank on the network.
type Bank struct {
	Name  message.Name `json:"name"`
	Title string       `json:"title"`
	URL   string       `json:"url"`
}

// Network is where the nodes of a network are.
type Network struct {
	CentralBank string `json:"central_bank"` // URL
	Banks       []Bank `json:"banks"`
}

// Found founds the pilot's sandbox in a folder, or finds it, and gives every party that is to be
// reached, and every phone and terminal, certificates for the hosts at which nodes listen.
func Found(ctx context.Context, folder string, hosts []string, o Options) error {
	plan, e := sandbox.Pilot(), o.Environment
	plan.Database = o.Databases[""]
	for i, p := range plan.Banks {
		plan.Banks[i].Database = o.Databases[p.Name]
	}
	s, err := sandbox.Found(ctx, folder, plan, sandbox.Options{Environment: e})
	if err != nil {
		return err
	}
	e.Clock = s.Clock()
	if err := s.Close(); err != nil {
		return err
	}
	return Certify(ctx, folder, hosts, e)
}

// Certify gives every party whose folder is in a folder its certificates for TLS, under a root in
// [TLSFolder], and makes [Operator] the operator of nodes that have none.
func Certify(ctx context.Context, folder string, hosts []string, e party.Environment) error {
	e = e.Complete()
	i, err := newIssuer(ctx, folder, e)
	if err != nil {
		return err
	}
	if err := i.certify(ctx, i.root, map[string]transport.Subject{
		Operator: {Role: transport.Client, Name: Operator}}); err != nil {
		return err
	}
	entries, err := os.ReadDir(folder)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if !entry.IsDir() {
			continue
		}
		path := filepath.Join(folder, entry.Name())
		if err := configure(ctx, path, e); err != nil {
			return err
		}
		keys, subjects, err := subjectsOf(path, hosts)
		if err != nil {
			return err
		}
		if keys == "" {
			continue
		}
		if err := i.certify(ctx, pki.Open(keys, e.Random), subjects); err != nil {
			return err
		}
	}
	return nil
}

// configure makes the sandbox's staff operator of a node that has none, in its settings.
func configure(ctx context.Context, path string, e party.Environment) error {
	kind, err := party.KindOf(path)
	if err != nil {
		return err
	}
	staff := func(s *party.Service) {
		if len(s.Operators)+len(s.Desks) == 0 {
			s.Operators = []string{Operator}
			if kind == party.Intermediary {
				s.Desks = []string{Operator}
			}
		}
	}
	switch kind {
	case party.CentralBank:
		s := centralbank.Settings{}
		return party.Configure(ctx, path, kind, &s, func() { staff(&s.Service) }, e)
	case party.Intermediary:
		s := bank.Settings{}
		return party.Configure(ctx, path, kind, &s, func() { staff(&s.Service) }, e)
	case party.Phone, party.Terminal:
	}
	return nil
}

// subjectsOf returns the folder of a party's keys, and for whom they are certified; none for what
// is no party.
func subjectsOf(
	path string, hosts []string,
) (keys string, s map[string]transport.Subject, err error) {
	kind, err := party.KindOf(path)
	if err != nil {
		return "", nil, err
	}
	at := party.Peek(path)
	switch kind {
	case party.CentralBank:
		settings, err := centralbank.ReadSettings(path)
		return at.Path(settings.Keys), map[string]transport.Subject{
			serverName: {Role: transport.Server, Name: centralbank.Title, Hosts: hosts},
			clientName: {Role: transport.Client, Name: centralBankName}}, err
	case party.Intermediary:
		settings, err := bank.ReadSettings(path)
		return at.Path(settings.Keys), map[string]transport.Subject{
			serverName: {Role: transport.Server, Name: settings.Title, Hosts: hosts},
			clientName: {Role: transport.Client, Name: string(settings.Name)}}, err
	case party.Phone:
		settings, err := phone.ReadSettings(path)
		return at.Path(settings.Keys), nil, err
	case party.Terminal:
		settings, _, err := pos.Read(path)
		return at.Path(settings.Keys), nil, err
	}
	return "", nil, nil
}

// CheckListen refuses an address on which a central bank and the banks after it cannot listen.
func CheckListen(listen string) error {
	if err := party.HostPort("", listen); err != nil {
		return fmt.Errorf("%q: give HOST:PORT, such as %s", listen, party.DefaultListen)
	}
	_, err := addressesOf(listen, len(sandbox.Pilot().Banks))
	return err
}

// addressesOf returns where the central bank and the banks listen.
func addressesOf(listen string, banks int) (all []string, err error) {
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return nil, fmt.Errorf("listen: %q: give HOST:PORT", listen)
	}
	first, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return nil, fmt.Errorf("listen: port %q: give a number up to %d", port, math.MaxUint16)
	}
	for n := range uint64(1 + banks) {
		at := first + n
		if first == 0 {
			at = 0 // any
		}
		if at > math.MaxUint16 {
			return nil, fmt.Errorf("listen: port %d: the banks have the ports after it: give one "+
				"up to %d", first, math.MaxUint16-banks)
		}
		all = append(all, net.JoinHostPort(host, strconv.FormatUint(at, 10)))
	}
	return all, nil
}

// tryListen returns an error where the nodes of a network could not listen, before anything is
// founded.
func tryListen(ctx context.Context, addresses []string) error {
	for _, address := range addresses {
		listener, err := service.Listen(ctx, address)
		if err != nil {
			return err
		}
		if err := listener.Close(); err != nil {
			return err
		}
	}
	return nil
}

// HostsOf returns the names and addresses of a server that listens on HOST:PORT, and is reached
// on this machine too. Where it listens at every address they are all of the machine's.
func HostsOf(listen string) ([]string, error) {
	host, _, err := net.SplitHostPort(listen)
	if err != nil {
		return nil, fmt.Errorf("listen: %q: give HOST:PORT", listen)
	}
	names, ips := []string{"localhost"}, []string{"127.0.0.1"} // as a certificate has them
	add := func(host string) {
		all := &names
		if ip := net.ParseIP(host); ip != nil {
			host, all = ip.String(), &ips
		}
		if host = strings.ToLower(host); transport.IsHost(host) && !slices.Contains(*all, host) {
			*all = append(*all, host)
		}
	}
	if ip := net.ParseIP(host); host != "" && (ip == nil || !ip.IsUnspecified()) {
		add(host)
		return slices.Concat(names, ips), nil
	}
	if name, err := os.Hostname(); err == nil {
		add(name)
	}
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		return nil, fmt.Errorf("listen: the addresses of this machine: %w", err)
	}
	for _, at := range addresses {
		if at, is := at.(*net.IPNet); is && !at.IP.IsLinkLocalUnicast() {
			add(at.IP.String())
		}
	}
	return slices.Concat(names, ips), nil
}

// Up founds the network in a folder and runs it until the context ends: then each node lets those
// calls end that are under way, the banks first, which need the central bank for theirs. When every
// node answers, started is called.
func Up(
	ctx context.Context, folder string, o Options, started func(n Network) error,
) (err error) {
	addresses, err := addressesOf(o.Listen, len(sandbox.Pilot().Banks))
	if err != nil {
		return err
	}
	hosts, err := HostsOf(o.Listen)
	if err != nil {
		return err
	}
	if err := tryListen(ctx, addresses); err != nil {
		return err
	}
	if err := Found(ctx, folder, hosts, o); err != nil {
		return err
	}
	s, err := sandbox.Open(folder, sandbox.Options{Environment: o.Environment})
	if err != nil {
		return err
	}
	o.Clock = s.Clock()
	var banks []string
	for _, p := range sandbox.Pilot().Banks {
		banks = append(banks, p.Folder)
	}
	return Serve(ctx, folder, banks, o, started)
}

// CentralBankFolder is that of the central bank in the folder of a network.
const CentralBankFolder = "central-bank"

// Serve is Up for parties that were founded and certified: a central bank, and the banks of these
// folders.
func Serve(
	ctx context.Context, folder string, banks []string, o Options, started func(n Network) error,
) (err error) {
	addresses, err := addressesOf(o.Listen, len(banks))
	if err != nil {
		return err
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	n := &network{Options: o}
	ctx, n.stop = context.WithCancel(ctx)
	below, stopBelow := context.WithCancel(context.WithoutCancel(ctx))
	defer func() { // the banks have ended
		n.stop()
		err = errors.Join(err, n.running.Wait())
		stopBelow()
		err = errors.Join(err, n.below.Wait())
		for _, c := range slices.Backward(n.closers) {
			err = errors.Join(err, c.Close())
		}
	}()
	if err := n.startCentralBank(below, filepath.Join(folder, CentralBankFolder)); err != nil {
		return err
	}
	for at, bank := range banks {
		if err := n.startBank(ctx, filepath.Join(folder, bank), addresses[at+1]); err != nil {
			return err
		}
	}
	if err := started(n.Network); err != nil {
		return err
	}
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-o.Hangup:
			for _, server := range n.servers {
				_ = server.Reload(ctx) // it is logged, and the node goes on
			}
		}
	}
}

// network is a Network that runs.
type network struct {
	Network
	Options

	stop    context.CancelFunc
	running errgroup.Group // banks
	below   errgroup.Group // the central bank
	closers []io.Closer
	servers []*party.Server
}

// run runs a node; when it ends, all do.
func (n *network) run(ctx context.Context, group *errgroup.Group, server *party.Server) {
	n.servers = append(n.servers, server)
	group.Go(func() error {
		defer n.stop()
		return server.Run(ctx)
	})
}

func (n *network) startCentralBank(ctx context.Context, path string) error {
	c, err := centralbank.OpenWith(ctx, path, func(s *centralbank.Settings) {
		s.Service.Listen = n.Listen
	}, n.Environment)
	if err != nil {
		return err
	}
	n.closers = append(n.closers, c)
	server, err := c.Listen(ctx, n.Log.With("node", "central bank"))
	if err != nil {
		return err
	}
	n.CentralBank = server.URL()
	n.run(ctx, &n.below, server)
	return nil
}

func (n *network) startBank(ctx context.Context, path, listen string) error {
	settings, err := bank.ReadSettings(path)
	if err != nil {
		return err
	}
	log := n.Log.With("node", string(settings.Name))
	to, err := bank.DialNotary(ctx, path, settings, log, n.Environment)
	if err != nil {
		return err
	}
	n.closers = append(n.closers, to)
	b, err := bank.OpenWith(ctx, path, func(s *bank.Settings) {
		s.Service.Listen, s.CentralBank = listen, n.CentralBank
	}, to.Dial, n.Environment)
	if err != nil {
		return err
	}
	n.closers = append(n.closers, b)
	server, err := b.Listen(ctx, to, log)
	if err != nil {
		return err
	}
	n.Banks = append(n.Banks, Bank{b.Settings.Name, b.Settings.Title, server.URL()})
	n.run(ctx, &n.running, server)
	return nil
}
