package flows

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ekrona.example/apdu/message"
	"ekrona.example/host/attack"
	"ekrona.example/host/banking"
	"ekrona.example/host/notary"
	"ekrona.example/host/party"
	bankparty "ekrona.example/host/party/bank"
	"ekrona.example/host/party/centralbank"
	"ekrona.example/host/remote"
	"ekrona.example/host/service"
	"ekrona.example/host/service/link"
	"ekrona.example/host/session"
	"ekrona.example/personalization/pki"
	"ekrona.example/personalization/pki/transport"
)

// network puts the parties of a world on the network, on loopback, with certificates.
type network struct {
	*world
	root pki.Folder
	keys pki.Folder // of everybody's certificates
}

func newNetwork(w *world) *network {
	w.t.Helper()
	n := &network{world: w, root: pki.Open(w.t.TempDir(), nil), keys: pki.Open(w.t.TempDir(), nil)}
	now := w.clock.Now()
	_, err := transport.Root(w.ctx, n.root, "tls-root", "flows", now.Add(-time.Hour),
		now.AddDate(1, 0, 0))
	require.NoError(w.t, err)
	require.NoError(w.t, transport.Adopt(w.ctx, n.keys, n.root, "tls-root", now))
	n.certify(transport.Subject{Role: transport.Server, Name: "server",
		Hosts: []string{"127.0.0.1"}})
	return n
}

// certify makes a key and certificate, under the subject's name.
func (n *network) certify(s transport.Subject) {
	n.t.Helper()
	now := n.clock.Now()
	require.NoError(n.t, transport.Certify(n.ctx, n.keys, s.Name, s, n.root, "tls-root", now,
		now.AddDate(0, 3, 0)))
}

// serve puts a party on the network and returns its address.
func (n *network) serve(keys service.Keys, endpoints ...service.Endpoint) string {
	n.t.Helper()
	server, err := party.Listen(n.ctx, n.keys, party.Service{Listen: "127.0.0.1:0"},
		service.Config{Title: "flows", Endpoints: endpoints, Keys: keys,
			Log: slog.New(slog.DiscardHandler)}, party.Environment{Clock: n.clock})
	require.NoError(n.t, err)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- server.Run(ctx) }()
	n.t.Cleanup(func() { cancel(); require.NoError(n.t, <-ended) })
	return server.URL()
}

// link is a link with the certificate of a name, or signed where signer is not nil.
func (n *network) link(url, contract, name string, signer *link.Signer) remote.Transport {
	n.t.Helper()
	shown, err := transport.Open(n.ctx, n.keys, name, n.clock.Now)
	require.NoError(n.t, err)
	l, err := link.New(link.Config{URL: url, Contract: contract, TLS: shown.Client,
		Signer: signer})
	require.NoError(n.t, err)
	n.t.Cleanup(func() { require.NoError(n.t, errors.Join(l.Close(), shown.Close())) })
	return l
}

// centralBank serves the notary.
func (n *network) centralBank() string {
	return n.serve(nil, centralbank.Endpoints(n.world.bank, []string{"operator"})...)
}

// intermediary serves a bank.
func (n *network) intermediary(b *bank) string {
	return n.serve(bankparty.Keys(b.Intermediary), bankparty.Endpoints(b.Intermediary, nil, nil)...)
}

// phone is the link of an app to the bank at an address.
func (n *network) phone(url string, key link.Signer) banking.Wallet {
	return banking.NewWallet(n.link(url, bankparty.App, "", &key))
}

// TestAttacksOverTheNetwork makes every attack on a notary and an intermediary that are services:
// by a dishonest intermediary, which has its own certificate, and by a customer's app. Each is
// answered as without a network, and no money is lost or gained.
func TestAttacksOverTheNetwork(t *testing.T) {
	for _, a := range attack.All() {
		t.Run(a.Name, func(t *testing.T) {
			w, anna, bertil := annaAndBertil(t)
			n := newNetwork(w)
			on, setup := w.attacked(anna, bertil)
			central := n.centralBank()
			for _, name := range []string{"SENORDIC", "operator"} {
				n.certify(transport.Subject{Role: transport.Client, Name: name})
			}
			on.Notary = notary.NewParticipant(n.link(central, centralbank.Participant, "SENORDIC",
				nil))
			operator := notary.NewOperator(n.link(central, centralbank.Operator, "operator", nil))
			on.Operator = operator
			on.Balances = func(ctx context.Context) (notary.Balances, error) {
				return notary.AllBalances(ctx, operator)
			}
			on.Intermediary = n.phone(n.intermediary(anna.bank), link.Signer{
				Key: link.Key{Customer: anna.name}, Signer: anna.app.Signer})
			require.NoError(t, a.Run(w.ctx, on, setup))
			w.audit(a.Name)
			w.agree()
		})
	}
}

