package personalization

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/apdu/cvc"
	"ekrona.example/apdu/message"
	"ekrona.example/apdu/spec"
	"ekrona.example/personalization/pki"
)

func TestInstallParametersAreTheOrderAndFitIntoInstall(t *testing.T) {
	random := rand.NewChaCha8([32]byte{1})
	day, err := message.ParseDate("2026-11-22")
	require.NoError(t, err)
	root, err := pki.Open(t.TempDir(), random).Root("root", pki.Subject{
		Holder: cvc.Holder("SERIKSBK00001"), Role: spec.RoleRoot, Effective: day,
		Expiry: day.AddDays(100),
	})
	require.NoError(t, err)
	order, err := NewOrder("SENORDIC00000001", "anna", day, random)
	require.NoError(t, err)
	encoded, err := order.InstallParameters(root.Certificate)
	require.NoError(t, err)
	assert.LessOrEqual(t, len(encoded), spec.MaxInstallData)

	parsed, err := message.ParseInstallParameters(encoded)
	require.NoError(t, err)
	anchor, err := root.Certificate.Anchor()
	require.NoError(t, err)
	assert.Equal(t, &message.InstallParameters{
		Device: order.Device, RootAnchor: anchor, Role: spec.RoleCard,
		Ceilings: message.DefaultCeilings(), Slots: spec.DefaultSlots,
		MaxAttacks: spec.DefaultAttacks, Date: day, Token: order.Token,
	}, parsed)
}

func TestOrderHasATokenOfItsOwnThatIsNotShown(t *testing.T) {
	random := rand.NewChaCha8([32]byte{1})
	first, err := NewOrder("SENORDIC00000001", "anna", message.Date{}, random)
	require.NoError(t, err)
	second, err := NewOrder("SENORDIC00000001", "anna", message.Date{}, random)
	require.NoError(t, err)
	assert.NotEqual(t, [16]byte(first.Token), [16]byte(second.Token))
	for _, verb := range []string{"%v", "%+v", "%s"} {
		shown := fmt.Sprintf(verb, first)
		assert.NotContains(t, shown, fmt.Sprintf("%X", first.Token[:]))
		assert.NotContains(t, shown, fmt.Sprint(first.Token[:]))
	}
	_, err = NewOrder("SENORDIC00000001", "anna", message.Date{}, bytes.NewReader(nil))
	require.Error(t, err)
}

// TestCeilingsAreFittedToTheLog: of ceilings that nobody named, no card has more transactions than
// slots.
func TestCeilingsAreFittedToTheLog(t *testing.T) {
	for slots := spec.MinSlots; slots <= spec.MaxSlots; slots++ {
		l := DefaultLimits()
		l.Slots = uint8(slots)
		fitted := l.Fitted()
		require.NoError(t, fitted.Check(), slots)
		assert.LessOrEqual(t, fitted.Ceilings.MaxTransactions, l.Ceilings.MaxTransactions)
		assert.Equal(t, l.Slots, fitted.Slots)
	}
}
