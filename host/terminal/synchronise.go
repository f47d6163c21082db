package terminal

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"ekrona.example/apdu/cvc"
	"ekrona.example/apdu/message"
	"ekrona.example/apdu/money"
	"ekrona.example/apdu/spec"
	"ekrona.example/host/envelope"
	"ekrona.example/host/progress"
	"ekrona.example/host/session"
	"ekrona.example/host/store"
)

// ErrInstruction says that an Instruction is not for this terminal in its present state.
var ErrInstruction = errors.New(
	"terminal: the Instruction is not the one that this terminal expects: synchronise again")

// Synchronise hands the journal to the intermediary and empties it:
//
//  1. A journal that was restored from an older copy is brought up to date: see
//     [Terminal.Restored].
//  2. What funded its sales and the records are handed over in portions. A cut leaves whole
//     portions handed over, and the next synchronisation goes on after them.
//  3. session.Run, with what is left. What was taken goes to the owner's online wallet.
//  4. The terminal receives the list of cards that were reported lost.
//
// Errors: [ErrRolledBack], those of the link.
func (t *Terminal) Synchronise(ctx context.Context) (session.Result, error) {
	defer func() { t.held = 0 }() // who asks for the State afterwards gets every record
	if err := t.catchUp(ctx); err != nil {
		return session.Result{}, err
	}
	if err := t.handOverProvenance(ctx); err != nil {
		return session.Result{}, err
	}
	if err := t.handOver(ctx); err != nil {
		return session.Result{}, err
	}
	result, err := session.Run(ctx, t, t.link)
	if err != nil {
		return result, err
	}
	return result, t.learnRevoked(ctx)
}

// Show has every later synchronisation report how many records it has handed over.
func (t *Terminal) Show(show progress.Show) { t.show = show }

// portion is how many records are handed over at a time.
const portion = 100

// handOver hands over the records, but for a last portion that goes with the State.
func (t *Terminal) handOver(ctx context.Context) error {
	now, err := readState(ctx, t.db)
	if err != nil {
		return err
	}
	done := max(now.acked, min(now.handed, t.held))
	count := progress.Count{Total: int(now.records - done)}
	for now.records-done > portion {
		if err := t.handOverPortion(ctx, done+1, done+portion); err != nil {
			return err
		}
		done += portion
		count.Done += portion
		t.held = max(t.held, done)
		if err := store.Exec(ctx, t.db, `UPDATE terminal SET handed = $1`, done); err != nil {
			return fmt.Errorf("terminal: journal: %w", err)
		}
		t.show.Emit(progress.Event{Kind: progress.Counted, Device: string(t.id), Count: count,
			Text: "records handed over"})
	}
	return nil
}

func (t *Terminal) handOverPortion(ctx context.Context, first, last uint32) error {
	reading, err := t.reading(ctx, t.db, first, last)
	if err != nil {
		return err
	}
	return t.link.TakeRecords(ctx, reading)
}

// Answer takes a Payment that reached the intermediary before it reached the
// terminal, for example after a torn tap, or refuses its Request when it cannot
// take it. It implements session.Device. One transaction, as in Take.
func (t *Terminal) Answer(ctx context.Context, waiting envelope.Envelope) error {
	payment, err := message.Parse[message.Payment](waiting.Message)
	if err != nil {
		return fmt.Errorf("%w: %w", session.ErrUndecided, err)
	}
	s, err := t.sale(ctx, t.db, payment.Request.Number)
	if errors.Is(err, ErrNoSale) {
		s, err = t.lostSale(ctx, payment)
	}
	if err != nil {
		return fmt.Errorf("%w: %w", session.ErrUndecided, err)
	}
	if !s.open {
		return nil // the decision is in the journal and goes with the records
	}
	payer, err := cvc.Parse(waiting.Certificate)
	if err != nil {
		return fmt.Errorf("%w: %w", session.ErrUndecided, err)
	}
	authority, err := cvc.Parse(waiting.Authority)
	if err != nil {
		return fmt.Errorf("%w: %w", session.ErrUndecided, err)
	}
	now, err := readState(ctx, t.db)
	if err != nil {
		return err
	}
	err = t.verifyPayer(payer, authority)
	if errors.Is(err, cvc.ErrExpired) || now.lifeCycle != spec.Active || t.isExpired(now) {
		return store.InTx(ctx, t.db, func(tx *sql.Tx) error {
			_, err := t.refuse(ctx, tx, s)
			return err
		})
	}
	if err != nil {
		return fmt.Errorf("%w: %w", session.ErrUndecided, err)
	}
	_, err = t.accept(ctx, s, waiting.Message, payer)
	if errors.Is(err, ErrPayment) {
		return fmt.Errorf("%w: %w", session.ErrUndecided, err)
	}
	return err
}

