package network

import (
	"cmp"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ekrona.example/apdu/message"
	"ekrona.example/apdu/money"
	"ekrona.example/host/lockfile"
	"ekrona.example/host/party"
	"ekrona.example/host/party/bank"
	"ekrona.example/host/remote"
	"ekrona.example/host/sandbox"
	"ekrona.example/host/service"
	"ekrona.example/host/store"
	"ekrona.example/host/store/storetest"
	"ekrona.example/host/wallet"
	"ekrona.example/personalization/pki"
	"ekrona.example/personalization/pki/transport"
)

func TestMain(m *testing.M) { os.Exit(storetest.Run(m)) }

// running is a network that a test has started.
type running struct {
	Network
	t      testing.TB
	folder string
	stop   func() // and wait

	databases map[message.Name]string
	listen    string         // empty: loopback, any port
	hangup    chan os.Signal // nil: none
	log       *slog.Logger   // nil: nobody
	burst     int            // of calls of a phone or terminal; 0: the default
}

// up starts a network on loopback, with any ports, until the test ends.
func up(t *testing.T) *running {
	t.Helper()
	return upWith(t, func(*running) {})
}

func upWith(t *testing.T, change func(r *running)) *running {
	t.Helper()
	r := &running{t: t, folder: filepath.Join(t.TempDir(), "box"),
		databases: map[message.Name]string{}}
	change(r)
	if storetest.Dialect() == store.PostgreSQL {
		for _, name := range []message.Name{"", sandbox.Nordic, sandbox.Fjord} {
			r.databases[name] = storetest.New(t)
		}
	}
	if r.burst > 0 {
		hosts, err := HostsOf("127.0.0.1:0")
		require.NoError(t, err)
		require.NoError(t, Found(t.Context(), r.folder, hosts, Options{Databases: r.databases}))
		for _, p := range sandbox.Pilot().Banks {
			var settings bank.Settings
			require.NoError(t, party.Configure(t.Context(), filepath.Join(r.folder, p.Folder),
				party.Intermediary, &settings,
				func() { settings.Service.Limits.Burst = r.burst }, party.Environment{}))
		}
	}
	r.start()
	return r
}

func (r *running) start() {
	r.t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(r.t.Context()))
	started, ended := make(chan Network, 1), make(chan error, 1)
	go func() {
		ended <- Up(ctx, r.folder, Options{Listen: cmp.Or(r.listen, "127.0.0.1:0"),
			Databases: r.databases, Hangup: r.hangup, Log: r.log},
			func(n Network) error { started <- n; return nil })
	}()
	select {
	case r.Network = <-started:
	case err := <-ended:
		cancel()
		require.NoError(r.t, err)
	}
	running := true
	r.stop = func() {
		if running {
			running = false
			cancel()
			require.NoError(r.t, <-ended)
		}
	}
	r.t.Cleanup(r.stop)
}

// people opens the phones, terminals and cards of the network's folder, which reach their banks
// over it.
func (r *running) people() *sandbox.Sandbox {
	r.t.Helper()
	banks := map[message.Name]string{}
	for _, b := range r.Banks {
		banks[b.Name] = b.URL
	}
	s, err := sandbox.Open(r.folder, sandbox.Options{Banks: banks})
	require.NoError(r.t, err)
	r.t.Cleanup(func() { require.NoError(r.t, s.Close()) })
	return s
}

// page reads a page of a node by the certificate of the sandbox's staff.
func (r *running) page(url string) string {
	r.t.Helper()
	shown, err := transport.Open(r.t.Context(), pki.Open(filepath.Join(r.folder, TLSFolder), nil),
		Operator, time.Now)
	require.NoError(r.t, err)
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: shown.Client()}}
	request, err := http.NewRequestWithContext(r.t.Context(), http.MethodGet, url, nil)
	require.NoError(r.t, err)
	response, err := client.Do(request)
	require.NoError(r.t, err)
	body, err := io.ReadAll(response.Body)
	require.NoError(r.t, errors.Join(err, response.Body.Close(), shown.Close()))
	client.CloseIdleConnections()
	return string(body)
}

