package terminal

import (
	"context"
	"database/sql"
	"io"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/apdu/cvc"
	"ekrona.example/apdu/message"
	"ekrona.example/apdu/money"
	"ekrona.example/apdu/spec"
	"ekrona.example/host/clock"
	"ekrona.example/host/envelope"
	"ekrona.example/host/session"
	"ekrona.example/host/store"
	"ekrona.example/host/store/storetest"
	"ekrona.example/personalization/pki"
)

func TestMain(m *testing.M) { os.Exit(storetest.Run(m)) }

// testMerchant is a terminal with the keys of every party that it receives messages from.
type testMerchant struct {
	t           *testing.T
	ctx         context.Context
	clock       *clock.Manual
	random      io.Reader
	config      Config
	terminal    *Terminal
	root, ca    pki.Identity
	instruction pki.Identity
	notary      pki.Identity
	payer       pki.Identity // a payer's key without a card: no difference to the terminal
	atc         uint32
}

func newTestMerchant(t *testing.T) *testMerchant {
	t.Helper()
	s := &testMerchant{t: t, ctx: context.Background(),
		clock:  &clock.Manual{At: time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)},
		random: rand.NewChaCha8([32]byte{1})}
	folder := pki.Open(t.TempDir(), s.random)
	certified := func(name string, holder cvc.Holder, role spec.Role,
		issuer pki.Identity) pki.Identity {
		identity, err := folder.Certified(name, s.subject(holder, role), issuer)
		require.NoError(t, err)
		return identity
	}
	var err error
	s.root, err = folder.Root("root", s.subject("SERIKSBK00001", spec.RoleRoot))
	require.NoError(t, err)
	s.ca = certified("ca", "SENORDIC00001", spec.RoleIntermediary, s.root)
	s.instruction = certified("instruction", "SENORDIC00002", spec.RoleInstructionKey, s.root)
	s.notary = certified("notary", "SENOTARY00001", spec.RoleNotary, s.root)
	s.payer = certified("payer", "SENORDIC00000001", spec.RoleCard, s.ca)
	own := certified("terminal", "SENORDICTILL0001", spec.RoleTerminal, s.ca)
	schema, err := Schema()
	require.NoError(t, err)
	db, err := store.Open(s.ctx, storetest.New(t, schema), schema)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	s.config = Config{
		DB: db, Clock: s.clock, Random: s.random, Signer: own.Signer, Certificate: own.Encoded,
		CA:   s.ca.Encoded,
		Root: s.root.Encoded, Authorities: [][]byte{s.ca.Encoded}, Notary: s.notary.Encoded,
		JournalKey: JournalKey{1},
		Policy:     PilotPolicy(),
	}
	s.start()
	return s
}

func (s *testMerchant) subject(holder cvc.Holder, role spec.Role) pki.Subject {
	today := message.DateOf(s.clock.At)
	return pki.Subject{Holder: holder, Role: role, Effective: today, Expiry: today.AddDays(1000)}
}

func (s *testMerchant) start() {
	s.t.Helper()
	var err error
	s.terminal, err = New(s.ctx, s.config)
	require.NoError(s.t, err)
}

func (s *testMerchant) trust() session.Trust {
	return session.Trust{InstructionKey: s.instruction.Encoded, Notary: s.notary.Encoded}
}

// paid returns a Payment of the sale, made elsewhere.
func (s *testMerchant) paid(sale Sale) envelope.Envelope {
	s.t.Helper()
	request, err := message.Parse[message.Request](sale.Request.Message)
	require.NoError(s.t, err)
	s.atc++
	signed, err := envelope.Sign(&message.Payment{Payer: s.payer.Certificate.Device(), ATC: s.atc,
		Request: *request}, s.payer.Signer)
	require.NoError(s.t, err)
	return envelope.Envelope{Message: signed, Certificate: s.payer.Encoded, Authority: s.ca.Encoded}
}

func (s *testMerchant) sell(amount money.Ore) {
	s.t.Helper()
	sale, err := s.terminal.Ask(s.ctx, amount)
	require.NoError(s.t, err)
	require.NoError(s.t, s.terminal.Answer(s.ctx, s.paid(sale)))
}

