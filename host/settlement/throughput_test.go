package settlement_test

import (
	"crypto/ecdsa"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/pprof"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ekrona.example/apdu/message"
	"ekrona.example/apdu/money"
	"ekrona.example/apdu/spec"
	"ekrona.example/host/ledger"
	"ekrona.example/host/notary"
	"ekrona.example/host/settlement"
	"ekrona.example/host/settlement/settlementtest"
	"ekrona.example/host/store"
	"ekrona.example/host/store/storetest"
)

// With scripts/bench these are large.
var (
	settled = flag.Int("settled", 80, "payments of each measurement of TestThroughput")
	callers = flag.Int("callers", 8, "terminals that hand over at the same time")
	wallets = flag.String("wallets", "100,300",
		"cards of others: the first number from the beginning, the others one after the other")
	open    = flag.String("open", "200", "payments of others that wait, one after the other")
	history = flag.String("history", "200", "settled payments of others, one after the other")
	profile = flag.String("profile", "",
		"beginning of files for profiles of this program's processor time while it settles, one "+
			"for each measurement")
)

// paidEach is the amount of each.
const paidEach = 10

// paymentsOfCard is how many payments each card makes in a measurement.
const paymentsOfCard = 40

// morning is a measurement: terminals hand over what cards paid them.
type morning struct {
	*settlementtest.World
	t         *testing.T
	terminals []*settlementtest.Device
	cards     []*settlementtest.Device
	made      []uint32 // records of each card
	taken     []uint32 // records of each terminal
}

func newMorning(t *testing.T) *morning {
	t.Helper()
	all, err := settlement.Schemas()
	require.NoError(t, err)
	m := &morning{World: settlementtest.NewWorldOn(t, nil, storetest.NewFile(t, all...)), t: t}
	t.Cleanup(m.Stop)
	require.NoError(t, m.Notary.Issue(t.Context(), "all", nordic, 4_000_000_000_000))
	for n := range *callers {
		m.terminals = append(m.terminals, m.Issue(fmt.Sprintf("T%07d", n), "FJORD",
			spec.RoleTerminal))
	}
	cards := max(*settled/paymentsOfCard, 1)
	for n := range cards { // among those of the others
		card := m.Issue(fmt.Sprintf("W%06dC", n*1_000_000/cards), "NORDIC", spec.RoleCard)
		_, refused := m.Sync(card, settlementtest.Whole, 200_00)
		require.NoError(t, refused)
		m.cards = append(m.cards, card)
	}
	m.made, m.taken = make([]uint32, len(m.cards)), make([]uint32, len(m.terminals))
	return m
}

// signed is an accept record with the keys that signed it.
type signed struct {
	payment      *message.Payment
	receipt      *message.Receipt
	payer, payee *ecdsa.PublicKey
}

// public returns the key of a device.
func public(t *testing.T, d *settlementtest.Device) *ecdsa.PublicKey {
	key, ok := d.StolenKey().Public().(*ecdsa.PublicKey)
	require.True(t, ok)
	return key
}

// records returns what each terminal hands over, and the same signatures.
func (m *morning) records() (parts [][][]byte, all []signed) {
	parts = make([][][]byte, len(m.terminals))
	for n := range *settled {
		c, s := n%len(m.cards), n%len(m.terminals)
		card, terminal := m.cards[c], m.terminals[s]
		m.made[c]++
		m.taken[s]++
		r := message.Request{Payee: terminal.ID, Number: m.taken[s], Amount: paidEach}
		require.NoError(m.t, message.Sign(&r, terminal.StolenKey()))
		p := &message.Payment{Payer: card.ID, ATC: m.made[c], Request: r}
		require.NoError(m.t, message.Sign(p, card.StolenKey()))
		identity, err := message.Identity(p)
		require.NoError(m.t, err)
		receipt := &message.Receipt{Payee: terminal.ID, ATC: m.taken[s], Payer: card.ID,
			Number: r.Number, Payment: identity}
		require.NoError(m.t, message.Sign(receipt, terminal.StolenKey()))
		raw, err := message.Record{Payment: p, Receipt: receipt}.Encode()
		require.NoError(m.t, err)
		parts[s] = append(parts[s], raw)
		all = append(all, signed{p, receipt, public(m.t, card), public(m.t, terminal)})
	}
	return parts, all
}

