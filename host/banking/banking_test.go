package banking

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"errors"
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/apdu/message"
	"ekrona.example/apdu/money"
	"ekrona.example/host/crisis"
	"ekrona.example/host/envelope"
	"ekrona.example/host/notary"
	"ekrona.example/host/order"
	"ekrona.example/host/remote"
	"ekrona.example/host/remote/remotetest"
	"ekrona.example/host/session"
)

const anna, cafe message.DeviceID = "SENORDIC0000ANNA", "SEFJORD00000SHOP"

// key is a fixed key on P-256.
func key() *ecdsa.PublicKey {
	k, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), append(make([]byte, 31), 9))
	if err != nil {
		panic(err)
	}
	return &k.PublicKey
}

// Examples of the contract's types.
var (
	customer = Customer{ID: "anna", Name: "Anna", App: key()}
	policy   = message.Policy{
		Version:         2,
		MaxBalance:      3000_00,
		MaxTransactions: 9,
		MaxPayment:      500_00,
		MaxSpent:        900_00,
		Flags:           1,
	}
	device = Device{
		ID:          anna,
		Customer:    "anna",
		Certificate: []byte{0x7F, 0x21},
		PINPoint:    []byte{4},
		Ceilings:    []byte{5},
		Slots:       16,
		Policy:      policy,
		Group:       2,
	}
	reservation = Reservation{
		Kind:     KindCard,
		Intent:   "job 1, line 2",
		Owner:    "anna",
		Second:   true,
		Replaces: anna,
	}
	load = order.Signed{
		Order:     order.Order{ID: order.ID{1}, Kind: order.Load, Device: anna, Amount: 100_00},
		Signature: []byte{0x30},
	}
	refund = order.Signed{
		Order: order.Order{
			ID:     order.ID{2},
			Kind:   order.Refund,
			Device: cafe,
			Amount: 12_50,
			Of:     order.Payment{Payer: anna, ATC: 7},
		},
		Signature: []byte{0x30},
	}
	progress = order.Progress{
		Amount: 100_00,
		State:  "refused",
		Final:  true,
		Done:   true,
		Reason: "the card has ended",
	}
	carried = crisis.Carried{Order: []byte{4}, CrisisKey: []byte{5}, Notary: []byte{3}}
	sealed  = envelope.Envelope{Message: []byte{1}, Certificate: []byte{2}, Authority: []byte{3},
		Crisis: carried, Provenance: [][]byte{{7}}}
	trust = session.Trust{InstructionKey: []byte{2}, Notary: []byte{3}, CA: []byte{4},
		Links: [][]byte{{5}}, Authorities: [][]byte{{6}}}
	opening = session.Opening{
		Challenge: []byte{1},
		Trust:     trust,
		Pending:   []envelope.Envelope{sealed},
		Crisis:    carried,
	}
	reading = session.Reading{
		State:        []byte{1},
		Records:      [][]byte{{2}},
		Certificates: [][]byte{{3}},
		Provenance:   [][]byte{{4}},
	}
	answer = session.Answer{Instruction: []byte{1}, Trust: trust, Difference: -5,
		Refused: "too much"}
	kept = notary.Answer{
		Held: true,
		Payment: &notary.PaymentStatus{Payer: anna, ATC: 7, Payee: cafe, Request: 4, Amount: 45_00,
			Identity: message.Hash{
				0xAB,
			}, Verdict: notary.Settled, Accepted: true},
		Err: notary.Refuse(notary.Self, "pays itself"),
	}
	revocation = notary.Revocation{Seq: 3, Device: anna}
	nonce      = message.Nonce{1, 2, 3, 4, 5, 6, 7, 8}
	forSome    = PolicyOrder{
		Key:       "1",
		By:        "eva",
		Policy:    policy,
		Devices:   []message.DeviceID{anna},
		Customers: []string{"bertil"},
		Groups:    []int{1, 255},
		At:        time.Date(2026, 5, 1, 12, 0, 0, 5, time.UTC),
	}
	limits = PolicyOrder{
		Key:       "1",
		By:        "eva",
		Preset:    "pilot",
		Policy:    policy,
		Everyone:  true,
		Devices:   []message.DeviceID{anna},
		Customers: []string{"bertil"},
		Groups:    []int{1, 255},
		At:        time.Date(2026, 5, 1, 12, 0, 0, 5, time.UTC),
	}
	cardPolicy = CardPolicy{
		Device:   anna,
		Customer: "anna",
		Group:    2,
		Policy:   policy,
		Ceilings: policy,
		Seen:     1,
		InUse:    true,
		Attacks:  3,
	}
)

