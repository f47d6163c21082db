package settlement_test

import (
	"context"
	"math"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/apdu/message"
	"ekrona.example/apdu/money"
	"ekrona.example/apdu/spec"
	"ekrona.example/host/attack"
	"ekrona.example/host/banking"
	"ekrona.example/host/notary"
	"ekrona.example/host/settlement/settlementtest"
	"ekrona.example/host/store/storetest"
)

const nordic, fjord = "SENORDIC", "SEFJORD0"

// loaded returns a world with Anna's card (NORDIC), loaded with 200 kr, Bertil's (FJORD), a
// merchant (FJORD), and 800 kr online at NORDIC.
func loaded(t *testing.T) *settlementtest.World {
	w := settlementtest.NewWorld(t)
	w.Issue("ANNA", "NORDIC", spec.RoleCard)
	w.Issue("BERTIL", "FJORD", spec.RoleCard)
	w.Issue("SHOP", "FJORD", spec.RoleTerminal)
	require.NoError(t, w.Notary.Issue(t.Context(), "1", nordic, 1000_00))
	_, refused := w.Sync(w.Devices["ANNA"], settlementtest.Whole, 200_00)
	require.NoError(t, refused)
	return w
}

func balance(t *testing.T, w *settlementtest.World, name string) money.Ore {
	b, err := notary.AllBalances(t.Context(), w.Notary)
	require.NoError(t, err)
	for _, a := range append(b.Online, b.Shadow...) {
		if a.Name == name {
			return a.Balance
		}
	}
	require.Fail(t, "no account", name)
	return 0
}

func paid(t *testing.T, payer, payee *settlementtest.Device, amount money.Ore) *message.Payment {
	r, err := payee.Request(amount, "")
	require.NoError(t, err)
	p, err := payer.Pay(r, false)
	require.NoError(t, err)
	return p
}

// submit hands one item over and returns its answer.
func submit(t *testing.T, w *settlementtest.World, item []byte) notary.Answer {
	answers, err := w.Notary.For("").Submit(t.Context(), [][]byte{item})
	require.NoError(t, err)
	require.Len(t, answers, 1)
	return answers[0]
}

// keepsNothing is a notary that holds nothing of what it receives.
type keepsNothing struct {
	notary.Participant
	t *testing.T
}

func (k keepsNothing) Submit(ctx context.Context, items [][]byte) ([]notary.Answer, error) {
	answers, err := k.Participant.Submit(ctx, items)
	for _, answer := range answers {
		require.False(k.t, answer.Held)
	}
	return answers, err
}

func TestEvidenceThatIsRefused(t *testing.T) {
	w := loaded(t)
	anna, merchant := w.Devices["ANNA"], w.Devices["SHOP"]
	good := paid(t, anna, merchant, 10_00)
	on := attack.Services{Notary: keepsNothing{w.Notary.For(""), t}, Balances: books(w.Notary)}
	setup := &attack.Setup{
		Payment: good, Stolen: merchant.ID, DeviceKey: merchant.StolenKey(),
		InstructionKey: w.Intermediaries["NORDIC"].StolenKey(),
		Next:           message.Instruction{Date: message.DateOf(w.Clock.At)},
	}
	for _, a := range attack.ForgedEvidence() {
		require.NoError(t, a.Run(t.Context(), on, setup))
	}
	require.NoError(t, submit(t, w, w.Encode(good)).Err,
		"the bad items took nothing from the good one")
	w.Audit(false)
}

// TestReceiptBeforeItsPayment: an accept record is held, and so may be acknowledged, only with its
// Payment.
func TestReceiptBeforeItsPayment(t *testing.T) {
	w := loaded(t)
	anna, merchant := w.Devices["ANNA"], w.Devices["SHOP"]
	p := paid(t, anna, merchant, 10_00)
	receipt, err := merchant.Accept(p)
	require.NoError(t, err)
	answer := submit(t, w, w.Encode(receipt))
	require.NoError(t, answer.Err)
	require.Nil(t, answer.Payment, "the Payment is not held")
	owed, err := w.Notary.For(fjord).Outstanding(t.Context(), merchant.ID)
	require.NoError(t, err)
	require.Zero(t, owed.HeldATC, "an accept record is whole with its Payment")
	answer = submit(t, w, w.Encode(p))
	require.Equal(t, notary.Settled, answer.Payment.Verdict)
	owed, err = w.Notary.For(fjord).Outstanding(t.Context(), merchant.ID)
	require.NoError(t, err)
	require.Equal(t, uint32(1), owed.HeldATC)
	w.Audit(false)
}

