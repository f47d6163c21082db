package flows

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"ekrona.example/apdu/message"
	"ekrona.example/apdu/money"
	"ekrona.example/apdu/spec"
	"ekrona.example/host/attack"
	"ekrona.example/host/banking"
	"ekrona.example/host/envelope"
	"ekrona.example/host/notary"
	"ekrona.example/host/terminal"
)

// TestAttacksOnServices makes every attack on a notary, an intermediary and a phone that have just
// settled and received something; no money is lost or gained.
func TestAttacksOnServices(t *testing.T) {
	for _, a := range attack.All() {
		t.Run(a.Name, func(t *testing.T) {
			w, anna, bertil := annaAndBertil(t)
			on, setup := w.attacked(anna, bertil)
			require.NoError(t, a.Run(w.ctx, on, setup))
			w.audit(a.Name)
			w.agree()
		})
	}
}

// attacked returns the services of anna's bank, and what the attacker knows of them.
func (w *world) attacked(anna, bertil *person) (attack.Services, *attack.Setup) {
	t, b := w.t, anna.bank
	t.Helper()
	former, register := w.nextPhone(anna)
	require.NoError(t, register())
	asked, err := bertil.phone.Request(w.ctx, bertil.tap(t), 30*money.Krona, "")
	require.NoError(t, err)
	payment, err := anna.phone.Pay(w.ctx, anna.tap(t), asked)
	require.NoError(t, err)
	accepted, err := bertil.phone.Accept(w.ctx, bertil.tap(t), payment)
	require.NoError(t, err)
	open, err := bertil.phone.Request(w.ctx, bertil.tap(t), 20*money.Krona, "")
	require.NoError(t, err)
	stolen, err := b.pki.Certified("stolen", w.subject("SENORDICTILL0009", spec.RoleTerminal), b.ca)
	require.NoError(t, err)
	require.NoError(t, b.AddDevice(w.ctx, banking.Device{
		ID: stolen.Certificate.Device(), Customer: anna.name, Certificate: stolen.Encoded,
		Policy: terminal.PilotPolicy(),
	}))

	certified := func(label string, id message.DeviceID, role spec.Role) []byte {
		made, err := b.pki.Certified(label, w.subject(string(id), role), b.ca)
		require.NoError(t, err)
		return made.Encoded
	}
	registration := notary.Registration{Certificate: anna.device.Certificate,
		Owner: anna.device.Customer, Ceilings: anna.device.Ceilings, Slots: anna.device.Slots}
	unregistered := registration
	unregistered.Certificate = certified("unregistered", "SENORDIC000000C9", spec.RoleCard)

	owed, err := w.bank.For("SENORDIC").Outstanding(w.ctx, anna.device.ID)
	require.NoError(t, err)
	books, err := notary.AllBalances(w.ctx, w.bank)
	require.NoError(t, err)
	state := w.state(anna).State
	setup := &attack.Setup{
		InstructionKey: b.instruction.Signer,
		Next: message.Instruction{
			InstructionKey: message.AuthorityRef(b.instruction.Certificate.Holder),
			Notary:         message.AuthorityRef(w.notary.Certificate.Holder),
			Device:         anna.device.ID, Sequence: owed.NextSeq,
			AckedATC: owed.HeldATC, Head: owed.HeldHead,
			Policy: message.PilotPolicy(), Date: w.today(),
			OrderNumber: owed.LowestOrder, Group: owed.Group,
		},
		Used: state.InstructionSequence, ATC: state.ATC, Issued: books.Issued,
		Amount: money.Krona, Order: "the attacker's", Ceilings: message.DefaultCeilings(),
		ForeignDevice: bertil.device.ID,
		ForeignKey: message.AuthorityRef(
			bertil.bank.instruction.Certificate.Holder,
		),
		ForeignCertificate: bertil.device.Certificate,
		CA:                 b.ca.Encoded, InstructionCertificate: b.instruction.Encoded,
		Card: unregistered, Registered: registration,
		TerminalCertificate: certified("terminal 8", "SENORDICTILL0008", spec.RoleTerminal),
		SecondKey:           certified("second key", anna.device.ID, spec.RoleCard),
		Device:              anna.device.ID, FormerApp: former.Signer,
		Stolen: stolen.Certificate.Device(), DeviceKey: stolen.Signer, Number: 1,
		Request: parsed[message.Request](w, open), Payment: parsed[message.Payment](w, payment),
		Receipt: parsed[message.Receipt](w, accepted), Asked: 1,
		Message: payment.Message, Certificate: bertil.device.Certificate,
		Authority: bertil.bank.ca.Encoded, Random: w.random("attacker"),
	}
	for _, account := range books.Online {
		if account.Name == "SENORDIC" {
			setup.Holding = account.Balance
		}
	}
	require.NotZero(t, setup.Holding)
	return attack.Services{
		Notary: w.bank.For("SENORDIC"), Operator: w.bank,
		Balances: func(ctx context.Context) (notary.Balances, error) {
			return notary.AllBalances(ctx, w.bank)
		},
		Intermediary: w.walletLink(b), Phone: bertil.phone,
	}, setup
}

func parsed[M any, P interface {
	*M
	message.Message
}](w *world, e envelope.Envelope) *M {
	w.t.Helper()
	m, err := message.Parse[M, P](e.Message)
	require.NoError(w.t, err)
	return m
}