var types = []remotetest.Type{
	remotetest.Of(customer),
	remotetest.Of(device),
	remotetest.Of(refund),
	remotetest.Of(progress),
	remotetest.Of(sealed),
	remotetest.Of(opening),
	remotetest.Of(answer),
	remotetest.Of(openRequest{anna, nonce[:]}),
	remotetest.Of(reportRequest{anna, reading}),
	remotetest.Of(confirmRequest{anna, []byte{1}}),
	remotetest.Of(handOverRequest{[][]byte{{1}}}),
	remotetest.Of(handOverAnswer{[]notary.Answer{kept}}),
	remotetest.Of(messageRequest{[]byte{1}}),
	remotetest.Of(receiptAnswer{[]byte{1}}),
	remotetest.Of(batchRequest{"SENORDICBATCH001"}),
	remotetest.Of(batchAnswer{[]byte{1}}),
	remotetest.Of(afterRequest{3}),
	remotetest.Of(revokedAnswer{[]notary.Revocation{revocation}}),
	remotetest.Of(deviceRequest{anna}),
	remotetest.Of(reservation),
	remotetest.Of(reserveAnswer{anna}),
	remotetest.Of(customerRequest{"anna"}),
	remotetest.Of(cardsAnswer{[]Card{{device, true}}}),
	remotetest.Of(replaceAppRequest{"anna", []byte{4}}),
	remotetest.Of(depositRequest{"1", "anna", 100}),
	remotetest.Of(balanceAnswer{100}),
	remotetest.Of(orderRequest{"00ff"}),
	remotetest.Of(limits),
	remotetest.Of(policyAnswer{2}),
	remotetest.Of(policyOrdersRequest{1, 2}),
	remotetest.Of(policyOrdersAnswer{[]PolicyOrder{limits}}),
	remotetest.Of(cardPolicy),
	remotetest.Of(cardPoliciesRequest{anna, 2}),
	remotetest.Of(cardPoliciesAnswer{[]CardPolicy{cardPolicy}}),
	remotetest.Of(blockRequest{anna, true}),
	remotetest.Of(groupRequest{anna, 2}),
	remotetest.Of(FirstCrisis{4, 2}),
}

func TestTypesGoThereAndBack(t *testing.T) { remotetest.Whole(t, types...) }

func FuzzTypes(f *testing.F) { remotetest.Fuzz(f, types...) }

// stub answers every call with its example, or with err.
type stub struct{ err error }

func (s stub) Open(
	_ context.Context, _ message.DeviceID, named message.Nonce,
) (session.Opening, error) {
	if named != nonce {
		return session.Opening{}, fmt.Errorf("the nonce came as %X", named)
	}
	return opening, s.err
}
func (s stub) Report(context.Context, message.DeviceID, session.Reading) (session.Answer, error) {
	return answer, s.err
}
func (s stub) Confirm(context.Context, message.DeviceID, []byte) error { return s.err }
func (s stub) HandOver(context.Context, [][]byte) ([]notary.Answer, error) {
	return []notary.Answer{kept}, s.err
}
func (s stub) PlaceLoad(context.Context, order.Signed) error { return s.err }
func (s stub) LoadProgress(context.Context, order.Signed) (order.Progress, error) {
	return progress, s.err
}
func (s stub) RequestUnload(context.Context, order.Signed) (envelope.Envelope, error) {
	return sealed, s.err
}