// TestDeviceCertifiedWithoutACard: a stolen CA key certifies a payer that nobody registered. The
// honest payee's chain is not held up, and with the certificate it is paid by the holding of the
// CA's intermediary.
func TestDeviceCertifiedWithoutACard(t *testing.T) {
	for name, id := range map[string]string{"under an id of its own": "GHOST",
		"under the id of a registered card": "ANNA"} {
		t.Run(name, func(t *testing.T) {
			w := loaded(t)
			bertil, ghost := w.Devices["BERTIL"],
				w.Unregistered(id, "NORDIC", spec.RoleCard, "a key of the thief")
			ghost.Balance = 100_00
			p := paid(t, ghost, bertil, 30_00)
			require.ErrorIs(t, submit(t, w, w.Encode(p)).Err, notary.Signature,
				"nobody has accepted it")
			_, err := bertil.Accept(p)
			require.NoError(t, err)
			record, err := bertil.Log[0].Encode()
			require.NoError(t, err)
			answer := submit(t, w, record)
			require.True(t, answer.Held)
			require.ErrorIs(t, answer.Err, notary.Signature)
			require.Equal(t, notary.Waiting, answer.Payment.Verdict)
			w.Audit(false)
			require.NoError(t, submit(t, w, ghost.Certificate).Err)
			answer = submit(t, w, record)
			require.NoError(t, answer.Err)
			require.Equal(t, notary.Uncovered, answer.Payment.Verdict)
			require.Equal(t, money.Ore(770_00), balance(t, w, nordic))
			require.Equal(t, money.Ore(30_00), balance(t, w, string(bertil.ID)))
			require.Equal(t, money.Ore(200_00), balance(t, w, string(w.Devices["ANNA"].ID)),
				"the card is not touched")
			report, _ := w.Sync(bertil, settlementtest.Whole, 0)
			require.Zero(t, report.Difference)
			require.Zero(t, len(bertil.Log), "its records are acknowledged")
			w.Audit(true)
		})
	}
}

// TestPaidToNobody: a payment to a device that nobody registered, or that its key never requested,
// goes back to the payer.
func TestPaidToNobody(t *testing.T) {
	for name, payee := range map[string]string{"an id that is not registered": "GHOST",
		"a registered id, another key": "SHOP"} {
		t.Run(name, func(t *testing.T) {
			w := loaded(t)
			anna, ghost := w.Devices["ANNA"],
				w.Unregistered(payee, "FJORD", spec.RoleTerminal, "a key of the thief")
			answer := submit(t, w, w.Encode(paid(t, anna, ghost, 30_00)))
			require.NoError(t, answer.Err)
			require.Equal(t, notary.Void, answer.Payment.Verdict)
			require.Equal(t, money.Ore(830_00), balance(t, w, nordic))
			w.Sync(anna, settlementtest.Whole, 0)
			w.Audit(true)
		})
	}
}

