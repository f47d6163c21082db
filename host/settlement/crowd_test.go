package settlement_test

import (
	"database/sql"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/apdu/message"
	"ekrona.example/apdu/spec"
	"ekrona.example/host/ledger"
	"ekrona.example/host/notary"
	"ekrona.example/host/settlement/settlementtest"
	"ekrona.example/host/store"
	"ekrona.example/host/store/storetest"
)

// crowd is cards of others with what they have paid, made by statements on sets: rows as the notary
// would have left them, but that nobody has signed. Their terminals are the ones of a measurement.
type crowd struct {
	*settlementtest.World
	t         *testing.T
	terminals int   // whose short names are T0000000, T0000001, ...
	wallets   int64 // so many cards, each loaded with crowdLoad
	payments  int64
}

const (
	crowdLoad  = 1_000_00
	crowdOwes  = 2_000_00      // by each payment that waits, more than its wallet holds
	crowdFirst = 1_000_000_000 // terminals' Requests and records of the crowd, from this number on
	crowdChunk = 50_000        // rows of one transaction
	orderSize  = 500           // payments that one ledger order has settled
)

// crowdWords are the terms of the crowd's statements: on PostgreSQL, and on SQLite. n is the number
// of a wallet or payment, {hash L} a hash that is always the same for a letter and n.
var crowdWords = [][3]string{
	{"{wallet}", `'SENORDICW' || right('0000000' || (n * 3141593 % 10000000), 7)`,
		`'SENORDICW' || substr('0000000' || (n * 3141593 % 10000000), -7)`},
	{"{payer}", `'SENORDICW' || right('0000000' || (n % {wallets} * 3141593 % 10000000), 7)`,
		`'SENORDICW' || substr('0000000' || (n % {wallets} * 3141593 % 10000000), -7)`},
	{"{terminal}", `'{fjord}T' || right('0000000' || (n % {terminals}), 7)`,
		`'{fjord}T' || substr('0000000' || (n % {terminals}), -7)`},
	{"{key}", `'\x04'::bytea || {hash A} || {hash B}`, `zeroblob(65)`},
	{"{body}", `decode(repeat('a5', 230), 'hex')`, `zeroblob(230)`},
	{"{series}", `generate_series({from}::bigint, {last}::bigint) AS s(n)`, `(WITH RECURSIVE s(n)
		AS (SELECT {from} UNION ALL SELECT n + 1 FROM s WHERE n < {last}) SELECT n FROM s) AS s`},
}

// column is that of crowdWords.
func column() int {
	if storetest.Dialect() == store.PostgreSQL {
		return 1
	}
	return 2
}

// words replaces the terms in a statement for the numbers from and below to.
func (c *crowd) words(statement string, from, to int64) string {
	hash, lite := "sha256(('$1' || n)::bytea)",
		"CAST(printf('$1%010d%021d', n * 2654435761 % 4294967296, n) AS BLOB)"
	if storetest.Dialect() == store.SQLite {
		hash = lite
	}
	for _, w := range crowdWords {
		statement = strings.ReplaceAll(statement, w[0], w[column()])
	}
	statement = regexp.MustCompile(`\{hash (\w)\}`).ReplaceAllString(statement, hash)
	return strings.NewReplacer("{from}", fmt.Sprint(from), "{last}", fmt.Sprint(to-1),
		"{fjord}", string(fjord), "{nordic}", string(nordic), "{wallets}", fmt.Sprint(c.wallets),
		"{terminals}", fmt.Sprint(c.terminals), "{first}", fmt.Sprint(crowdFirst),
		"{order}", fmt.Sprint(orderSize)).Replace(statement)
}

// fill carries out statements for the numbers from and below to, in parts.
func (c *crowd) fill(from, to int64, statements ...string) {
	for part := from; part < to; part += crowdChunk {
		require.NoError(c.t, store.InTx(c.t.Context(), c.DB, func(tx *sql.Tx) error {
			for _, statement := range statements {
				statement = c.words(statement, part, min(part+crowdChunk, to))
				if err := store.Exec(c.t.Context(), tx, statement); err != nil {
					return fmt.Errorf("%s: %w", statement, err)
				}
			}
			return nil
		}))
	}
}