func tap(t *testing.T, h *sandbox.Holder) wallet.Tap {
	t.Helper()
	entered, err := h.Letter.Block()
	require.NoError(t, err)
	return wallet.Tap{Card: h.Card.Tap(), PIN: entered}
}

// requireDescribed requires that METRICS.md has the metrics that nodes show, and no others.
func requireDescribed(t *testing.T, pages string) {
	t.Helper()
	document, err := os.ReadFile("METRICS.md")
	require.NoError(t, err)
	described, shown := map[string]bool{}, map[string]bool{}
	for line := range strings.Lines(string(document)) {
		if first, _, is := strings.Cut(strings.TrimPrefix(line, "| "), " |"); is {
			for _, name := range regexp.MustCompile("^`(ekrona_[a-z_]+)`|, `(ekrona_[a-z_]+)`").
				FindAllStringSubmatch(first, -1) {
				described[name[1]+name[2]] = true
			}
		}
	}
	for _, name := range regexp.MustCompile("# TYPE (ekrona_[a-z_]+)").
		FindAllStringSubmatch(pages, -1) {
		shown[name[1]] = true
	}
	if storetest.Dialect() == store.SQLite {
		shown["ekrona_lease"] = true // it needs a server that several processes have
	}
	require.Equal(t, described, shown)
}

// TestALoadAPaymentAndASync: over the network, at two banks; afterwards every invariant holds, and
// what was done over it is there without it.
func TestALoadAPaymentAndASync(t *testing.T) {
	r := up(t)
	s, ctx := r.people(), t.Context()
	anna, err := s.Person(ctx, "anna", "")
	require.NoError(t, err)
	_, err = anna.Phone.Load(ctx, tap(t, anna.Holder), 200*money.Krona)
	require.NoError(t, err)
	cafe, err := s.Merchant(ctx, "cafe")
	require.NoError(t, err)
	sale, err := cafe.Terminal.Ask(ctx, 45*money.Krona)
	require.NoError(t, err)
	held := tap(t, anna.Holder)
	_, err = cafe.Terminal.Take(ctx, sale.Number, held.Card, held.PIN)
	require.NoError(t, err)
	_, err = cafe.Terminal.Synchronise(ctx)
	require.NoError(t, err)
	_, err = anna.Phone.Synchronise(ctx, tap(t, anna.Holder))
	require.NoError(t, err)
	_, err = anna.Phone.Unload(ctx, tap(t, anna.Holder), 5*money.Krona)
	require.NoError(t, err)
	online, shadow, err := s.Wallets(ctx, anna)
	require.NoError(t, err)
	require.Equal(t, 805*money.Krona, online)
	require.Equal(t, 150*money.Krona, shadow)
	page := r.page(r.CentralBank + "/metrics")
	for _, line := range []string{`ekrona_issued_ore 2e+07`,
		`ekrona_shadow_ore{intermediary="SENORDIC"} 15000`,
		`ekrona_open_claims{hours="24",verdict="waiting"} 0`,
		`ekrona_batch_callers_count `, `ekrona_decide_seconds_bucket{le="+Inf"} `,
		`ekrona_calls_total{call="co-sign",code="ok",contract="participant"} `} {
		require.Contains(t, page, line)
	}
	ofBank := r.page(r.Banks[0].URL + "/metrics")
	require.Contains(t, ofBank,
		`ekrona_calls_made_total{call="co-sign",code="ok",contract="participant"} `)
	require.Contains(t, ofBank,
		`ekrona_call_made_seconds_count{call="co-sign",contract="participant"} `)
	requireDescribed(t, page+ofBank)
	_, err = s.Bank(ctx, "SENORDIC")
	require.ErrorIs(t, err, sandbox.ErrElsewhere)
	_, err = s.ReportLost(ctx, anna)
	require.NoError(t, err)
	r.stop()

	nordic := filepath.Join(r.folder, "nordic-bank")
	settings, err := bank.ReadSettings(nordic)
	require.NoError(t, err)
	to, err := bank.DialNotary(ctx, nordic, settings, nil, party.Environment{})
	require.NoError(t, err)
	_, err = to.Dial("../central-bank", party.Caller{}).Call(ctx, "position", nil)
	require.ErrorContains(t, err, "settings: central_bank: ../central-bank: give https://")
	require.NoError(t, to.Close())
	settings.Name = "SEFJORDB"
	_, err = bank.DialNotary(ctx, nordic, settings, nil, party.Environment{})
	require.ErrorContains(t, err, "client.crt: it is for SENORDIC, and one for SEFJORDB is needed")
	_, err = cafe.Terminal.Synchronise(ctx)
	require.ErrorIs(t, err, remote.ErrUnreachable)
	require.NoError(t, s.Close())
	alone, err := sandbox.Open(r.folder, sandbox.Options{})
	require.NoError(t, err)
	defer func() { require.NoError(t, alone.Close()) }()
	books, err := alone.Books(ctx, false)
	require.NoError(t, err)
	require.Empty(t, books.Violations)
}

