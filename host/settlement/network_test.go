package settlement_test

import (
	"context"
	"crypto/tls"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/apdu/message"
	"ekrona.example/apdu/money"
	"ekrona.example/host/attack"
	"ekrona.example/host/notary"
	"ekrona.example/host/party/centralbank"
	"ekrona.example/host/service"
	"ekrona.example/host/service/link"
	"ekrona.example/host/settlement/settlementtest"
	"ekrona.example/host/store/storetest"
	"ekrona.example/personalization/pki"
	"ekrona.example/personalization/pki/transport"
)

const staff = "operator"

// network is the notary of a world as a service on loopback: who calls is the name in the
// certificate. It implements settlementtest.Notary.
type network struct {
	notary.Operator
	notary.Public
	notary.Supervisor
	t    *testing.T
	root pki.Folder
	url  string
	open map[message.Name]notary.Participant
}

// overTLS puts the notary of a world on the network.
func overTLS(t *testing.T, w *settlementtest.World) *network {
	t.Helper()
	n := &network{t: t, root: pki.Open(t.TempDir(), nil),
		open: map[message.Name]notary.Participant{}}
	_, err := transport.Root(t.Context(), n.root, "root", "test", time.Now().Add(-time.Hour),
		time.Now().AddDate(1, 0, 0))
	require.NoError(t, err)
	shown := n.certified(transport.Subject{Role: transport.Server, Name: "notary",
		Hosts: []string{"127.0.0.1"}})
	s, err := service.New(service.Config{Title: centralbank.Title, TLS: shown.Server(),
		Hosts:     shown.Hosts,
		Endpoints: centralbank.Endpoints(w.Again(), []string{staff})})
	require.NoError(t, err)
	listener, err := service.Listen(t.Context(), "127.0.0.1:0")
	require.NoError(t, err)
	n.url = "https://" + listener.Addr().String()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(ctx, listener) }()
	t.Cleanup(func() { cancel(); require.NoError(t, <-ended) })
	byStaff := n.link(staff, centralbank.Operator)
	n.Operator, n.Supervisor = notary.NewOperator(byStaff), notary.NewSupervisor(byStaff)
	n.Public = notary.NewPublic(n.link(staff, centralbank.Public))
	w.Notary = n
	return n
}

// certified returns a new key with a certificate of the network's root.
func (n *network) certified(s transport.Subject) *transport.Endpoint {
	n.t.Helper()
	ctx, f := n.t.Context(), pki.Open(n.t.TempDir(), nil)
	require.NoError(n.t, transport.Adopt(ctx, f, n.root, "root", time.Now()))
	require.NoError(n.t, transport.Certify(ctx, f, "key", s, n.root, "root", time.Now(),
		time.Now().Add(10*time.Hour)))
	shown, err := transport.Open(ctx, f, "key", time.Now)
	require.NoError(n.t, err)
	n.t.Cleanup(func() { require.NoError(n.t, shown.Close()) })
	return shown
}

// link returns a link to a contract, by a certificate with a name.
func (n *network) link(name, contract string) *link.Client {
	n.t.Helper()
	return n.linkWith(n.certified(transport.Subject{Role: transport.Client, Name: name}).Client,
		contract)
}

func (n *network) linkWith(shown func() *tls.Config, contract string) *link.Client {
	n.t.Helper()
	c, err := link.New(link.Config{URL: n.url, Contract: contract, TLS: shown,
		Patience: time.Minute})
	require.NoError(n.t, err)
	n.t.Cleanup(func() { require.NoError(n.t, c.Close()) })
	return c
}

// For returns the notary as an intermediary reaches it; where none is named, as NORDIC does.
func (n *network) For(name message.Name) notary.Participant {
	if name == "" {
		name = nordic
	}
	if n.open[name] == nil {
		n.open[name] = notary.NewParticipant(n.link(string(name), centralbank.Participant))
	}
	return n.open[name]
}