func (s stub) TakeUnload(context.Context, []byte) ([]byte, error) {
	return []byte{1}, s.err
}
func (s stub) UnloadReceipt(context.Context, order.Signed) ([]byte, error) { return nil, s.err }
func (s stub) BatchCertificate(context.Context, message.DeviceID) ([]byte, error) {
	return []byte{6}, s.err
}
func (s stub) TakeRecords(context.Context, session.Reading) error { return s.err }
func (s stub) Position(
	_ context.Context, _ message.DeviceID, atc uint32,
) (notary.Position, error) {
	return notary.Position{ATC: atc, Applied: 2, Status: notary.Ended}, s.err
}
func (s stub) Restore(context.Context, message.DeviceID) (Restoration, error) {
	return Restoration{[]byte{1}, session.Trust{Notary: []byte{2}}}, s.err
}
func (s stub) Revoked(context.Context, int64) ([]notary.Revocation, error) {
	return []notary.Revocation{revocation}, s.err
}
func (s stub) PlaceRefund(context.Context, order.Signed) error          { return s.err }
func (s stub) AddDevice(context.Context, Device) error                  { return s.err }
func (s stub) Device(context.Context, message.DeviceID) (Device, error) { return device, s.err }

func (s stub) FirstCrisis(context.Context, message.DeviceID) (FirstCrisis, error) {
	return FirstCrisis{4, 2}, s.err
}

func (s stub) Cards(context.Context, string) ([]Card, error) {
	return []Card{{device, true}}, s.err
}
func (s stub) AddCustomer(context.Context, Customer) error              { return s.err }
func (s stub) Deposit(context.Context, string, string, money.Ore) error { return s.err }
func (s stub) OnlineBalance(context.Context, string) (money.Ore, error) { return 100, s.err }
func (s stub) CancelUnload(context.Context, string) error               { return s.err }
func (s stub) ReportLost(context.Context, message.DeviceID) error       { return s.err }
func (s stub) End(context.Context, message.DeviceID) error              { return s.err }
func (s stub) EndNow(context.Context, message.DeviceID) error           { return s.err }
func (s stub) CollectEnded(context.Context) error                       { return s.err }
func (s stub) Block(context.Context, message.DeviceID, bool) error      { return s.err }
func (s stub) SetGroup(context.Context, message.DeviceID, uint8) error  { return s.err }
func (s stub) ResetTries(context.Context, message.DeviceID) error       { return s.err }
func (s stub) Unpair(context.Context, message.DeviceID) error           { return s.err }
func (s stub) ReplaceApp(_ context.Context, _ string, app *ecdsa.PublicKey) error {
	if !app.Equal(key()) {
		return errors.New("another key")
	}
	return s.err
}
func (s stub) SetPolicy(_ context.Context, o PolicyOrder) (uint32, error) {
	if !reflect.DeepEqual(o, forSome) {
		return 0, errors.New("another policy")
	}
	return 2, s.err
}

func (s stub) PolicyOrders(context.Context, uint32, int) ([]PolicyOrder, error) {
	return []PolicyOrder{limits}, s.err
}

func (s stub) CardPolicies(context.Context, message.DeviceID, int) ([]CardPolicy, error) {
	return []CardPolicy{cardPolicy}, s.err
}

func (s stub) ReserveDevice(_ context.Context, r Reservation) (message.DeviceID, error) {
	if r != reservation {
		return "", errors.New("another reservation")
	}
	return DeviceIDOf("SENORDIC", r.Kind, 12), s.err
}

// parties are all callers of the contract.
type parties struct {
	Wallet
	terminal Terminal
	Merchant
	desk     IssuerDesk
	operator Operator
}

// far returns a stub behind a link for each party.
func far(to func(*remote.Server) remote.Transport, s stub) parties {
	return parties{
		NewWallet(to(ServeWallet(s))),
		NewTerminal(to(ServeTerminal(s))),
		NewMerchant(to(ServeMerchant(s))),
		NewIssuerDesk(to(ServeIssuerDesk(s))),
		NewOperator(to(ServeOperator(s))),
	}
}

func direct(s *remote.Server) remote.Transport { return s }

