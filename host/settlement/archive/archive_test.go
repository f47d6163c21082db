package archive_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ekrona.example/apdu/message"
	"ekrona.example/apdu/money"
	"ekrona.example/apdu/spec"
	"ekrona.example/host/notary"
	"ekrona.example/host/settlement/archive"
	"ekrona.example/host/settlement/settlementtest"
	"ekrona.example/host/store"
	"ekrona.example/host/store/faultdriver"
	"ekrona.example/host/store/storetest"
)

func TestMain(m *testing.M) { os.Exit(storetest.Run(m)) }

// world is one in which Anna has paid at the merchant, and everything is settled.
type world struct {
	*settlementtest.World
	t              *testing.T
	anna, merchant *settlementtest.Device
	paid           []*message.Payment
	requests       []*message.Request
	price          money.Ore
}

const payments = 7

func newWorld(t *testing.T, w *settlementtest.World) *world {
	return newWorldOf(t, w, 10*money.Krona)
}

func newWorldOf(t *testing.T, w *settlementtest.World, price money.Ore) *world {
	t.Helper()
	s := &world{World: w, t: t, price: price}
	require.NoError(t, w.Notary.Issue(t.Context(), "first", w.Intermediaries["NORDIC"].Name,
		10_000*money.Krona))
	s.anna = w.Issue("ANNA", "NORDIC", spec.RoleCard)
	s.merchant = w.Issue("MERCHANT", "FJORD", spec.RoleTerminal)
	_, refused := w.Sync(s.anna, settlementtest.Whole, 500*money.Krona)
	require.NoError(t, refused)
	for range payments {
		s.pay()
	}
	s.settle()
	return s
}

// pay has Anna pay at the merchant.
func (s *world) pay() {
	request, err := s.merchant.Request(s.price, "")
	require.NoError(s.t, err)
	paid, err := s.anna.Pay(request, false)
	require.NoError(s.t, err)
	_, err = s.merchant.Accept(paid)
	require.NoError(s.t, err)
	s.paid, s.requests = append(s.paid, paid), append(s.requests, request)
}

// settle has all synchronise, and a month pass.
func (s *world) settle() {
	for range 2 {
		for _, d := range []*settlementtest.Device{s.merchant, s.anna} {
			s.Sync(d, settlementtest.Whole, 0)
		}
	}
	s.Audit(true)
	s.Clock.At = s.Clock.At.AddDate(0, 1, 0)
}

func (s *world) plan(file string) archive.Plan {
	return archive.Plan{Before: message.DateOf(s.Clock.At), To: file, Clock: s.Clock}
}

// bodies counts the rows of payments and of their receipts that have their bodies.
func (s *world) bodies() (payments, receipts int64) {
	s.t.Helper()
	payments, err := store.Number(s.t.Context(), s.DB,
		`SELECT count(*) FROM payment WHERE length(bytes) > 0`)
	require.NoError(s.t, err)
	receipts, err = store.Number(s.t.Context(), s.DB,
		`SELECT count(*) FROM payee_answer WHERE length(bytes) > 0`)
	require.NoError(s.t, err)
	return payments, receipts
}

func (s *world) requireBodies(want int64) {
	s.t.Helper()
	payments, receipts := s.bodies()
	require.Equal(s.t, want, payments)
	require.Equal(s.t, want, receipts)
}

