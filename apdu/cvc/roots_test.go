package cvc

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/apdu/message"
	"ekrona.example/apdu/spec"
)

func TestRoots(t *testing.T) {
	link := func(from, to byte) []byte {
		ref := []message.AuthorityRef{"", "SERIKSBK00001", "SERIKSBK00002", "SERIKSBK00003"}
		encoded, err := issue(t, spec.RoleRoot, ref[from], Holder(ref[to]), testKey(t, to),
			testKey(t, from)).Encode()
		require.NoError(t, err)
		return encoded
	}
	roots, err := ParseRoots(link(1, 1), link(1, 2), link(2, 3), link(1, 2))
	require.NoError(t, err)
	assert.Len(t, roots, 3)
	assert.EqualValues(t, "SERIKSBK00003", roots.Current().Holder)

	// From a later root on, an earlier link says nothing.
	later, err := ParseRoots(link(2, 2), link(1, 2), link(2, 3))
	require.NoError(t, err)
	assert.Len(t, later, 2)
	ca := issue(t, spec.RoleIntermediary, "SERIKSBK00002", caRef, testKey(t, 7), testKey(t, 2))
	card := issue(t, spec.RoleCard, caRef, "SENORDIC00000001", testKey(t, 8), testKey(t, 7))
	require.NoError(t, roots.Verify(ca))
	require.NoError(t, roots.VerifyDevice(day(t, "2026-06-01"), card, ca))
	require.ErrorIs(t, roots.VerifyDevice(day(t, "2027-01-01"), card, ca), ErrExpired)
	first, err := ParseRoots(link(1, 1))
	require.NoError(t, err)
	require.ErrorIs(t, first.Verify(ca), ErrIssuer)
	require.ErrorIs(t, first.VerifyDevice(day(t, "2026-06-01"), card, ca), ErrIssuer)

	for name, links := range map[string][][]byte{
		"a link is missing":       {link(2, 3)},
		"backwards":               {link(1, 2), link(2, 1)},
		"the same root, two keys": {link(1, 2), forked(t)},
		"not a link":              {link(3, 3)},
		"not a certificate":       {{1}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := ParseRoots(link(1, 1), links...)
			require.Error(t, err)
		})
	}
}

// forked is a second key for the second root, signed by the first: only the current root links.
func forked(t *testing.T) []byte {
	encoded, err := issue(t, spec.RoleRoot, "SERIKSBK00001", "SERIKSBK00002", testKey(t, 9),
		testKey(t, 1)).Encode()
	require.NoError(t, err)
	return encoded
}
