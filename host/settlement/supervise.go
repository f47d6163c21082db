package settlement

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"ekrona.example/apdu/message"
	"ekrona.example/apdu/money"
	"ekrona.example/apdu/signature"
	"ekrona.example/host/ledger"
	"ekrona.example/host/notary"
	"ekrona.example/host/store"
)

var _ notary.Supervisor = (*Notary)(nil)

// Totals implements notary.Supervisor.
func (n *Notary) Totals(ctx context.Context) (notary.Totals, error) {
	all := notary.Totals{At: n.clock.Now().UTC()}
	err := store.Read(ctx, n.db, func(tx *sql.Tx) (err error) {
		if all.Issued, all.Pool, all.Lent, all.Clearing, err = wholeSums(ctx, tx); err != nil {
			return err
		}
		if all.Intermediaries, err = intermediaryTotals(ctx, tx, all.At); err != nil {
			return err
		}
		if all.Reserved, err = openClaims(ctx, tx, notary.Reserved, all.At); err != nil {
			return err
		}
		all.Pending, err = openClaims(ctx, tx, notary.Waiting, all.At)
		return err
	})
	return all, err
}

// ageOf is an SQL expression for the place in notary.AgeHours of a column with a time; its
// parameters, from a number on, are those of ageBounds.
func ageOf(column string, first int) string {
	text := "CASE"
	for i := range len(notary.AgeHours) - 1 {
		text += fmt.Sprintf(" WHEN %s > $%d THEN %d", column, first+i, i)
	}
	return fmt.Sprintf("%s ELSE %d END", text, len(notary.AgeHours)-1)
}

// ageBounds are the times that ageOf compares with.
func ageBounds(now time.Time) (bounds []any) {
	for _, hours := range notary.AgeHours[:len(notary.AgeHours)-1] {
		bounds = append(bounds, now.Add(-time.Duration(hours)*time.Hour).Format(store.StampLayout))
	}
	return bounds
}

// noAges returns the ages with nothing in them.
func noAges() []notary.Age {
	ages := make([]notary.Age, len(notary.AgeHours))
	for i, hours := range notary.AgeHours {
		ages[i].Hours = hours
	}
	return ages
}

func openClaims(
	ctx context.Context, tx *sql.Tx, verdict notary.Verdict, now time.Time,
) ([]notary.Age, error) {
	ages := noAges()
	err := store.Each(ctx, tx, func(row store.Row) error {
		var at, count int
		var sum money.Ore
		if err := row.Scan(&at, &count, &sum); err != nil {
			return err
		}
		ages[at].Count, ages[at].Amount = count, sum
		return nil
	}, `SELECT age, count(*), sum(amount) FROM (SELECT `+ageOf("seen_at", 2)+` AS age, amount
		FROM payment WHERE verdict IN (1, 2) AND verdict = $1) AS claim GROUP BY age`,
		append([]any{int(verdict)}, ageBounds(now)...)...)
	return ages, err
}

func intermediaryTotals(
	ctx context.Context, tx *sql.Tx, now time.Time,
) (all []notary.IntermediaryTotals, err error) {
	names, err := store.Column[message.Name](ctx, tx,
		`SELECT name FROM intermediary ORDER BY name`)
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		online, err := ledger.Balance(ctx, tx, onlineOf(name))
		if err != nil {
			return nil, err
		}
		all = append(all, notary.IntermediaryTotals{Name: name, Online: online, Unknown: noAges()})
	}
	of := func(name message.Name) *notary.IntermediaryTotals {
		return &all[slices.Index(names, name)]
	}
	err = store.Each(ctx, tx, func(row store.Row) error {
		var name message.Name
		var status notary.Status
		var at, count int
		var sum money.Ore
		if err := row.Scan(&name, &status, &at, &count, &sum); err != nil {
			return err
		}
		t := of(name)
		if t.Shadow += sum; status != notary.Ended {
			t.Devices += count
			t.Unknown[at].Count += count
			t.Unknown[at].Amount += sum
		}
		return nil
	}, `SELECT intermediary, status, age, count(*), coalesce(sum(balance), 0) FROM (SELECT
		d.intermediary, d.status, `+ageOf("d.synced_at", 2)+` AS age, a.balance FROM device d
		LEFT JOIN ledger_account a ON a.name = $1 || d.id) AS wallet
		GROUP BY intermediary, status, age`,
		append([]any{string(ledger.Shadow) + ":"}, ageBounds(now)...)...)
	if err != nil {
		return nil, err
	}
	err = store.Each(ctx, tx, func(row store.Row) error {
		var name message.Name
		var count int
		var sum money.Ore
		if err := row.Scan(&name, &count, &sum); err != nil {
			return err
		}
		of(name).Unconfirmed, of(name).Credits = count, sum
		return nil
	}, `SELECT intermediary, count(*), sum(credit) FROM instruction
		WHERE outcome = $1 AND credit > 0 GROUP BY intermediary`, int(outstanding))
	return all, err
}

// Reconcile implements notary.Supervisor.
func (n *Notary) Reconcile(
	ctx context.Context, after message.DeviceID, limit int,
) (r notary.Reconciliation, err error) {
	if err := checkPage(limit); err != nil {
		return r, err
	}
	if err := checkTexts(after); err != nil {
		return r, err
	}
	ids, err := store.Column[message.DeviceID](ctx, n.db,
		`SELECT id FROM device WHERE id > $1 ORDER BY id LIMIT $2`, after, limit)
	if err != nil {
		return r, err
	}
	if len(ids) == limit {
		r.Last = ids[len(ids)-1]
	}
	for _, id := range ids {
		if err := n.reconcile(ctx, id, &r); err != nil {
			return r, err
		}
	}
	return r, nil
}