// onTheNetwork is loaded, with the notary on the network from then on.
func onTheNetwork(t *testing.T) (*settlementtest.World, *network) {
	w := loaded(t)
	return w, overTLS(t, w)
}

// TestADishonestIntermediaryIsRefusedOverTheNetwork: each attack of an intermediary on the notary,
// over TLS, by the certificate of that intermediary.
func TestADishonestIntermediaryIsRefusedOverTheNetwork(t *testing.T) {
	storetest.OnFirst(t)
	for _, a := range slices.Concat(attack.Instructions(), attack.ForgedEvidence(),
		attack.Registrations(), attack.Synchronisations(),
		[]attack.Attack{attack.CreditWithoutOrder}) {
		t.Run(a.Name, func(t *testing.T) {
			w, _ := onTheNetwork(t)
			anna, merchant := w.Devices["ANNA"], w.Devices["SHOP"]
			on, setup := attacked(t, w)
			setup.ATC, setup.Issued, setup.Holding, setup.Amount = anna.ATC, 1000_00, 800_00, 1
			setup.Order, setup.Ceilings = "an order", anna.Ceilings
			if slices.ContainsFunc(attack.ForgedEvidence(),
				func(f attack.Attack) bool { return f.Name == a.Name }) {
				setup.Payment = paid(t, anna, merchant, 10_00)
				setup.Stolen, setup.DeviceKey = merchant.ID, merchant.StolenKey()
			}
			on.Operator = w.Notary
			require.NoError(t, a.Run(t.Context(), on, setup))
			w.Audit(false)
			w.Sync(anna, settlementtest.Whole, 0)
			w.Audit(false)
		})
	}
}

// TestWhatAnIntermediaryWithholdsSettlesAllTheSame: it keeps back what its own device has handed
// over. The other side brings it; nothing that it withholds is acknowledged; the device is named.
func TestWhatAnIntermediaryWithholdsSettlesAllTheSame(t *testing.T) {
	w, n := onTheNetwork(t)
	ctx, own := t.Context(), n.For(nordic)
	anna, merchant := w.Devices["ANNA"], w.Devices["SHOP"]
	p := paid(t, anna, merchant, 30_00)
	_, err := merchant.Accept(p)
	require.NoError(t, err)
	state, err := anna.State(w.Challenge(anna))
	require.NoError(t, err)
	report, err := own.SubmitState(ctx, w.Encode(state)) // without the record
	require.NoError(t, err)
	assert.False(t, report.Complete)
	found, err := notary.ReconcileAll(ctx, n)
	require.NoError(t, err)
	require.Len(t, found.Found, 1)
	assert.Equal(t, anna.ID, found.Found[0].Device)
	assert.Contains(t, found.Found[0].Why, "are not held")
	owed := next(t, w, anna)
	i := w.Instruction(anna, owed, 0)
	i.AckedATC, i.Head = state.ATC, state.Head
	w.SignInstruction(i, w.Intermediaries["NORDIC"])
	_, err = own.CoSign(ctx, "ack", w.Encode(i))
	require.ErrorIs(t, err, notary.Head, "the card keeps its record")

	w.Sync(merchant, settlementtest.Whole, 0)
	settled, err := n.Payment(ctx, anna.ID, p.ATC)
	require.NoError(t, err)
	assert.Equal(t, notary.Settled, settled.Verdict)
	assert.Equal(t, money.Ore(170_00), balance(t, w, string(anna.ID)))
	w.Sync(anna, settlementtest.Whole, 0)
	found, err = notary.ReconcileAll(ctx, n)
	require.NoError(t, err)
	assert.Empty(t, found.Found)
	w.Audit(true)
}

