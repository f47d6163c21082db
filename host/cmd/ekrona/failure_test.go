package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/apdu/message"
	"ekrona.example/apdu/money"
	"ekrona.example/host/network"
	"ekrona.example/host/party"
	"ekrona.example/host/party/bank"
	"ekrona.example/host/party/centralbank"
	"ekrona.example/host/sandbox"
	"ekrona.example/host/store/storetest"
	"ekrona.example/host/wallet"
	"ekrona.example/personalization/batch/batchtest"
	"ekrona.example/personalization/pki"
	"ekrona.example/personalization/pki/transport"
)

var (
	kills    = flag.Int("kills", 5, "processes that TestProcessesAreKilledUnderLoad kills")
	killSeed = flag.Uint64("kill-seed", 1, "which processes, and after how many answers")
)

// process is one process of a party, in a folder and at an address of its own.
type process struct {
	t         *testing.T
	name      string
	arguments []string
	url       string

	mu  sync.Mutex
	run *exec.Cmd
}

// start starts the process and waits until it answers.
func (p *process) start() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	program, err := os.Executable()
	if err != nil {
		return err
	}
	p.run = exec.CommandContext(context.WithoutCancel(p.t.Context()), program, p.arguments...)
	p.run.Env = append(os.Environ(), killAt+"=0", countSteps+"="+os.DevNull)
	var said bytes.Buffer
	p.run.Stderr = &said
	out, err := p.run.StdoutPipe()
	if err != nil {
		return err
	}
	if err := p.run.Start(); err != nil {
		return err
	}
	if _, err := bufio.NewReader(out).ReadString('\n'); err != nil {
		return fmt.Errorf("%s: %w: %w: %s", p.name, err, p.run.Wait(), said.String())
	}
	return nil
}

// signal sends a signal, and waits for the end where it ends the process.
func (p *process) signal(s syscall.Signal) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.run.Process.Signal(s); err != nil {
		return err
	}
	switch s {
	case syscall.SIGKILL:
		_ = p.run.Wait() // "signal: killed"
	case syscall.SIGTERM:
		return p.run.Wait()
	default:
	}
	return nil
}

// doubled are a central bank and two banks, each as two processes on one database.
type doubled struct {
	t      *testing.T
	folder string
	all    map[string]*process // "central-bank", "central-bank-2", ...
	http   *http.Client
}

var doubledParties = []string{"central-bank", "nordic-bank", "fjord-bank"}

// leaseTime is as short as a busy machine allows.
const leaseTime = 2 * time.Second

func newDoubled(t *testing.T, database func(name string) string) *doubled {
	t.Helper()
	d := &doubled{t: t, folder: filepath.Join(t.TempDir(), "box"), all: map[string]*process{}}
	hosts, err := network.HostsOf("127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, network.Found(t.Context(), d.folder, hosts, network.Options{
		Databases: map[message.Name]string{"": database("central"),
			sandbox.Nordic: database("nordic"), sandbox.Fjord: database("fjord")}}))
	shown, err := transport.Open(t.Context(), pki.Open(filepath.Join(d.folder, "tls"), nil),
		network.Operator, time.Now)
	require.NoError(t, err)
	d.http = &http.Client{Transport: &http.Transport{TLSClientConfig: shown.Client()}}
	t.Cleanup(func() { d.http.CloseIdleConnections(); require.NoError(t, shown.Close()) })
	for _, name := range doubledParties {
		path, second := filepath.Join(d.folder, name), filepath.Join(t.TempDir(), name)
		d.shorten(path)
		batchtest.Bureau{Folder: path}.Copy(t, second)
		kind := "intermediary"
		if name == doubledParties[0] {
			kind = "centralbank"
		}
		for each, folder := range map[string]string{name: path, name + "-2": second} {
			address := freeAddress(t)
			p := &process{t: t, name: each, url: "https://" + address,
				arguments: []string{kind, "serve", folder, "--listen", address}}
			if kind == "intermediary" {
				p.arguments = append(p.arguments, "--central-bank", d.urls(doubledParties[0]))
			}
			d.all[each] = p
			require.NoError(t, p.start())
			t.Cleanup(func() {
				if p.run.ProcessState == nil {
					require.NoError(t, p.signal(syscall.SIGKILL))
				}
			})
		}
	}
	return d
}