// Nonce returns zeros: a terminal's synchronisation is no session that could be repeated to others.
// It implements session.Device.
func (t *Terminal) Nonce(context.Context) (message.Nonce, error) { return message.Nonce{}, nil }

// Read answers a Challenge of the terminal's intermediary with the signed State
// and the records that are neither acknowledged nor handed over. It implements session.Device.
// Nothing changes but the roots that the terminal trusts.
func (t *Terminal) Read(
	ctx context.Context, challenge []byte, trust session.Trust,
) (session.Reading, error) {
	if err := t.learnTrust(ctx, trust); err != nil {
		return session.Reading{}, err
	}
	key, err := t.instructionKey(trust)
	if err != nil {
		return session.Reading{}, err
	}
	request, err := message.Parse[message.Challenge](challenge)
	if err != nil {
		return session.Reading{}, fmt.Errorf("terminal: Challenge: %w", err)
	}
	if request.Device != t.id || string(request.InstructionKey) != string(key.Holder) {
		return session.Reading{},
			fmt.Errorf("terminal: the Challenge is for %s under %s: synchronise that device itself",
				request.Device, request.InstructionKey)
	}
	if err := message.Verify(request, key.PublicKey); err != nil {
		return session.Reading{}, fmt.Errorf("terminal: %w", err)
	}
	identity, err := message.Identity(request)
	if err != nil {
		return session.Reading{}, fmt.Errorf("terminal: Challenge: %w", err)
	}
	var reading session.Reading
	err = store.InTx(ctx, t.db, func(tx *sql.Tx) error { // one view of state and records
		now, err := readState(ctx, tx)
		if err != nil {
			return err
		}
		first := max(now.acked, min(now.handed, t.held)) + 1
		if reading, err = t.reading(ctx, tx, first, now.records); err != nil {
			return err
		}
		reading.State, err = t.state(ctx, tx, now, identity)
		return err
	})
	return reading, err
}

// state signs what the terminal holds. The balance of a terminal is what it has ever
// accepted, counted modulo 2^32 öre as the field has 4 bytes.
func (t *Terminal) state(
	ctx context.Context, q store.Queryer, now journalState, challenge message.Hash,
) ([]byte, error) {
	open, err := t.openSales(ctx, q)
	if err != nil {
		return nil, err
	}
	state := &message.State{
		Device: t.id, Challenge: challenge, ATC: now.records, AckedATC: now.acked, Head: now.head,
		Balance: now.accepted & message.MaxAmount, InstructionSequence: now.sequence,
		LastInstruction: now.instruction, Credit: spec.CreditNone,
		PolicyVersion:  now.policy.Version,
		RequestCounter: now.requests, LifeCycle: now.lifeCycle, Date: now.date, OpenRequests: open,
	}
	kept, err := t.readCrisis(ctx, q)
	if err != nil {
		return nil, err
	}
	state.OrderNumber = kept.Number()
	if kept.Order != nil {
		if state.OrderHeld, err = message.Identity(kept.Order); err != nil {
			return nil, fmt.Errorf("terminal: crisis order: %w", err)
		}
	}
	signed, err := envelope.Sign(state, t.signer)
	if err != nil {
		return nil, fmt.Errorf("terminal: State: %w", err)
	}
	return signed, nil
}