// TestAnIntermediaryActsForItselfOnly: whatever stands in a body, what a certificate may do is
// decided by its name; another's devices, holding and statement are out of its reach.
func TestAnIntermediaryActsForItselfOnly(t *testing.T) {
	w, anna, bertil := annaAndBertil(t)
	n := newNetwork(w)
	central := n.centralBank()
	n.certify(transport.Subject{Role: transport.Client, Name: "SEFJORDB"})
	n.certify(transport.Subject{Role: transport.Client, Name: "SESTRANG"})
	fjord := notary.NewParticipant(n.link(central, centralbank.Participant, "SEFJORDB", nil))
	stranger := notary.NewParticipant(n.link(central, centralbank.Participant, "SESTRANG", nil))
	before, err := notary.AllBalances(w.ctx, w.bank)
	require.NoError(t, err)
	mine, theirs := bertil.device.ID, anna.device.ID
	require.Equal(t, message.Name("SEFJORDB"), mine.Name())

	for name, p := range map[string]notary.Participant{"another": fjord, "stranger": stranger} {
		calls := map[string]func() error{
			"read what is owed": func() error {
				_, err := p.Outstanding(w.ctx, theirs)
				return err
			},
			"read the position": func() error {
				_, err := p.Position(w.ctx, theirs, 1)
				return err
			},
			"open a Challenge": func() error {
				_, err := p.OpenChallenge(w.ctx, notary.Opening{Device: theirs,
					InstructionKey: message.AuthorityRef(
						anna.bank.instruction.Certificate.Holder)})
				return err
			},
			"report it lost": func() error { return p.ReportLost(w.ctx, theirs) },
			"end it":         func() error { return p.EndNow(w.ctx, theirs) },
			"set its group":  func() error { return p.SetGroup(w.ctx, theirs, 3) },
			"refund by it": func() error {
				return p.Refund(w.ctx, notary.Refund{Order: "1", Payee: theirs, Payer: mine, ATC: 1,
					Amount: 1})
			},
		}
		for what, call := range calls {
			err := call()
			require.True(t, errors.Is(err, notary.NotYours) || errors.Is(err, notary.Malformed) ||
				errors.Is(err, notary.Unknown), "%s: %s: %v", name, what, err)
		}
	}
	entries, err := fjord.Statement(w.ctx, 0, notary.MaxPage)
	require.NoError(t, err)
	for _, e := range entries {
		require.NotEqual(t, theirs, e.Device)
	}
	none, err := stranger.Statement(w.ctx, 0, notary.MaxPage)
	require.NoError(t, err)
	require.Empty(t, none)
	_, err = notary.NewOperator(n.link(central, centralbank.Operator, "SEFJORDB", nil)).
		Balances(w.ctx, "", 1)
	require.ErrorIs(t, err, link.Caller, "nor is it the central bank's staff")
	after, err := notary.AllBalances(w.ctx, w.bank)
	require.NoError(t, err)
	require.Equal(t, before, after)
	w.agree()
}

// TestAnAppActsForItsOwnerOnly: another customer's devices and account are unknown to it, and the
// key of a former phone opens nothing.
func TestAnAppActsForItsOwnerOnly(t *testing.T) {
	w := newWorld(t)
	anna := w.addPerson("anna", "SENORDIC", "00000001", 500_00)
	cilla := w.addPerson("cilla", "SENORDIC", "00000003", 500_00)
	w.load(anna, 200_00)
	n := newNetwork(w)
	url := n.intermediary(anna.bank)
	by := link.Signer{Key: link.Key{Customer: cilla.name}, Signer: cilla.app.Signer}
	wallet := n.phone(url, by)
	account := banking.NewAccount(n.link(url, bankparty.App, "", &by))
	state, err := message.Encode(w.state(anna).State)
	require.NoError(t, err)
	reads := func(id message.DeviceID, owner string) map[string]error {
		all := map[string]error{}
		_, all["open"] = wallet.Open(w.ctx, id, message.Nonce{})
		_, all["report"] = wallet.Report(w.ctx, id, session.Reading{State: state})
		all["confirm"] = wallet.Confirm(w.ctx, id, []byte{1})
		_, all["cards"] = account.Cards(w.ctx, owner)
		_, all["online"] = account.OnlineBalance(w.ctx, owner)
		_, all["shadow"] = account.ShadowBalance(w.ctx, id)
		all["lost"] = account.ReportLost(w.ctx, id)
		return all
	}
	for what, err := range reads(anna.device.ID, anna.name) {
		require.True(t, errors.Is(err, banking.ErrNoDevice) ||
			errors.Is(err, banking.ErrNoCustomer), "%s: %v", what, err)
	}
	former, register := w.nextPhone(cilla)
	require.NoError(t, register())
	_, err = n.phone(url, link.Signer{Key: by.Key, Signer: former.Signer}).Open(w.ctx,
		cilla.device.ID, message.Nonce{})
	require.ErrorIs(t, err, link.Signature)
	_, err = n.phone(url, link.Signer{Key: by.Key, Signer: cilla.app.Signer}).Open(w.ctx,
		cilla.device.ID, message.Nonce{})
	require.NoError(t, err)
	w.agree()
}