// shorten gives a party a short lease.
func (d *doubled) shorten(path string) {
	d.t.Helper()
	kind, err := party.KindOf(path)
	require.NoError(d.t, err)
	if kind == party.CentralBank {
		s := centralbank.Settings{}
		err = party.Configure(d.t.Context(), path, kind, &s, func() { s.Service.Lease = leaseTime },
			party.Environment{})
	} else {
		s := bank.Settings{}
		err = party.Configure(d.t.Context(), path, kind, &s, func() { s.Service.Lease = leaseTime },
			party.Environment{})
	}
	require.NoError(d.t, err)
}

// freeAddress returns an address on loopback at which nobody listens.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	return l.Addr().String()
}

// urls are the addresses of a party's processes, as its callers take them.
func (d *doubled) urls(name string) string { return d.all[name].url + "," + d.all[name+"-2"].url }

// people opens the phones, terminals and cards, which call both processes of their banks.
func (d *doubled) people() *sandbox.Sandbox {
	d.t.Helper()
	s, err := sandbox.Open(d.folder, sandbox.Options{Banks: map[message.Name]string{
		sandbox.Nordic: d.urls("nordic-bank"), sandbox.Fjord: d.urls("fjord-bank")}})
	require.NoError(d.t, err)
	return s
}

// readiness is what a process says of itself.
type readiness struct {
	Status  string `json:"status"`
	Decides bool   `json:"decides"`
	Holder  string `json:"holder"`
}

