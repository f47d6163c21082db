package main

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/apdu/message"
	"ekrona.example/apdu/money"
	"ekrona.example/host/clock"
	"ekrona.example/host/sandbox"
	"ekrona.example/host/store/storetest"
	"ekrona.example/host/wallet"
)

var (
	kills    = flag.Int("kills", 4, "processes that each test under load kills")
	killSeed = flag.Uint64("kill-seed", 1, "which processes, and after how many answers")
)

func tapOf(p *sandbox.Person) (wallet.Tap, error) {
	entered, err := p.Letter.Block()
	return wallet.Tap{Card: p.Card.Tap(), PIN: entered}, err
}

// TestTheOtherProcessTakesOver: of two processes on one database one decides; the other passes
// calls on, and takes over from one that stands still, which writes nothing when it comes back, and
// from one that was killed.
func TestTheOtherProcessTakesOver(t *testing.T) {
	t.Parallel() // it waits most of the time
	d := newDoubled(t, storetest.Server(t), nil)
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
		require.NoError(t, again(ctx, func() error {
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
	d.until(func() bool { return d.ready(other).Holder == d.all[other].url })
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
	requireBooks(t, d.folder)
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

// after returns when some more answers have come, or nobody works any longer.
func (a *acknowledged) after(more int64) {
	for until := a.count.Load() + more; a.count.Load() < until; {
		if _, working := <-a.wake; !working {
			return
		}
	}
}

// customer is a person at work, and what the person was told: each answer once.
type customer struct {
	*sandbox.Person
	name                   string
	loaded, spent, unloads money.Ore
	online                 money.Ore // at the start
}

// maxTries is how often a flow is given again before it is lost, patience what its owner waits for
// after each.
const (
	maxTries = 600
	patience = 100 * time.Millisecond
)

// again gives a flow again until it is done.
func again(ctx context.Context, do func() error) (err error) {
	for range maxTries {
		if err = do(); err == nil || clock.Pause(ctx, patience) != nil {
			return err
		}
	}
	return err
}

// TestProcessesAreKilledUnderLoad: processes are killed (SIGKILL) at random, and the links between
// people, banks and the central bank's processes are cut and come back, while people load, pay,
// synchronise and unload; each flow is given again until it is done. Everything that anybody was
// told is in the books, once.
func TestProcessesAreKilledUnderLoad(t *testing.T) {
	t.Parallel()
	relays, between := relayed(t)
	d := newDoubled(t, storetest.Server(t), between)
	w := &failureWorld{doubled: d, answers: acknowledged{wake: make(chan struct{}, 1)}}
	random := rand.New(rand.NewPCG(*killSeed, 0))
	names := []string{}
	for _, name := range doubledParties {
		names = append(names, name, name+"-2")
	}
	w.underLoad(func() {
		for range *kills {
			w.answers.after(1 + random.Int64N(10))
			victim := d.all[names[random.IntN(len(names))]]
			require.NoError(t, victim.signal(syscall.SIGKILL))
			require.NoError(t, victim.start())
			for range 2 {
				w.answers.after(random.Int64N(6))
				w.answers.cutUntilNoticed(relays[names[random.IntN(len(names))]])
			}
		}
	})
	w.judge()
	t.Logf("%d answers while %d processes were killed and twice as many links cut; the longest "+
		"time without one: %v", w.answers.count.Load(), *kills,
		w.answers.longest.Round(time.Millisecond))
}

// TestNodesOfTheDatabaseAreKilledUnderLoad: the same while the leader's PostgreSQL, the leader with
// its Patroni, and the synchronous standby are killed too, again and again.
func TestNodesOfTheDatabaseAreKilledUnderLoad(t *testing.T) {
	c := storetest.NewCluster(t)
	d := newDoubled(t, c.Database, nil)
	w := &failureWorld{doubled: d, answers: acknowledged{wake: make(chan struct{}, 1)}}
	random := rand.New(rand.NewPCG(*killSeed, 0))
	killed := map[string]int{}
	w.underLoad(func() {
		for n := range *kills {
			w.answers.after(1 + random.Int64N(20))
			leader, standby := c.In(storetest.Leader), c.In(storetest.Standby)
			switch n % 4 {
			case 0:
				c.KillPostmaster(leader)
				killed["leader's PostgreSQL"]++
			case 1:
				c.KillPatroni(leader)
				c.KillPostmaster(leader)
				killed["leader with Patroni"]++
			case 2:
				c.KillPostmaster(standby)
				killed["standby"]++
			case 3:
				name := doubledParties[random.IntN(len(doubledParties))]
				victim := d.all[name+[]string{"", "-2"}[random.IntN(2)]]
				require.NoError(t, victim.signal(syscall.SIGKILL))
				require.NoError(t, victim.start())
				killed["service"]++
			}
		}
	})
	w.judge()
	t.Logf("%d answers while %v were killed; the longest time without one: %v",
		w.answers.count.Load(), killed, w.answers.longest.Round(time.Millisecond))
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
	go func() { working.Wait(); close(w.answers.wake) }()
	do()
	w.stopping.Store(true)
	working.Wait()
}

// round is a load, two payments, a synchronisation of each side, and an unload.
func (w *failureWorld) round(ctx context.Context, c *customer) error {
	const load, price, unload = 5 * money.Krona, money.Krona, 2 * money.Krona
	flow := func(do func(tap wallet.Tap) error) error {
		return again(ctx, func() error {
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
	requireBooks(w.t, w.folder)
}