// calls makes every call of the contract once, and returns the answers and errors.
func calls(ctx context.Context, p parties) (answers []any, errs []error) {
	with := func(a any, err error) { answers, errs = append(answers, a), append(errs, err) }
	only := func(err error) { with(nil, err) }
	for _, l := range []session.Link{p.Wallet, p.terminal} {
		with(l.Open(ctx, anna, nonce))
		with(l.Report(ctx, anna, reading))
		only(l.Confirm(ctx, anna, []byte{1}))
	}
	with(p.HandOver(ctx, [][]byte{{1}}))
	only(p.PlaceLoad(ctx, load))
	with(p.LoadProgress(ctx, load))
	with(p.RequestUnload(ctx, load))
	with(p.TakeUnload(ctx, []byte{1}))
	with(p.UnloadReceipt(ctx, load))
	with(p.BatchCertificate(ctx, "SENORDICBATCH001"))
	only(p.terminal.TakeRecords(ctx, session.Reading{Records: [][]byte{{3}}}))
	with(p.terminal.Position(ctx, "SENORDICT0000001", 4))
	with(p.terminal.Restore(ctx, "SENORDICT0000001"))
	with(p.terminal.Revoked(ctx, 3))
	only(p.PlaceRefund(ctx, refund))
	only(p.desk.AddDevice(ctx, device))
	with(p.desk.Device(ctx, anna))
	with(p.desk.FirstCrisis(ctx, anna))
	with(p.desk.ReserveDevice(ctx, reservation))
	with(p.desk.Cards(ctx, "anna"))
	only(p.desk.ReportLost(ctx, anna))
	only(p.operator.AddCustomer(ctx, customer))
	only(p.operator.ReplaceApp(ctx, "anna", key()))
	only(p.operator.Deposit(ctx, "1", "anna", 100))
	with(p.operator.OnlineBalance(ctx, "anna"))
	only(p.operator.CancelUnload(ctx, load.Key()))
	with(p.operator.SetPolicy(ctx, forSome))
	with(p.operator.PolicyOrders(ctx, 1, 2))
	with(p.operator.CardPolicies(ctx, anna, 2))
	only(p.operator.ReportLost(ctx, anna))
	only(p.operator.End(ctx, anna))
	only(p.operator.EndNow(ctx, anna))
	only(p.operator.CollectEnded(ctx))
	only(p.operator.Block(ctx, anna, true))
	only(p.operator.ResetTries(ctx, anna))
	only(p.operator.SetGroup(ctx, anna, 2))
	only(p.operator.Unpair(ctx, anna))
	return answers, errs
}

// TestCalls: every call returns over the link what it returns without one; testdata/calls.txt shows
// the bytes on the link.
func TestCalls(t *testing.T) {
	var recorders []*remotetest.Recorder
	recorded := func(s *remote.Server) remote.Transport {
		recorders = append(recorders, &remotetest.Recorder{To: s})
		return recorders[len(recorders)-1]
	}
	want, _ := calls(t.Context(), parties{stub{}, stub{}, stub{}, stub{}, stub{}})
	got, errs := calls(t.Context(), far(recorded, stub{}))
	require.Equal(t, want, got)
	require.NoError(t, errors.Join(errs...))
	for n, authority := range []reflect.Type{
		reflect.TypeFor[Wallet](), reflect.TypeFor[Terminal](), reflect.TypeFor[Merchant](),
		reflect.TypeFor[IssuerDesk](), reflect.TypeFor[Operator](),
	} {
		recorders[n].Whole(t, authority)
	}
	for _, err := range []error{
		fmt.Errorf("device %q: %w", anna, ErrNoDevice),
		&order.Refused{Reason: ErrUnloadClosed},
		&order.Refused{Reason: errors.New("the online wallet holds 1.00 kr")},
	} {
		require.Error(t, far(recorded, stub{err}).PlaceLoad(t.Context(), load))
	}
	text := ""
	for _, r := range recorders {
		text += r.Lines.String()
	}
	remotetest.Golden(t, "testdata/calls.txt", text)
}

