package wallet

import (
	"context"
	"errors"
	"fmt"

	"ekrona.example/apdu/cvc"
	"ekrona.example/apdu/message"
	"ekrona.example/applet/client"
	"ekrona.example/host/remote"
	"ekrona.example/host/store"
)

// readLog reads the records after the State's ACKED_ATC. Those that a former tap has read are not
// read again, and those that this one reads are kept one by one: a tap that is torn between them
// loses none, and the next goes on behind them. Errors: [*client.LinkLost].
func (o cardDevice) readLog(ctx context.Context, state []byte) ([][]byte, error) {
	w := o.wallet
	sent, err := message.Parse[message.State](state)
	if err != nil || !w.isOwn(sent) {
		return o.Records(ctx) // the intermediary reports it
	}
	if err := store.Exec(ctx, w.db, `DELETE FROM log WHERE atc <= $1 OR atc > $2`, sent.AckedATC,
		sent.ATC); err != nil {
		return nil, fmt.Errorf("wallet: journal: records of the card: %w", err)
	}
	kept, err := store.Column[[]byte](ctx, w.db, `SELECT record FROM log ORDER BY atc`)
	if err != nil {
		return nil, fmt.Errorf("wallet: journal: records of the card: %w", err)
	}
	var records [][]byte
	for _, record := range kept {
		if !w.isRecord(record, sent.AckedATC+1+uint32(len(records))) {
			break
		}
		records = append(records, record)
	}
	err = o.RecordsFrom(ctx, len(records), func(record []byte) error {
		records = append(records, record)
		atc := sent.AckedATC + uint32(len(records))
		if !w.isRecord(record, atc) {
			return nil // altered on its way: the intermediary reports it
		}
		if err := store.Exec(ctx, w.db, `INSERT INTO log (atc, record) VALUES ($1, $2)
			ON CONFLICT (atc) DO UPDATE SET record = excluded.record`, atc, record); err != nil {
			return fmt.Errorf("wallet: journal: records of the card: %w", err)
		}
		return nil
	})
	o.logRead = err == nil
	return records, err
}

// isOwn reports whether the owner's card has signed a State.
func (w *Wallet) isOwn(state *message.State) bool {
	own, err := cvc.Parse(w.certificate)
	return err == nil && state.Device == own.Device() &&
		message.Verify(state, own.PublicKey) == nil
}

// isRecord reports whether the owner's card has signed a record of its log with a number.
func (w *Wallet) isRecord(encoded []byte, atc uint32) bool {
	record, err := message.ParseRecord(encoded)
	if err != nil || record.ATC() != atc {
		return false
	}
	own, err := message.Encode(record.Message())
	return err == nil && signedBy(own, w.certificate)
}

// forgetLog drops the records that were read when the intermediary does not take them: the card
// does not sign the payer's signature in them, which may have been altered on its way, and must
// then be read again. A tap that is torn afterwards, and a network that is gone, say nothing of
// them.
func (h *cardSession) forgetLog(ctx context.Context, failed error) error {
	if failed == nil || !h.logRead || client.IsLost(failed) || ctx.Err() != nil ||
		remote.IsPassing(failed) {
		return failed
	}
	if err := store.Exec(ctx, h.wallet.db, `DELETE FROM log`); err != nil {
		return errors.Join(failed, fmt.Errorf("wallet: journal: records of the card: %w", err))
	}
	return failed
}
