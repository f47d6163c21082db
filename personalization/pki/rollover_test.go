package pki

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/apdu/cvc"
	"ekrona.example/apdu/message"
	"ekrona.example/apdu/spec"
	"ekrona.example/personalization/pki/revocation"
)

// nextRoot makes the root that comes after.
func (p parties) nextRoot(days int) Identity {
	s := subject(p.t, "SERIKSBK00002", spec.RoleRoot)
	s.Expiry = s.Expiry.AddDays(days)
	root, err := p.bank.Root("root2", s)
	require.NoError(p.t, err)
	return root
}

func encodings(entries []Entry) (all [][]byte) {
	for _, k := range entries {
		all = append(all, k.Encoded)
	}
	return all
}

// TestRollover: every key that an outstanding Instruction may name is certified again with the end
// that it had, whatever is cut off, and the parties take what is theirs.
func TestRollover(t *testing.T) {
	p := newParties(t)
	ca := p.certified("ca", subject(t, "SENORDIC00001", spec.RoleIntermediary))
	ended := subject(t, "SENORDIC00009", spec.RoleIntermediary)
	ended.Expiry = day(t, "2027-02-01")
	p.certified("ca9", ended)
	key := p.certified("instruction", subject(t, "SENORDIC00002", spec.RoleInstructionKey))
	past := subject(t, "SENOTARY00001", spec.RoleNotary)
	past.Expiry = day(t, "2027-03-01")
	p.certified("notary1", past)
	later := subject(t, "SENOTARY00002", spec.RoleNotary)
	p.certified("notary", later)
	stolen := p.certified("stolen", subject(t, "SENORDIC00003", spec.RoleInstructionKey))
	_, err := p.bank.Revoke(t.Context(), "root", []*cvc.Certificate{stolen},
		revocation.KeyCompromise, noon, noon.AddDate(0, 1, 0))
	require.NoError(t, err)
	today := message.DateOf(noon)

	p.nextRoot(-1)
	_, err = p.bank.Rollover(t.Context(), "root", "root2", nil, today)
	require.ErrorContains(t, err, "give an earlier last day", "it would end before the keys")
	assert.NoFileExists(t, filepath.Join(p.bank.Path("root", issuedFolder), "SERIKSBK00002.point"))
	require.NoError(t, os.Remove(p.bank.Path("root2", certificateFile)))
	root := p.nextRoot(365)
	_, err = p.bank.Rollover(t.Context(), "root2", "root", nil, today)
	require.ErrorIs(t, err, ErrForward)

	again, err := p.bank.Rollover(t.Context(), "root", "root2", nil, today)
	require.NoError(t, err)
	var holders []string
	for _, k := range again {
		holders = append(holders, k.Name)
	}
	assert.Equal(t, []string{"SERIKSBK00002", "SENORDIC00001", "SENORDIC00002", "SENOTARY00001",
		"SENOTARY00002"}, holders)
	for _, k := range again[1:] {
		require.NoError(t, k.Certificate.VerifyBy(root.Certificate))
	}
	assert.Equal(t, key.Expiry, again[2].Certificate.Expiry)
	assert.Equal(t, past.Expiry, again[3].Certificate.Expiry)
	assert.True(t, again[1].Certificate.PublicKey.Equal(ca.PublicKey))

	repeated, err := p.bank.Rollover(t.Context(), "root", "root2", nil, today)
	require.NoError(t, err)
	assert.Equal(t, encodings(again), encodings(repeated))
	lost := filepath.Join(p.bank.Path("root2", issuedFolder), "SENORDIC00002.2030-12-31.cvc")
	require.NoError(t, os.Remove(lost))
	repeated, err = p.bank.Rollover(t.Context(), "root", "root2", nil, today)
	require.NoError(t, err)
	assert.Len(t, repeated, len(again), "cut off before that one was kept")
	assert.FileExists(t, lost)

	names, err := p.nordic.Follow(t.Context(), encodings(again))
	require.NoError(t, err)
	assert.Equal(t, []string{"SERIKSBK00002", "ca", "instruction", "notary1", "notary"}, names)
	names, err = p.nordic.Follow(t.Context(), encodings(again))
	require.NoError(t, err)
	assert.Empty(t, names, "taken already")
	found, err := p.nordic.Check(t.Context(), noon)
	require.NoError(t, err)
	for _, f := range found {
		if f.Name == "ca" || f.Name == "instruction" || f.Name == "notary" {
			assert.Equal(t, "SERIKSBK00002", f.Issuer)
			assert.Empty(t, f.Problem, f.Name)
			assert.Equal(t, Matches, f.Key)
		}
	}
	identity, err := p.nordic.Identity(t.Context(), "instruction")
	require.NoError(t, err)
	assert.Equal(t, again[2].Encoded, identity.Encoded)
	_, err = p.nordic.Import(t.Context(), "ca", encodingOf(t, ca))
	require.Error(t, err, "and never back")

	store, err := p.nordic.Store()
	require.NoError(t, err)
	first, err := p.nordic.Certificate("root")
	require.NoError(t, err)
	assert.Equal(t, [][]byte{again[0].Encoded}, store.Links(first))
	assert.Len(t, store.Of(spec.RoleInstructionKey, "SENORDIC"), 2)
}

func encodingOf(t *testing.T, c *cvc.Certificate) []byte {
	encoded, err := c.Encode()
	require.NoError(t, err)
	return encoded
}

// TestRolloverOfAnotherArchive: a certificate that the archive has lost is certified again from its
// file, if the former root has signed it.
func TestRolloverOfAnotherArchive(t *testing.T) {
	p := newParties(t)
	key := p.certified("instruction", subject(t, "SENORDIC00002", spec.RoleInstructionKey))
	require.NoError(t, os.RemoveAll(p.bank.Path("root", issuedFolder)))
	p.nextRoot(365)
	today := message.DateOf(noon)
	again, err := p.bank.Rollover(t.Context(), "root", "root2", nil, today)
	require.NoError(t, err)
	require.Len(t, again, 1)
	again, err = p.bank.Rollover(t.Context(), "root", "root2", [][]byte{encodingOf(t, key)}, today)
	require.NoError(t, err)
	require.Len(t, again, 2)
	other := newParties(t)
	foreign := other.certified("instruction", subject(t, "SENORDIC00002",
		spec.RoleInstructionKey))
	foreign.Expiry = foreign.Expiry.AddDays(-1)
	_, err = p.bank.Rollover(t.Context(), "root", "root2", [][]byte{encodingOf(t, foreign)}, today)
	require.ErrorIs(t, err, cvc.ErrSignature)
}
