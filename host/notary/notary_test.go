package notary

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/apdu/message"
	"ekrona.example/apdu/money"
	"ekrona.example/host/crisis"
	"ekrona.example/host/remote"
	"ekrona.example/host/remote/remotetest"
)

const anna, merchant message.DeviceID = "SENORDIC0000ANNA", "SEFJORD00000SHOP"

// Examples of the contract's types.
var (
	refusal      = Refuse(Signature, "Payment SENORDIC0000ANNA/7 is not signed by a registered key")
	registration = Registration{
		Certificate: []byte{0x7F, 0x21},
		Owner:       "anna",
		Ceilings:    []byte{0, 1},
		Slots:       16,
	}
	refund     = Refund{Order: "00ff", Payee: merchant, Payer: anna, ATC: 7, Amount: 12_50}
	revocation = Revocation{Seq: 3, Device: anna}
	ended      = EndedDevice{Device: anna, Owner: "anna", Why: "reported lost"}
	status     = PaymentStatus{
		Payer:    anna,
		ATC:      7,
		Payee:    merchant,
		Request:  4,
		Amount:   45_00,
		Identity: message.Hash{0xAB},
		Verdict:  Settled,
		Accepted: true,
	}
	answered = Answer{Held: true, Payment: &status, Err: refusal}
	report   = StateReport{
		HeldATC:    7,
		HeldHead:   message.Hash{1},
		Difference: -5,
		Complete:   true,
		Applied:    2,
		Cloned:     true,
		Owed:       outstanding,
	}
	outstanding = Outstanding{
		Instruction:   []byte{0x6F},
		Order:         "00ff",
		NextSeq:       3,
		AckedATC:      5,
		HeldATC:       7,
		HeldHead:      message.Hash{1},
		Status:        Reported,
		HonouredUntil: time.Date(2026, 5, 1, 12, 0, 0, 5, time.UTC),
		Handovers: []Handover{
			{Payment: []byte{1}, PayerCertificate: []byte{2}, PayerCA: []byte{3}},
		},
		LowestOrder: 4,
		Group:       2,
		LastGroup:   1,
		Crisis:      crisis.Carried{Order: []byte{1}, CrisisKey: []byte{2}, Notary: []byte{3}},
		CAs:         [][]byte{{4}},
	}
	crisisSigning = CrisisSigning{Order: []byte{1}, CrisisKey: []byte{2}, By: "eva"}
	crisisReport  = CrisisReport{
		Orders: []CrisisOrder{{Number: 4, Order: []byte{1}, CrisisKey: []byte{2},
			Notary: []byte{3}, By: "eva", At: time.Date(2026, 5, 1, 12, 0, 0, 5, time.UTC),
			Held: 7}},
		Lowest: 4, Next: 5, Devices: 9, Foreign: []message.DeviceID{anna}, Notary: []byte{3},
		Intermediaries: []message.Name{"SENORDIC"}, Groups: []CardGroup{{"SENORDIC", 2}},
		Most: CrisisLimits{Balance: 8, Transactions: 7, Payment: 6, Spent: 5, Receipts: 4,
			Received: 3},
	}
	entry = Entry{
		Seq:    9,
		Kind:   RefundPaid,
		Device: merchant,
		Owner:  "merchant",
		Online: -12_50,
		Shadow: 1,
		Payer:  anna,
		ATC:    7,
		Payee:  merchant,
		Order:  "00ff",
		Instr:  2,
		At:     time.Date(2026, 5, 1, 12, 0, 0, 5, time.UTC),
	}
	balances = Balances{
		Issued:   103,
		Online:   []Account{{"SENORDIC", 60}},
		Shadow:   []Account{{string(anna), 30}},
		Pool:     10,
		Lent:     5,
		Clearing: 3,
		Last:     "SENORDIC00000001",
	}
)