// read asks the terminal for its State and verifies its signature.
func (s *testMerchant) read() (*message.State, [][]byte) {
	s.t.Helper()
	challenge := &message.Challenge{InstructionKey: "SENORDIC00002", Device: s.terminal.ID()}
	_, err := io.ReadFull(s.random, challenge.Random[:])
	require.NoError(s.t, err)
	signed, err := envelope.Sign(challenge, s.instruction.Signer)
	require.NoError(s.t, err)
	reading, err := s.terminal.Read(s.ctx, signed, s.trust())
	require.NoError(s.t, err)
	state, err := message.Parse[message.State](reading.State)
	require.NoError(s.t, err)
	require.NoError(s.t, message.Verify(state, s.terminal.public))
	return state, reading.Records
}

// next returns the Instruction that acknowledges everything.
func (s *testMerchant) next() *message.Instruction {
	state, _ := s.read()
	return &message.Instruction{
		InstructionKey: "SENORDIC00002", Notary: "SENOTARY00001", Device: s.terminal.ID(),
		Sequence: state.InstructionSequence + 1,
		AckedATC: state.ATC, Head: state.Head, Policy: PilotPolicy(),
		Date: message.DateOf(s.clock.At),
	}
}

func (s *testMerchant) apply(i *message.Instruction) ([]byte, error) {
	s.t.Helper()
	require.NoError(s.t, message.SignAs(i, message.ByIntermediary, s.instruction.Signer))
	require.NoError(s.t, message.SignAs(i, message.ByNotary, s.notary.Signer))
	signed, err := message.Encode(i)
	require.NoError(s.t, err)
	return s.terminal.Apply(s.ctx, signed, s.trust())
}

func TestTheTerminalDecidesOnceForEachSale(t *testing.T) {
	s := newTestMerchant(t)
	sale, err := s.terminal.Ask(s.ctx, 45*money.Krona)
	require.NoError(t, err)
	first, second := s.paid(sale), s.paid(sale)
	require.NoError(t, s.terminal.Answer(s.ctx, first))
	require.NoError(t, s.terminal.Answer(s.ctx, first))
	require.NoError(t, s.terminal.Answer(s.ctx, second), "its decision is in the journal")
	_, err = s.terminal.Refuse(s.ctx, sale.Number)
	require.ErrorIs(t, err, ErrAccepted)
	state, records := s.read()
	require.Len(t, records, 1)
	assert.Equal(t, money.Ore(4500), state.Balance)
	record, err := message.ParseRecord(records[0])
	require.NoError(t, err)
	taken, err := message.Encode(record.Payment)
	require.NoError(t, err)
	assert.Equal(t, first.Message, taken)

	refused, err := s.terminal.Ask(s.ctx, 45*money.Krona)
	require.NoError(t, err)
	refusal, err := s.terminal.Refuse(s.ctx, refused.Number)
	require.NoError(t, err)
	again, err := s.terminal.Refuse(s.ctx, refused.Number)
	require.NoError(t, err)
	assert.Equal(t, refusal, again)
	require.NoError(t, s.terminal.Answer(s.ctx, s.paid(refused)))
	state, records = s.read()
	assert.Len(t, records, 2)
	assert.Equal(t, money.Ore(4500), state.Balance, "a refused sale takes nothing")
}

func TestPaymentsThatAreNotGoodAreLeftWaiting(t *testing.T) {
	s := newTestMerchant(t)
	sale, err := s.terminal.Ask(s.ctx, 45*money.Krona)
	require.NoError(t, err)
	good := s.paid(sale)
	resigned := func(change func(*message.Payment)) envelope.Envelope {
		payment, err := message.Parse[message.Payment](good.Message)
		require.NoError(t, err)
		change(payment)
		signed, err := envelope.Sign(payment, s.payer.Signer)
		require.NoError(t, err)
		return envelope.Envelope{Message: signed, Certificate: good.Certificate,
			Authority: good.Authority}
	}
	broken := good
	broken.Message = append([]byte{}, good.Message...)
	broken.Message[len(broken.Message)-1] ^= 1
	for name, bad := range map[string]envelope.Envelope{
		"signature altered": broken,
		"another amount": resigned(
			func(p *message.Payment) { p.Request.Amount-- }),
		"another payer": resigned(
			func(p *message.Payment) { p.Payer = "SENORDIC00000002" }),
		"the terminal's decision missing": resigned(
			func(p *message.Payment) { p.Request.Signature[9] ^= 1 }),
		"not our number": resigned(
			func(p *message.Payment) { p.Request.Number++ }),
		"a terminal as payer": {Message: good.Message,
			Certificate: s.terminal.certificate, Authority: good.Authority},
		"certificate of nobody": {Message: good.Message, Certificate: good.Authority,
			Authority: good.Authority},
	} {
		t.Run(name, func(t *testing.T) {
			require.ErrorIs(t, s.terminal.Answer(s.ctx, bad), session.ErrUndecided)
			_, records := s.read()
			assert.Empty(t, records)
		})
	}
	require.NoError(t, s.terminal.Answer(s.ctx, good))
}