func (c *crowd) number(query string, args ...any) int64 {
	n, err := store.Number(c.t.Context(), c.DB, query, args...)
	require.NoError(c.t, err)
	return n
}

// analyze has the server know how many rows there are now, as it would after a while.
func (c *crowd) analyze() {
	if store.DialectOf(c.DB) == store.PostgreSQL {
		_, err := c.DB.ExecContext(c.t.Context(), "VACUUM (ANALYZE)")
		require.NoError(c.t, err)
		_, err = c.DB.ExecContext(c.t.Context(), "CHECKPOINT")
		require.NoError(c.t, err)
	}
}

// addWallets adds cards until there are so many.
func (c *crowd) addWallets(until int64) {
	if until <= c.wallets {
		return
	}
	orders := c.number("SELECT coalesce(max(id), 0) FROM ledger_order") - c.wallets
	entries := c.number("SELECT coalesce(max(number), 0) FROM statement WHERE intermediary = $1",
		nordic) - c.wallets
	c.fill(c.wallets, until,
		fmt.Sprintf(`INSERT INTO device (id, intermediary, role, public_key, certificate, expires,
			owner, slots, registered_at, held_head) SELECT {wallet}, '{nordic}', %d,
			{key}, {body}, '2031-05-01', 'owner ' || n,
			%d, '2026', {hash H} FROM {series}`, spec.RoleCard, settlementtest.Slots),
		fmt.Sprintf(`INSERT INTO ledger_account (name, kind, overdraft, balance)
			SELECT 'shadow:' || {wallet}, 'shadow', FALSE, %d FROM {series}`, crowdLoad),
		fmt.Sprintf(`INSERT INTO ledger_order (id, key, hash, memo, at) SELECT %d + n + 1,
			'load:' || {wallet} || ':1', {hash O}, '', '2026' FROM {series}`, orders),
		fmt.Sprintf(`INSERT INTO ledger_entry (order_id, line, account, amount)
			SELECT %d + n + 1, 0, 'online:{nordic}', -%d FROM {series}`, orders, crowdLoad),
		fmt.Sprintf(`INSERT INTO ledger_entry (order_id, line, account, amount)
			SELECT %d + n + 1, 1, 'shadow:' || {wallet}, %d FROM {series}`, orders, crowdLoad),
		fmt.Sprintf(`INSERT INTO statement (intermediary, number, kind, device, owner, online,
			shadow, payer, atc, payee, order_key, instr, at) SELECT '{nordic}', %d + n + 1, %d,
			{wallet}, 'owner ' || n, -%d, %[3]d, '', 0, '', 'crowd ' || n, 1, '2026'
			FROM {series}`, entries, notary.Loaded, crowdLoad),
		fmt.Sprintf(`INSERT INTO instruction (device, seq, identity, bytes, intermediary, order_key,
			credit, acked_atc, policy, date, signed_at, outcome, applied_atc) SELECT {wallet}, 1,
			{hash I}, {body}, '{nordic}', 'crowd ' || n, %d, 0, {hash Y}, '2026-05-01', '2026',
			2, 0 FROM {series}`, crowdLoad))
	require.NoError(c.t, store.Exec(c.t.Context(), c.DB,
		"UPDATE ledger_account SET balance = balance - $1 WHERE name = 'online:SENORDIC'",
		(until-c.wallets)*crowdLoad))
	c.wallets = until
	c.analyze()
}

