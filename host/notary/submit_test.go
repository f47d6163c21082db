package notary

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"ekrona.example/host/remote"
)

// TestItemsGoInParts: whatever is handed over arrives whole and in order, in calls that are within
// the bounds, and as few as there can be.
func TestItemsGoInParts(t *testing.T) {
	one := func(n int) [][]byte { return [][]byte{make([]byte, n)} }
	many := func(n, size int) [][]byte {
		all := make([][]byte, n)
		for i := range all {
			all[i] = append(bytes.Repeat([]byte{1}, size), byte(i), byte(i>>8))
		}
		return all
	}
	for name, c := range map[string]struct {
		items    [][]byte
		calls    int
		tooLarge int
	}{
		"nothing":            {nil, 0, 0},
		"one":                {one(1), 1, 0},
		"the most items":     {many(MaxItems, 0), 1, 0},
		"one more":           {many(MaxItems+1, 0), 2, 0},
		"the most bytes":     {one(MaxItemBytes), 1, 0},
		"one byte more":      {one(MaxItemBytes + 1), 0, 1},
		"many large ones":    {many(10, MaxItemBytes/2), 10, 0},
		"a large one inside": {slices.Concat(many(3, 9), one(MaxItemBytes+1), many(3, 9)), 2, 1},
	} {
		var got [][]byte
		calls := 0
		answers, err := InParts(t.Context(), c.items,
			func(_ context.Context, part [][]byte) ([]Answer, error) {
				require.NoError(t, CheckItems(part), name)
				calls++
				got = append(got, part...)
				return make([]Answer, len(part)), nil
			})
		require.NoError(t, err, name)
		require.Len(t, answers, len(c.items), name)
		require.Equal(t, c.calls, calls, name)
		tooLarge := 0
		for n, item := range c.items {
			if answers[n].Err != nil {
				require.ErrorIs(t, answers[n].Err, Malformed, name)
				require.ErrorContains(t, answers[n].Err, "at most 500 items of 1048576 bytes", name)
				tooLarge++
				continue
			}
			require.Equal(t, item, got[n-tooLarge], name)
		}
		require.Equal(t, c.tooLarge, tooLarge, name)
	}
	require.ErrorIs(t, CheckItems(make([][]byte, MaxItems+1)), Malformed)

	lost := errors.New("the link is down")
	_, err := InParts(t.Context(), one(1),
		func(context.Context, [][]byte) ([]Answer, error) { return nil, lost })
	require.ErrorIs(t, err, lost)
	_, err = InParts(t.Context(), one(1),
		func(context.Context, [][]byte) ([]Answer, error) { return nil, nil })
	require.ErrorContains(t, err, "answers 0 of 1 submitted items")
}

// TestTheLargestSubmissionIsSent: the bounds of items are within the bound of a request.
func TestTheLargestSubmissionIsSent(t *testing.T) {
	items := make([][]byte, MaxItems)
	items[0] = make([]byte, MaxItemBytes)
	body, err := remote.Encode(itemsRequest{remote.Items(items)})
	require.NoError(t, err)
	require.LessOrEqual(t, len(body), remote.MaxMessage)
}
