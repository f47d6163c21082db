package flows

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/apdu"
	"ekrona.example/apdu/cvc"
	"ekrona.example/apdu/message"
	"ekrona.example/apdu/money"
	"ekrona.example/apdu/spec"
	"ekrona.example/applet/client"
	"ekrona.example/host/audit"
	"ekrona.example/host/notary"
	"ekrona.example/host/terminal"
	"ekrona.example/host/wallet"
	"ekrona.example/personalization/pki"
)

// leavesBefore is a person's card that leaves the field before a command reaches it.
func leavesBefore(p *person, command *spec.Command) apdu.Card {
	whole, left := p.reader(), false
	return apdu.CardFunc(func(ctx context.Context, c apdu.Command) (apdu.Response, error) {
		found, ok := spec.Find(c.CLA, c.INS, c.P1, c.P2)
		left = left || ok && found.Command == command
		if left {
			return apdu.Response{}, errLost
		}
		return whole.Transmit(ctx, c)
	})
}

// orderedLoad leaves a load's Instruction outstanding.
func (w *world) orderedLoad(p *person, amount money.Ore) {
	w.t.Helper()
	_, err := p.phone.Load(w.ctx, wallet.Tap{Card: leavesBefore(p, spec.Instruct)}, amount)
	require.True(w.t, client.IsLost(err), err)
}

// trusts has a bank's folder trust the root, and keep the notary's certificates.
func (w *world) trusts(b *bank, notaries ...pki.Identity) {
	w.t.Helper()
	anchor, err := w.root.Certificate.Anchor()
	require.NoError(w.t, err)
	_, err = b.pki.Trust("root", w.root.Encoded, anchor)
	require.NoError(w.t, err)
	for _, n := range notaries {
		_, err := b.pki.Import(w.ctx, string(n.Certificate.Holder), n.Encoded)
		require.NoError(w.t, err)
	}
}

// reopens starts a bank with the keys and certificates that its folder has now, and has it join
// with them.
func (w *world) reopens(name message.Name, instruction string) {
	w.t.Helper()
	b := w.banks[name]
	var err error
	b.ca, err = b.pki.Identity(w.ctx, "ca")
	require.NoError(w.t, err)
	b.instruction, err = b.pki.Identity(w.ctx, instruction)
	require.NoError(w.t, err)
	store, err := b.pki.Store()
	require.NoError(w.t, err)
	b.links = store.Links(w.root.Certificate)
	b.former = append(store.Of(spec.RoleNotary, "SENOTARY"),
		store.Of(spec.RoleInstructionKey, name)...)
	require.NoError(w.t, w.bank.Join(w.ctx, name, b.ca.Encoded, b.instruction.Encoded))
	w.startBank(name, w.bank.For(name))
}

// follows has a bank take what the next root has certified again.
func (w *world) follows(name message.Name, instruction string, certificates [][]byte) {
	w.t.Helper()
	_, err := w.banks[name].pki.Follow(w.ctx, certificates)
	require.NoError(w.t, err)
	w.reopens(name, instruction)
	require.Len(w.t, w.banks[name].links, 1)
}