// TestAnArchive: the bodies are in the file and not in the database, every invariant holds, what
// comes again is answered as before, and a second body of a number is evidence.
func TestAnArchive(t *testing.T) {
	s, ctx := newWorld(t, settlementtest.NewWorld(t)), t.Context()
	file := filepath.Join(t.TempDir(), "2026-05.jsonl")
	plan := s.plan(file)
	plan.DryRun = true
	counted, err := archive.Write(ctx, s.DB, plan)
	require.NoError(t, err)
	require.EqualValues(t, payments, counted.Payments)
	require.NoFileExists(t, file)
	s.requireBodies(payments)

	written, err := archive.Write(ctx, s.DB, s.plan(file))
	require.NoError(t, err)
	require.Equal(t, counted.Bytes, written.Bytes)
	require.EqualValues(t, payments, written.Payments)
	s.requireBodies(0)
	again, err := archive.Write(ctx, s.DB, s.plan(file))
	require.NoError(t, err)
	require.Equal(t, written, again)
	s.Audit(true)
	verified, err := archive.Verify(ctx, s.DB, file)
	require.NoError(t, err)
	require.Equal(t, written, verified)

	s.Submit(s.Encode(s.paid[0])) // answered as before
	_, err = s.Notary.For(s.anna.ID.Name()).Outstanding(ctx, s.anna.ID)
	require.NoError(t, err)
	evidence, err := store.Number(ctx, s.DB, `SELECT count(*) FROM evidence`)
	require.NoError(t, err)
	require.Zero(t, evidence)
	s.requireBodies(0)

	s.pay()
	s.settle()
	s.requireBodies(1)
	other, err := archive.Write(ctx, s.DB, s.plan(file+".2"))
	require.NoError(t, err)
	require.EqualValues(t, 1, other.Payments)
	s.Audit(true)

	f, err := archive.Find(ctx, s.DB, s.anna.ID, s.paid[1].ATC, file)
	require.NoError(t, err)
	require.Equal(t, s.Encode(s.paid[1]), f.Payment)
	require.Equal(t, "2026-05.jsonl", f.Archive)
	_, err = archive.Find(ctx, s.DB, s.anna.ID, s.paid[1].ATC, file+".2")
	require.ErrorContains(t, err, "is in archive 2026-05.jsonl, not in ")
	_, err = archive.Find(ctx, s.DB, s.anna.ID, 99, file)
	require.ErrorIs(t, err, archive.ErrUnknown)

	// Anna's copy signs another payment under a number that is in the archive.
	s.Dishonest["ANNA"] = true
	second := *s.paid[2]
	second.Request = *s.requests[3]
	sign(t, &second, s.anna)
	answers, err := s.Notary.For("").Submit(ctx, [][]byte{s.Encode(&second)})
	require.NoError(t, err)
	require.NotEqual(t, notary.Answer{}, answers[0])
	evidence, err = store.Number(ctx, s.DB, `SELECT count(*) FROM evidence WHERE clone`)
	require.NoError(t, err)
	require.EqualValues(t, 1, evidence)
	s.Audit(false)
}

// TestTwoRequestsOfAnArchivedNumber: the merchant's number is known by its hash.
func TestTwoRequestsOfAnArchivedNumber(t *testing.T) {
	w := settlementtest.NewWorld(t)
	require.NoError(t, w.Notary.Issue(t.Context(), "first", w.Intermediaries["NORDIC"].Name,
		10_000*money.Krona))
	s := &world{World: w, t: t, price: money.Krona, anna: w.Issue("ANNA", "NORDIC", spec.RoleCard),
		merchant: w.Issue("BERTIL", "FJORD", spec.RoleCard)}
	_, refused := w.Sync(s.anna, settlementtest.Whole, 500*money.Krona)
	require.NoError(t, refused)
	s.pay()
	s.settle()
	_, err := archive.Write(t.Context(), s.DB, s.plan(filepath.Join(t.TempDir(), "a")))
	require.NoError(t, err)
	s.requireBodies(0)
	s.Dishonest["BERTIL"] = true
	other := *s.requests[0]
	other.Amount += money.Krona
	sign(t, &other, s.merchant)
	paid, err := s.anna.Pay(&other, false)
	require.NoError(t, err)
	s.Submit(s.Encode(paid))
	evidence, err := store.Number(t.Context(), s.DB, `SELECT count(*) FROM evidence WHERE clone`)
	require.NoError(t, err)
	require.EqualValues(t, 1, evidence)
}

func sign(t *testing.T, m message.Message, d *settlementtest.Device) {
	t.Helper()
	require.NoError(t, message.Sign(m, d.StolenKey()))
}

// TestWhatHangsStays: nothing that is open, late, reported or proven is archived.
func TestWhatHangsStays(t *testing.T) {
	s, ctx := newWorld(t, settlementtest.NewWorld(t)), t.Context()
	early := s.plan(filepath.Join(t.TempDir(), "early"))
	early.Before = message.DateOf(s.Clock.At.AddDate(0, -2, 0))
	none, err := archive.Write(ctx, s.DB, early)
	require.NoError(t, err)
	require.Zero(t, none.Payments)
	s.pay()
	for _, r := range s.anna.Log { // open: its payee has not synchronised
		raw, err := r.Encode()
		require.NoError(t, err)
		s.Submit(raw)
	}
	future := s.plan(filepath.Join(t.TempDir(), "future"))
	future.Before = message.DateOf(s.Clock.At.AddDate(0, 0, 1))
	_, err = archive.Write(ctx, s.DB, future)
	require.ErrorIs(t, err, archive.ErrFuture)
	require.NoError(t, s.Notary.For(s.merchant.ID.Name()).ReportLost(ctx, s.merchant.ID))
	lost := s.plan(filepath.Join(t.TempDir(), "lost"))
	lost.DryRun = true
	none, err = archive.Write(ctx, s.DB, lost)
	require.NoError(t, err)
	require.Zero(t, none.Payments)
	held, answered := s.bodies()
	require.EqualValues(t, payments+1, held)
	require.EqualValues(t, payments, answered)
}

