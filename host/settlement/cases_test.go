package settlement_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ekrona.example/apdu/message"
	"ekrona.example/apdu/money"
	"ekrona.example/apdu/spec"
	"ekrona.example/host/notary"
	"ekrona.example/host/settlement/settlementtest"
	"ekrona.example/host/store/storetest"
)

// namedCase is a case of testdata/cases.txt.
type namedCase struct {
	title string
	lines [][]string
}

// readCases reads testdata/cases.txt, whose head explains its lines.
func readCases(t *testing.T) (all []namedCase) {
	file, err := os.Open("testdata/cases.txt")
	require.NoError(t, err)
	defer file.Close()
	for scanner := bufio.NewScanner(file); scanner.Scan(); {
		fields := strings.Fields(scanner.Text())
		switch {
		case len(fields) == 0 || strings.HasPrefix(fields[0], "#"):
		case fields[0] == "case":
			all = append(all, namedCase{title: strings.Join(fields[1:], " ")})
		default:
			last := &all[len(all)-1]
			last.lines = append(last.lines, fields)
		}
	}
	require.Greater(t, len(all), 10)
	return all
}

// TestCases runs testdata/cases.txt.
func TestCases(t *testing.T) {
	for _, c := range readCases(t) {
		t.Run(c.title, func(t *testing.T) { newCaseRunner(t).run(c.lines) })
		t.Run(c.title+", through the wire", func(t *testing.T) {
			storetest.OnFirst(t)
			s := newCaseRunner(t)
			s.wired = true
			s.Notary = settlementtest.ThroughWire(s.Notary)
			s.run(c.lines)
		})
	}
}

// caseRunner is a running case: the world and the messages that it has named.
type caseRunner struct {
	*settlementtest.World
	t        *testing.T
	wired    bool
	payments map[string]*message.Payment // by PAYER/atc
	receipts map[string]*message.Receipt // of that Payment
	orders   int
}

func newCaseRunner(t *testing.T) *caseRunner {
	return &caseRunner{World: settlementtest.NewWorld(t), t: t,
		payments: map[string]*message.Payment{}, receipts: map[string]*message.Receipt{}}
}

func (s *caseRunner) run(lines [][]string) {
	roles := map[string]spec.Role{"card": spec.RoleCard, "sam": spec.RoleSAM,
		"terminal": spec.RoleTerminal, "desk": spec.RoleDesk}
	for _, line := range lines {
		verb, args := line[0], line[1:]
		if role, isDevice := roles[verb]; isDevice {
			s.Issue(args[0], args[1], role)
			s.Audit(false)
			continue
		}
		do := map[string]func([]string){"issue": s.issue, "pool": s.pool, "load": s.load,
			"pay": s.pay, "give": s.give, "accept": s.accept,
			"refuse": s.refuse, "unload": s.unload, "hand": s.handOver, "sync": s.sync,
			"lost": s.lost, "days": s.days, "due": s.due,
			"verdict": s.verdict, "books": s.books, "holds": s.holds, "copy": s.copy,
			"status": s.status, "statement": s.entries, "again": s.resubmit,
			"refund": s.refund, "ahead": s.ahead, "lent": s.lent}[verb]
		require.NotNil(s.t, do, "unknown line %q", strings.Join(line, " "))
		do(args)
		s.Audit(false)
	}
	s.resubmit(nil)
	s.Audit(false)
}

func (s *caseRunner) amount(text string) money.Ore {
	a, err := money.Parse(text)
	require.NoError(s.t, err)
	require.NoError(s.t, message.CheckAmount(a))
	return a
}

func (s *caseRunner) device(name string) *settlementtest.Device {
	require.Contains(s.t, s.Devices, name)
	return s.Devices[name]
}

func (s *caseRunner) issue(args []string) {
	s.orders++
	require.NoError(s.t, s.Notary.Issue(context.Background(), notary.OrderKey(fmt.Sprint(s.orders)),
		s.Intermediaries[args[0]].Name, s.amount(args[1])))
}

func (s *caseRunner) pool(args []string) {
	s.orders++
	require.NoError(s.t,
		s.Notary.FundPool(context.Background(), notary.OrderKey(fmt.Sprint(s.orders)),
			s.amount(args[0])))
}

// ahead starts the notary again with terms by which the pool pays ahead.
func (s *caseRunner) ahead(args []string) {
	s.Terms.PoolAhead = notary.PoolAhead{Cap: s.amount(args[0])}
	if len(args) > 1 {
		s.Terms.PoolAhead.EachCard = s.amount(args[1])
	}
	if s.Again(); s.wired {
		s.Notary = settlementtest.ThroughWire(s.Notary)
	}
}

func (s *caseRunner) lent(args []string) {
	b, err := notary.AllBalances(context.Background(), s.Notary)
	require.NoError(s.t, err)
	want := money.Ore(0)
	if args[0] != "0" {
		want = s.amount(args[0])
	}
	require.Equal(s.t, want, b.Lent)
}

func (s *caseRunner) load(args []string) {
	report, refused := s.Sync(s.device(args[0]), s.until(args[2:]), s.amount(args[1]))
	require.NoError(s.t, refused)
	require.Zero(s.t, report.Difference)
}