// TestRootRollover: notary key and instruction key are replaced, then the root, while Instructions
// by the former and by the new keys are outstanding. Cards synchronise before, meanwhile and after,
// and a stranger shows the link to one in between. Nothing is stuck, and everybody pays everybody.
func TestRootRollover(t *testing.T) {
	w := newWorld(t)
	nordic, fjord := w.banks["SENORDIC"], w.banks["SEFJORDB"]
	anna := w.addPerson("anna", "SENORDIC", "00000001", 500*money.Krona)
	bertil := w.addPerson("bertil", "SEFJORDB", "00000002", 500*money.Krona)
	carl := w.addPerson("carl", "SENORDIC", "00000003", 500*money.Krona)
	frida := w.addPerson("frida", "SENORDIC", "00000004", 500*money.Krona)
	merchant := w.addTerminal("SEFJORDB")
	for _, p := range []*person{anna, bertil, frida} {
		w.load(p, 100*money.Krona)
	}
	w.orderedLoad(anna, 40*money.Krona) // by the first keys, as the terminal's Instruction
	sell := func(p *person, amount money.Ore) {
		t.Helper()
		sale, err := w.terminal.Ask(w.ctx, amount)
		require.NoError(t, err)
		_, err = w.terminal.Take(w.ctx, sale.Number, p.reader(), block(t, rightPIN))
		require.NoError(t, err)
	}
	sell(bertil, 1*money.Krona)
	opening, err := fjord.Open(w.ctx, merchant.ID(), message.Nonce{})
	require.NoError(t, err)
	reading, err := merchant.Read(w.ctx, opening.Challenge, opening.Trust)
	require.NoError(t, err)
	lost, err := fjord.Report(w.ctx, merchant.ID(), reading)
	require.NoError(t, err)
	require.NotNil(t, lost.Instruction)

	first := w.notary
	w.notary, err = w.folder.Certified("notary2", w.subject("SENOTARY00002", spec.RoleNotary),
		w.root)
	require.NoError(t, err)
	w.auditor = audit.New(w.notary.Certificate.PublicKey, first.Certificate.PublicKey)
	_, err = nordic.pki.Certified("instruction3",
		w.subject("SENORDIC00003", spec.RoleInstructionKey), w.root)
	require.NoError(t, err)
	w.startNotary()
	for _, b := range []*bank{nordic, fjord} {
		w.trusts(b, first, w.notary)
	}
	w.reopens("SENORDIC", "instruction3")
	w.reopens("SEFJORDB", "instruction")
	w.load(bertil, 1*money.Krona)
	w.orderedLoad(carl, 60*money.Krona) // by the keys of now, which the card has never seen

	later := w.subject("SERIKSBK00002", spec.RoleRoot)
	later.Expiry = later.Expiry.AddDays(365)
	next, err := w.folder.Root("root2", later)
	require.NoError(t, err)
	again, err := w.folder.Rollover(w.ctx, "root", "root2", nil, w.today())
	require.NoError(t, err)
	var certificates [][]byte
	for _, k := range again {
		certificates = append(certificates, k.Encoded)
	}
	for _, p := range []*person{anna, carl} {
		stranger := client.New(p.reader())
		_, err := stranger.Select(w.ctx)
		require.NoError(t, err)
		require.NoError(t, stranger.VerifyCertificate(w.ctx, certificates[0]))
	}

	_, err = w.folder.Follow(w.ctx, certificates)
	require.NoError(t, err)
	w.notary, err = w.folder.Identity(w.ctx, "notary2")
	require.NoError(t, err)
	assert.EqualValues(t, "SERIKSBK00002", w.notary.Certificate.Authority)
	w.links = certificates[:1]
	w.startNotary()
	w.startBank("SENORDIC", w.bank.For("SENORDIC")) // it has not followed yet
	w.follows("SEFJORDB", "instruction", certificates)
	knowsNext := func(p *person) bool {
		t.Helper()
		anybody := client.New(p.reader())
		_, err := anybody.Select(w.ctx)
		require.NoError(t, err)
		err = anybody.VerifyCertificate(w.ctx, certificates[1]) // a CA's, by the next root
		require.True(t, err == nil || client.Is(err, spec.SWReferenceUnknown), err)
		return err == nil
	}
	assert.False(t, knowsNext(bertil))
	w.sync(bertil)
	assert.True(t, knowsNext(bertil), "though it knows every key that signs for it")
	result, err := merchant.Synchronise(w.ctx)
	require.NoError(t, err)
	assert.Equal(t, 1, result.Instructions, "that of the first notary key")
	w.restartTerminal() // it has learned the root for good

	// Frida's card has never met the merchant's CA, which the next root has certified.
	assert.False(t, knowsNext(frida))
	sell(frida, 10*money.Krona)
	assert.True(t, knowsNext(frida))

	w.follows("SENORDIC", "instruction3", certificates)
	_, err = nordic.pki.Certified("instruction4",
		w.subject("SENORDIC00004", spec.RoleInstructionKey), next)
	require.NoError(t, err)
	w.reopens("SENORDIC", "instruction4")
	assert.Equal(t, 40*money.Krona, w.sync(anna).Credited, "by the first keys")
	assert.Equal(t, 60*money.Krona, w.sync(carl).Credited, "by keys that the next root certified")
	w.audit("what was outstanding is applied")
	for _, p := range []*person{anna, carl, frida} {
		w.load(p, 5*money.Krona)
	}
	w.startPhone(anna)
	w.cardToCard(anna, bertil, 20*money.Krona)

	dora := w.addPerson("dora", "SENORDIC", "00000005", 500*money.Krona)
	w.load(dora, 50*money.Krona)
	sell(dora, 15*money.Krona)
	sell(carl, 25*money.Krona)
	w.cardToCard(dora, frida, 5*money.Krona)
	w.agree()
	w.audit("agreed")
	for p, holds := range map[*person]money.Ore{
		anna: 125 * money.Krona, bertil: 120 * money.Krona, carl: 40 * money.Krona,
		frida: 100 * money.Krona, dora: 30 * money.Krona,
	} {
		assert.Equal(t, holds, w.offline(p), p.name)
	}
	assert.Equal(t, 51*money.Krona, w.taken())
}

