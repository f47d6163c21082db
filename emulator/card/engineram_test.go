package card_test

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/emulator/card"
)

// Every Signature takes what the profile says, until getInstance throws
// SystemException.NO_RESOURCE; what the applet let go of is free again after object
// deletion, and a card from a file takes what it took before.
func TestEnginesTakeTransientMemory(t *testing.T) {
	for _, profile := range []card.Profile{card.P71, card.Unlimited} {
		b := newNewer(t, profile)
		before, err := b.Memory()
		require.NoError(t, err)
		made, each := 0, 0
		if profile.Product.RAM != nil {
			each = profile.Product.RAM.DESMAC
		}
		answer := b.send(insMAC, 2, 0, 1, 2, 3, 4, 5, 6, 7, 8)
		for answer != "6f25" && made < 1000 {
			made++
			after, err := b.Memory()
			require.NoError(t, err)
			require.Equal(t, made*each, before.ResetFree-after.ResetFree)
			answer = b.send(insMAC, 2, 0, 1, 2, 3, 4, 5, 6, 7, 8)
		}
		if each == 0 {
			require.Equal(t, 1000, made, "without limit")
			continue
		}
		require.Equal(t, before.ResetFree/each, made)
		full, err := b.Memory()
		require.NoError(t, err)

		path := filepath.Join(t.TempDir(), "card")
		require.NoError(t, b.Save(path))
		again, err := card.Restore(card.Options{Profile: profile}, path)
		require.NoError(t, err)
		memory, err := again.Memory()
		require.NoError(t, err)
		assert.Equal(t, full, memory)
		small := profile
		small.RAMBytes = profile.RAMBytes - full.ResetFree - 1
		_, err = card.Restore(card.Options{Profile: small}, path)
		assert.ErrorContains(t, err, "transient memory")
	}
}

// Every product of the list names where its numbers come from, and what it takes of memory
// for cryptographic objects.
func TestProfilesNameTheirSources(t *testing.T) {
	seen := map[string]bool{}
	for _, p := range card.Profiles() {
		require.False(t, seen[p.Name], p.Name)
		seen[p.Name] = true
		found, err := card.ProfileNamed(p.Name)
		require.NoError(t, err)
		assert.Equal(t, p, found)
		if p.Name == card.Unlimited.Name {
			continue
		}
		assert.NotEmpty(t, p.Source, p.Name)
		require.NotNil(t, p.Product.RAM, p.Name)
		assert.Positive(t, p.Product.RAM.Signature[2], p.Name)
		assert.Equal(t, 5_120, p.CommitBytes, p.Name)
	}
}
