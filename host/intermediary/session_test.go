package intermediary

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona/host/notary"
	"ekrona/host/session"
)

// doubter is a notary that no signature convinces, and that keeps what was submitted.
type doubter struct {
	notary.Participant
	submitted [][]byte
}

func (d *doubter) Submit(_ context.Context, items [][]byte) ([]notary.Answer, error) {
	d.submitted = append(d.submitted, items...)
	answers := make([]notary.Answer, len(items))
	for n := range answers {
		answers[n] = notary.Answer{Held: true, Err: &notary.Error{Kind: notary.Signature}}
	}
	return answers, nil
}

// TestDoubtedRecordsComeAgainWithTheirCertificates: of a record that somebody had handed over spoiled before, the notary keeps the
// true one only when it can verify it.
func TestDoubtedRecordsComeAgainWithTheirCertificates(t *testing.T) {
	notary := &doubter{}
	i := &Intermediary{name: "SENORDIC", notary: notary}
	record, certificate := []byte("record"), []byte("certificate")
	require.NoError(t, i.handOverReading(t.Context(), session.Reading{Records: [][]byte{record}, Certificates: [][]byte{certificate}}))
	assert.Equal(t, [][]byte{record, certificate, record}, notary.submitted)
}