var types = []remotetest.Type{
	remotetest.Of(registration),
	remotetest.Of(refund),
	remotetest.Of(revocation),
	remotetest.Of(ended),
	remotetest.Of(status),
	remotetest.Of(answered),
	remotetest.Of(report),
	remotetest.Of(outstanding),
	remotetest.Of(entry),
	remotetest.Of(balances),
	remotetest.Of(crisisSigning),
	remotetest.Of(CrisisPage{Before: 5, After: anna, Limit: 2}),
	remotetest.Of(crisisReport),
	remotetest.Of(groupRequest{anna, 2}),
	remotetest.Of(itemsRequest{[][]byte{{1}}}),
	remotetest.Of(itemsAnswer{[]Answer{answered}}),
	remotetest.Of(messageRequest{[]byte{1}}),
	remotetest.Of(openingRequest{"SENORDIC00002", anna, []byte{1}}),
	remotetest.Of(openingAnswer{[]byte{1}, outstanding}),
	remotetest.Of(deviceRequest{anna}),
	remotetest.Of(coSignRequest{"00ff", []byte{1}}),
	remotetest.Of(coSignAnswer{[]byte{1}}),
	remotetest.Of(pageRequest{1, 2}),
	remotetest.Of(statementAnswer{[]Entry{entry}}),
	remotetest.Of(revokedAnswer{[]Revocation{revocation}}),
	remotetest.Of(verdictRequest{PaymentName{anna, anna, 7, message.Hash{1}}}),
	remotetest.Of(verdictAnswer{Void}),
	remotetest.Of(joinRequest{"SENORDIC", []byte{1}, []byte{2}}),
	remotetest.Of(issueRequest{"1", "SENORDIC", 100}),
	remotetest.Of(fundPoolRequest{"1", 100}),
	remotetest.Of(endDueAnswer{[]EndedDevice{ended}}),
	remotetest.Of(paymentRequest{anna, 7}),
}

func TestTypesGoThereAndBack(t *testing.T) { remotetest.Whole(t, types...) }

func FuzzTypes(f *testing.F) { remotetest.Fuzz(f, types...) }

// stub answers every call with its example, or with err.
type stub struct{ err error }

func (s stub) Register(context.Context, Registration) error { return s.err }
func (s stub) Submit(context.Context, [][]byte) ([]Answer, error) {
	return []Answer{answered, {Held: true}}, s.err
}
func (s stub) OpenChallenge(context.Context, Opening) (Opened, error) {
	if s.err != nil {
		return Opened{}, s.err
	}
	return Opened{Random: message.Random{7}, Owed: outstanding}, nil
}
func (s stub) SubmitState(context.Context, []byte) (StateReport, error) { return report, s.err }

func (s stub) CoSign(context.Context, OrderKey, []byte) ([]byte, error) {
	return []byte{0x6F}, s.err
}
func (s stub) Confirm(context.Context, []byte) error              { return s.err }
func (s stub) Refund(context.Context, Refund) error               { return s.err }
func (s stub) ReportLost(context.Context, message.DeviceID) error { return s.err }
func (s stub) End(context.Context, message.DeviceID) error        { return s.err }

func (s stub) Statement(context.Context, int64, int) ([]Entry, error) {
	return []Entry{entry}, s.err
}
func (s stub) Revoked(context.Context, int64, int) ([]Revocation, error) { return nil, s.err }
func (s stub) Verdict(context.Context, PaymentName) (Verdict, error)     { return Uncovered, s.err }
func (s stub) Join(context.Context, message.Name, []byte, []byte) error  { return s.err }
func (s stub) SetGroup(context.Context, message.DeviceID, uint8) error   { return s.err }
func (s stub) SignCrisisOrder(context.Context, CrisisSigning) ([]byte, error) {
	return []byte{0xEA}, s.err
}
func (s stub) FundPool(context.Context, OrderKey, money.Ore) error { return s.err }
func (s stub) EndNow(context.Context, message.DeviceID) error      { return s.err }
func (s stub) CrisisOrders(context.Context, CrisisPage) (CrisisReport, error) {
	return crisisReport, s.err
}
func (s stub) EndDue(context.Context) ([]EndedDevice, error) {
	return []EndedDevice{ended}, s.err
}
func (s stub) Balances(context.Context, message.DeviceID, int) (Balances, error) {
	return balances, s.err
}

