package audit_test

import (
	"context"
	"database/sql"
	"testing"

	"github.com/stretchr/testify/require"

	"ekrona.example/apdu/message"
	"ekrona.example/apdu/money"
	"ekrona.example/apdu/spec"
	"ekrona.example/host/audit"
	"ekrona.example/host/notary"
	"ekrona.example/host/settlement/settlementtest"
	"ekrona.example/host/store"
)

// ordinaryDay returns a world in which every kind of event happened once: settled, reserved,
// waiting and void payments, a loaded and an outstanding credit, an ended card, an uncovered
// payment, a refund and a loan.
func ordinaryDay(t *testing.T) *settlementtest.World {
	w := settlementtest.NewWorld(t)
	anna, bertil := w.Issue("ANNA", "NORDIC", spec.RoleCard),
		w.Issue("BERTIL", "FJORD", spec.RoleCard)
	cecilia, merchant := w.Issue("CECILIA", "NORDIC", spec.RoleCard),
		w.Issue("SHOP", "FJORD", spec.RoleTerminal)
	ctx := context.Background()
	require.NoError(t, w.Notary.Issue(ctx, "1", "SENORDIC", 1000_00))
	require.NoError(t, w.Notary.Issue(ctx, "2", "SEFJORD0", 50_00))
	require.NoError(t, w.Notary.FundPool(ctx, "3", 500_00))
	load(t, w, anna, 200_00, settlementtest.Whole)
	load(t, w, cecilia, 200_00, settlementtest.Whole)
	pay(t, anna, merchant, 50_00, true)
	pay(t, anna, bertil, 60_00, true)
	pay(t, bertil, merchant, 55_00, true)
	refused := pay(t, anna, cecilia, 5_00, false)
	_, err := cecilia.Refuse(refused.Request.Number)
	require.NoError(t, err)
	load(t, w, merchant, 0, settlementtest.Whole) // the merchant's claim on Bertil waits
	require.NoError(t, w.Notary.For("SEFJORD0").ReportLost(ctx, bertil.ID))
	w.Clock.At = w.Clock.At.Add(w.Terms.Honour)
	_, err = w.Notary.EndDue(ctx)
	require.NoError(t, err)
	load(t, w, anna, 0, settlementtest.Whole)
	load(t, w, cecilia, 40_00, settlementtest.CoSigned)
	require.NoError(t, w.Notary.For("SEFJORD0").Refund(ctx,
		notary.Refund{Order: "4", Payee: merchant.ID, Payer: anna.ID, ATC: 1, Amount: 20_00}))
	pay(t, anna, cecilia, 7_00, false)
	w.Submit(w.Encode(anna.Log[0].Payment))
	w.Terms.PoolAhead = notary.PoolAhead{Cap: 100_00}
	w.Again()
	david, emma := w.Issue("DAVID", "NORDIC", spec.RoleCard), w.Issue("EMMA", "FJORD",
		spec.RoleCard)
	pay(t, cecilia, david, 30_00, true)
	pay(t, david, emma, 20_00, true)
	load(t, w, emma, 0, settlementtest.Whole) // the pool lends
	return w
}

func load(
	t *testing.T, w *settlementtest.World, d *settlementtest.Device, credit money.Ore,
	until settlementtest.Step,
) {
	report, refused := w.Sync(d, until, credit)
	require.NoError(t, refused)
	require.Zero(t, report.Difference)
}

func pay(
	t *testing.T, payer, payee *settlementtest.Device, amount money.Ore, accept bool,
) *message.Payment {
	r, err := payee.Request(amount, "")
	require.NoError(t, err)
	p, err := payer.Pay(r, false)
	require.NoError(t, err)
	if accept {
		_, err = payee.Accept(p)
		require.NoError(t, err)
	}
	return p
}

// TestOrdinaryDay: no violation is found where nothing is wrong, at the first look and at the
// second.
func TestOrdinaryDay(t *testing.T) {
	w := ordinaryDay(t)
	auditor := audit.New(w.NotaryKey())
	for range 2 {
		found, err := auditor.Check(t.Context(), w.DB, w.Honest())
		require.NoError(t, err)
		require.Empty(t, found)
	}
	for _, condition := range []string{"verdict = 1", "verdict = 3", "verdict = 4", "verdict = 5"} {
		var n int
		require.NoError(t, w.DB.QueryRow("SELECT count(*) FROM payment WHERE "+condition).Scan(&n))
		require.Positive(t, n, condition)
	}
}