// verifyOnly verifies the signatures and does nothing else, on all cores.
func verifyOnly(t *testing.T, all []signed) time.Duration {
	began, cores := time.Now(), runtime.GOMAXPROCS(0)
	var working sync.WaitGroup
	wrong := make([]error, cores)
	for core := range cores {
		working.Go(func() {
			for i := core; i < len(all); i += cores {
				s := all[i]
				for _, one := range []struct {
					m   message.Message
					key *ecdsa.PublicKey
				}{{s.payment, s.payer}, {&s.payment.Request, s.payee}, {s.receipt, s.payee}} {
					if err := message.VerifyAs(one.m, 0, one.key); err != nil {
						wrong[core] = err
					}
				}
			}
		})
	}
	working.Wait()
	for _, err := range wrong {
		require.NoError(t, err)
	}
	return time.Since(began)
}

// handOver has all terminals hand over at once.
func (m *morning) handOver(parts [][][]byte) time.Duration {
	began := time.Now()
	var working sync.WaitGroup
	failed := make([]error, len(parts))
	for i, part := range parts {
		working.Go(func() {
			answers, err := notary.InParts(m.t.Context(), part, m.Notary.For(fjord).Submit)
			for _, a := range answers {
				if a.Err != nil || a.Payment == nil || a.Payment.Verdict != notary.Settled {
					err = fmt.Errorf("answer %+v: %w", a, a.Err)
				}
			}
			failed[i] = err
		})
	}
	working.Wait()
	for _, err := range failed {
		require.NoError(m.t, err)
	}
	return time.Since(began)
}

// processorTime returns the time that this program and the database's server have taken; that of
// the server is 0 where the system does not show it.
func (m *morning) processorTime() (own, server time.Duration) {
	var usage syscall.Rusage
	require.NoError(m.t, syscall.Getrusage(syscall.RUSAGE_SELF, &usage))
	own = time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
	if store.DialectOf(m.DB) == store.SQLite {
		return own, 0
	}
	backend, err := store.Number(m.t.Context(), m.DB, "SELECT pg_backend_pid()")
	require.NoError(m.t, err)
	parent := processStat(strconv.FormatInt(backend, 10))[1]
	all, err := filepath.Glob("/proc/[0-9]*/stat")
	require.NoError(m.t, err)
	for _, path := range all {
		pid := filepath.Base(filepath.Dir(path))
		stat := processStat(pid)
		if stat[1] != parent && pid != strconv.Itoa(parent) {
			continue
		}
		ticks := stat[11] + stat[12]
		if pid == strconv.Itoa(parent) {
			ticks += stat[13] + stat[14] // of children that have ended
		}
		server += time.Duration(ticks) * 10 * time.Millisecond
	}
	return own, server
}

// processStat returns the numbers of proc_pid_stat(5) after the name, from the state on.
func processStat(pid string) []int {
	numbers := make([]int, 15)
	raw, err := os.ReadFile("/proc/" + pid + "/stat")
	if err != nil {
		return numbers // it has ended, or the system has no such files
	}
	_, after, _ := strings.Cut(string(raw), ") ")
	for i, field := range strings.Fields(after) {
		if i < len(numbers) {
			numbers[i], _ = strconv.Atoi(field)
		}
	}
	return numbers
}

// measured is what one measurement gave.
type measured struct {
	rate   float64 // payments settled a second
	ratio  float64 // against verifying their signatures alone
	effort float64 // the same, by processor time here and in the server
}

