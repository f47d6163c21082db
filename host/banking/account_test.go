package banking

import (
	"context"
	"reflect"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ekrona.example/apdu/message"
	"ekrona.example/apdu/money"
	"ekrona.example/host/remote"
	"ekrona.example/host/remote/remotetest"
)

func (s stub) Authority(context.Context) ([]byte, error) { return []byte{7}, s.err }

func (s stub) ShadowBalance(context.Context, message.DeviceID) (money.Ore, error) {
	return 40, s.err
}

func (s stub) HonouredUntil(context.Context, message.DeviceID) (time.Time, error) {
	return time.Date(2026, 5, 31, 12, 0, 0, 0, time.UTC), s.err
}

// TestAccountCalls: every call returns over the link what it returns without one, and an app's
// server answers those of a wallet too.
func TestAccountCalls(t *testing.T) {
	remotetest.Whole(t, remotetest.Of(authorityAnswer{[]byte{7}}), remotetest.Of(honouredAnswer{
		time.Date(2026, 5, 31, 12, 0, 0, 0, time.UTC)}))
	ctx := t.Context()
	calls := func(a Account) (answers []any, errs []error) {
		with := func(answer any, err error) {
			answers, errs = append(answers, answer), append(errs, err)
		}
		with(a.Cards(ctx, "anna"))
		with(a.Authority(ctx))
		with(a.OnlineBalance(ctx, "anna"))
		with(a.ShadowBalance(ctx, anna))
		with(nil, a.ReportLost(ctx, anna))
		with(a.HonouredUntil(ctx, anna))
		return answers, errs
	}
	r := &remotetest.Recorder{To: ServeApp(stub{})}
	want, _ := calls(stub{})
	got, errs := calls(NewAccount(r))
	require.Equal(t, want, got)
	for _, err := range errs {
		require.NoError(t, err)
	}
	r.Whole(t, reflect.TypeFor[Account]())
	remotetest.Golden(t, "testdata/account.txt", r.Lines.String())
	_, errs = calls(NewAccount(ServeApp(stub{ErrNoDevice})))
	for _, err := range errs {
		require.ErrorIs(t, err, ErrNoDevice)
	}
	require.NoError(t, NewWallet(ServeApp(stub{})).PlaceLoad(ctx, load))
	_, err := NewAccount(ServeWallet(stub{})).Cards(ctx, "anna")
	require.ErrorIs(t, err, remote.ErrUnknownCall)
}