// TestANetworkAtEveryAddress: its certificates name all of them, and the addresses that it prints
// can be called.
func TestANetworkAtEveryAddress(t *testing.T) {
	storetest.OnFirst(t)
	for _, listen := range []string{"0.0.0.0:0", "127.0.0.1:0"} {
		r := upWith(t, func(r *running) { r.listen = listen })
		s := r.people()
		anna, err := s.Person(t.Context(), "anna", "")
		require.NoError(t, err)
		_, err = anna.Phone.Load(t.Context(), tap(t, anna.Holder), 20*money.Krona)
		require.NoError(t, err, listen)
		require.NoError(t, s.Close())
		r.stop()
	}
}

// TestNothingIsFoundWhereNobodyCanListen: the address is tried before.
func TestNothingIsFoundWhereNobodyCanListen(t *testing.T) {
	storetest.OnFirst(t)
	taken, err := service.Listen(t.Context(), "127.0.0.1:0")
	require.NoError(t, err)
	defer taken.Close()
	for listen, want := range map[string]string{
		taken.Addr().String(): "choose another address",
		"192.0.2.1:7443":      "choose another address", // RFC 5737: nobody's
		"rubbish":             "give HOST:PORT",
		"127.0.0.1:65535":     "up to 65533",
	} {
		folder := filepath.Join(t.TempDir(), "box")
		err := Up(t.Context(), folder, Options{Listen: listen}, func(Network) error { return nil })
		require.ErrorContains(t, err, want, listen)
		require.NoDirExists(t, folder, listen)
	}
	require.NoError(t, CheckListen("127.0.0.1:65533"))
	for _, bad := range []string{"rubbish", "127.0.0.1:65534", "127.0.0.1:x", "a b:1"} {
		require.Error(t, CheckListen(bad), bad)
	}
}

// lines is a log whose lines a test waits for.
type lines chan string

func (l lines) Write(b []byte) (int, error) { l <- string(b); return len(b), nil }

// TestAHangupReadsCertificatesAnew: of every node, which goes on.
func TestAHangupReadsCertificatesAnew(t *testing.T) {
	storetest.OnFirst(t)
	said, hangup := make(lines, 1000), make(chan os.Signal)
	upWith(t, func(r *running) {
		r.hangup, r.log = hangup, slog.New(slog.NewTextHandler(said, nil))
	})
	hangup <- syscall.SIGHUP
	for nodes := map[string]bool{}; len(nodes) < 3; {
		line := <-said
		if _, node, found := strings.Cut(line, "were read anew"); found {
			nodes[node] = true
		}
	}
}

