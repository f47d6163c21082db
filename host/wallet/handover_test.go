package wallet

import (
	"context"
	"database/sql"
	"encoding/binary"
	"testing"

	"github.com/stretchr/testify/require"

	"ekrona.example/host/banking"
	"ekrona.example/host/notary"
	"ekrona.example/host/store"
)

// strictIntermediary holds what it is handed over, and takes no more in one call than it must.
type strictIntermediary struct {
	banking.Wallet
	calls int
}

func (s *strictIntermediary) HandOver(
	_ context.Context, messages [][]byte,
) ([]notary.Answer, error) {
	s.calls++
	if err := notary.CheckItems(messages); err != nil {
		return nil, err
	}
	answers := make([]notary.Answer, len(messages))
	for n := range answers {
		answers[n].Held = true
	}
	return answers, nil
}

// A phone that was long without a network hands over more than one call takes.
func TestALongOutboxIsHandedOver(t *testing.T) {
	p := newPhone(t)
	strict := &strictIntermediary{}
	p.Wallet.intermediary = strict
	require.NoError(t, store.InTx(p.ctx, p.db, func(tx *sql.Tx) error {
		for n := range notary.MaxItems + 1 {
			if err := store.Exec(p.ctx, tx, `INSERT INTO outbox (message, position)
				VALUES ($1, $2)`, binary.BigEndian.AppendUint32(nil, uint32(n)), n); err != nil {
				return err
			}
		}
		return nil
	}))
	require.NoError(t, p.handOver(p.ctx))
	require.Equal(t, 2, strict.calls)
	left, err := store.Number(p.ctx, p.db, `SELECT count(*) FROM outbox`)
	require.NoError(t, err)
	require.Zero(t, left)
}
