package lab

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/apdu/scp03"
	"ekrona.example/apdu/trace"
)

// TestBackIsBackForTheSession too: what it knows to be selected, and with it what it masks, and its
// side of a secure channel go back with the card, so that every line can be done again.
func TestBackIsBackForTheSession(t *testing.T) {
	s := purse(t, false)
	s.Keys = func(string) (scp03.KeySource, error) { return scp03.TestKeys(), nil }
	s.Decoder = trace.New(trace.Vocabulary{AIDs: [][]byte{{0xF0, 'P', 'R', 'O', 'B', 8, 1}},
		Forms: []trace.Form{{Name: "CREDIT", CLA: 0x80, INS: 0x10, In: []trace.Field{{}}}}})
	const credit = "80100000020064"
	p, err := s.Play(t.Context(), read(t, s, `00A4040007F050524F42080100 -> 9000
`+credit+` -> 9000
secure test 33
80E60C001D06F050524F420807F050524F42080107F050524F420802010002C9000000 -> 9000 : 00
80F24000024F0000 -> 9000 : *
reset
00A4040007F050524F42080100 -> 9000
`+credit+` -> 9000
`))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, p.Close()) })
	known := func() string { return p.Bench.Prompt() + p.Bench.Masked(credit) }
	want := []string{known()}
	for {
		stand, err := p.StepOver(t.Context())
		require.NoError(t, err)
		require.NoError(t, stand.Failed)
		want = append(want, known())
		if stand.Done {
			break
		}
	}
	assert.Equal(t, "> 8010000002****", want[0])
	assert.Equal(t, "> "+credit, want[1])
	assert.Equal(t, "secure> 8010000002****", want[3])
	for range 5 { // to before INSTALL, and back from within it
		_, err = p.Back()
		require.NoError(t, err)
	}
	stand, err := p.StepIn(t.Context())
	require.NoError(t, err)
	require.True(t, stand.Within)
	for range 3 {
		stand, err = p.StepInstruction(t.Context())
		require.NoError(t, err)
		require.True(t, stand.Within)
	}
	stand, err = p.BackInstruction()
	require.NoError(t, err)
	require.True(t, stand.Within)
	stand, err = p.Continue(t.Context())
	require.NoError(t, err)
	require.NoError(t, stand.Failed)
	require.True(t, stand.Done)
	for range 2 {
		for at := len(want) - 2; at >= 0; at-- {
			_, err = p.Back()
			require.NoError(t, err)
			assert.Equal(t, want[at], known(), "before line %d", at+1)
		}
		for at := 1; at < len(want); at++ {
			stand, err := p.StepOver(t.Context())
			require.NoError(t, err)
			require.NoError(t, stand.Failed)
			assert.Equal(t, want[at], known(), "after line %d", at)
		}
	}
}