// TestPayeeDecidesOnce: the first decision on a Request is final, a contrary one moves nothing and
// is kept as evidence.
func TestPayeeDecidesOnce(t *testing.T) {
	w := loaded(t)
	anna, merchant := w.Devices["ANNA"], w.Devices["SHOP"]
	w.Dishonest["SHOP"] = true
	p := paid(t, anna, merchant, 10_00)
	twin := merchant.Copy()
	receipt, err := merchant.Accept(p)
	require.NoError(t, err)
	refusal, err := twin.Refuse(p.Request.Number)
	require.NoError(t, err)
	w.Submit(w.Encode(p), w.Encode(refusal))
	require.Equal(t, notary.Void, submit(t, w, w.Encode(p)).Payment.Verdict)
	w.Submit(w.Encode(receipt))
	require.Equal(t, notary.Void, submit(t, w, w.Encode(p)).Payment.Verdict)
	require.Equal(t, money.Ore(810_00), balance(t, w, nordic))
	var evidence int
	require.NoError(t, w.DB.QueryRow("SELECT count(*) FROM evidence WHERE device = $1 AND kind = "+
		"'two decisions on one request'", merchant.ID).Scan(&evidence))
	require.Equal(t, 1, evidence)
	w.Audit(false)
}

// attacked returns the notary of a loaded world as a dishonest NORDIC reaches it, and what that
// knows.
func attacked(t *testing.T, w *settlementtest.World) (attack.Services, *attack.Setup) {
	anna, bertil, by := w.Devices["ANNA"], w.Devices["BERTIL"], w.Intermediaries["NORDIC"]
	stolen := w.Issue("TILL", "NORDIC", spec.RoleTerminal)
	w.Dishonest["TILL"] = true
	ghost := w.Unregistered("GHOST", "NORDIC", spec.RoleCard, "ghost")
	ca, err := by.CA.Encode()
	require.NoError(t, err)
	return attack.Services{
			Notary: w.Notary.For(nordic), Operator: w.Notary, Balances: books(w.Notary),
			Intermediary: handOver{w: w},
		}, &attack.Setup{
			InstructionKey: by.StolenKey(), Next: *w.Instruction(anna, next(t, w, anna), 0),
			Used: anna.Sequence, Device: anna.ID, Stolen: stolen.ID, DeviceKey: stolen.StolenKey(),
			ForeignDevice: bertil.ID, ForeignCertificate: bertil.Certificate,
			ForeignKey: w.Intermediaries["FJORD"].Instructs,
			CA:         ca, InstructionCertificate: by.InstructionCertificate,
			Card: notary.Registration{Certificate: ghost.Certificate, Owner: "ghost",
				Ceilings: w.Policy(ghost.Ceilings), Slots: settlementtest.Slots},
			TerminalCertificate: w.Unregistered("TILL2", "NORDIC", spec.RoleTerminal,
				"terminal").Certificate,
			Registered: notary.Registration{Certificate: anna.Certificate, Owner: anna.Owner,
				Ceilings: w.Policy(anna.Ceilings), Slots: settlementtest.Slots},
			SecondKey: w.Unregistered("ANNA", "NORDIC", spec.RoleCard, "another key").Certificate,
		}
}

// handOver is an intermediary that hands everything over to the notary.
type handOver struct {
	banking.Wallet
	w *settlementtest.World
}

func (h handOver) HandOver(ctx context.Context, messages [][]byte) ([]notary.Answer, error) {
	return h.w.Notary.For("").Submit(ctx, messages)
}

// TestServiceAttacksAreRefused: nothing moves, and what is honest afterwards is as before.
func TestServiceAttacksAreRefused(t *testing.T) {
	for _, a := range slices.Concat(attack.Registrations(), attack.Synchronisations()) {
		t.Run(a.Name, func(t *testing.T) {
			w := loaded(t)
			on, setup := attacked(t, w)
			require.NoError(t, a.Run(t.Context(), on, setup))
			require.Equal(t, uint32(2), next(t, w, w.Devices["ANNA"]).NextSeq)
			require.NoError(t, on.Notary.Register(t.Context(), setup.Registered), "again")
			require.NoError(t, on.Notary.Register(t.Context(), setup.Card))
			_, refused := w.Sync(w.Devices["ANNA"], settlementtest.Whole, 10_00)
			require.NoError(t, refused)
			w.Audit(false)
		})
	}
}

