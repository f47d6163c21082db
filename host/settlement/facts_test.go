package settlement_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"ekrona.example/apdu/message"
	"ekrona.example/host/notary"
	"ekrona.example/host/settlement"
	"ekrona.example/host/settlement/settlementtest"
	"ekrona.example/host/store"
	"ekrona.example/host/store/storetest"
)

func schemas(t *testing.T) []store.Schema {
	all, err := settlement.Schemas()
	require.NoError(t, err)
	return all
}

// TestFactsStay: the database itself refuses, with the reason, to change or delete messages and
// verdicts.
func TestFactsStay(t *testing.T) {
	s := newCaseRunner(t)
	s.run(linesOf(`
		card ANNA NORDIC
		card BERTIL FJORD
		card CECILIA FJORD
		terminal SHOP FJORD
		issue NORDIC 1000
		load ANNA 200
		pay ANNA SHOP 80
		sync SHOP
		sync ANNA
		refund SHOP ANNA/1 30
		give ANNA CECILIA 10
		sync ANNA
		copy ANNA TWIN
		pay ANNA SHOP 5
		pay TWIN BERTIL 60
		sync SHOP records
		sync BERTIL
		lost BERTIL`))
	for _, fact := range []struct {
		table, kept, gone string
		columns           []string // none of which changes; nil for every column
		where             string   // of which rows; empty for all
	}{
		{"payment", "a payment is never changed", "a payment is never deleted",
			[]string{"n", "identity", "payer", "atc", "payee", "request", "amount", "requested",
				"bytes"}, "final_at IS NULL"},
		{"payment", "a final verdict is never changed", "a payment is never deleted",
			[]string{"verdict", "final_at", "from_shadow"}, "final_at IS NOT NULL"},
		{"payee_answer", "a receipt or refusal is never changed",
			"a receipt or refusal is never deleted", nil, ""},
		{"payee_decision", "the payee decides once", "the payee decides once", nil, ""},
		{"record", "a record is never changed", "a record is never deleted",
			[]string{"device", "seq", "identity"}, ""},
		{"instruction", "an instruction has one body for ever", "an instruction is never deleted",
			[]string{"device", "seq", "identity", "bytes", "intermediary", "order_key", "credit",
				"acked_atc", "policy", "date"}, ""},
		{"instruction", "an instruction is applied once", "an instruction is never deleted",
			[]string{"outcome"}, "outcome <> 0"},
		{"device", "a device is registered once", "a device is never deleted",
			[]string{"id", "intermediary", "role", "public_key", "owner"}, ""},
		{"statement", "the statement only grows", "the statement only grows", nil, ""},
		{"evidence", "evidence is never changed", "evidence is never deleted", nil, ""},
		{"refund", "a refund order is answered once", "a refund order is never deleted", nil, ""},
		{"revocation", "a revocation is never changed", "a revocation is never taken back", nil,
			""},
		{"confirmation", "a confirmation is never changed", "a confirmation is never deleted", nil,
			""},
		{"state", "a state is never changed", "a state is never deleted",
			[]string{"identity", "bytes", "device", "challenge", "seen_at"}, ""},
		{"authority", "an authority joins once", "an authority is never forgotten",
			[]string{"reference", "intermediary", "role"}, ""},
		{"notary_key", "a notary key keeps its reference", "a notary key is never forgotten",
			[]string{"reference"}, ""},
	} {
		where := ""
		if fact.where != "" {
			where = " WHERE " + fact.where
		}
		rows, err := store.Number(t.Context(), s.DB, "SELECT count(*) FROM "+fact.table+where)
		require.NoError(t, err)
		require.Positive(t, rows, fact.table)
		if fact.columns == nil {
			fact.columns = s.columns(fact.table)
		}
		for _, column := range fact.columns {
			err := store.Exec(t.Context(), s.DB, "UPDATE "+fact.table+" SET "+column+" = "+
				column+where)
			require.ErrorContains(t, err, fact.kept, "%s.%s", fact.table, column)
		}
		statements := []string{"DELETE FROM " + fact.table}
		if storetest.Dialect() == store.PostgreSQL {
			statements = append(statements, "TRUNCATE "+fact.table+" CASCADE")
		} else {
			statements = append(statements,
				"INSERT OR REPLACE INTO "+fact.table+" SELECT * FROM "+fact.table,
				"REPLACE INTO "+fact.table+" SELECT * FROM "+fact.table)
		}
		for _, statement := range statements {
			require.ErrorContains(t, store.Exec(t.Context(), s.DB, statement), fact.gone, statement)
		}
	}
	s.Audit(false)
}

func (s *caseRunner) columns(table string) []string {
	rows, err := s.DB.QueryContext(s.t.Context(), "SELECT * FROM "+table+" LIMIT 0")
	require.NoError(s.t, err)
	defer rows.Close()
	columns, err := rows.Columns()
	require.NoError(s.t, err)
	return columns
}

// TestAReceiptForThePaymentOfAnotherRequest accepts nothing, whether it comes before or after that
// Payment: its payee's own Receipt still settles it.
func TestAReceiptForThePaymentOfAnotherRequest(t *testing.T) {
	for _, first := range []bool{true, false} {
		w := loaded(t)
		merchant := w.Devices["SHOP"]
		p := paid(t, w.Devices["ANNA"], merchant, 30_00)
		identity, err := message.Identity(p)
		require.NoError(t, err)
		other := &message.Receipt{Payee: merchant.ID, ATC: 1000, Payer: p.Payer,
			Number: p.Request.Number + 1000, Payment: identity}
		require.NoError(t, message.Sign(other, merchant.StolenKey()))
		items := [][]byte{w.Encode(p), w.Encode(other)}
		if first {
			slices.Reverse(items)
		}
		w.Submit(items...)
		status := func() notary.Verdict {
			s, err := w.Notary.Payment(t.Context(), p.Payer, p.ATC)
			require.NoError(t, err)
			return s.Verdict
		}
		require.Equal(t, notary.Reserved, status())
		w.Audit(false)
		_, err = merchant.Accept(p)
		require.NoError(t, err)
		w.Sync(merchant, settlementtest.Whole, 0)
		require.Equal(t, notary.Settled, status())
		w.Audit(false)
	}
}