func (s stub) Position(_ context.Context, _ message.DeviceID, atc uint32) (Position, error) {
	return Position{ATC: atc, Head: message.Hash{1}, Applied: 3, Accepted: 4500,
		Status: Reported}, s.err
}

func (s stub) Outstanding(context.Context, message.DeviceID) (Outstanding, error) {
	return outstanding, s.err
}
func (s stub) Issue(context.Context, OrderKey, message.Name, money.Ore) error { return s.err }

func (s stub) Payment(
	_ context.Context, payer message.DeviceID, atc uint32,
) (PaymentStatus, error) {
	return PaymentStatus{Payer: payer, ATC: atc, Verdict: Unseen}, s.err
}

// calls makes every call of the contract once, and returns the answers and errors.
func calls(ctx context.Context, p Participant, o Operator) (answers []any, errs []error) {
	with := func(a any, err error) { answers, errs = append(answers, a), append(errs, err) }
	only := func(err error) { with(nil, err) }
	only(p.Register(ctx, registration))
	with(p.Submit(ctx, [][]byte{{1}, {2}}))
	with(p.OpenChallenge(ctx, Opening{"SENORDIC00002", anna, message.Nonce{1}}))
	with(p.SubmitState(ctx, []byte{1}))
	with(p.Outstanding(ctx, anna))
	with(p.Position(ctx, anna, 7))
	with(p.CoSign(ctx, "00ff", []byte{0x6F}))
	only(p.Confirm(ctx, []byte{1}))
	only(p.Refund(ctx, refund))
	only(p.ReportLost(ctx, anna))
	only(p.End(ctx, anna))
	only(p.EndNow(ctx, anna))
	only(p.SetGroup(ctx, anna, 2))
	with(p.Statement(ctx, 3, 100))
	with(p.Revoked(ctx, 0, 100))
	with(p.Verdict(ctx, PaymentName{anna, anna, 9, message.Hash{0xAB}}))
	only(o.Join(ctx, "SENORDIC", []byte{1}, []byte{2}))
	only(o.Issue(ctx, "1", "SENORDIC", 100))
	only(o.FundPool(ctx, "pool", 100))
	with(o.EndDue(ctx))
	with(o.SignCrisisOrder(ctx, crisisSigning))
	with(o.CrisisOrders(ctx, CrisisPage{Before: 5, After: anna, Limit: 2}))
	with(o.Balances(ctx, "", 1))
	with(o.Payment(ctx, anna, 8))
	return answers, errs
}

// TestCalls: every call returns over the link what it returns without one; testdata/calls.txt shows
// the bytes on the link.
func TestCalls(t *testing.T) {
	participant, operator := &remotetest.Recorder{
		To: ServeParticipant(stub{}),
	}, &remotetest.Recorder{
		To: ServeOperator(stub{}),
	}
	want, _ := calls(t.Context(), stub{}, stub{})
	got, errs := calls(t.Context(), NewParticipant(participant), NewOperator(operator))
	require.Equal(t, want, got)
	require.NoError(t, errors.Join(errs...))
	participant.Whole(t, reflect.TypeFor[Participant]())
	operator.Whole(t, reflect.TypeFor[Operator]())
	failed := &remotetest.Recorder{To: ServeParticipant(stub{fmt.Errorf("a device: %w", refusal)})}
	require.ErrorIs(t, NewParticipant(failed).End(t.Context(), anna), Signature)
	remotetest.Golden(
		t,
		"testdata/calls.txt",
		participant.Lines.String()+operator.Lines.String()+failed.Lines.String(),
	)

	revoked, err := NewPublic(ServePublic(stub{})).Revoked(t.Context(), 0, 1)
	require.NoError(t, err)
	require.Empty(t, revoked)
	require.ErrorIs(
		t,
		NewParticipant(ServePublic(stub{})).End(t.Context(), anna),
		remote.ErrUnknownCall,
		"not for everybody",
	)
	require.ErrorIs(
		t,
		NewOperator(ServeParticipant(stub{})).Issue(t.Context(), "1", "SENORDIC", 1),
		remote.ErrUnknownCall,
	)
}