func TestIssueHappensOnce(t *testing.T) {
	w := loaded(t)
	ctx := context.Background()
	require.NoError(t, w.Notary.Issue(ctx, "1", nordic, 1000_00), "again")
	require.ErrorIs(t, w.Notary.Issue(ctx, "1", nordic, 1000_01), notary.Taken)
	require.ErrorIs(t, w.Notary.FundPool(ctx, "1", 1000_00), notary.Taken)
	require.ErrorIs(t, w.Notary.Issue(ctx, "2", nordic, 0), notary.Malformed)
	require.ErrorIs(t, w.Notary.Issue(ctx, "2", "SENOBODY", 1), notary.Unknown)
	require.Equal(t, money.Ore(800_00), balance(t, w, nordic))
}

// TestStatementIsWhole: an intermediary's entries add up to its holding and its shadow wallets,
// however they are read.
func TestStatementIsWhole(t *testing.T) {
	w := loaded(t)
	anna, merchant := w.Devices["ANNA"], w.Devices["SHOP"]
	p := paid(t, anna, merchant, 30_00)
	_, err := merchant.Accept(p)
	require.NoError(t, err)
	w.Sync(merchant, settlementtest.Whole, 0)
	for _, name := range []message.Name{nordic, fjord} {
		var online money.Ore
		shadow := map[message.DeviceID]money.Ore{}
		var last int64
		for {
			page, err := w.Notary.For(name).Statement(t.Context(), last, 1)
			require.NoError(t, err)
			if len(page) == 0 {
				break
			}
			require.Greater(t, page[0].Seq, last)
			require.True(t, page[0].At.Equal(w.Clock.At))
			last, online = page[0].Seq, online+page[0].Online
			if page[0].Device != "" {
				shadow[page[0].Device] += page[0].Shadow
			}
		}
		require.Equal(t, balance(t, w, string(name)), online)
		for device, sum := range shadow {
			if device != merchant.ID {
				require.Equal(t, balance(t, w, string(device)), sum)
			}
		}
	}
}

func TestLostAndEnded(t *testing.T) {
	w := loaded(t)
	ctx, anna := context.Background(), w.Devices["ANNA"].ID
	require.ErrorIs(t, w.Notary.For(fjord).ReportLost(ctx, anna), notary.NotYours)
	require.ErrorIs(t, w.Notary.For(nordic).ReportLost(ctx, "SENORDIC0000NONE"), notary.Unknown)
	require.ErrorIs(t, w.Notary.For(nordic).End(ctx, anna), notary.WrongStatus)
	require.NoError(t, w.Notary.For(nordic).ReportLost(ctx, anna))
	w.Clock.At = w.Clock.At.Add(w.Terms.Honour - time.Second)
	require.NoError(t, w.Notary.For(nordic).ReportLost(ctx, anna), "the first report counts")
	require.ErrorIs(t, w.Notary.For(nordic).End(ctx, anna), notary.WrongStatus)
	revoked, err := w.Notary.Revoked(ctx, 0, 10)
	require.NoError(t, err)
	require.Equal(t, []notary.Revocation{{Seq: 1, Device: anna}}, revoked)
	w.Clock.At = w.Clock.At.Add(time.Second)
	require.NoError(t, w.Notary.For(nordic).End(ctx, anna))
	require.NoError(t, w.Notary.For(nordic).End(ctx, anna), "again")
	revoked, err = w.Notary.Revoked(ctx, 1, 10)
	require.NoError(t, err)
	require.Empty(t, revoked, "it is on the list once")
	require.NoError(t, w.Notary.For(nordic).EndNow(ctx, anna), "it has ended")
	require.Equal(t, money.Ore(1000_00), balance(t, w, nordic))
	w.Audit(false)
}

