package settlement_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"ekrona.example/apdu/message"
	"ekrona.example/apdu/spec"
	"ekrona.example/host/notary"
	"ekrona.example/host/settlement/settlementtest"
)

// TestTextsThatAreRefused: a text that a database would not keep, or a link not carry, is refused
// by the notary itself, and its books stay readable.
func TestTextsThatAreRefused(t *testing.T) {
	w := loaded(t)
	ctx, p := t.Context(), w.Notary.For(nordic)
	d := w.Devices["ANNA"]
	for _, bad := range []string{"a\x00", "a\xff", "\xed\xa0\x80"} {
		id := message.DeviceID(bad)
		_, outstanding := p.Outstanding(ctx, id)
		_, payment := w.Notary.Payment(ctx, id, 1)
		for call, err := range map[string]error{
			"outstanding": outstanding, "payment": payment,
			"report lost":  p.ReportLost(ctx, id),
			"end":          p.End(ctx, id),
			"end now":      p.EndNow(ctx, id),
			"intermediary": w.Notary.Issue(ctx, "texts", message.Name(bad), 1),
			"join":         w.Notary.Join(ctx, message.Name(bad), nil, nil),
			"payee": p.Refund(ctx,
				notary.Refund{Order: "o", Payee: id, Payer: d.ID, Amount: 1}),
			"payer": p.Refund(ctx,
				notary.Refund{Order: "o", Payee: d.ID, Payer: id, Amount: 1}),
			"owner": p.Register(ctx, notary.Registration{
				Certificate: d.Certificate, Owner: bad}),
		} {
			require.ErrorIs(t, err, notary.Malformed, "%s %q", call, bad)
		}
	}
	for _, bad := range []notary.OrderKey{
		"", "a\x00", "a\xff", "å", "a\n", notary.OrderKey(strings.Repeat("x", 101)),
	} {
		_, coSigned := p.CoSign(ctx, bad, nil)
		for call, err := range map[string]error{
			"issue": w.Notary.Issue(ctx, bad, nordic, 1),
			"pool":  w.Notary.FundPool(ctx, bad, 1),
			"refund": p.Refund(ctx,
				notary.Refund{Order: bad, Payee: d.ID, Payer: d.ID, ATC: 1, Amount: 1}),
			"co-sign": coSigned,
		} {
			require.ErrorIs(t, err, notary.Malformed, "%s %q", call, bad)
			require.Regexp(t, "order key|UTF-8", err.Error(), "%s %q", call, bad)
		}
	}
	entries, err := p.Statement(ctx, 0, notary.MaxPage)
	require.NoError(t, err)
	require.Len(t, entries, 2)
}

// TestIssuedHasABound: all that is issued stays a number that every reader takes as it is.
func TestIssuedHasABound(t *testing.T) {
	w := settlementtest.NewWorld(t)
	w.Issue("ANNA", "NORDIC", spec.RoleCard) // which makes NORDIC join
	ctx := t.Context()
	require.NoError(t, w.Notary.Issue(ctx, "1", nordic, notary.MaxIssued-1))
	for _, more := range []error{
		w.Notary.Issue(ctx, "2", nordic, 2), w.Notary.FundPool(ctx, "2", 2),
		w.Notary.FundPool(ctx, "2", notary.MaxIssued), w.Notary.Issue(ctx, "2", nordic, 1<<62),
		w.Notary.FundPool(ctx, "2", 1<<62), w.Notary.FundPool(ctx, "2", 1<<63-1),
	} {
		require.ErrorIs(t, more, notary.Malformed)
	}
	require.NoError(t, w.Notary.FundPool(ctx, "2", 1))
	require.NoError(t, w.Notary.Issue(ctx, "1", nordic, notary.MaxIssued-1), "again")
	require.ErrorIs(t, w.Notary.FundPool(ctx, "3", 1), notary.Malformed)
	books, err := notary.AllBalances(ctx, w.Notary)
	require.NoError(t, err)
	require.Equal(t, notary.MaxIssued, books.Issued)
	w.Audit(false)
}

// TestBooksComeInPages: each has all sums, and together they have every shadow wallet once.
func TestBooksComeInPages(t *testing.T) {
	w := loaded(t)
	all, err := notary.AllBalances(t.Context(), w.Notary)
	require.NoError(t, err)
	require.Greater(t, len(all.Shadow), 1)
	for limit := 1; limit <= len(all.Shadow)+1; limit++ {
		var shadow []notary.Account
		for after, n := message.DeviceID(""), 0; n == 0 || after != ""; n++ {
			page, err := w.Notary.Balances(t.Context(), after, limit)
			require.NoError(t, err)
			require.LessOrEqual(t, len(page.Shadow), limit)
			require.Equal(t, all.Issued, page.Issued)
			require.Equal(t, all.Online, page.Online)
			shadow, after = append(shadow, page.Shadow...), page.Last
		}
		require.Equal(t, all.Shadow, shadow, limit)
	}
	for _, limit := range []int{-1, 0, notary.MaxPage + 1} {
		_, err := w.Notary.Balances(t.Context(), "", limit)
		require.ErrorIs(t, err, notary.Malformed)
	}
}
