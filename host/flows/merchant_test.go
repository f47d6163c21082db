package flows

import (
	"github.com/stretchr/testify/require"

	"ekrona.example/apdu/message"
	"ekrona.example/apdu/spec"
	"ekrona.example/host/banking"
	"ekrona.example/host/terminal"
	"ekrona.example/personalization/pki"
	"ekrona.example/personalization/pki/keys"
)

// addTerminal makes a terminal of a merchant that is a customer too.
func (w *world) addTerminal(at message.Name) *merchantTerminal {
	t := w.t
	t.Helper()
	b := w.banks[at]
	key, err := keys.Generate(w.random("merchant"))
	require.NoError(t, err)
	require.NoError(t, b.AddCustomer(w.ctx,
		banking.Customer{ID: "merchant", Name: "Merchant", App: &key.PublicKey}))
	identity, err := b.pki.Certified("terminal",
		w.subject(string(at)+"TILL0001", spec.RoleTerminal), b.ca)
	require.NoError(t, err)
	policy := terminal.PilotPolicy()
	require.NoError(t, b.AddDevice(w.ctx, banking.Device{
		ID: identity.Certificate.Device(), Customer: "merchant", Certificate: identity.Encoded,
		Policy: policy,
	}))
	schema, err := terminal.Schema()
	require.NoError(t, err)
	w.terminal = &merchantTerminal{bank: b, owner: "merchant", app: pki.Identity{Signer: key},
		config: terminal.Config{
			DB: w.open("terminal", schema), Clock: w.clock, Random: w.random("terminal"),
			Signer: identity.Signer, Certificate: identity.Encoded,
			CA: b.ca.Encoded, Root: w.root.Encoded, Authorities: w.authorities(),
			Notary:     w.notary.Encoded,
			JournalKey: terminal.JournalKey{1, 2, 3},
			Policy:     policy, Link: w.terminalLink(b),
		}}
	w.restartTerminal()
	return w.terminal
}

// restartTerminal starts the terminal anew on its journal, as after a crash.
func (w *world) restartTerminal() {
	w.t.Helper()
	var err error
	w.terminal.Terminal, err = terminal.New(w.ctx, w.terminal.config)
	require.NoError(w.t, err)
}
