package audit_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ekrona.example/apdu/spec"
	"ekrona.example/host/audit"
	"ekrona.example/host/notary"
	"ekrona.example/host/settlement/settlementtest"
)

// TestRowsWithAClockThatIsSetBack: moments that are out of order are no violation. A device shows
// something after the clock was set back; a payment to a card that nobody has registered comes, and
// the card is registered at an earlier moment than it, or at the same one.
func TestRowsWithAClockThatIsSetBack(t *testing.T) {
	for name, back := range map[string]time.Duration{"by an hour": time.Hour, "not": 0} {
		t.Run(name, func(t *testing.T) {
			w := settlementtest.NewWorld(t)
			require.NoError(t, w.Notary.Issue(t.Context(), "1", "SENORDIC", 1000_00))
			anna := w.Issue("ANNA", "NORDIC", spec.RoleCard)
			late := w.Unregistered("LATE", "FJORD", spec.RoleCard, "LATE")
			w.Clock.At = w.Clock.At.Add(time.Hour)
			load(t, w, anna, 200_00, settlementtest.Whole)
			w.Submit(w.Encode(pay(t, anna, late, 5_00, false)))
			w.Clock.At = w.Clock.At.Add(-back)
			require.NoError(t, w.Notary.For("SEFJORD0").Register(t.Context(), notary.Registration{
				Certificate: late.Certificate, Owner: late.Owner, Slots: settlementtest.Slots,
				Ceilings: w.Policy(late.Ceilings)}))
			w.Devices["LATE"], w.Names = late, append(w.Names, "LATE")
			w.Submit(w.Encode(pay(t, anna, late, 6_00, false)))
			load(t, w, anna, 0, settlementtest.Whole)
			w.Audit(false)

			// what came after one that its payee is known to have requested was requested too
			w.Submit(w.Encode(pay(t, anna, late, 7_00, false)))
			_, err := w.DB.ExecContext(t.Context(), "DROP TRIGGER payment_kept")
			require.NoError(t, err)
			_, err = w.DB.ExecContext(t.Context(),
				"UPDATE payment SET requested = FALSE WHERE n = (SELECT max(n) FROM payment)")
			require.NoError(t, err)
			a := audit.New(w.NotaryKey())
			found, err := a.Rows(t.Context(), w.DB)
			require.NoError(t, err)
			require.Len(t, found, 1)
			require.Contains(t, found[0].What, "requested: false")
		})
	}
}