func (d *doubled) ready(name string) (r readiness) {
	d.t.Helper()
	request, err := http.NewRequestWithContext(d.t.Context(), http.MethodGet,
		d.all[name].url+"/readyz", nil)
	require.NoError(d.t, err)
	response, err := d.http.Do(request)
	require.NoError(d.t, err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	require.NoError(d.t, err)
	require.NoError(d.t, json.Unmarshal(body, &r), "%s", body)
	return r
}

// holder returns the names of the processes of a party that decides, and does not, once both say
// the same.
func (d *doubled) holder(name string) (holds, waits string) {
	d.t.Helper()
	for {
		first, second := d.ready(name), d.ready(name+"-2")
		switch {
		case first.Holder == "" || first.Holder != second.Holder:
		case first.Decides && !second.Decides:
			require.Equal(d.t, d.all[name].url, second.Holder)
			return name, name + "-2"
		case second.Decides && !first.Decides:
			require.Equal(d.t, d.all[name+"-2"].url, first.Holder)
			return name + "-2", name
		}
	}
}

// stop ends every process gracefully.
func (d *doubled) stop() {
	d.t.Helper()
	for _, name := range []string{"fjord-bank", "nordic-bank", "central-bank"} {
		require.NoError(d.t, d.all[name].signal(syscall.SIGTERM))
		require.NoError(d.t, d.all[name+"-2"].signal(syscall.SIGTERM))
	}
}

// books requires that every invariant holds, and that all wallets agree.
func (d *doubled) books() {
	d.t.Helper()
	s, err := sandbox.Open(d.folder, sandbox.Options{})
	require.NoError(d.t, err)
	books, err := s.Books(d.t.Context(), true)
	require.NoError(d.t, err)
	require.Empty(d.t, books.Violations)
	require.NoError(d.t, s.Close())
}

func tapOf(p *sandbox.Person) (wallet.Tap, error) {
	entered, err := p.Letter.Block()
	return wallet.Tap{Card: p.Card.Tap(), PIN: entered}, err
}

// TestTheOtherProcessTakesOver: of two processes on one database one decides; the other passes
// calls on, and takes over from one that stands still, which writes nothing when it comes back, and
// from one that was killed.
func TestTheOtherProcessTakesOver(t *testing.T) {
	d := newDoubled(t, storetest.Server(t))
	ctx := t.Context()
	_, waits := d.holder("nordic-bank")
	central, other := d.holder("central-bank")
	loaded := money.Ore(0)
	load := func(banks string, amount money.Ore) {
		t.Helper()
		s, err := sandbox.Open(d.folder, sandbox.Options{Banks: map[message.Name]string{
			"": banks}})
		require.NoError(t, err)
		anna, err := s.Person(ctx, "anna", "")
		require.NoError(t, err)
		require.NoError(t, again(func() error {
			tap, err := tapOf(anna)
			if err != nil {
				return err
			}
			_, err = anna.Phone.Load(ctx, tap, amount)
			return err
		}))
		_, shadow, err := s.Wallets(ctx, anna)
		require.NoError(t, err)
		loaded += amount
		require.Equal(t, loaded, shadow)
		require.NoError(t, s.Close())
	}
	load(d.all[waits].url, 10*money.Krona) // passed on

	require.NoError(t, d.all[central].signal(syscall.SIGSTOP))
	for d.ready(other).Holder != d.all[other].url {
	}
	load(d.all[waits].url, 20*money.Krona) // the bank calls one that does not answer, or the other
	require.NoError(t, d.all[central].signal(syscall.SIGCONT))
	holds, _ := d.holder("central-bank")
	require.Equal(t, other, holds, "who comes back has lost the lease")

	holds, waits = d.holder("nordic-bank")
	require.NoError(t, d.all[holds].signal(syscall.SIGKILL))
	load(d.urls("nordic-bank"), 30*money.Krona)
	require.True(t, d.ready(waits).Decides)
	require.NoError(t, d.all[holds].start())
	back, _ := d.holder("nordic-bank")
	require.Equal(t, waits, back)
	load(d.all[holds].url, 40*money.Krona)
	d.stop()
	d.books()
}

// acknowledged is what clients were told, as it came.
type acknowledged struct {
	count   atomic.Int64
	wake    chan struct{}
	mu      sync.Mutex
	last    time.Time
	longest time.Duration // without an answer
}

func (a *acknowledged) one() {
	a.mu.Lock()
	now := time.Now()
	if !a.last.IsZero() {
		a.longest = max(a.longest, now.Sub(a.last))
	}
	a.last = now
	a.mu.Unlock()
	a.count.Add(1)
	select {
	case a.wake <- struct{}{}:
	default:
	}
}

// after returns when some more answers have come.
func (a *acknowledged) after(more int64) {
	for until := a.count.Load() + more; a.count.Load() < until; {
		<-a.wake
	}
}

// customer is a person at work, and what the person was told: each answer once.
type customer struct {
	*sandbox.Person
	name                   string
	loaded, spent, unloads money.Ore
	online                 money.Ore // at the start
}

// maxTries is how often a flow is given again before it is lost.
const maxTries = 100

// again gives a flow again until it is done.
func again(do func() error) (err error) {
	for range maxTries {
		if err = do(); err == nil {
			return nil
		}
	}
	return err
}

// TestProcessesAreKilledUnderLoad: processes are killed (SIGKILL) at random while people load, pay,
// synchronise and unload; each flow is given again until it is done. Everything that anybody was
// told is in the books, once.
func TestProcessesAreKilledUnderLoad(t *testing.T) {
	d := newDoubled(t, storetest.Server(t))
	w := &failureWorld{doubled: d, answers: acknowledged{wake: make(chan struct{}, 1)}}
	random := rand.New(rand.NewPCG(*killSeed, 0))
	w.underLoad(func() {
		names := []string{}
		for _, name := range doubledParties {
			names = append(names, name, name+"-2")
		}
		for range *kills {
			w.answers.after(1 + random.Int64N(20))
			victim := d.all[names[random.IntN(len(names))]]
			require.NoError(t, victim.signal(syscall.SIGKILL))
			require.NoError(t, victim.start())
		}
	})
	w.judge()
	t.Logf("%d answers while %d processes were killed; the longest time without one: %v",
		w.answers.count.Load(), *kills, w.answers.longest.Round(time.Millisecond))
}

// failureWorld is people at work while processes are killed.
type failureWorld struct {
	*doubled
	answers   acknowledged
	sandbox   *sandbox.Sandbox
	customers []*customer
	cafe      *sandbox.Merchant
	serving   sync.Mutex // the terminal serves one after the other
	sold      money.Ore
	stopping  atomic.Bool
}

// underLoad has everybody work until do has ended.
func (w *failureWorld) underLoad(do func()) {
	w.t.Helper()
	ctx := w.t.Context()
	w.sandbox = w.people()
	for _, name := range []string{"anna", "bertil", "cecilia"} {
		p, err := w.sandbox.Person(ctx, name, "")
		require.NoError(w.t, err)
		online, _, err := w.sandbox.Wallets(ctx, p)
		require.NoError(w.t, err)
		w.customers = append(w.customers, &customer{Person: p, name: name, online: online})
	}
	var err error
	w.cafe, err = w.sandbox.Merchant(ctx, "cafe")
	require.NoError(w.t, err)
	var working sync.WaitGroup
	for _, c := range w.customers {
		working.Go(func() {
			for !w.stopping.Load() {
				if !assert.NoError(w.t, w.round(ctx, c), c.name) {
					w.stopping.Store(true)
				}
			}
		})
	}
	do()
	w.stopping.Store(true)
	working.Wait()
}

// round is a load, two payments, a synchronisation of each side, and an unload.
func (w *failureWorld) round(ctx context.Context, c *customer) error {
	const load, price, unload = 5 * money.Krona, money.Krona, 2 * money.Krona
	flow := func(do func(tap wallet.Tap) error) error {
		return again(func() error {
			tap, err := tapOf(c.Person)
			if err != nil {
				return err
			}
			if err := do(tap); err != nil {
				return err
			}
			w.answers.one()
			return nil
		})
	}
	if err := flow(func(tap wallet.Tap) error {
		_, err := c.Phone.Load(ctx, tap, load)
		return err
	}); err != nil {
		return fmt.Errorf("load: %w", err)
	}
	c.loaded += load
	for range 2 {
		if err := flow(func(tap wallet.Tap) error { return w.sell(ctx, tap, price) }); err != nil {
			return fmt.Errorf("payment: %w", err)
		}
		c.spent += price
	}
	if err := flow(func(wallet.Tap) error {
		w.serving.Lock()
		defer w.serving.Unlock()
		_, err := w.cafe.Terminal.Synchronise(ctx)
		return err
	}); err != nil {
		return fmt.Errorf("synchronisation of the terminal: %w", err)
	}
	if err := flow(func(tap wallet.Tap) error {
		_, err := c.Phone.Synchronise(ctx, tap)
		return err
	}); err != nil {
		return fmt.Errorf("synchronisation of the card: %w", err)
	}
	if err := flow(func(tap wallet.Tap) error {
		_, err := c.Phone.Unload(ctx, tap, unload)
		return err
	}); err != nil {
		return fmt.Errorf("unload: %w", err)
	}
	c.unloads += unload
	return nil
}

func (w *failureWorld) sell(ctx context.Context, tap wallet.Tap, price money.Ore) error {
	w.serving.Lock()
	defer w.serving.Unlock()
	sale, err := w.cafe.Terminal.Ask(ctx, price)
	if err != nil {
		return err
	}
	if _, err = w.cafe.Terminal.Take(ctx, sale.Number, tap.Card, tap.PIN); err == nil {
		w.sold += price
	}
	return err
}

// judge synchronises everybody and compares with what they were told.
func (w *failureWorld) judge() {
	w.t.Helper()
	ctx := w.t.Context()
	for range 3 {
		_, err := w.cafe.Terminal.Synchronise(ctx)
		require.NoError(w.t, err)
		for _, c := range w.customers {
			tap, err := tapOf(c.Person)
			require.NoError(w.t, err)
			_, err = c.Phone.Synchronise(ctx, tap)
			require.NoError(w.t, err)
		}
	}
	for _, c := range w.customers {
		tap, err := tapOf(c.Person)
		require.NoError(w.t, err)
		holdings, err := c.Phone.Holdings(ctx, tap)
		require.NoError(w.t, err)
		online, shadow, err := w.sandbox.Wallets(ctx, c.Person)
		require.NoError(w.t, err)
		assert.Equal(w.t, c.online-c.loaded+c.unloads, online, "%s, online", c.name)
		assert.Equal(w.t, c.loaded-c.spent-c.unloads, shadow, "%s, shadow", c.name)
		assert.Equal(w.t, shadow, holdings.Balance, "%s, on the card", c.name)
	}
	require.NoError(w.t, w.sandbox.Close())
	w.stop()
	w.books()
}
