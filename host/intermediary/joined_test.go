package intermediary

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"ekrona.example/apdu/message"
	"ekrona.example/apdu/money"
	"ekrona.example/apdu/spec"
	"ekrona.example/host/banking"
	"ekrona.example/host/notary"
	"ekrona.example/host/order"
)

// TestCallersAreJoined: each gets the result of a round that began after it called, many get one,
// and one whose caller went away is done again.
func TestCallersAreJoined(t *testing.T) {
	j := newJoined()
	var rounds, known atomic.Int64
	j.turn <- struct{}{} // somebody is at it
	var callers sync.WaitGroup
	for range 50 {
		callers.Go(func() {
			before := known.Add(1)
			seen := int64(0)
			err := j.join(t.Context(), func(context.Context) error {
				rounds.Add(1)
				seen = known.Load()
				return nil
			})
			if err != nil || seen > 0 && seen < before {
				t.Error("a round that began before its caller called", err)
			}
		})
	}
	for known.Load() < 50 {
		callers.Go(func() {})
	}
	<-j.turn
	callers.Wait()
	require.Positive(t, rounds.Load())
	require.LessOrEqual(t, rounds.Load(), int64(50))

	failed := errors.New("failed")
	require.ErrorIs(t, j.join(t.Context(), func(context.Context) error { return failed }), failed)
	gone, leave := context.WithCancel(t.Context())
	begun, others := make(chan struct{}), make(chan error)
	go func() {
		others <- j.join(gone, func(ctx context.Context) error {
			close(begun)
			<-ctx.Done()
			return ctx.Err()
		})
	}()
	<-begun
	go func() {
		others <- j.join(t.Context(), func(context.Context) error { return nil })
	}()
	leave()
	require.ElementsMatch(t, []bool{true, false},
		[]bool{<-others == nil, <-others == nil}, "who goes away alone has no result")
	func() {
		defer func() { _ = recover() }()
		_ = j.join(t.Context(), func(context.Context) error { panic("broken") })
	}()
	require.NoError(t, j.join(t.Context(), func(context.Context) error { return nil }))
}

// TestACrowdWaitsForNoPull: whose answer does not depend on the statement goes on while somebody
// pulls it, and else posts a page; the rest is there for whoever asks.
func TestACrowdWaitsForNoPull(t *testing.T) {
	o := newTestBank(t)
	o.config.Crowd = true
	crowd, err := New(o.config)
	require.NoError(t, err)
	for range statementPage + 2 {
		o.notary.addEntry(notary.Entry{Kind: notary.Issued, Online: 1})
	}
	crowd.pulls.turn <- struct{}{} // somebody pulls
	require.NoError(t, crowd.pullBeside(o.ctx))
	require.Zero(t, o.balance(ownFunds))
	<-crowd.pulls.turn
	require.NoError(t, crowd.pullBeside(o.ctx))
	require.Equal(t, money.Ore(statementPage), o.balance(ownFunds))
	require.NoError(t, crowd.PullStatement(o.ctx))
	require.Equal(t, money.Ore(statementPage+2), o.balance(ownFunds))
	require.NoError(t, crowd.Verify(o.ctx))
}

// TestALoadWaitsForTheStatement: the report of a device with a load that may still change comes
// after what the notary did with it, also when others pull; then the device has taken it.
func TestALoadWaitsForTheStatement(t *testing.T) {
	o := newTestBank(t)
	o.config.Crowd = true
	crowd, err := New(o.config)
	require.NoError(t, err)
	card := subject("SENORDICB0000001", spec.RoleCard)
	card.Expiry = card.Expiry.AddDays(-1)
	certified, err := o.folder.Certified("card", card, o.ca)
	require.NoError(t, err)
	require.NoError(t, o.AddDevice(o.ctx, banking.Device{ID: "SENORDICB0000001", Customer: "anna",
		Certificate: certified.Encoded}))
	o.notary.addEntry(notary.Entry{Kind: notary.Issued, Online: 100})
	require.NoError(t, o.Deposit(o.ctx, "one", "anna", 100))
	load, err := order.New(order.Load, "SENORDICB0000001", 40, o.random, o.app)
	require.NoError(t, err)
	require.NoError(t, o.PlaceLoad(o.ctx, load))
	o.notary.addEntry(notary.Entry{Kind: notary.Loaded, Device: "SENORDICB0000001", Owner: "anna",
		Online: -40, Shadow: 40, Order: notary.OrderKey(load.Key()), Instr: 1})
	state := &message.State{Device: "SENORDICB0000001", InstructionSequence: 1,
		Credit: spec.CreditTaken}
	crowd.pulls.turn <- struct{}{} // somebody pulls what came before
	reported := make(chan error, 1)
	go func() {
		loads, err := crowd.pullForLoads(o.ctx, state)
		if err == nil && !loads {
			err = errors.New("a load that may still change was not seen")
		}
		reported <- err
	}()
	<-crowd.pulls.turn
	require.NoError(t, <-reported)
	open, err := hasOpenLoads(o.ctx, o.db, state.Device)
	require.NoError(t, err)
	require.False(t, open, "the device has taken it")
	require.Equal(t, money.Ore(40), o.balance(shadowCopy(state.Device)))
}

// askedNotary counts who asks what waits for a device's decision, and says that a payment does.
type askedNotary struct {
	notary.Participant
	asked atomic.Int64
}

func (a *askedNotary) Outstanding(
	context.Context, message.DeviceID,
) (notary.Outstanding, error) {
	a.asked.Add(1)
	return notary.Outstanding{}, nil
}

// TestTheDeskIsAskedForOnceInACrowd: whose records have no Payment to the desk waits for nobody who
// asks for it, and whose have one asks himself.
func TestTheDeskIsAskedForOnceInACrowd(t *testing.T) {
	o := newTestBank(t)
	o.config.Crowd = true
	asked := &askedNotary{}
	o.config.Notary = asked
	crowd, err := New(o.config)
	require.NoError(t, err)
	crowd.asked.turn <- struct{}{} // somebody asks
	require.NoError(t, crowd.answerDeskFor(o.ctx, false))
	require.Zero(t, asked.asked.Load())
	require.NoError(t, crowd.answerDeskFor(o.ctx, true))
	require.Equal(t, int64(1), asked.asked.Load(), "its own Payment is decided before its State")
	<-crowd.asked.turn
	require.NoError(t, crowd.answerDeskFor(o.ctx, false))
	require.Equal(t, int64(2), asked.asked.Load(), "what others brought is decided too")
	paid := &notary.PaymentStatus{Payee: crowd.desk.Device(), Verdict: notary.Reserved}
	require.True(t, crowd.isForDesk(notary.Answer{Held: true, Payment: paid}))
	paid.Verdict = notary.Settled
	require.False(t, crowd.isForDesk(notary.Answer{Held: true, Payment: paid}))
	require.False(t, crowd.isForDesk(notary.Answer{Held: true}))
}