// Apply applies an Instruction: the signed reset. Acknowledged records are dropped, policy, date
// and life-cycle state are set, and the Confirmation is kept, all in one transaction. The last
// Instruction again gives the same Confirmation. It implements session.Device. Errors:
// [ErrInstruction], [ErrRolledBack].
func (t *Terminal) Apply(
	ctx context.Context, instruction []byte, trust session.Trust,
) ([]byte, error) {
	ordered, err := t.verifyInstruction(instruction, trust)
	if err != nil {
		return nil, err
	}
	identity, err := message.Identity(ordered)
	if err != nil {
		return nil, fmt.Errorf("terminal: Instruction: %w", err)
	}
	var confirmation []byte
	err = store.InTx(ctx, t.db, func(tx *sql.Tx) error {
		now, err := readState(ctx, tx)
		if err != nil {
			return err
		}
		if now.sequence == ordered.Sequence && now.instruction == identity {
			confirmation = now.confirmation
			return nil
		}
		if err := t.checkSequence(ctx, tx, now, ordered); err != nil {
			return err
		}
		confirmation, err = t.apply(ctx, tx, now, ordered, identity)
		return err
	})
	if errors.Is(err, ErrRolledBack) {
		marked := store.Exec(ctx, t.db, `UPDATE terminal SET rolled_back = TRUE`)
		return nil, errors.Join(err, marked)
	}
	return confirmation, err
}

// checkSequence checks that the Instruction is the next, and that it acknowledges this journal and
// no other. One that is ahead of the journal proves that the store was set back.
func (t *Terminal) checkSequence(
	ctx context.Context, q store.Queryer, now journalState, instruction *message.Instruction,
) error {
	switch {
	case instruction.Sequence > now.sequence+1, instruction.Sequence == now.sequence,
		instruction.AckedATC > now.records:
		return ErrRolledBack
	case instruction.Sequence != now.sequence+1:
		return fmt.Errorf("%w (number %d, after %d)", ErrInstruction, instruction.Sequence,
			now.sequence)
	case instruction.AckedATC < now.acked:
		return fmt.Errorf("%w (it acknowledges less than was)", ErrInstruction)
	case instruction.Date.Before(now.date):
		return fmt.Errorf("%w (dated %v, after %v)", ErrInstruction, instruction.Date, now.date)
	case instruction.Policy.Version < now.policy.Version:
		return fmt.Errorf("%w (policy version %d, after %d)", ErrInstruction,
			instruction.Policy.Version, now.policy.Version)
	}
	var head message.Hash
	switch {
	case instruction.AckedATC == now.records:
		head = now.head
	case instruction.AckedATC == now.acked:
		return nil // drops nothing
	default:
		heads, err := store.Column[[]byte](ctx, q, `SELECT head FROM record WHERE number = $1`,
			instruction.AckedATC)
		if err != nil || len(heads) != 1 {
			return errors.Join(fmt.Errorf("%w (it acknowledges a record that is not kept)",
				ErrInstruction), err)
		}
		copy(head[:], heads[0])
	}
	if head != instruction.Head {
		return ErrRolledBack // the chain has another record there
	}
	return nil
}

func (t *Terminal) apply(
	ctx context.Context, tx *sql.Tx, now journalState, instruction *message.Instruction,
	identity message.Hash,
) ([]byte, error) {
	if err := t.release(ctx, tx, &now, instruction.AckedATC); err != nil {
		return nil, err
	}
	if err := t.tellLowest(ctx, tx, instruction.OrderNumber); err != nil {
		return nil, err
	}
	if err := store.Exec(ctx, tx,
		`DELETE FROM request WHERE number IN (SELECT request FROM record WHERE number <= $1)`,
		instruction.AckedATC); err != nil {
		return nil, fmt.Errorf("terminal: journal: %w", err)
	}
	if err := store.Exec(ctx, tx, `DELETE FROM record WHERE number <= $1`,
		instruction.AckedATC); err != nil {
		return nil, fmt.Errorf("terminal: journal: %w", err)
	}
	now.acked, now.sequence, now.instruction, now.date = instruction.AckedATC, instruction.Sequence,
		identity, instruction.Date
	if instruction.Policy.Version > now.policy.Version {
		now.policy = instruction.Policy
	}
	now.handed = max(now.handed, now.acked)
	now.lifeCycle = next(now.lifeCycle, instruction.Actions)
	confirmed := &message.Confirmation{
		Device: t.id, Sequence: now.sequence, Instruction: identity, Credit: spec.CreditNone,
		Balance: now.accepted & message.MaxAmount, ATC: now.records,
	}
	if instruction.Credit > 0 {
		confirmed.Credit = spec.CreditNotTaken // a terminal receives from payers only
	}
	var err error
	if now.confirmation, err = envelope.Sign(confirmed, t.signer); err != nil {
		return nil, fmt.Errorf("terminal: Confirmation: %w", err)
	}
	return now.confirmation, now.write(ctx, tx)
}