// reconcile judges the last State of a device, if it has shown one. Each device is judged at one
// moment of its own.
func (n *Notary) reconcile(
	ctx context.Context, id message.DeviceID, r *notary.Reconciliation,
) error {
	return n.view(ctx, func(t *txn) error {
		d, err := t.registered(id)
		if err != nil {
			return err
		}
		found := notary.Discrepancy{Device: id, Intermediary: d.intermediary, Owner: d.owner,
			Status: d.status}
		last, err := t.lastShown(d)
		found.At = last.at
		var changed *changedError
		switch {
		case errors.As(err, &changed), errors.Is(err, ledger.ErrNoAccount):
			r.Judged++
			found.Why = "the database was changed by others than the notary, or another " +
				"version wrote it: " + err.Error()
			r.Found = append(r.Found, found)
			return nil
		case err != nil:
			return err
		case last.state == nil:
			r.Silent++
			return nil
		}
		s := last.state
		if found.Why, err = t.whyNot(d, s, last.report); err != nil {
			return err
		}
		r.Judged++
		if found.Why != "" {
			found.Balance, found.Difference = s.Balance, last.report.Difference
			r.Found = append(r.Found, found)
		}
		if s.Attacks == 0 {
			return nil
		}
		attacked := notary.Attacked{Device: id, Intermediary: d.intermediary, Owner: d.owner,
			Status: d.status, Attacks: int(s.Attacks), Before: last.attacksBefore, At: last.at}
		r.Attacked = append(r.Attacked, attacked)
		return nil
	})
}

// shown is what a device has shown last.
type shown struct {
	state         *message.State // nil: none yet
	at            time.Time
	report        notary.StateReport
	attacksBefore int // in the State before, where this one has some
}

// lastShown reads what a device has shown last. When it came is there beside an error too, as far
// as it is known.
func (t *txn) lastShown(d *device) (last shown, err error) {
	last.state, last.at, err = t.lastState(d.id, 0)
	if err != nil || last.state == nil {
		return last, err
	}
	if err := checkKept(d, last.state); err != nil {
		return last, err
	}
	if last.report, err = t.report(d.id, last.state); err != nil || last.state.Attacks == 0 {
		return last, err
	}
	last.attacksBefore, err = t.attacksBefore(d.id, 1)
	return last, err
}

// changedError says that what is kept of a device is not what was accepted.
type changedError struct{ error }

// Unwrap returns what it is.
func (e *changedError) Unwrap() error { return e.error }

// checkKept looks at a State of a device once more as when it came. Errors: *changedError.
func checkKept(d *device, s *message.State) error {
	if s.Device != d.id {
		return &changedError{fmt.Errorf("the State kept of it is of %s", s.Device)}
	}
	key, err := signature.ParsePoint(d.key)
	if err != nil {
		return &changedError{fmt.Errorf("its registered key: %w", err)}
	}
	if !isSigned(s, key) {
		return &changedError{errors.New("the State kept of it is not signed by its registered key")}
	}
	return nil
}

// lastState returns the State of a device that came before some later ones, and when; nil for none.
func (t *txn) lastState(
	id message.DeviceID, later int,
) (s *message.State, at time.Time, err error) {
	var encoded []byte
	var stamp string
	known, err := t.queryRow(`SELECT bytes, seen_at FROM state WHERE device = $1
		ORDER BY challenge DESC, seen_at DESC LIMIT 1 OFFSET $2`, []any{id, later}, &encoded,
		&stamp)
	if err != nil || !known {
		return nil, at, err
	}
	if at, err = time.Parse(time.RFC3339Nano, stamp); err != nil {
		return nil, at, &changedError{fmt.Errorf("when the State kept of %s came: %w", id, err)}
	}
	if s, err = message.Parse[message.State](encoded); err != nil {
		return nil, at, &changedError{fmt.Errorf("the State kept of %s: %w", id, err)}
	}
	return s, at, nil
}

// attacksBefore returns how many attacks a device showed in the State before some later ones.
func (t *txn) attacksBefore(id message.DeviceID, later int) (int, error) {
	s, _, err := t.lastState(id, later)
	if err != nil || s == nil {
		return 0, err
	}
	return int(s.Attacks), nil
}

// whyNot says why the equation of a device does not hold; empty when it does.
func (t *txn) whyNot(
	d *device, s *message.State, report notary.StateReport,
) (string, error) {
	switch {
	case report.Cloned:
		kinds, err := store.Column[string](t.ctx, t.tx,
			`SELECT DISTINCT kind FROM evidence WHERE device = $1 AND clone ORDER BY kind`, d.id)
		return "two devices answer for this id: " + strings.Join(kinds, "; "), err
	case d.status == notary.Ended: // what its wallet had is its owner's
		return "", nil
	case !report.Complete:
		return fmt.Sprintf("records %d to %d of its last State are not held: it has not handed "+
			"them over", d.heldATC+1, s.ATC), nil
	case report.Difference > 0:
		return fmt.Sprintf("it holds %s more than was ever loaded onto it or paid to it: no card "+
			"of ours does so; it gets no credit", report.Difference), nil
	case report.Difference < 0:
		return fmt.Sprintf("it holds %s less than its records explain: value was lost on it; it "+
			"gets no credit", -report.Difference), nil
	}
	return "", nil
}