// TestEndedRootOnCardAndHost: the former root has ended, and its key is stolen. What it certifies
// is refused by a card that has learned the day, and by the notary, though it is dated into the
// future; what the next root has certified goes on.
func TestEndedRootOnCardAndHost(t *testing.T) {
	w := newWorld(t)
	nordic := w.banks["SENORDIC"]
	anna := w.addPerson("anna", "SENORDIC", "00000001", 500*money.Krona)
	w.load(anna, 100*money.Krona)
	first, until := w.notary, w.subject("", 0).Expiry.AddDays(365)
	later := func(holder string, role spec.Role) pki.Subject {
		s := w.subject(holder, role)
		s.Expiry = until
		return s
	}
	next, err := w.folder.Root("root2", later("SERIKSBK00002", spec.RoleRoot))
	require.NoError(t, err)
	again, err := w.folder.Rollover(w.ctx, "root", "root2", nil, w.today())
	require.NoError(t, err)
	w.links = [][]byte{again[0].Encoded}
	w.notary, err = w.folder.Certified("notary2", later("SENOTARY00002", spec.RoleNotary), next)
	require.NoError(t, err)
	w.auditor = audit.New(w.notary.Certificate.PublicKey, first.Certificate.PublicKey)
	w.startNotary()
	w.trusts(nordic)
	_, err = nordic.pki.Follow(w.ctx, [][]byte{again[0].Encoded})
	require.NoError(t, err)
	_, err = nordic.pki.Certified("instruction3",
		later("SENORDIC00003", spec.RoleInstructionKey), next)
	require.NoError(t, err)
	w.reopens("SENORDIC", "instruction3")
	w.sync(anna)
	w.clock.At = w.clock.At.AddDate(10, 0, 10)
	require.True(t, w.today().After(w.root.Certificate.Expiry))
	w.sync(anna)
	require.Equal(t, w.today(), w.state(anna).State.Date)

	thief := func(holder string, role spec.Role) []byte {
		t.Helper()
		c := &cvc.Certificate{Authority: message.AuthorityRef(w.root.Certificate.Holder),
			PublicKey: first.Certificate.PublicKey, Holder: cvc.Holder(holder), Role: role,
			Effective: w.root.Certificate.Effective, Expiry: until}
		require.NoError(t, c.Sign(w.root.Signer))
		encoded, err := c.Encode()
		require.NoError(t, err)
		return encoded
	}
	stranger := client.New(anna.reader())
	_, err = stranger.Select(w.ctx)
	require.NoError(t, err)
	err = stranger.VerifyCertificate(w.ctx, thief("SENORDIC00007", spec.RoleIntermediary))
	require.True(t, client.Is(err, spec.SWExpired), err)
	for holder, role := range map[string]spec.Role{"SENOTARY00009": spec.RoleNotary,
		"SENORDIC00009": spec.RoleInstructionKey} {
		err = stranger.VerifyCertificate(w.ctx, thief(holder, role))
		require.True(t, client.Is(err, spec.SWExpired) || client.Is(err, spec.SWReferenceUnknown),
			"%s: %v", holder, err)
	}
	require.ErrorIs(t, w.bank.Join(w.ctx, "SENORDIC", nordic.ca.Encoded,
		thief("SENORDIC00009", spec.RoleInstructionKey)), notary.Certificate)
	w.audit("nothing has changed")
	w.load(anna, 5*money.Krona)
}

// TestCAsReachTerminalsAndPhones: that of a bank which has joined after they were issued, and that
// of another bank by the next root, come with their synchronisation and stay.
func TestCAsReachTerminalsAndPhones(t *testing.T) {
	w := newWorld(t)
	anna := w.addPerson("anna", "SENORDIC", "00000001", 500*money.Krona)
	merchant := w.addTerminal("SEFJORDB")
	w.load(anna, 100*money.Krona)
	knew := w.authorities()
	w.addBank("SEVASTRA", w.today().AddDays(10*365))
	vera := w.addPerson("vera", "SEVASTRA", "00000002", 500*money.Krona)
	w.load(vera, 100*money.Krona)
	sell := func() error {
		sale, err := merchant.Ask(w.ctx, money.Krona)
		require.NoError(t, err)
		_, err = merchant.Take(w.ctx, sale.Number, vera.reader(), block(t, rightPIN))
		return err
	}
	require.ErrorIs(t, sell(), terminal.ErrIssuer)
	_, err := merchant.Synchronise(w.ctx)
	require.NoError(t, err)
	require.NoError(t, sell())
	w.restartTerminal()
	require.NoError(t, sell(), "kept")

	// To whoever only reads QR codes the CA is what the phone knows.
	require.Len(t, knew, 2)
	w.startPhoneKnowing(anna, knew)
	fromVera := func() error {
		asked, err := vera.phone.Request(w.ctx, vera.tap(t), money.Krona, "")
		require.NoError(t, err)
		asked.Authority = nil
		_, err = anna.phone.Complete(asked)
		return err
	}
	require.Error(t, fromVera())
	w.sync(anna)
	require.NoError(t, fromVera())
	w.startPhoneKnowing(anna, knew)
	require.NoError(t, fromVera(), "kept")
}
