package intermediary

import (
	"context"
	"database/sql"
	"fmt"
	"slices"

	"ekrona.example/apdu/message"
	"ekrona.example/host/ledger"
	"ekrona.example/host/notary"
	"ekrona.example/host/store"
)

// Accounts of the intermediary's own ledger. What customers, loads and refunds under way, own funds
// and mirrored shadow wallets hold together is what the central bank holds for this intermediary,
// online and shadow: minus the contra account.
var (
	ownFunds          = ledger.Account{Kind: ledger.OwnFunds}
	centralBankContra = ledger.Account{Kind: ledger.CentralBankContra}
	transit           = ledger.Account{Kind: ledger.Transit}
)

func wallet(owner string) ledger.Account { return ledger.Account{Kind: ledger.Customer, ID: owner} }
func shadowCopy(device message.DeviceID) ledger.Account {
	return ledger.Account{Kind: ledger.ShadowCopy, ID: string(device)}
}

// statementPage is how many entries are pulled at once.
const statementPage = notary.MaxPage

// PullStatement posts what the notary has moved since the last pull, each entry
// once: money that arrived for an owner reaches the online wallet here. The
// cursor moves in the transaction that posts, so that a crash repeats a page whole
// or not at all. Two processes that pull at the same moment post nothing twice: the second one sees
// the cursor, and the entry's number is the order's key. In a crowd the callers of one process pull
// together: who comes while somebody pulls waits for the next pull, which is for all who wait.
func (i *Intermediary) PullStatement(ctx context.Context) error {
	if i.pulls == nil {
		return i.pullStatement(ctx)
	}
	return i.pulls.join(ctx, i.pullStatement)
}

// pullBeside is PullStatement for a caller whose answer does not depend on what has arrived. In a
// crowd one of them at a time posts a page, and the others go on: whoever asks what has arrived
// pulls the rest.
func (i *Intermediary) pullBeside(ctx context.Context) error {
	if i.pulls == nil {
		return i.pullStatement(ctx)
	}
	return i.pulls.alone(ctx, func(ctx context.Context) error {
		_, err := i.pullPage(ctx)
		return err
	})
}

// pullStatement posts what there is when it begins, and perhaps more.
func (i *Intermediary) pullStatement(ctx context.Context) error {
	for more := true; more; {
		var err error
		if more, err = i.pullPage(ctx); err != nil {
			return err
		}
	}
	return nil
}

// pullPage posts the next page. It reports whether there may be more.
func (i *Intermediary) pullPage(ctx context.Context) (more bool, err error) {
	var cursor int64
	if err := store.Must(ctx, i.db, store.Into{&cursor},
		`SELECT cursor FROM statement`); err != nil {
		return false, fmt.Errorf("intermediary: statement: %w", err)
	}
	entries, err := i.notary.Statement(ctx, cursor, statementPage)
	if err != nil || len(entries) == 0 {
		return false, err
	}
	err = store.InTx(ctx, i.db, func(tx *sql.Tx) error {
		if err := i.postPage(ctx, tx, entries); err != nil {
			return err
		}
		return store.Exec(ctx, tx, `UPDATE statement SET cursor = $1 WHERE cursor < $1`,
			entries[len(entries)-1].Seq)
	})
	if err != nil {
		return false, fmt.Errorf("intermediary: statement after entry %d: %w", cursor, err)
	}
	return len(entries) == statementPage, nil
}

// postPage posts the entries that are not posted yet, together.
func (i *Intermediary) postPage(ctx context.Context, tx *sql.Tx, entries []notary.Entry) error {
	cursor, err := store.Number(ctx, tx, `SELECT cursor FROM statement`)
	if err != nil {
		return err
	}
	book := ledger.NewBook(tx, store.DialectOf(i.db))
	entries = slices.DeleteFunc(slices.Clone(entries), func(e notary.Entry) bool {
		return e.Seq <= cursor
	})
	keys := make([]string, len(entries))
	accounts := []ledger.Account{ownFunds, transit, centralBankContra}
	for n, e := range entries {
		keys[n] = statementKey(e)
		if e.Owner != "" {
			accounts = append(accounts, wallet(e.Owner))
		}
		if e.Device != "" {
			accounts = append(accounts, shadowCopy(e.Device))
		}
	}
	if err := book.Load(ctx, accounts...); err != nil {
		return err
	}
	if err := book.LoadOrders(ctx, keys...); err != nil {
		return err
	}
	for _, e := range entries {
		if err := postEntry(ctx, tx, book, e); err != nil {
			return err
		}
	}
	if err := book.Flush(ctx); err != nil {
		return err
	}
	return i.repayLostOrders(ctx, tx)
}

// statementKey is the key of the order that posts an entry.
func statementKey(e notary.Entry) string { return fmt.Sprintf("statement:%d", e.Seq) }

// postEntry posts one entry and carries the load or refund order behind it on.
func postEntry(ctx context.Context, tx *sql.Tx, book *ledger.Book, e notary.Entry) error {
	online, err := onlineSide(ctx, tx, e)
	if err != nil {
		return err
	}
	if err := book.Open(ctx, online); err != nil {
		return err
	}
	lines := []ledger.Line{{Account: online, Amount: e.Online},
		{Account: centralBankContra, Amount: -e.Online - e.Shadow}}
	if e.Device != "" {
		if err := book.Open(ctx, shadowCopy(e.Device)); err != nil {
			return err
		}
		lines = append(lines, ledger.Line{Account: shadowCopy(e.Device), Amount: e.Shadow})
	}
	_, err = book.Post(ctx, e.At, ledger.Order{
		Key: statementKey(e), Memo: e.Kind.String() + " " + string(e.Device),
		Lines: lines,
	})
	return err
}

// onlineSide returns the account of the entry's online part. A load or refund whose order was lost
// with a restored backup comes out of own funds, until its customer's online wallet repays them.
func onlineSide(ctx context.Context, tx *sql.Tx, e notary.Entry) (ledger.Account, error) {
	switch {
	case e.Kind == notary.Loaded:
		known, err := moveLoad(ctx, tx, string(e.Order), loadPlaced, loadReserved, e.Instr)
		if err == nil && !known {
			return ownFunds, storeLostOrder(ctx, tx, e)
		}
		return transit, err
	case e.Kind == notary.Released:
		known, err := moveLoad(ctx, tx, string(e.Order), loadReserved, loadReturned, e.Instr)
		if err == nil && !known {
			err = returnLostOrder(ctx, tx, string(e.Order))
		}
		return wallet(e.Owner), err
	case e.Kind == notary.RefundPaid:
		_, known, err := moveRefund(ctx, tx, string(e.Order), refundDone)
		if err == nil && !known {
			return ownFunds, storeLostOrder(ctx, tx, e)
		}
		return transit, err
	case e.Kind.OwnersMoney() && e.Owner != "":
		return wallet(e.Owner), nil
	}
	return ownFunds, nil
}

// Verify recomputes the books from their entries, and the sum that they must have; the error names
// what is wrong. Nothing changes.
func (i *Intermediary) Verify(ctx context.Context) error {
	return ledger.Verify(ctx, i.db)
}