// TestOnlyAnArchiveEmptiesABody: the database refuses every other way.
func TestOnlyAnArchiveEmptiesABody(t *testing.T) {
	s, ctx := newWorld(t, settlementtest.NewWorld(t)), t.Context()
	s.pay()
	for _, r := range s.anna.Log {
		raw, err := r.Encode()
		require.NoError(t, err)
		s.Submit(raw)
	}
	try := func(refused bool, statements ...string) {
		t.Helper()
		for _, statement := range statements {
			statement = strings.ReplaceAll(statement, "ANY32", "identity")
			statement = strings.ReplaceAll(statement, "EMPTY", "substr(bytes, 1, 0)")
			err := store.Exec(ctx, s.DB, statement)
			if refused {
				require.Error(t, err, statement)
			} else {
				require.NoError(t, err, statement)
			}
		}
	}
	const payment = `UPDATE payment SET bytes = EMPTY, archive = 1, asked = ANY32`
	const answer = `UPDATE payee_answer SET bytes = EMPTY, archive = 1 WHERE payment IS NOT NULL`
	try(true, payment+` WHERE final_at IS NOT NULL`, answer) // no archive is written
	try(false, `INSERT INTO archive_begun (name, before_day, at) VALUES ('a', 'b', 'c')`)
	try(true, payment+` WHERE final_at IS NOT NULL`, answer)
	try(false, `INSERT INTO archive_written (n, sha256, payments, at)
		SELECT 1, identity, 1, '' FROM payment WHERE n = 1`)
	try(true,
		payment+` WHERE final_at IS NULL`,
		`UPDATE payment SET bytes = EMPTY WHERE final_at IS NOT NULL`,
		`UPDATE payment SET bytes = EMPTY, archive = 1 WHERE final_at IS NOT NULL`,
		`UPDATE payment SET archive = 1, asked = ANY32 WHERE final_at IS NOT NULL`,
		`UPDATE payment SET archive = 1 WHERE final_at IS NULL`,
		payment+`, verdict = 4 WHERE final_at IS NOT NULL`,
		payment+`, from_shadow = 1 WHERE final_at IS NOT NULL`,
		payment+`, final_at = NULL WHERE final_at IS NOT NULL`,
		payment+`, seen_at = 'x' WHERE final_at IS NOT NULL`,
		payment+`, amount = 1 WHERE final_at IS NOT NULL`,
		`UPDATE payee_answer SET bytes = EMPTY`,
		`UPDATE payee_answer SET archive = 1`,
		`UPDATE payee_answer SET bytes = EMPTY, archive = 1, payment = NULL`,
		`UPDATE payee_answer SET bytes = EMPTY, archive = 1, seq = 9`,
		`UPDATE payee_answer SET bytes = EMPTY, archive = 1, seen_at = ''`,
		`UPDATE archive_begun SET name = 'x'`, `DELETE FROM archive_begun`,
		`UPDATE archive_written SET payments = 2`, `DELETE FROM archive_written`)
	try(false, payment+` WHERE n = 1`, answer+` AND seq = 1`)
	try(true, `UPDATE payment SET bytes = identity WHERE n = 1`,
		`UPDATE payment SET archive = NULL WHERE n = 1`,
		`UPDATE payment SET bytes = identity, archive = NULL, asked = NULL WHERE n = 1`,
		`UPDATE payee_answer SET bytes = identity, archive = NULL WHERE seq = 1`)
}