// measure has everything handed over, and the same signatures verified alone before and after.
func (m *morning) measure(beside string) (got measured) {
	parts, all := m.records()
	runtime.GC()
	own0, _ := m.processorTime()
	before := verifyOnly(m.t, all)
	own1, server1 := m.processorTime()
	var took time.Duration
	profiled(m.t, beside, func() { took = m.handOver(parts) })
	own2, server2 := m.processorTime()
	after := verifyOnly(m.t, all)
	own3, _ := m.processorTime()
	verified := (before + after).Seconds() / 2
	alone := (own1 - own0 + own3 - own2) / 2
	got.rate = float64(len(all)) / took.Seconds()
	got.ratio = verified / took.Seconds()
	got.effort = alone.Seconds() / (own2 - own1 + server2 - server1).Seconds()
	each := func(all time.Duration) time.Duration { return all / time.Duration(*settled) }
	m.t.Logf("%s: %.0f payments a second settled, %.0f verified only: ratio %.2f; processor time "+
		"of a payment: %v verified only, %v here and %v in the server, ratio %.2f", beside,
		got.rate, float64(len(all))/verified, got.ratio, each(alone), each(own2-own1),
		each(server2-server1), got.effort)
	return got
}

// compare is measure, with what it is of another measurement.
func (m *morning) compare(beside string, first measured) {
	storetest.Dearest(m.t, 0)
	now := m.measure(beside)
	storetest.Dearest(m.t, 8)
	m.t.Logf("%s: of the first %.2f, by the ratios to verifying %.2f, by processor time %.2f",
		beside, now.rate/first.rate, now.ratio/first.ratio, now.effort/first.effort)
}

// profiled calls do with a profile of it, if one is wanted.
func profiled(t *testing.T, what string, do func()) {
	t.Helper()
	if *profile == "" {
		do()
		return
	}
	file, err := os.Create(fmt.Sprintf("%s.%d.%s", *profile, storetest.Dialect(),
		strings.ReplaceAll(what, " ", "-")))
	require.NoError(t, err)
	require.NoError(t, pprof.StartCPUProfile(file))
	do()
	pprof.StopCPUProfile()
	require.NoError(t, file.Close())
}

// numbers reads a list of numbers.
func numbers(t *testing.T, list string) (all []int64) {
	t.Helper()
	for _, one := range strings.FieldsFunc(list, func(r rune) bool { return r == ',' }) {
		n, err := strconv.ParseInt(one, 10, 64)
		require.NoError(t, err)
		all = append(all, n)
	}
	return all
}

// TestThroughput: terminals hand over at once, and everything is settled: with nothing else in the
// books but the cards of others, then with as many open payments of others as the flags say, as
// many final ones, and more cards.
func TestThroughput(t *testing.T) {
	defer settlement.OnlyTouched()()
	m := newMorning(t)
	others := &crowd{World: m.World, t: t, terminals: *callers}
	cards, peer := numbers(t, *wallets), newPeer(t)
	others.addWallets(cards[0])
	m.measure("the first, on an empty ledger")
	others.analyze() // what was planned for empty tables is planned anew
	alone := m.measure("alone")
	parts, _ := m.records()
	storetest.Dearest(t, 0)
	before := storetest.Measure(t)
	m.handOver(parts)
	storetest.Measure(t).Since(before).Report(t, int64(*settled), "payment")
	storetest.Dearest(t, 20)
	if peer != nil {
		for _, n := range []int{*callers, 20, 64} {
			rate := peer.rate(t, n, 5*time.Second)
			t.Logf("pgledger, %d callers: %.0f transfers a second: %.1f times as many settled", n,
				rate, alone.rate/rate)
		}
	}
	for _, n := range numbers(t, *open) {
		others.addPayments(n, false)
		m.compare(fmt.Sprint(n, " more open"), alone)
	}
	for _, n := range numbers(t, *history) {
		others.addPayments(n, true)
		m.compare(fmt.Sprint(n, " more final"), alone)
	}
	for _, n := range cards[1:] {
		others.addWallets(n)
		m.compare(fmt.Sprint(n, " wallets"), alone)
	}
	for i, a := range m.terminals {
		var collected money.Ore
		require.NoError(t, store.Must(t.Context(), m.DB, store.Into{&collected},
			`SELECT collected - (SELECT coalesce(sum(from_shadow), 0) FROM payment WHERE payee = $1
			AND request >= $2) FROM device WHERE id = $3`, a.ID, crowdFirst, a.ID))
		require.Equal(t, money.Ore(m.taken[i])*paidEach, collected)
	}
	require.NoError(t, ledger.Verify(t.Context(), m.DB))
}