// TestRefusalsKeepTheirKind: errors.Is and errors.As match every refusal on the far side as on the
// near one, for every call.
func TestRefusalsKeepTheirKind(t *testing.T) {
	require.Len(t, Kinds(), int(SetBack))
	for _, kind := range Kinds() {
		code, ok := KindOf(kind.Code())
		require.True(t, ok)
		require.Equal(t, kind, code)
		s := stub{Refuse(kind, "device %s: look at it", anna)}
		_, errs := calls(
			t.Context(),
			NewParticipant(ServeParticipant(s)),
			NewOperator(ServeOperator(s)),
		)
		for _, err := range errs {
			require.Equal(t, s.err, err)
			for _, other := range Kinds() {
				assert.Equal(t, other == kind, errors.Is(err, other))
			}
		}
	}
	for _, none := range []string{"", "Funds", "funds ", "unknown kind 99"} {
		_, ok := KindOf(none)
		require.False(t, ok, none)
	}
	_, errs := calls(
		t.Context(),
		NewParticipant(ServeParticipant(stub{context.Canceled})),
		NewOperator(ServeOperator(stub{context.Canceled})),
	)
	for _, err := range errs {
		var refused *Error
		require.ErrorIs(t, err, remote.ErrFailed)
		require.False(t, errors.As(err, &refused), "no refusal: nothing is known of the call")
	}
}

// TestBadRequestsAreMalformed: what cannot be read never reaches the notary.
func TestBadRequestsAreMalformed(t *testing.T) {
	s := ServeParticipant(stub{})
	for _, bad := range []struct{ call, request string }{
		{"end", `{"device":"tiny"}`},
		{"end", `{"device":"senordic0000anna"}`},
		{"end", `{"device":"SENORDIC0000ANNA","more":1}`},
		{"end", ``},
		{"refund", `{"order":"","payee":"` + string(merchant) + `"}`},
		{"refund", `{"order":"` + strings.Repeat("x", 101) + `"}`},
		{"refund", `{"order":"å"}`},
		{"refund", `{"amount":1.5}`},
		{"refund", `{"amount":"1"}`},
		{"refund", `{"amount":9007199254740992}`},
		{"refund", `{"atc":4294967296}`},
		{"refund", `{"atc":-1}`},
		{"submit", `{"items":["not base64"]}`},
		{"verdict", `{"payment":"ab"}`},
	} {
		reply, err := s.Call(t.Context(), bad.call, []byte(bad.request))
		require.NoError(t, err)
		require.True(t, reply.Failed, bad.request)
		require.Contains(t, string(reply.Body), `"code":"notary:malformed"`, bad.request)
	}
	_, err := remote.Encode(Answer{Err: context.Canceled})
	require.ErrorIs(t, err, remote.ErrFormat, "only refusals are answers")
	_, err = remote.Encode(verdictAnswer{99})
	require.ErrorIs(t, err, remote.ErrFormat)
}

// carelessNotary answers an item with an error that is no refusal.
type carelessNotary struct{ stub }

func (carelessNotary) Submit(context.Context, [][]byte) ([]Answer, error) {
	return []Answer{{Err: errors.New("disk of db7 is full")}}, nil
}

// TestAnswersHideWhatIsNoRefusal: the notary's own failures stay with it.
func TestAnswersHideWhatIsNoRefusal(t *testing.T) {
	reply, err := ServeParticipant(carelessNotary{}).Call(t.Context(), "submit", []byte(`{}`))
	require.NoError(t, err)
	require.True(t, reply.Failed)
	require.NotContains(t, string(reply.Body), "db7")
	_, err = NewParticipant(ServeParticipant(carelessNotary{})).Submit(t.Context(), nil)
	require.ErrorIs(t, err, remote.ErrFailed)
}