// TestErrorsKeepWhatTheyAre: errors.Is and errors.As match every error on the far side as on the
// near one, for every call.
func TestErrorsKeepWhatTheyAre(t *testing.T) {
	funds := notary.Refuse(notary.Funds, "the online holding is 0.00 kr")
	targets := []error{order.ErrSignature, notary.Funds, notary.Unsettled}
	near := []error{
		order.ErrSignature,
		fmt.Errorf("order 1: %w", order.ErrSignature),
		funds,
		&order.Refused{Reason: funds},
		&order.Refused{Reason: errors.New("the online wallet holds 1.00 kr")},
	}
	for _, kind := range Kinds() {
		back, ok := KindOf(kind.Code())
		require.True(t, ok)
		require.Equal(t, kind, back)
		targets = append(targets, kind)
		near = append(
			near,
			kind,
			fmt.Errorf("customer anna: %w", kind),
			Refuse(kind, "customer anna: look"),
			&order.Refused{Reason: kind},
			&order.Refused{Reason: fmt.Errorf("order 1: %w", kind)},
		)
	}
	require.Len(t, Kinds(), int(ErrNotCovered))
	_, ok := KindOf("no")
	require.False(t, ok)
	for _, want := range near {
		_, errs := calls(t.Context(), far(direct, stub{want}))
		for _, got := range errs {
			require.EqualError(t, got, want.Error())
			for _, target := range targets {
				assert.Equal(
					t,
					errors.Is(want, target),
					errors.Is(got, target),
					"%v: is it %v?",
					want,
					target,
				)
			}
			var wantRefused, gotRefused *order.Refused
			assert.Equal(t, errors.As(want, &wantRefused), errors.As(got, &gotRefused), "%v", want)
			var wantNotary, gotNotary *notary.Error
			assert.Equal(t, errors.As(want, &wantNotary), errors.As(got, &gotNotary), "%v", want)
		}
	}
	_, errs := calls(t.Context(), far(direct, stub{context.Canceled}))
	for _, err := range errs {
		require.ErrorIs(t, err, remote.ErrFailed)
	}
	var none *order.Refused
	for _, refused := range []error{none, &order.Refused{}} {
		_, errs := calls(t.Context(), far(direct, stub{refused}))
		for _, err := range errs {
			require.ErrorAs(t, err, new(*order.Refused))
			require.EqualError(t, err, "the order is refused")
		}
	}
}

func TestBadRequestsAreMalformed(t *testing.T) {
	for _, bad := range []struct{ call, request string }{
		{"device", `{"device":"tiny"}`},
		{"reserve-device", `{"kind":"C","intent":"x"}`},
		{"reserve-device", `{"kind":"","intent":"x"}`},
		{"reserve-device", `{"kind":"card","intent":"x","owner":"anna","replaces":"tiny"}`},
		{"add-device", `{"id":"SENORDIC0000ANNA","customer":"anna","certificate":"fyE="}`},
		{"add-device", `{"id":"SENORDIC0000ANNA","customer":"anna","certificate":"fyE=",` +
			`"policy":"AAIABJPgAAkAAMNQAAFfkP8="}`},
	} {
		reply, err := ServeIssuerDesk(stub{}).Call(t.Context(), bad.call, []byte(bad.request))
		require.NoError(t, err)
		require.True(t, reply.Failed, bad.request)
		require.Contains(t, string(reply.Body), `"code":"intermediary:malformed"`, bad.request)
	}
	for _, bad := range []struct{ call, request string }{
		{"place-load", `{"id":"01","kind":"load"}`},
		{"place-load", `{"kind":"mint"}`},
		{"place-load", `{"kind":1}`},
	} {
		reply, err := ServeWallet(stub{}).Call(t.Context(), bad.call, []byte(bad.request))
		require.NoError(t, err)
		require.True(t, reply.Failed, bad.request)
	}
	o := NewOperator(ServeOperator(stub{}))
	require.ErrorIs(t, o.AddCustomer(t.Context(), Customer{ID: "anna"}), ErrMalformed)
	require.ErrorIs(t, o.ReplaceApp(t.Context(), "anna", nil), ErrMalformed)
	for _, bad := range []PolicyOrder{
		{},
		{Key: "1", By: "eva"},
		{Key: "1", By: "eva", Everyone: true, Customers: []string{"anna"}},
		{Key: "1", By: "eva", Everyone: true, Policy: message.Policy{MaxBalance: -1}},
		{Key: "1", Everyone: true},
	} {
		_, err := o.SetPolicy(t.Context(), bad)
		require.ErrorIs(t, err, ErrMalformed)
	}
	for _, request := range []string{`{"customer":"anna","app":"BA=="}`, `{"customer":"anna"}`} {
		reply, err := ServeOperator(stub{}).Call(t.Context(), "replace-app", []byte(request))
		require.NoError(t, err)
		require.True(t, reply.Failed)
	}
}