// TestEndedBeforeItsTime: only its own intermediary, which is liable for later claims, ends a
// reported device early; what is claimed on it then is paid from that intermediary's holding.
func TestEndedBeforeItsTime(t *testing.T) {
	w := loaded(t)
	ctx, anna, bertil := t.Context(), w.Devices["ANNA"], w.Devices["BERTIL"]
	claim := paid(t, anna, bertil, 100_00)
	before := balance(t, w, nordic)
	shadow := balance(t, w, string(anna.ID))
	require.ErrorIs(t, w.Notary.For(nordic).EndNow(ctx, anna.ID), notary.WrongStatus)
	require.NoError(t, w.Notary.For(nordic).ReportLost(ctx, anna.ID))
	require.ErrorIs(t, w.Notary.For(fjord).EndNow(ctx, anna.ID), notary.NotYours)
	for range 2 {
		require.NoError(t, w.Notary.For(nordic).EndNow(ctx, anna.ID))
		require.Equal(t, before+shadow, balance(t, w, nordic), "what was left came home, once")
		w.Audit(false)
	}
	_, err := bertil.Accept(claim)
	require.NoError(t, err)
	w.Sync(bertil, settlementtest.Whole, 0)
	require.Equal(t, before+shadow-100_00, balance(t, w, nordic))
	w.Audit(false)
}

// TestSilentPastItsCertificatesEnd: such a device is ended; one that synchronised after its end, or
// a desk, is not.
func TestSilentPastItsCertificatesEnd(t *testing.T) {
	w := loaded(t)
	w.Issue("COUNTER", "NORDIC", spec.RoleDesk)
	w.Clock.At = w.Clock.At.AddDate(5, 0, 0).Add(w.Terms.Honour)
	ended, err := w.Notary.EndDue(t.Context())
	require.NoError(t, err)
	require.Empty(t, ended, "today is only the certificates' last day and the honour time")
	w.Clock.At = w.Clock.At.Add(24 * time.Hour)
	w.Sync(w.Devices["BERTIL"], settlementtest.State, 0)
	ended, err = w.Notary.EndDue(t.Context())
	require.NoError(t, err)
	require.Equal(t, []message.DeviceID{w.Devices["SHOP"].ID, w.Devices["ANNA"].ID},
		idsOf(ended))
	require.Equal(t, "silent past its certificate's end", ended[0].Why)
	require.Equal(t, money.Ore(1000_00), balance(t, w, nordic))
	w.Audit(false)
}

// TestTerminalCountsInThirtyTwoBits: what a terminal ever accepted exceeds the field of its State;
// the count modulo 2^32 still shows whether its balance is right.
func TestTerminalCountsInThirtyTwoBits(t *testing.T) {
	const much = 3_000_000_000 // öre; two of them do not fit
	w := settlementtest.NewWorld(t)
	merchant, rich := w.Issue("SHOP", "FJORD", spec.RoleTerminal),
		w.Unregistered("RICH", "NORDIC", spec.RoleCard, "RICH")
	rich.Ceilings.MaxBalance, rich.Ceilings.MaxPayment = much, much
	rich.Policy.MaxBalance, rich.Policy.MaxPayment, rich.Policy.Version = much, much, 1
	require.NoError(t, w.Notary.For("SENORDIC").Register(context.Background(),
		notary.Registration{Certificate: rich.Certificate,
			Owner: rich.Owner, Ceilings: w.Policy(rich.Ceilings),
			Slots: settlementtest.Slots}))
	w.Devices["RICH"], w.Names = rich, append(w.Names, "RICH")
	require.NoError(t, w.Notary.Issue(context.Background(), "1", "SENORDIC", 2*much))
	for range 2 {
		report, refused := w.Sync(rich, settlementtest.Whole, much)
		require.NoError(t, refused)
		require.Zero(t, report.Difference)
		request, err := merchant.Request(much, "")
		require.NoError(t, err)
		payment, err := rich.Pay(request, false)
		require.NoError(t, err)
		_, err = merchant.Accept(payment)
		require.NoError(t, err)
		w.Audit(false)
		report, _ = w.Sync(merchant, settlementtest.Whole, 0)
		require.True(t, report.Complete)
		require.Zero(t, report.Difference)
	}
	require.Equal(t, money.Ore((2*much)&math.MaxUint32), merchant.Balance, "the count has wrapped")
	w.Audit(false)
	for _, off := range []int{1, -1} {
		merchant.Balance += money.Ore(off)
		report, _ := w.Sync(merchant, settlementtest.State, 0)
		require.Equal(t, money.Ore(off), report.Difference)
		merchant.Balance -= money.Ore(off)
	}
}