func TestExpiredPayerIsRefused(t *testing.T) {
	s := newTestMerchant(t)
	sale, err := s.terminal.Ask(s.ctx, 45*money.Krona)
	require.NoError(t, err)
	s.clock.At = s.clock.At.AddDate(0, 0, 1001)
	require.NoError(t, s.terminal.Answer(s.ctx, s.paid(sale)))
	_, records := s.read()
	require.Len(t, records, 1)
	record, err := message.ParseRecord(records[0])
	require.NoError(t, err)
	assert.NotNil(t, record.Refusal)
}

func TestInstructionAcknowledgesOnceAndOnlyWhatItNames(t *testing.T) {
	s := newTestMerchant(t)
	s.sell(10 * money.Krona)
	first := s.next()
	s.sell(20 * money.Krona) // meanwhile
	confirmation, err := s.apply(first)
	require.NoError(t, err)
	again, err := s.apply(first)
	require.NoError(t, err)
	assert.Equal(t, confirmation, again)
	state, records := s.read()
	assert.Len(t, records, 1, "what came meanwhile stays")
	assert.Equal(t, uint32(1), state.AckedATC)
	assert.Equal(t, money.Ore(3000), state.Balance, "all that was ever accepted")

	s.start()
	restarted, _ := s.read()
	restarted.Challenge, restarted.Signature = state.Challenge, state.Signature
	assert.Equal(t, state, restarted, "a restart changes nothing")
}

func TestInstructionsThatDoNotFitChangeNothing(t *testing.T) {
	s := newTestMerchant(t)
	s.sell(10 * money.Krona)
	s.clock.At = s.clock.At.AddDate(0, 0, 10)
	_, err := s.apply(s.next())
	require.NoError(t, err)
	s.sell(10 * money.Krona)
	before, _ := s.read()
	for name, change := range map[string]func(*message.Instruction){
		"an earlier date":      func(i *message.Instruction) { i.Date = i.Date.AddDays(-1) },
		"an old number":        func(i *message.Instruction) { i.Sequence = 0 },
		"less acknowledged":    func(i *message.Instruction) { i.AckedATC = 0 },
		"another device":       func(i *message.Instruction) { i.Device = "SENORDICTILL0002" },
		"after a signer's end": func(i *message.Instruction) { i.Date = i.Date.AddDays(2000) },
	} {
		t.Run(name, func(t *testing.T) {
			instruction := s.next()
			change(instruction)
			_, err := s.apply(instruction)
			require.ErrorIs(t, err, ErrInstruction)
			after, _ := s.read()
			after.Challenge, after.Signature = before.Challenge, before.Signature
			assert.Equal(t, before, after)
		})
	}
	unsigned, err := message.Encode(s.next())
	require.NoError(t, err)
	_, err = s.terminal.Apply(s.ctx, unsigned, s.trust())
	require.ErrorIs(t, err, message.ErrSignature)
}

func TestBlockedTerminalSellsNothingAndRefusesWhatWaits(t *testing.T) {
	s := newTestMerchant(t)
	sale, err := s.terminal.Ask(s.ctx, 45*money.Krona)
	require.NoError(t, err)
	block := s.next()
	block.Actions = spec.ActionBlock
	_, err = s.apply(block)
	require.NoError(t, err)
	_, err = s.terminal.Ask(s.ctx, money.Krona)
	require.ErrorIs(t, err, ErrBlocked)
	require.NoError(t, s.terminal.Answer(s.ctx, s.paid(sale)))
	state, _ := s.read()
	assert.Equal(t, spec.Blocked, state.LifeCycle)
	assert.Zero(t, state.Balance)
}