// TestEveryInvariantIsFound breaks one invariant at a time, between two looks, and requires that
// the auditor names the invariant.
func TestEveryInvariantIsFound(t *testing.T) {
	named := map[int]bool{}
	for _, c := range []struct {
		name   string
		number int
		rows   bool // seen by Rows, which looks at them and not at money
		// changes the central bank's rows behind its back
		sql     string
		device  func(w *settlementtest.World)        // or a device does what no device does
		falsify func(honest map[string]audit.Device) // or its State says so
	}{
		{name: "money from nowhere", number: 1,
			sql: "UPDATE ledger_account SET balance = balance + 1 WHERE name = 'online:SENORDIC'"},
		{name: "an entry nobody posted", number: 1,
			sql: "UPDATE statement SET online = online + 1 WHERE seq = 1"},
		{name: "the pool pays itself", number: 1,
			sql: "UPDATE ledger_account SET balance = 0 WHERE name = 'pool'"},
		{name: "a device has more than its records", number: 2,
			device: func(w *settlementtest.World) { w.Devices["ANNA"].Balance++ }},
		{name: "a device has less than its records", number: 2,
			device: func(w *settlementtest.World) { w.Devices["CECILIA"].Balance-- }},
		{name: "a terminal took more than its State shows", number: 2,
			device: func(w *settlementtest.World) { w.Devices["SHOP"].Balance-- }},
		{name: "honest devices can spend more than there is", number: 3,
			device: func(w *settlementtest.World) { w.Devices["ANNA"].Balance += 900_00 }},
		{name: "a payment is paid and returned", number: 4, sql: `INSERT INTO statement
			(intermediary, kind, device, owner, online, shadow, payer, atc, payee, order_key, instr,
			at)
			SELECT intermediary, 7, device, owner, -shadow, shadow, payer, atc, payee, '', 0, at
			FROM statement WHERE kind = 3 LIMIT 1`},
		{name: "a payment takes more than its amount", number: 4,
			sql: "UPDATE payment SET from_pool = 1 WHERE verdict = 3"},
		{name: "a void payment keeps the money", number: 4,
			sql: "UPDATE payment SET from_shadow = 0 WHERE verdict = 4"},
		{name: "a refund arrives twice", number: 4, sql: `INSERT INTO statement (intermediary, kind,
			device, owner, online, shadow, payer, atc, payee, order_key, instr, at)
			SELECT intermediary, kind, device, owner, online, shadow, payer, atc, payee, order_key,
			instr, at FROM statement WHERE kind = 13`},
		{name: "more is refunded than was paid", number: 4,
			sql: "UPDATE statement SET online = 3 * online WHERE kind IN (12, 13)"},
		{name: "a refund of what was not settled", number: 4,
			sql: "UPDATE statement SET atc = 3 WHERE kind IN (12, 13)"},
		{name: "settled against the payee's decision", number: 5,
			sql: "UPDATE payee_decision SET payment = NULL WHERE answer IS NOT NULL"},
		{name: "void against the payee's decision", number: 5,
			sql: "UPDATE payment SET verdict = 4 WHERE verdict = 3"},
		{name: "an instruction under another number", number: 5,
			sql: "UPDATE instruction SET seq = 9 WHERE seq = 2"},
		{name: "a device applied another instruction", number: 5,
			device: func(w *settlementtest.World) { w.Devices["ANNA"].Last[0] ^= 1 }},
		{name: "atc goes back", number: 6,
			falsify: func(h map[string]audit.Device) { h["SENORDIC0000ANNA"].State.ATC-- }},
		{name: "request counter goes back", number: 6,
			falsify: func(h map[string]audit.Device) {
				h["SENORDIC0CECILIA"].State.RequestCounter--
			}},
		{name: "the date goes back", number: 6, falsify: func(h map[string]audit.Device) {
			s := h["SENORDIC0000ANNA"].State
			s.Date = s.Date.AddDays(-1)
		}},
		{name: "a balance over the ceiling", number: 7,
			device: func(w *settlementtest.World) { w.Devices["ANNA"].Balance = 31 * 1000_00 }},
		{name: "another amount in a row", number: 5,
			sql: "UPDATE payment SET amount = amount + 1 WHERE verdict = 3"},
		{name: "another Request in a row", number: 5,
			sql: "UPDATE payee_answer SET request = request + 900 WHERE payment IS NOT NULL"},
		{name: "another credit in a row", number: 5,
			sql: "UPDATE instruction SET credit = credit + 1 WHERE seq = 1"},
		{name: "an entry of another amount", number: 1,
			sql: "UPDATE ledger_entry SET amount = amount + 1 WHERE order_id = 1 AND line = 1"},
		{name: "an account that is gone", number: 1,
			sql: "DELETE FROM ledger_account WHERE name = 'online:SENORDIC'"},
		{name: "more is set aside than is there", number: 7, sql: "UPDATE statement SET shadow = " +
			"shadow - 19000 WHERE kind = 1 AND device = 'SENORDIC0000ANNA'"},
		{name: "an acknowledged record is gone", number: 8,
			sql: "DELETE FROM payee_answer WHERE payee = 'SEFJORD00000SHOP'"},
		{name: "a final verdict changes", number: 8,
			sql: "UPDATE payment SET verdict = 4 WHERE verdict = 5"},
		{name: "a device's chain is another one", number: 8,
			device: func(w *settlementtest.World) { w.Devices["ANNA"].Head[0] ^= 1 }},
		{name: "a device forgot a record", number: 8,
			device: func(w *settlementtest.World) { w.Devices["ANNA"].Log = nil }},
		{name: "a device has sent a message that nobody holds", number: 8,
			falsify: func(h map[string]audit.Device) {
				d := h["SENORDIC0000ANNA"]
				d.Sent = append(d.Sent, message.Hash{1})
				h["SENORDIC0000ANNA"] = d
			}},
		{name: "a card has made more Requests than it counted", number: 8,
			falsify: func(h map[string]audit.Device) {
				d := h["SENORDIC0CECILIA"]
				d.LastRequest = d.State.RequestCounter + 1
				h["SENORDIC0CECILIA"] = d
			}},
		{name: "a device accepted a payment that nobody signed", number: 9,
			device: func(w *settlementtest.World) {
				p := w.Devices["ANNA"].Log[len(w.Devices["ANNA"].Log)-1].Payment
				forged := *p
				forged.ATC++
				_, err := w.Devices["CECILIA"].Accept(&forged)
				require.NoError(w.T, err)
			}},
		{name: "another key's payment is settled", number: 9,
			sql: `UPDATE device SET public_key = (SELECT public_key FROM device WHERE id =
				'SENORDIC0CECILIA')
			WHERE id = 'SENORDIC0000ANNA'`},
		{name: "paid without a decision", number: 9,
			sql: "UPDATE payee_decision SET answer = NULL WHERE payee = 'SEFJORD00000SHOP'"},
		{name: "a refund that nobody paid", number: 9,
			sql: "DELETE FROM statement WHERE kind = 12"},
		{name: "a refund out of another's holding", number: 9,
			sql: "UPDATE statement SET intermediary = 'SENORDIC' WHERE kind = 12"},
		{name: "a refund to another than the payer", number: 9,
			sql: "UPDATE statement SET device = 'SENORDIC0CECILIA' WHERE kind = 13"},
		{name: "a refund from a device that is not a terminal", number: 9,
			sql: "UPDATE statement SET payee = 'SENORDIC0CECILIA' WHERE kind = 12"},
		{name: "a credit that left no holding", number: 11,
			sql: "UPDATE statement SET online = online + 1 WHERE kind = 1"},
		{name: "an instruction without the notary", number: 11, sql: "UPDATE instruction SET " +
			"bytes = CAST(substr(bytes, 1, length(bytes) - 1) || x'00' AS BLOB) WHERE seq = 1 " +
			"AND device = 'SENORDIC0000ANNA'"},
		{name: "a holding pays a terminal more than it could take", number: 11,
			sql: "UPDATE payment SET from_holding = from_holding + 2000000 WHERE verdict = 5"},
		{name: "more is lent than the devices know", number: 13,
			sql: "UPDATE pool_ahead SET lent = lent + 1"},
		{name: "a device forgets what it was lent", number: 13,
			sql: "UPDATE device SET lent = 0 WHERE lent > 0"},
		{name: "a loan for nothing", number: 13,
			sql: "UPDATE statement SET atc = 9 WHERE kind = 14"},
		{name: "a loan without its end", number: 13,
			sql: "UPDATE statement SET shadow = shadow + 1 WHERE kind = 14"},
		{name: "a loan for more than the payment", number: 13,
			sql: "UPDATE payment SET verdict = 2 WHERE lent > 0"},
		{name: "a claim is taken and no netting is under way", number: 15,
			sql: "UPDATE payment SET netting = 1 WHERE verdict = 1"},
		{name: "a final payment is taken", number: 15,
			sql: "UPDATE payment SET netting = 3 WHERE verdict = 3"},
		{name: "a wallet has a place and no netting is under way", number: 15,
			sql: "UPDATE device SET netting = 1 WHERE id = 'SENORDIC0000ANNA'"},
		{name: "a wallet has set aside for nothing", number: 15,
			sql: "UPDATE device SET netted = 1 WHERE id = 'SENORDIC0000ANNA'"},
		{name: "two nettings are under way", number: 15, sql: `INSERT INTO netting (begun_at)
			VALUES ('2026-05-01T12:00:00Z'), ('2026-05-01T12:00:00Z')`},
		{name: "an Instruction forgets what its device has shown", number: 14, rows: true,
			sql: "UPDATE instruction SET outcome = 0, applied_atc = NULL WHERE seq = 1"},
		{name: "a payment not settled after two rounds", number: 10},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := ordinaryDay(t)
			auditor := audit.New(w.NotaryKey())
			auditor.HonestCAs = true
			if c.number != 9 && c.number != 11 { // those signatures are looked at once
				found, err := auditor.Check(t.Context(), w.DB, w.Honest())
				require.NoError(t, err)
				require.Empty(t, found)
			}
			if c.sql != "" {
				tamper(t, w.DB, c.sql)
			}
			if c.device != nil {
				c.device(w)
			}
			honest := w.Honest()
			if c.falsify != nil {
				c.falsify(honest)
			}
			look := auditor.Check
			switch {
			case c.number == 10:
				look = auditor.Agreement
			case c.rows:
				look = func(ctx context.Context, q store.Queryer, _ map[string]audit.Device) (
					[]audit.Violation, error,
				) {
					return auditor.Rows(ctx, q)
				}
			}
			found, err := look(t.Context(), w.DB, honest)
			require.NoError(t, err)
			numbers := []int{}
			for _, v := range found {
				require.NotEmpty(t, v.Where)
				require.Contains(t, v.String(), v.Title)
				numbers = append(numbers, v.Number)
			}
			require.Contains(t, numbers, c.number, "%v", found)
			named[c.number] = true
		})
	}
	for number, title := range audit.Titles(true) {
		require.True(t, named[number], "no case breaks invariant %d, %s", number, title)
	}
}

// tamper changes rows as no notary does: without triggers.
func tamper(t *testing.T, db *sql.DB, statement string) {
	rows, err := db.Query("SELECT name FROM sqlite_master WHERE type = 'trigger'")
	require.NoError(t, err)
	var triggers []string
	for rows.Next() {
		triggers = append(triggers, "")
		require.NoError(t, rows.Scan(&triggers[len(triggers)-1]))
	}
	require.NoError(t, rows.Close())
	for _, name := range triggers {
		_, err := db.Exec("DROP TRIGGER " + name)
		require.NoError(t, err)
	}
	for _, s := range []string{"PRAGMA foreign_keys = OFF", "DROP INDEX IF EXISTS payment_once",
		"DROP INDEX IF EXISTS statement_number", statement} {
		result, err := db.Exec(s)
		require.NoError(t, err, s)
		if s == statement {
			n, err := result.RowsAffected()
			require.NoError(t, err)
			require.Positive(t, n, "the case changes nothing")
		}
	}
}