// release takes the records that are acknowledged out of the running totals.
func (t *Terminal) release(
	ctx context.Context, q store.Queryer, now *journalState, acked uint32,
) error {
	var receipts uint32
	var taken money.Ore
	if err := store.Must(ctx, q, store.Into{&receipts, &taken}, `SELECT count(*),
		coalesce(sum(amount), 0) FROM record WHERE accepted AND number <= $1`, acked); err != nil {
		return fmt.Errorf("terminal: journal: %w", err)
	}
	now.receipts -= receipts
	now.taken -= taken
	return nil
}

func next(state spec.LifeCycle, actions message.Actions) spec.LifeCycle {
	switch {
	case state == spec.Closed || actions.Has(spec.ActionClose):
		return spec.Closed
	case actions.Has(spec.ActionBlock):
		return spec.Blocked
	case actions.Has(spec.ActionUnblock):
		return spec.Active
	}
	return state
}

// verifyInstruction checks that both keys that may instruct this terminal signed.
func (t *Terminal) verifyInstruction(
	instruction []byte, trust session.Trust,
) (*message.Instruction, error) {
	ordered, err := message.Parse[message.Instruction](instruction)
	if err != nil {
		return nil, fmt.Errorf("terminal: Instruction: %w", err)
	}
	key, err := t.instructionKey(trust)
	if err != nil {
		return nil, err
	}
	notary, err := t.fromRoot(trust.Notary)
	if err != nil {
		return nil, err
	}
	switch {
	case notary.Role != spec.RoleNotary:
		return nil, fmt.Errorf("%w (signed by a %v instead of a notary)", ErrInstruction,
			notary.Role)
	case ordered.Device != t.id, string(ordered.InstructionKey) != string(key.Holder),
		string(ordered.Notary) != string(notary.Holder):
		return nil, fmt.Errorf("%w (for %s, by %s and %s)", ErrInstruction, ordered.Device,
			ordered.InstructionKey, ordered.Notary)
	case ordered.Date.After(key.Expiry), ordered.Date.After(notary.Expiry):
		return nil, fmt.Errorf("%w (dated %v, after the end of a signer's certificate)",
			ErrInstruction, ordered.Date)
	}
	if err := message.Verify(ordered, key.PublicKey, notary.PublicKey); err != nil {
		return nil, fmt.Errorf("terminal: %w", err)
	}
	return ordered, nil
}

// instructionKey verifies and returns the key of the terminal's own intermediary. Expiry does not
// stop synchronisation (protocol §2).
func (t *Terminal) instructionKey(trust session.Trust) (*cvc.Certificate, error) {
	key, err := t.fromRoot(trust.InstructionKey)
	if err != nil {
		return nil, err
	}
	if err := key.MayInstruct(t.id); err != nil {
		return nil, fmt.Errorf("terminal: %w", err)
	}
	return key, nil
}

// fromRoot verifies the certificate of an authority that instructs: the last root alone certifies
// one.
func (t *Terminal) fromRoot(encoded []byte) (*cvc.Certificate, error) {
	certificate, err := cvc.Parse(encoded)
	if err != nil {
		return nil, fmt.Errorf("terminal: certificate of the intermediary or notary: %w", err)
	}
	if err := certificate.VerifyBy(t.roots.Current()); err != nil {
		return nil, fmt.Errorf("terminal: certificate of the intermediary or notary: %w", err)
	}
	return certificate, nil
}