// TestAnArchiveThatIsCutOffIsFinishedByTheSameCall: the power is cut before each step of the
// database and after each commit, and the file's name is taken away at each state of it; nothing is
// lost, and nothing is in two files.
func TestAnArchiveThatIsCutOffIsFinishedByTheSameCall(t *testing.T) {
	if storetest.Dialect() == store.PostgreSQL {
		t.Skip("the steps are the same")
	}
	made := filepath.Join(t.TempDir(), "ledger.db")
	s := newWorld(t, settlementtest.NewWorldOn(t, nil, made))
	s.Stop()
	image, err := os.ReadFile(made)
	require.NoError(t, err)
	for n := 1; ; n++ {
		path, file := filepath.Join(t.TempDir(), "copy.db"), filepath.Join(t.TempDir(), "archive")
		require.NoError(t, os.WriteFile(path, image, 0o600))
		f := faultdriver.New(store.DriverOf("file"))
		open := func() {
			s.DB, err = store.OpenOn(t.Context(), f, path)
			require.NoError(t, err)
		}
		open()
		f.Follow(faultdriver.Nth(n, faultdriver.ErrPowerLost))
		_, cut := archive.Write(t.Context(), s.DB, s.plan(file))
		f.Follow(nil)
		f.Restore()
		s.Stop()
		open()
		if cut == nil {
			require.Greater(t, n, 20, "steps")
			s.Stop()
			return
		}
		require.ErrorIs(t, cut, faultdriver.ErrPowerLost)
		if payments, receipts := s.bodies(); payments+receipts < 2*int64(len(s.paid)) {
			require.FileExists(t, file, "step %d", n)
		}
		begun, err := store.Number(t.Context(), s.DB, `SELECT count(*) FROM archive_begun b
			WHERE NOT EXISTS (SELECT 1 FROM archive_ended e WHERE e.n = b.n)`)
		require.NoError(t, err)
		if begun > 0 {
			_, err = archive.Write(t.Context(), s.DB, s.plan(file+"2"))
			require.ErrorIs(t, err, archive.ErrUnfinished)
		}
		r, err := archive.Write(t.Context(), s.DB, s.plan(file))
		require.NoError(t, err, "step %d", n)
		require.EqualValues(t, payments, r.Payments)
		_, err = archive.Verify(t.Context(), s.DB, file)
		require.NoError(t, err)
		s.requireBodies(0)
		s.Stop()
	}
}

// TestFilesThatAreNoArchive: cut, changed, added to, or of another database.
func TestFilesThatAreNoArchive(t *testing.T) {
	s, ctx := newWorld(t, settlementtest.NewWorld(t)), t.Context()
	folder := t.TempDir()
	file := filepath.Join(folder, "a")
	_, err := archive.Write(ctx, s.DB, s.plan(file))
	require.NoError(t, err)
	good, err := os.ReadFile(file)
	require.NoError(t, err)
	lines := strings.SplitAfter(string(good), "\n")
	change := func(at int) string {
		all := append([]string{}, lines...)
		all[2] = all[2][:at] + string(all[2][at]^1) + all[2][at+1:]
		return strings.Join(all, "")
	}
	for name, text := range map[string]string{
		"empty": "", "no end": strings.Join(lines[:payments], ""),
		"cut":         string(good[:len(good)-9]),
		"a line less": strings.Join(lines[:2], "") + strings.Join(lines[3:], ""),
		"more":        string(good) + "{}\n", "no json": "hello\n", "no tail": lines[0] + "{}\n",
		"long":  lines[0] + strings.Repeat("x", 1<<20) + "\n",
		"a bit": change(len(lines[2]) - 20), "a number": change(len(`{"payer":"`)),
	} {
		bad := filepath.Join(folder, "bad")
		require.NoError(t, os.WriteFile(bad, []byte(text), 0o600))
		_, err := archive.Verify(ctx, s.DB, bad)
		require.Error(t, err, name)
		require.True(t, errors.Is(err, archive.ErrFile) || errors.Is(err, archive.ErrProof),
			"%s: %v", name, err)
	}
	_, err = archive.Verify(ctx, s.DB, folder)
	require.ErrorIs(t, err, archive.ErrFile)
	_, err = archive.Verify(ctx, s.DB, filepath.Join(folder, "none"))
	require.ErrorIs(t, err, os.ErrNotExist)
	// A database that was set back to before the archive takes its file.
	same := newWorld(t, settlementtest.NewWorld(t))
	_, err = archive.Verify(ctx, same.DB, file)
	require.ErrorIs(t, err, archive.ErrUnknown)
	_, err = archive.Write(ctx, same.DB, same.plan(file))
	require.NoError(t, err)
	same.requireBodies(0)
	other := newWorldOf(t, settlementtest.NewWorld(t), money.Krona)
	_, err = archive.Verify(ctx, other.DB, file)
	require.Error(t, err)
	_, err = archive.Write(ctx, other.DB, other.plan(file)) // another's file has the name
	require.Error(t, err)
	other.requireBodies(payments)
	later := s.plan(file)
	later.Before = message.DateOf(s.Clock.At.Add(-48 * time.Hour))
	_, err = archive.Write(ctx, s.DB, later)
	require.ErrorIs(t, err, archive.ErrTaken)
	ended, stop := context.WithCancel(ctx)
	stop()
	_, err = archive.Write(ended, other.DB, other.plan(filepath.Join(folder, "never")))
	require.Error(t, err)
	require.NoFileExists(t, filepath.Join(folder, "never"))
}
