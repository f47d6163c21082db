package suite

import (
	"testing"

	"github.com/stretchr/testify/require"

	"ekrona.example/apdu/scp03"
	"ekrona.example/emulator/card"
	"ekrona.example/emulator/globalplatform"
)

// TestOnManagedCard: over the security domain of a virtual card, as on a card in a
// reader.
func TestOnManagedCard(t *testing.T) {
	virtual, err := card.New(card.Options{Profile: card.P71, Interface: card.Contactless})
	require.NoError(t, err)
	managed, err := globalplatform.New(virtual, globalplatform.Options{})
	require.NoError(t, err)
	RunSome(t, onManaged(t, managed), 3)

	again := newRun(onManaged(t, managed))
	first := cases()[0]
	require.NoError(t, again.result(t.Context(), first).Err(),
		"on a card that has the applet already")
}

func onManaged(t *testing.T, managed *globalplatform.Card) *Managed {
	t.Helper()
	target, err := NewManaged(managed, managed.Reset, scp03.TestKeys(),
		Capabilities{ShortOnly: !card.P71.ExtendedLength, Contactless: true})
	require.NoError(t, err)
	return target
}