func (s *caseRunner) give(args []string) {
	payer, payee := s.device(args[0]), s.device(args[1])
	var named message.DeviceID
	if payee.Role == spec.RoleDesk {
		named = payer.ID
	}
	request, err := payee.Request(s.amount(args[2]), named)
	require.NoError(s.t, err)
	p, err := payer.Pay(request, payee.Role == spec.RoleDesk)
	require.NoError(s.t, err)
	s.payments[fmt.Sprintf("%s/%d", args[0], p.ATC)] = p
}

func (s *caseRunner) pay(args []string) {
	s.give(args)
	s.accept([]string{args[1], fmt.Sprintf("%s/%d", args[0], s.device(args[0]).ATC)})
}

func (s *caseRunner) accept(args []string) {
	receipt, err := s.device(args[0]).Accept(s.payments[args[1]])
	require.NoError(s.t, err)
	s.receipts[args[1]] = receipt
}

func (s *caseRunner) refuse(args []string) {
	_, err := s.device(args[0]).Refuse(s.payments[args[1]].Request.Number)
	require.NoError(s.t, err)
}

// unload: synchronise, pay the desk, hand its acceptance over.
func (s *caseRunner) unload(args []string) {
	s.sync(args[:1])
	s.pay(args)
	s.handOver([]string{fmt.Sprintf("%s/%d", args[0], s.device(args[0]).ATC)})
}

// handOver has the payer's phone hand over a Payment, and the Receipt when it has one.
func (s *caseRunner) handOver(args []string) {
	items := [][]byte{s.Encode(s.payments[args[0]])}
	if receipt := s.receipts[args[0]]; receipt != nil {
		items = append(items, s.Encode(receipt))
	}
	s.Submit(items...)
}

// until returns the last step of a synchronisation: a name, or none for the whole.
func (s *caseRunner) until(args []string) settlementtest.Step {
	if len(args) == 0 {
		return settlementtest.Whole
	}
	steps := map[string]settlementtest.Step{"handover": settlementtest.HandOver,
		"records": settlementtest.Records, "state": settlementtest.State,
		"cosigned": settlementtest.CoSigned, "applied": settlementtest.Applied}
	require.Contains(s.t, steps, args[0])
	return steps[args[0]]
}

func (s *caseRunner) sync(args []string) {
	until := s.until(args[1:])
	report, _ := s.Sync(s.device(args[0]), until, 0)
	if until >= settlementtest.State && !report.Cloned {
		require.True(s.t, report.Complete)
		require.Zero(s.t, report.Difference, args[0])
	}
}

func (s *caseRunner) lost(args []string) {
	d := s.device(args[0])
	require.NoError(s.t, s.Notary.For(d.ID.Name()).ReportLost(context.Background(), d.ID))
}

func (s *caseRunner) days(args []string) {
	n, err := strconv.Atoi(args[0])
	require.NoError(s.t, err)
	s.Clock.At = s.Clock.At.Add(time.Duration(n) * 24 * time.Hour)
}

func (s *caseRunner) due(args []string) {
	ended, err := s.Notary.EndDue(context.Background())
	require.NoError(s.t, err)
	want := []message.DeviceID{}
	for _, name := range args {
		want = append(want, s.device(name).ID)
	}
	require.ElementsMatch(s.t, want, idsOf(ended))
}

func idsOf(ended []notary.EndedDevice) []message.DeviceID {
	ids := []message.DeviceID{}
	for _, d := range ended {
		ids = append(ids, d.Device)
	}
	return ids
}

func (s *caseRunner) verdict(args []string) {
	name, atc, _ := strings.Cut(args[0], "/")
	n, err := strconv.Atoi(atc)
	require.NoError(s.t, err)
	got, err := s.Notary.Payment(context.Background(), s.device(name).ID, uint32(n))
	require.NoError(s.t, err)
	require.Equal(s.t, args[1], got.Verdict.String(), args[0])
}

// refund orders twice, under a new key; the second time gets the same answer.
func (s *caseRunner) refund(args []string) {
	terminal := s.device(args[0])
	name, atc, _ := strings.Cut(args[1], "/")
	n, err := strconv.Atoi(atc)
	require.NoError(s.t, err)
	s.orders++
	r := notary.Refund{Order: notary.OrderKey(fmt.Sprint(s.orders)), Payee: terminal.ID,
		Payer: s.device(name).ID, ATC: uint32(n), Amount: s.amount(args[2])}
	for range 2 {
		err := s.Notary.For(terminal.ID.Name()).Refund(context.Background(), r)
		if len(args) == 3 {
			require.NoError(s.t, err)
			continue
		}
		var refused *notary.Error
		require.ErrorAs(s.t, err, &refused)
		require.Equal(s.t, strings.Join(args[3:], " "), refused.Kind.Error(), err)
	}
}

func (s *caseRunner) status(args []string) {
	d := s.device(args[0])
	got, err := s.Notary.For(d.ID.Name()).Outstanding(context.Background(), d.ID)
	require.NoError(s.t, err)
	require.Equal(s.t, args[1], got.Status.String())
}