// TestWhatAnIntermediaryReplaysMovesNothing: whatever it has ever sent, again, in any order, is
// answered as before; under another name or number it is refused.
func TestWhatAnIntermediaryReplaysMovesNothing(t *testing.T) {
	w, n := onTheNetwork(t)
	ctx, own := t.Context(), n.For(nordic)
	anna, merchant := w.Devices["ANNA"], w.Devices["SHOP"]
	p := paid(t, anna, merchant, 30_00)
	receipt, err := merchant.Accept(p)
	require.NoError(t, err)
	w.Submit(w.Encode(p), w.Encode(receipt))
	state, err := anna.State(w.Challenge(anna))
	require.NoError(t, err)
	_, err = own.SubmitState(ctx, w.Encode(state))
	require.NoError(t, err)
	instruction := w.Encode(w.Instruction(anna, next(t, w, anna), 20_00))
	signed, err := own.CoSign(ctx, "load", instruction)
	require.NoError(t, err)
	parsed, err := message.Parse[message.Instruction](signed)
	require.NoError(t, err)
	confirmation, err := anna.Apply(parsed)
	require.NoError(t, err)
	require.NoError(t, own.Confirm(ctx, w.Encode(confirmation)))
	before, err := notary.AllBalances(ctx, n)
	require.NoError(t, err)

	for range 2 {
		require.NoError(t, own.Confirm(ctx, w.Encode(confirmation)))
		again, err := own.CoSign(ctx, "load", instruction)
		require.NoError(t, err)
		assert.Equal(t, signed, again)
		_, err = own.CoSign(ctx, "load again", instruction)
		require.ErrorIs(t, err, notary.Taken)
		report, err := own.SubmitState(ctx, w.Encode(state))
		require.NoError(t, err)
		assert.False(t, report.Cloned, "a State that was shown before proves nothing")
		w.Submit(w.Encode(receipt), w.Encode(p), w.Encode(receipt))
		_, err = n.For(fjord).SubmitState(ctx, w.Encode(state))
		require.ErrorIs(t, err, notary.NotYours)
		_, err = n.For(fjord).CoSign(ctx, "load", instruction)
		require.ErrorIs(t, err, notary.NotYours)
		// what a device has signed proves itself, whoever brings it
		require.NoError(t, n.For(fjord).Confirm(ctx, w.Encode(confirmation)))
	}
	after, err := notary.AllBalances(ctx, n)
	require.NoError(t, err)
	assert.Equal(t, before, after)
	w.Sync(anna, settlementtest.Whole, 0)
	w.Audit(false)
}

// TestAnIntermediaryPullsWithTheDevicesSignatureOnly: what its own device has not accepted does not
// come, nor back from another's terminal, whatever the intermediary signs itself.
func TestAnIntermediaryPullsWithTheDevicesSignatureOnly(t *testing.T) {
	w, n := onTheNetwork(t)
	ctx, puller := t.Context(), n.For(fjord)
	anna, merchant := w.Devices["ANNA"], w.Devices["SHOP"]
	p := paid(t, anna, merchant, 30_00)
	identity, err := message.Identity(p)
	require.NoError(t, err)
	receipt := &message.Receipt{Payee: merchant.ID, ATC: 1, Payer: anna.ID,
		Number: p.Request.Number, Payment: identity}
	require.NoError(t, message.Sign(receipt, w.Intermediaries["FJORD"].StolenKey()))
	more := *p
	more.Request.Amount = 100_00
	answers, err := puller.Submit(ctx, [][]byte{w.Encode(p), w.Encode(receipt), w.Encode(&more),
		append(w.Encode(receipt), w.Encode(p)...)})
	require.NoError(t, err)
	require.NoError(t, answers[0].Err)
	for _, a := range answers[1:] {
		require.ErrorIs(t, a.Err, notary.Signature)
		require.False(t, a.Held)
	}
	assert.Equal(t, money.Ore(200_00), balance(t, w, string(anna.ID)), "it is set aside")
	for _, r := range []notary.Refund{
		{Order: "1", Payee: anna.ID, Payer: merchant.ID, ATC: 1, Amount: 1},
		{Order: "2", Payee: merchant.ID, Payer: anna.ID, ATC: p.ATC, Amount: 1},
	} {
		require.Error(t, puller.Refund(ctx, r))
	}
	require.ErrorIs(t, n.For(nordic).Refund(ctx, notary.Refund{Order: "3", Payee: merchant.ID,
		Payer: anna.ID, ATC: p.ATC, Amount: 1}), notary.NotYours)
	w.Audit(false)
	w.Sync(merchant, settlementtest.Whole, 0)
	assert.Equal(t, money.Ore(170_00), balance(t, w, string(anna.ID)))
	w.Audit(false)
}

