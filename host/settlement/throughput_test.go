package settlement_test

import (
	"crypto/ecdsa"
	"crypto/sha256"
	"database/sql"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
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
)

// With scripts/bench these are large.
var (
	settled = flag.Int("settled", 80, "payments of each measurement of TestThroughput")
	callers = flag.Int("callers", 8, "terminals that hand over at the same time")
	others  = flag.Int("others", 200, "payments beside them: open ones, then final ones")
)

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
	fakes     int64    // rows of others
}

func newMorning(t *testing.T) *morning {
	m := &morning{World: settlementtest.NewWorld(t), t: t}
	require.NoError(t, m.Notary.Issue(t.Context(), "all", nordic, 1_000_000_00))
	for n := range *callers {
		m.terminals = append(m.terminals, m.Issue(fmt.Sprintf("T%07d", n), "FJORD",
			spec.RoleTerminal))
	}
	for n := range max(*settled/paymentsOfCard, 1) {
		card := m.Issue(fmt.Sprintf("C%07d", n), "NORDIC", spec.RoleCard)
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
		r := message.Request{Payee: terminal.ID, Number: m.taken[s], Amount: 1_00}
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

// measure returns how many payments a second are settled, and how many signatures of three are
// verified.
func (m *morning) measure(beside string) (rate float64) {
	parts, all := m.records()
	own0, _ := m.processorTime()
	before := verifyOnly(m.t, all)
	own1, server1 := m.processorTime()
	took := m.handOver(parts)
	own2, server2 := m.processorTime()
	verified := (before + verifyOnly(m.t, all)) / 2
	rate = float64(len(all)) / took.Seconds()
	each := func(all time.Duration) time.Duration { return all / time.Duration(*settled) }
	m.t.Logf("%s: %.0f payments a second settled, %.0f verified only: ratio %.2f; processor time "+
		"of a payment: %v verified only, %v here and %v in the server, ratio %.2f", beside, rate,
		float64(len(all))/verified.Seconds(), verified.Seconds()/took.Seconds(), each(own1-own0),
		each(own2-own1), each(server2-server1),
		(own1-own0).Seconds()/(own2-own1+server2-server1).Seconds())
	return rate
}

// addOthers adds payments of cards that nobody registered, to the same terminals: their history, or
// what waits.
func (m *morning) addOthers(verdict notary.Verdict) {
	d := store.DialectOf(m.DB)
	for left := *others; left > 0; left -= 10_000 {
		require.NoError(m.t, store.InTx(m.t.Context(), m.DB, func(tx *sql.Tx) error {
			return m.addSome(tx, d, min(left, 10_000), verdict)
		}))
	}
	if d == store.PostgreSQL {
		require.NoError(m.t, store.Exec(m.t.Context(), m.DB, "ANALYZE"))
	}
}

func (m *morning) addSome(tx *sql.Tx, d store.Dialect, n int, verdict notary.Verdict) error {
	text, number, raw := store.Text, store.BigInt, store.Bytes
	payments := store.Set{Columns: []store.Field{{Name: "n", Type: number},
		{Name: "identity", Type: raw}, {Name: "bytes", Type: raw}, {Name: "payer", Type: text},
		{Name: "atc", Type: number}, {Name: "payee", Type: text}, {Name: "request", Type: number},
		{Name: "amount", Type: number}, {Name: "requested", Type: store.Boolean},
		{Name: "signature", Type: number}, {Name: "verdict", Type: number},
		{Name: "seen_at", Type: text}, {Name: "final_at", Type: text}}}
	answers := store.Set{Columns: []store.Field{{Name: "identity", Type: raw},
		{Name: "bytes", Type: raw}, {Name: "payee", Type: text}, {Name: "seq", Type: number},
		{Name: "request", Type: number}, {Name: "payment", Type: raw},
		{Name: "seen_at", Type: text}}}
	decisions := store.Set{Columns: []store.Field{{Name: "payee", Type: text},
		{Name: "request", Type: number}, {Name: "payment", Type: raw}, {Name: "answer", Type: raw},
		{Name: "at", Type: text}}}
	statement := store.Set{Columns: []store.Field{{Name: "intermediary", Type: text},
		{Name: "kind", Type: number}, {Name: "device", Type: text}, {Name: "owner", Type: text},
		{Name: "online", Type: number}, {Name: "shadow", Type: number}, {Name: "payer", Type: text},
		{Name: "atc", Type: number}, {Name: "payee", Type: text}, {Name: "order_key", Type: text},
		{Name: "instr", Type: number}, {Name: "at", Type: text}}}
	last, err := store.Number(m.t.Context(), tx, "SELECT max(n) FROM payment")
	require.NoError(m.t, err)
	body := make([]byte, 250)
	var final any
	if verdict == notary.Settled {
		final = "2026"
	}
	for i := range int64(n) {
		m.fakes++
		payment := sha256.Sum256(fmt.Append(nil, "payment", m.fakes))
		receipt := sha256.Sum256(fmt.Append(nil, "receipt", m.fakes))
		payer, payee := fmt.Sprintf("SEOTHER0%08d", m.fakes), string(m.terminals[i%int64(
			len(m.terminals))].ID)
		payments.Add(last+1+i, payment[:], body, payer, int64(1), payee, -m.fakes, int64(1), true,
			int64(0), int64(verdict), "2026", final)
		answers.Add(receipt[:], body, payee, -m.fakes, -m.fakes, payment[:], "2026")
		decisions.Add(payee, -m.fakes, payment[:], receipt[:], "2026")
		if final != nil {
			statement.Add(fjord, int64(notary.Collected), payee, "", int64(1), int64(0), payer,
				int64(1), payee, "", int64(0), "2026")
		}
	}
	for _, step := range []struct {
		set   *store.Set
		table string
	}{{&payments, "payment"}, {&answers, "payee_answer"}, {&decisions, "payee_decision"},
		{&statement, "statement"}} {
		if err := step.set.Insert(m.t.Context(), tx, d, step.table); err != nil {
			return err
		}
	}
	return nil
}

// TestThroughput: terminals hand over at once, and everything is settled: with nothing else in the
// books, with as many open payments of others as the flag says, and with as many final ones.
func TestThroughput(t *testing.T) {
	defer settlement.OnlyTouched()()
	m := newMorning(t)
	m.measure("the first, on an empty ledger")
	alone := m.measure("alone")
	m.addOthers(notary.Waiting)
	open := m.measure(fmt.Sprint(*others, " open"))
	m.addOthers(notary.Settled)
	history := m.measure(fmt.Sprint(*others, " open, ", *others, " final"))
	t.Logf("with what is open %.2f, with history %.2f of the rate alone", open/alone,
		history/alone)
	for _, a := range m.terminals {
		var collected money.Ore
		require.NoError(t, store.Must(t.Context(), m.DB, store.Into{&collected},
			"SELECT collected FROM device WHERE id = $1", a.ID))
		require.Equal(t, money.Ore(4*(*settled / *callers)*1_00), collected)
	}
	require.NoError(t, ledger.Verify(t.Context(), m.DB))
}
