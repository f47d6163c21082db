package intermediary

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona/host/notary"
	"ekrona/host/session"
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
	require.NoError(t, i.handOverReading(t.Context(),
		session.Reading{Records: [][]byte{record}, Certificates: [][]byte{certificate}}))
	assert.Equal(t, [][]byte{record, certificate, record}, notary.submitted)
}