// TestTwoStolenKeys: with the keys of a payer and of a terminal, any sum can be claimed. The
// holding pays no more than the terminal could have taken honestly between two synchronisations;
// the rest waits.
func TestTwoStolenKeys(t *testing.T) {
	w := loaded(t)
	ctx, anna, merchant := context.Background(), w.Devices["ANNA"], w.Devices["SHOP"]
	w.Dishonest["ANNA"], w.Dishonest["SHOP"] = true, true
	require.NoError(t, w.Notary.Issue(ctx, "rich", nordic, 100_000_00))
	require.NoError(t, w.Notary.For(nordic).ReportLost(ctx, anna.ID))
	w.Clock.At = w.Clock.At.Add(w.Terms.Honour)
	require.NoError(t, w.Notary.For(nordic).End(ctx, anna.ID))
	claim := func(n uint32, amount money.Ore) notary.Verdict {
		r := message.Request{Payee: merchant.ID, Number: n, Amount: amount}
		require.NoError(t, message.Sign(&r, merchant.StolenKey()))
		p := &message.Payment{Payer: anna.ID, ATC: n, Request: r}
		require.NoError(t, message.Sign(p, anna.StolenKey()))
		identity, err := message.Identity(p)
		require.NoError(t, err)
		receipt := &message.Receipt{Payee: merchant.ID, ATC: n, Payer: anna.ID, Number: n,
			Payment: identity}
		require.NoError(t, message.Sign(receipt, merchant.StolenKey()))
		w.Submit(w.Encode(p), w.Encode(receipt))
		status, err := w.Notary.Payment(ctx, anna.ID, n)
		require.NoError(t, err)
		w.Audit(false)
		return status.Verdict
	}
	require.Equal(t, notary.Waiting, claim(1, 40_000_000_00))
	require.Equal(t, notary.Uncovered, claim(2, 12_000_00))
	require.Equal(t, notary.Waiting, claim(3, 8_000_01))
	require.Equal(t, notary.Uncovered, claim(4, 8_000_00))
	require.Equal(t, notary.Waiting, claim(5, 1))
	require.Equal(t, money.Ore(20_000_00), balance(t, w, fjord))
}

// TestBothSidesAtOnce: payer and payee hand over the same payments at the same moment, at two
// intermediaries.
func TestBothSidesAtOnce(t *testing.T) {
	w := settlementtest.NewWorldOn(t, nil, storetest.NewFile(t, schemas(t)...))
	anna, merchant := w.Issue("ANNA", "NORDIC", spec.RoleCard),
		w.Issue("SHOP", "FJORD", spec.RoleTerminal)
	require.NoError(t, w.Notary.Issue(t.Context(), "1", nordic, 1000_00))
	w.Sync(anna, settlementtest.Whole, 200_00)
	var fromPayer, fromPayee [][]byte
	for range 4 {
		p := paid(t, anna, merchant, 10_00)
		receipt, err := merchant.Accept(p)
		require.NoError(t, err)
		fromPayer = append(fromPayer, w.Encode(p), w.Encode(receipt))
		fromPayee = append(fromPayee, append(w.Encode(receipt), w.Encode(p)...))
	}
	var both sync.WaitGroup
	for _, items := range [][][]byte{fromPayer, fromPayee, fromPayer, fromPayee} {
		both.Go(func() {
			answers, err := w.Notary.For("").Submit(context.Background(), items)
			assert.NoError(t, err)
			for _, a := range answers {
				assert.NoError(t, a.Err)
			}
		})
	}
	both.Wait()
	require.Equal(t, money.Ore(40_00), balance(t, w, fjord))
	require.Equal(t, money.Ore(160_00), balance(t, w, string(anna.ID)))
	w.Audit(false)
	w.Stop()
}

// books reads all pages of a notary's books.
func books(n notary.Operator) func(context.Context) (notary.Balances, error) {
	return func(ctx context.Context) (notary.Balances, error) { return notary.AllBalances(ctx, n) }
}
