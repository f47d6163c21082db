package batch

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// Whatever a job file and its table hold, they are read whole or refused with every
// problem named; what is read again is the same job.
func FuzzJob(f *testing.F) {
	const head = "job: spring\nbank: SENORDIC\nkeys:\n  initial: test\n  final: file:master.key\n" +
		"letters:\n" +
		"  recipients: [age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p]\n"
	const table, inline = "owner,name\nanna,Anna Andersson\n",
		"cards:\n  - owner: anna\n    name: Anna\n    max_balance: 200.00\n"
	for _, seed := range []struct{ content, rows string }{
		{head + "cards: cards.csv\n", table},
		{head + "expiry: 2030-12-31\nceilings:\n  max_payment: 100.00\n" + inline, ""},
		{head + "cards: cards.csv\n",
			"owner,second,replaces\nanna,yes,\nbertil,,SENORDICC0000003\n"},
	} {
		_, err := parseJob("job.yaml", []byte(seed.content),
			func(string) ([]byte, error) { return []byte(seed.rows), nil })
		require.NoError(f, err)
		f.Add([]byte(seed.content), []byte(seed.rows))
	}
	f.Add([]byte("job: [\n"), []byte("\xEF\xBB\xBFowner;name\n\"anna;Anna\n"))
	f.Fuzz(func(t *testing.T, content, rows []byte) {
		table := func(string) ([]byte, error) { return rows, nil }
		job, err := parseJob("job.yaml", content, table)
		if err != nil {
			require.Nil(t, job)
			var problems Problems
			require.ErrorAs(t, err, &problems)
			require.NotEmpty(t, problems)
			return
		}
		require.NotEmpty(t, job.Cards)
		again, err := parseJob("job.yaml", content, table)
		require.NoError(t, err)
		require.Equal(t, job, again)
	})
}