// TestRolledBackStoreIsFoundOut sets the store back to an older copy: request numbers are not used
// again, and the first Instruction of its later state stops the terminal.
func TestRolledBackStoreIsFoundOut(t *testing.T) {
	s := newTestMerchant(t)
	older := s.copyOfStore()
	used := map[uint32]bool{}
	for range 3 {
		sale, err := s.terminal.Ask(s.ctx, money.Krona)
		require.NoError(t, err)
		used[sale.Number] = true
	}
	s.sell(10 * money.Krona)
	_, err := s.apply(s.next())
	require.NoError(t, err)
	s.sell(10 * money.Krona)
	later := s.next()

	s.config.DB = older
	s.start()
	for range 3 {
		sale, err := s.terminal.Ask(s.ctx, money.Krona)
		require.NoError(t, err)
		assert.NotContains(t, used, sale.Number)
	}
	_, err = s.apply(later)
	require.ErrorIs(t, err, ErrRolledBack)
	_, err = s.terminal.Ask(s.ctx, money.Krona)
	require.ErrorIs(t, err, ErrRolledBack, "it signs nothing but synchronisation")
	s.read()
	s.start()
	_, err = s.terminal.Ask(s.ctx, money.Krona)
	require.ErrorIs(t, err, ErrRolledBack, "after a restart too")
}

// copyOfStore returns a copy of the terminal's store in another database.
func (s *testMerchant) copyOfStore() *sql.DB {
	s.t.Helper()
	if storetest.Dialect() != store.SQLite {
		s.t.Skip("only SQLite copies a database that is open")
	}
	path := s.t.TempDir() + "/older.db"
	_, err := s.config.DB.ExecContext(s.ctx, `VACUUM INTO '`+path+`'`)
	require.NoError(s.t, err)
	schema, err := Schema()
	require.NoError(s.t, err)
	db, err := store.Open(s.ctx, path, schema)
	require.NoError(s.t, err)
	s.t.Cleanup(func() { require.NoError(s.t, db.Close()) })
	return db
}

func TestNewRefusesAKeyThatIsNotTheCertificates(t *testing.T) {
	s := newTestMerchant(t)
	config := s.config
	config.Signer = s.payer.Signer
	_, err := New(s.ctx, config)
	require.ErrorContains(t, err, "issued together")
}

// Another key than the journal's is refused before it seals a row, whether the journal has a check
// value or is from before there were any; the right one goes on.
func TestNewRefusesAnotherJournalKey(t *testing.T) {
	for name, before := range map[string]func(s *testMerchant){
		"nothing sealed": func(*testMerchant) {},
		"an open sale": func(s *testMerchant) {
			_, err := s.terminal.Ask(s.ctx, money.Krona)
			require.NoError(s.t, err)
		},
		"without a check value, an open sale": func(s *testMerchant) {
			_, err := s.terminal.Ask(s.ctx, money.Krona)
			require.NoError(s.t, err)
			s.forgetKeyCheck()
		},
		"without a check value, a record": func(s *testMerchant) {
			s.sell(money.Krona)
			_, err := s.config.DB.ExecContext(s.ctx, `DELETE FROM request`)
			require.NoError(s.t, err)
			s.forgetKeyCheck()
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newTestMerchant(t)
			before(s)
			wrong := s.config
			wrong.JournalKey = JournalKey{2}
			starts := s.count("epoch")
			_, err := New(s.ctx, wrong)
			require.ErrorIs(t, err, ErrJournalKey)
			assert.Equal(t, starts, s.count("epoch"), "nothing was written")
			s.start()
			s.sell(money.Krona)
			_, err = New(s.ctx, wrong)
			require.ErrorIs(t, err, ErrJournalKey)
		})
	}
}

// forgetKeyCheck makes the journal one from before there were check values.
func (s *testMerchant) forgetKeyCheck() {
	s.t.Helper()
	_, err := s.config.DB.ExecContext(s.ctx, `UPDATE terminal SET key_check = NULL`)
	require.NoError(s.t, err)
}

func (s *testMerchant) count(table string) (rows int) {
	s.t.Helper()
	require.NoError(s.t,
		s.config.DB.QueryRowContext(s.ctx, `SELECT count(*) FROM `+table).Scan(&rows))
	return rows
}