// entries adds up an intermediary's statement entries of one kind: online, and shadow where nothing
// went online.
func (s *caseRunner) entries(args []string) {
	entries, err := s.Notary.For(s.Intermediaries[args[0]].Name).Statement(context.Background(), 0,
		1000)
	require.NoError(s.t, err)
	var sum money.Ore
	for _, e := range entries {
		if e.Kind.String() != args[1] {
			continue
		}
		if e.Online != 0 {
			sum += e.Online
		} else {
			sum += e.Shadow
		}
	}
	want := s.amount(strings.TrimPrefix(args[2], "-"))
	if strings.HasPrefix(args[2], "-") {
		want = -want
	}
	require.Equal(s.t, want, sum, args)
}

func (s *caseRunner) holds(args []string) {
	require.Equal(s.t, s.amount(args[1]), s.device(args[0]).Balance, args[0])
}

// copy makes a second device with the key and state of the first.
func (s *caseRunner) copy(args []string) {
	s.Devices[args[1]] = s.device(args[0]).Copy()
	s.Dishonest[args[0]] = true
}

func (s *caseRunner) books(args []string) {
	want := map[string]money.Ore{}
	for i := 0; i+1 < len(args); i += 2 {
		want[args[i]] = s.amount(args[i+1])
	}
	require.Equal(s.t, want, s.sums())
}

// sums returns the accounts that are not zero: an intermediary's short name for its holding, a
// device's for its shadow wallet.
func (s *caseRunner) sums() map[string]money.Ore {
	b, err := notary.AllBalances(context.Background(), s.Notary)
	require.NoError(s.t, err)
	names := map[string]string{}
	for short, i := range s.Intermediaries {
		names[string(i.Name)] = short
	}
	for _, short := range s.Names {
		names[string(s.Devices[short].ID)] = short
	}
	all := map[string]money.Ore{"pool": b.Pool}
	total := b.Pool
	for _, a := range append(b.Online, b.Shadow...) {
		all[names[a.Name]] = a.Balance
		total += a.Balance
	}
	require.Equal(s.t, b.Issued, total, "protocol §8.1")
	for name, balance := range all {
		if balance == 0 {
			delete(all, name)
		}
	}
	return all
}

// resubmit submits once more all that was ever submitted, in reverse order: nothing may change.
func (s *caseRunner) resubmit([]string) {
	before := s.sums()
	for i := len(s.Submitted) - 1; i >= 0; i-- {
		answers, err := s.Notary.For("").Submit(context.Background(), [][]byte{s.Submitted[i]})
		require.NoError(s.t, err)
		require.NoError(s.t, answers[0].Err)
	}
	require.Equal(s.t, before, s.sums())
}

// TestCardThatForgotARequest: a card that was set back to before a Request that somebody has paid
// is found by its request counter or, when it has made another Request of that number since, by
// that one, wherever it appears: open in its State, refused, or paid. What was paid into it
// settles, and its payer's card agrees with its shadow wallet again.
func TestCardThatForgotARequest(t *testing.T) {
	asks := func(t *testing.T, d *settlementtest.Device) *message.Request {
		asked, err := d.Request(45_00, "")
		require.NoError(t, err)
		return asked
	}
	for name, goesOn := range map[string]func(t *testing.T, w *settlementtest.World,
		d *settlementtest.Device){
		"and made no other": func(*testing.T, *settlementtest.World,
			*settlementtest.Device) {
		},
		"and asked for something else": func(t *testing.T, _ *settlementtest.World,
			d *settlementtest.Device) {
			asks(t, d)
		},
		"and refused something else": func(t *testing.T, w *settlementtest.World,
			d *settlementtest.Device) {
			refusal, err := d.Refuse(asks(t, d).Number)
			require.NoError(t, err)
			w.Submit(w.Encode(refusal))
		},
		"and was paid something else": func(t *testing.T, w *settlementtest.World,
			d *settlementtest.Device) {
			payment, err := w.Devices["ANNA"].Pay(asks(t, d), false)
			require.NoError(t, err)
			w.Submit(w.Encode(payment))
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := loaded(t)
			anna, bertil := w.Devices["ANNA"], w.Devices["BERTIL"]
			older := bertil.Copy()
			paid(t, anna, bertil, 30_00)
			w.Sync(anna, settlementtest.Whole, 0)
			require.Equal(t, money.Ore(200_00), balance(t, w, string(anna.ID)), "it is set aside")
			w.Devices["BERTIL"], w.Dishonest["BERTIL"] = older, true
			goesOn(t, w, older)
			w.Audit(false)
			// the Payment that waits for its decision is not shown to it
			state, err := older.State(w.Challenge(older))
			require.NoError(t, err)
			report, err := w.Notary.For(older.ID.Name()).SubmitState(context.Background(),
				w.Encode(state))
			require.NoError(t, err)
			require.True(t, report.Cloned)
			require.Equal(t, anna.Balance, balance(t, w, string(anna.ID)),
				"none of it waits any more")
			w.Audit(false)
		})
	}
}