// TestAnIntermediaryReadsWhatIsItsOwnOnly: no call says who calls but the certificate, and none
// shows another's.
func TestAnIntermediaryReadsWhatIsItsOwnOnly(t *testing.T) {
	w, n := onTheNetwork(t)
	ctx, reader := t.Context(), n.For(fjord)
	anna := w.Devices["ANNA"]
	_, outstanding := reader.Outstanding(ctx, anna.ID)
	_, position := reader.Position(ctx, anna.ID, 0)
	_, challenge := reader.OpenChallenge(ctx, notary.Opening{Device: anna.ID,
		InstructionKey: w.Intermediaries["FJORD"].Instructs})
	for what, err := range map[string]error{"outstanding": outstanding, "position": position,
		"challenge": challenge, "lost": reader.ReportLost(ctx, anna.ID),
		"end": reader.End(ctx, anna.ID), "end now": reader.EndNow(ctx, anna.ID),
		"group": reader.SetGroup(ctx, anna.ID, 3)} {
		require.ErrorIs(t, err, notary.NotYours, what)
	}
	bertil := w.Devices["BERTIL"]
	p := paid(t, anna, bertil, 30_00)
	_, err := bertil.Accept(p)
	require.NoError(t, err)
	w.Sync(bertil, settlementtest.Whole, 0)
	entries, err := reader.Statement(ctx, 0, notary.MaxPage)
	require.NoError(t, err)
	require.NotEmpty(t, entries)
	for _, e := range entries {
		assert.Equal(t, message.Name(fjord), e.Device.Name(), "of its own devices")
	}

	asOperator := notary.NewOperator(n.link(fjord, centralbank.Operator))
	asStaff := notary.NewParticipant(n.link("no bank", centralbank.Participant))
	nobody := notary.NewParticipant(n.link("SENOBODY", centralbank.Participant))
	_, balances := notary.AllBalances(ctx, asOperator)
	_, totals := notary.NewSupervisor(n.link(fjord, centralbank.Operator)).Totals(ctx)
	_, statement := asStaff.Statement(ctx, 0, 1)
	for what, err := range map[string]error{"balances": balances, "totals": totals,
		"issue":     asOperator.Issue(ctx, "mine", fjord, money.Krona),
		"statement": statement} {
		var refused *link.Refused
		require.ErrorAs(t, err, &refused, what)
		assert.Equal(t, link.Caller, refused.Rule, what)
	}
	_, err = nobody.Outstanding(ctx, anna.ID)
	require.ErrorIs(t, err, notary.NotYours)
	foreign := &network{t: t, root: pki.Open(t.TempDir(), nil), url: n.url}
	_, err = transport.Root(ctx, foreign.root, "root", "test", time.Now().Add(-time.Hour),
		time.Now().AddDate(1, 0, 0))
	require.NoError(t, err)
	shown := foreign.certified(transport.Subject{Role: transport.Client, Name: nordic}).Client()
	shown.RootCAs = n.certified(transport.Subject{Role: transport.Client, Name: fjord}).
		Client().RootCAs
	_, err = notary.NewParticipant(n.linkWith(func() *tls.Config { return shown },
		centralbank.Participant)).
		Outstanding(ctx, anna.ID)
	require.Error(t, err, "a certificate by another root")
	var refused *notary.Error
	require.False(t, errors.As(err, &refused), "it does not come to the notary")
	w.Audit(false)
}
