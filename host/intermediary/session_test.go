package intermediary

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/host/notary"
	"ekrona.example/host/session"
	"ekrona.example/host/store"
)

// doubtingNotary is a notary that verifies no signature, and keeps what was submitted.
type doubtingNotary struct {
	notary.Participant
	submitted [][]byte
}

func (d *doubtingNotary) Submit(_ context.Context, items [][]byte) ([]notary.Answer, error) {
	d.submitted = append(d.submitted, items...)
	answers := make([]notary.Answer, len(items))
	for n := range answers {
		answers[n] = notary.Answer{Held: true, Err: &notary.Error{Kind: notary.Signature}}
	}
	return answers, nil
}

// TestUnverifiedRecordsComeAgainWithTheirCertificates: of a record that somebody had handed over
// corrupted before, the notary keeps the true one only when it can verify it.
func TestUnverifiedRecordsComeAgainWithTheirCertificates(t *testing.T) {
	notary := &doubtingNotary{}
	i := &Intermediary{name: "SENORDIC", notary: notary}
	record, certificate := []byte("record"), []byte("certificate")
	_, err := i.handOverReading(t.Context(),
		session.Reading{Records: [][]byte{record}, Certificates: [][]byte{certificate}})
	require.NoError(t, err)
	assert.Equal(t, [][]byte{record, certificate, record}, notary.submitted)
}

// miscountingNotary answers more items than were submitted, or fewer.
type miscountingNotary struct {
	notary.Participant
	by int
}

func (m *miscountingNotary) Submit(_ context.Context, items [][]byte) ([]notary.Answer, error) {
	answers := make([]notary.Answer, max(len(items)+m.by, 0))
	for n := range answers {
		answers[n] = notary.Answer{Held: true, Err: &notary.Error{Kind: notary.Signature}}
	}
	return answers, nil
}

// TestEveryItemHasItsAnswer: answers that are too many or too few belong to no item.
func TestEveryItemHasItsAnswer(t *testing.T) {
	items := [][]byte{[]byte("record"), []byte("another")}
	for _, by := range []int{-2, -1, 1} {
		o := newTestBank(t)
		o.addCard("SENORDICC0000001")
		o.Intermediary.notary = &miscountingNotary{by: by}
		_, err := o.HandOver(o.ctx, items)
		require.ErrorContains(t, err, "of 2 submitted items")
		_, err = o.handOverReading(o.ctx,
			session.Reading{Records: items, Certificates: items[:1]})
		require.ErrorContains(t, err, "submitted items")
		require.NoError(t, store.Exec(o.ctx, o.db, `INSERT INTO unload
			(id, number, device, amount, digest, request, journal, answer)
			VALUES ('1', 1, 'SENORDICC0000001', 1, $1, $1, 1, $1)`, items[0]))
		require.ErrorContains(t, o.handOverDesk(o.ctx), "of 1 submitted items")
		held, err := store.Number(o.ctx, o.db, `SELECT count(*) FROM unload WHERE held`)
		require.NoError(t, err)
		require.Zero(t, held)
	}
}