// addPayments adds payments that the cards made to the terminals, which accepted them: settled
// ones, or ones that wait because the wallets hold too little.
func (c *crowd) addPayments(more int64, settled bool) {
	if more == 0 {
		return
	}
	numbers := c.number("SELECT coalesce(max(n), 0) FROM payment")
	from, to, before := c.payments, c.payments+more, numbers-c.payments
	amount, verdict, final, moved := crowdOwes, notary.Waiting, "NULL", 0
	if settled {
		amount, verdict, final, moved = 1, notary.Settled, "'2026'", 1
	}
	all := []string{
		fmt.Sprintf(`INSERT INTO payment (n, identity, bytes, payer, atc, payee, request, amount,
			requested, signature, verdict, from_shadow, seen_at, final_at) SELECT %d + n + 1,
			{hash P}, {body}, {payer}, n / {wallets} + 1, {terminal}, {first} + n, %d, TRUE, 0, %d, %d,
			'2026', %s FROM {series}`, before, amount, verdict, moved, final),
		`INSERT INTO record (device, seq, identity, head) SELECT {payer}, n / {wallets} + 1,
			{hash P}, {hash H} FROM {series}`,
		`INSERT INTO record (device, seq, identity) SELECT {terminal}, {first} + n, {hash R}
			FROM {series}`,
		`INSERT INTO payee_answer (identity, bytes, payee, seq, request, payment, seen_at)
			SELECT {hash R}, {body}, {terminal}, {first} + n, {first} + n, {hash P}, '2026'
			FROM {series}`,
		`INSERT INTO payee_decision (payee, request, payment, answer, at) SELECT {terminal},
			{first} + n, {hash P}, {hash R}, '2026' FROM {series}`,
	}
	if settled {
		all = append(all, c.settledRows()...)
	}
	c.fill(from, to, all...)
	c.payments = to
	c.addSums(numbers)
	c.analyze()
}

// wallet returns the id of a card.
func (c *crowd) wallet(n int64) message.DeviceID {
	return message.DeviceID(fmt.Sprintf("SENORDICW%07d", n*3141593%10000000))
}

// addRing has each card owe the next one more than it has: claims that only move together.
func (c *crowd) addRing() {
	numbers := c.number("SELECT coalesce(max(n), 0) FROM payment")
	next := strings.ReplaceAll(crowdWords[1][column()], "n %", "(n + 1) %")
	c.fill(c.payments, c.payments+c.wallets,
		fmt.Sprintf(`INSERT INTO payment (n, identity, bytes, payer, atc, payee, request, amount,
			requested, signature, verdict, seen_at) SELECT %d + n + 1, {hash P}, {body}, {payer},
			n / {wallets} + 1, %s, {first} + n, %d, TRUE, 0, %d, '2026' FROM {series}`,
			numbers-c.payments, next, crowdOwes, notary.Waiting),
		`INSERT INTO record (device, seq, identity, head) SELECT {payer}, n / {wallets} + 1,
			{hash P}, {hash H} FROM {series}`,
		`INSERT INTO record (device, seq, identity) SELECT `+next+`, {first} + n, {hash R}
			FROM {series}`,
		`INSERT INTO payee_answer (identity, bytes, payee, seq, request, payment, seen_at)
			SELECT {hash R}, {body}, `+next+`, {first} + n, {first} + n, {hash P}, '2026'
			FROM {series}`,
		`INSERT INTO payee_decision (payee, request, payment, answer, at) SELECT `+next+`,
			{first} + n, {hash P}, {hash R}, '2026' FROM {series}`)
	c.payments += c.wallets
	c.addSums(numbers)
	c.analyze()
}

// settledRows are the statements for what payments have moved.
func (c *crowd) settledRows() []string {
	orders := c.number("SELECT coalesce(max(id), 0) FROM ledger_order")
	entries := func(of any) int64 {
		return c.number("SELECT coalesce(max(number), 0) FROM statement WHERE intermediary = $1",
			of) - c.payments
	}
	order := fmt.Sprintf("%d + (n - %d) / {order} + 1", orders, c.payments)
	line := fmt.Sprintf("(n - %d) %% {order}", c.payments)
	return []string{
		"INSERT INTO ledger_order (id, key, hash, memo, at) SELECT " + order +
			", 'settle:crowd ' || n, {hash S}, '', '2026' FROM {series} WHERE " + line + " = 0",
		"INSERT INTO ledger_entry (order_id, line, account, amount) SELECT " + order + ", " + line +
			", 'shadow:' || {payer}, -1 FROM {series}",
		"INSERT INTO ledger_entry (order_id, line, account, amount) SELECT " + order +
			", {order}, 'online:{fjord}', count(*) FROM {series} GROUP BY 1",
		fmt.Sprintf(`INSERT INTO statement (intermediary, number, kind, device, owner, online,
			shadow, payer, atc, payee, order_key, instr, at) SELECT '{nordic}', %d + n + 1, %d,
			{payer}, '', 0, -1, {payer}, n / {wallets} + 1, {terminal}, '', 0, '2026' FROM {series}`,
			entries(nordic), notary.Paid),
		fmt.Sprintf(`INSERT INTO statement (intermediary, number, kind, device, owner, online,
			shadow, payer, atc, payee, order_key, instr, at) SELECT '{fjord}', %d + n + 1, %d,
			{terminal}, '', 1, 0, {payer}, n / {wallets} + 1, {terminal}, '', 0, '2026' FROM {series}`,
			entries(fjord), notary.Collected),
	}
}

