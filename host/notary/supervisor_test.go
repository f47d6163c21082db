package notary

import (
	"context"
	"reflect"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ekrona.example/apdu/message"
	"ekrona.example/host/remote/remotetest"
)

var (
	moment = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	ages   = []Age{{24, 2, 300}}
	totals = Totals{moment, 1000, 10, 5, 7,
		[]IntermediaryTotals{{"SENORDIC", 500, 490, 3, 20, 1, ages}},
		ages, ages}
	reconciliation = Reconciliation{2, 1, anna, []Discrepancy{{anna, "SENORDIC", "anna", Reported,
		100, -5, moment, "value was lost on it"}},
		[]Attacked{{anna, "SENORDIC", "anna", Reported, 3, 1, moment}}}
)

func (s stub) Totals(context.Context) (Totals, error) { return totals, s.err }

func (s stub) Reconcile(_ context.Context, after message.DeviceID, limit int) (Reconciliation,
	error) {
	if after == anna && limit > 0 { // the last
		return Reconciliation{Judged: 1}, s.err
	}
	return reconciliation, s.err
}

// TestSupervisorCalls: every call returns over the link what it returns without one.
func TestSupervisorCalls(t *testing.T) {
	remotetest.Whole(t, remotetest.Of(totals), remotetest.Of(reconciliation),
		remotetest.Of(devicesRequest{anna, 2}))
	r := &remotetest.Recorder{To: ServeSupervisor(stub{})}
	far := NewSupervisor(r)
	sums, err := far.Totals(t.Context())
	require.NoError(t, err)
	require.Equal(t, totals, sums)
	all, err := ReconcileAll(t.Context(), far)
	require.NoError(t, err)
	require.Equal(t, Reconciliation{3, 1, "", reconciliation.Found,
		reconciliation.Attacked}, all)
	r.Whole(t, reflect.TypeFor[Supervisor]())
	remotetest.Golden(t, "testdata/supervisor.txt", r.Lines.String())
	_, err = ReconcileAll(t.Context(), NewSupervisor(ServeSupervisor(stub{
		Refuse(Malformed, "a page")})))
	require.ErrorIs(t, err, Malformed)
}

// FuzzSupervisorTypes reads any bytes as the types of the supervisor's calls.
func FuzzSupervisorTypes(f *testing.F) {
	remotetest.Fuzz(f, remotetest.Of(totals), remotetest.Of(reconciliation),
		remotetest.Of(devicesRequest{anna, 2}))
}