// TestANetworkIsFoundAgain: a network that was stopped goes on, with the same certificates, and a
// party whose clock has passed them gets others.
func TestANetworkIsFoundAgain(t *testing.T) {
	r := up(t)
	s, ctx := r.people(), t.Context()
	anna, err := s.Person(ctx, "anna", "")
	require.NoError(t, err)
	_, err = anna.Phone.Load(ctx, tap(t, anna.Holder), 20*money.Krona)
	require.NoError(t, err)
	require.NoError(t, s.Close())
	r.stop()
	require.NoError(t, sandbox.Forward(r.folder, leafDays))
	r.start()
	s = r.people()
	anna, err = s.Person(ctx, "anna", "")
	require.NoError(t, err)
	_, err = anna.Phone.Synchronise(ctx, tap(t, anna.Holder))
	require.NoError(t, err)
}

// backUpNordic copies a bank's database while it serves, and returns what stops the network and
// puts the copy in the place of the database.
func (r *running) backUpNordic() (restore func()) {
	r.t.Helper()
	ctx, folder := r.t.Context(), filepath.Join(r.folder, "nordic-bank")
	if storetest.Dialect() == store.PostgreSQL {
		back := storetest.CopyOf(r.t, r.databases[sandbox.Nordic])
		return func() { r.stop(); back() }
	}
	copied := filepath.Join(r.t.TempDir(), "copy.db")
	require.NoError(r.t, bank.BackUp(ctx, folder, copied))
	return func() {
		require.ErrorIs(r.t, bank.Restore(ctx, folder, copied, party.Environment{
			Pause: func(context.Context, time.Duration) error { return nil }}), lockfile.ErrTaken)
		r.stop()
		require.NoError(r.t, os.Remove(filepath.Join(folder, "intermediary.db")))
		require.NoError(r.t, bank.Restore(ctx, folder, copied, party.Environment{}))
	}
}

// TestARestoredIntermediaryGoesOn: a copy of its database, made while it served, takes the place of
// the database, which is lost; what came after the copy is learned from the notary and the cards.
func TestARestoredIntermediaryGoesOn(t *testing.T) {
	r := up(t)
	s, ctx := r.people(), t.Context()
	anna, err := s.Person(ctx, "anna", "")
	require.NoError(t, err)
	bertil, err := s.Person(ctx, "bertil", "")
	require.NoError(t, err)
	load := func(p *sandbox.Person, amount money.Ore) {
		t.Helper()
		_, err := p.Phone.Load(ctx, tap(t, p.Holder), amount)
		require.NoError(t, err)
	}
	load(anna, 50*money.Krona)
	restore := r.backUpNordic()
	load(anna, 30*money.Krona)
	load(bertil, 20*money.Krona)
	_, err = anna.Phone.Unload(ctx, tap(t, anna.Holder), 10*money.Krona)
	require.NoError(t, err)
	require.NoError(t, s.Close())
	restore()
	r.start()
	s = r.people()
	// The orders of the loads after the copy are forgotten; their customers pay all the same.
	for name, want := range map[string]money.Ore{"anna": 930 * money.Krona,
		"bertil": 480 * money.Krona} {
		p, err := s.Person(ctx, name, "")
		require.NoError(t, err)
		for range 2 {
			_, err = p.Phone.Synchronise(ctx, tap(t, p.Holder))
			require.NoError(t, err)
		}
		online, _, err := s.Wallets(ctx, p)
		require.NoError(t, err)
		require.Equal(t, want, online, name)
	}
	require.NoError(t, s.Close())
	r.stop()
	alone, err := sandbox.Open(r.folder, sandbox.Options{})
	require.NoError(t, err)
	defer func() { require.NoError(t, alone.Close()) }()
	books, err := alone.Books(ctx, true)
	require.NoError(t, err)
	require.Empty(t, books.Violations)
}