// addSums adds the payments with numbers after one to the sums of their wallets and terminals.
func (c *crowd) addSums(after int64) {
	for _, statement := range []string{
		`UPDATE device SET held_atc = f.atc, held_head = r.head, unpaid = unpaid + f.owed
			FROM (SELECT payer, max(atc) AS atc, sum(amount - from_shadow) AS owed FROM payment
			WHERE n > $1 GROUP BY payer) AS f JOIN record r ON r.device = f.payer AND r.seq = f.atc
			WHERE device.id = f.payer`,
		`UPDATE device SET accepted = accepted + f.owed, collected = collected + f.paid
			FROM (SELECT payee, sum(amount - from_shadow) AS owed, sum(from_shadow) AS paid
			FROM payment WHERE n > $1 GROUP BY payee) AS f WHERE device.id = f.payee`,
		`UPDATE ledger_account SET balance = balance - f.paid FROM (SELECT 'shadow:' || payer
			AS name, sum(from_shadow) AS paid FROM payment WHERE n > $1 GROUP BY payer) AS f
			WHERE ledger_account.name = f.name`,
		`UPDATE ledger_account SET balance = balance + (SELECT coalesce(sum(from_shadow), 0)
			FROM payment WHERE n > $1) WHERE name = 'online:` + string(fjord) + `'`,
	} {
		require.NoError(c.t, store.Exec(c.t.Context(), c.DB, statement, after))
	}
}

// recountSums has migration 00003 work the sums of all devices out again.
func recountSums(t *testing.T, db *sql.DB) {
	t.Helper()
	migration, err := os.ReadFile("migrations/00003_writer.sql")
	require.NoError(t, err)
	_, update, found := strings.Cut(string(migration), "UPDATE device SET")
	require.True(t, found)
	update, _, found = strings.Cut(update, ";")
	require.True(t, found)
	require.NoError(t, store.Exec(t.Context(), db, "UPDATE device SET"+update))
}

// TestTheCrowdIsConsistent: its books balance, and the sums in its devices' rows are those of its
// payments.
func TestTheCrowdIsConsistent(t *testing.T) {
	w := settlementtest.NewWorld(t)
	require.NoError(t, w.Notary.Issue(t.Context(), "all", nordic, 1_000_000_00))
	c := &crowd{World: w, t: t, terminals: 3}
	for n := range c.terminals {
		w.Issue(fmt.Sprintf("T%07d", n), "FJORD", spec.RoleTerminal)
	}
	c.addWallets(10)
	c.addWallets(40)
	c.addPayments(1100, true)
	c.addPayments(35, false)
	c.addPayments(70, true)
	require.NoError(t, ledger.Verify(t.Context(), c.DB))
	balances, err := notary.AllBalances(t.Context(), w.Notary)
	require.NoError(t, err)
	require.Len(t, balances.Shadow, 40)
	assert.EqualValues(t, 1170, c.number("SELECT balance FROM ledger_account WHERE name = $1",
		"online:"+string(fjord)))
	kept := sumsIn(t, c.DB)
	recountSums(t, c.DB)
	assert.Equal(t, sumsIn(t, c.DB), kept)
	assert.EqualValues(t, 1205, c.number("SELECT count(*) FROM payment p JOIN record r "+
		"ON r.device = p.payer AND r.seq = p.atc AND r.identity = p.identity"))
	assert.Zero(t, c.number(`SELECT count(*) FROM device d WHERE held_atc <>
		(SELECT count(*) FROM record r WHERE r.device = d.id AND r.head IS NOT NULL)`))
}
