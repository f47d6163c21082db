package settlement_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"ekrona.example/host/notary"
	"ekrona.example/host/settlement/settlementtest"
	"ekrona.example/host/store/storetest"
)

// TestThroughTheWire runs the tests of the service with a notary whose every call is encoded and
// decoded as on its way to another process: its answers and refusals are the same. The cases do so
// by themselves.
func TestThroughTheWire(t *testing.T) {
	storetest.OnFirst(t)
	for name, test := range map[string]func(*testing.T){
		"evidence":      TestEvidenceThatIsRefused,
		"receipt":       TestReceiptBeforeItsPayment,
		"uncertified":   TestDeviceCertifiedWithoutACard,
		"nobody":        TestPaidToNobody,
		"once":          TestPayeeDecidesOnce,
		"attacks":       TestServiceAttacksAreRefused,
		"issue":         TestIssueHappensOnce,
		"statement":     TestStatementIsWhole,
		"lost":          TestLostAndEnded,
		"silent":        TestSilentPastItsCertificatesEnd,
		"stolen":        TestTwoStolenKeys,
		"instructions":  TestInstructionsThatAreRefused,
		"body":          TestOneBodyForEver,
		"explained":     TestNoCreditWithoutAnExplainedState,
		"confirmations": TestConfirmations,
		"states":        TestStatesAreFresh,
		"verdict":       TestVerdictOfWhoHasThePayment,
		"pages":         TestPages,
		"texts":         TestTextsThatAreRefused,
		"bound":         TestIssuedHasABound,
	} {
		t.Run(name, test)
	}
}

// isWired reports whether a test runs in TestThroughTheWire.
func isWired(t *testing.T) bool { return strings.HasPrefix(t.Name(), "TestThroughTheWire/") }

// TestVerdictOfWhoHasThePayment: anybody who has a Payment may ask for its verdict, and learns no
// more.
func TestVerdictOfWhoHasThePayment(t *testing.T) {
	w := loaded(t)
	merchant := w.Devices["SHOP"]
	p := paid(t, w.Devices["ANNA"], merchant, 30_00)
	name, err := notary.NameOf(p)
	require.NoError(t, err)
	verdict := func() notary.Verdict {
		v, err := w.Notary.Verdict(t.Context(), name)
		require.NoError(t, err)
		return v
	}
	require.Equal(t, notary.Unseen, verdict())
	w.Submit(w.Encode(p))
	require.Equal(t, notary.Reserved, verdict())
	_, err = merchant.Accept(p)
	require.NoError(t, err)
	w.Sync(merchant, settlementtest.Whole, 0)
	require.Equal(t, notary.Settled, verdict())
	linked, err := w.Notary.For(fjord).Verdict(t.Context(), name)
	require.NoError(t, err)
	require.Equal(t, notary.Settled, linked)
}

func TestPages(t *testing.T) {
	w := loaded(t)
	for _, size := range []int{-1, 0, notary.MaxPage + 1} {
		_, err := w.Notary.For(nordic).Statement(t.Context(), 0, size)
		require.ErrorIs(t, err, notary.Malformed)
		_, err = w.Notary.Revoked(t.Context(), 0, size)
		require.ErrorIs(t, err, notary.Malformed)
	}
	entries, err := w.Notary.For(nordic).Statement(t.Context(), 0, notary.MaxPage)
	require.NoError(t, err)
	require.Len(t, entries, 2)
}
