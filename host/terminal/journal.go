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
	"ekrona.example/host/session"
	"ekrona.example/host/store"
)

// journalState is the one row of the terminal's state.
type journalState struct {
	requests     uint32
	records      uint32 // number of the last record
	head         message.Hash
	acked        uint32
	accepted     money.Ore // ever
	receipts     uint32    // accepted and not acknowledged
	taken        money.Ore // by them
	handed       uint32    // last record that was handed over
	sequence     uint32    // of the last Instruction
	instruction  message.Hash
	confirmation []byte
	policy       message.Policy
	date         message.Date
	lifeCycle    spec.LifeCycle
	rolledBack   bool
}

// begin writes the first state, once.
func begin(
	ctx context.Context, tx *sql.Tx, id message.DeviceID, head message.Hash, policy message.Policy,
	date message.Date, keyCheck []byte,
) error {
	limits, err := policy.Bytes()
	if err != nil {
		return fmt.Errorf("terminal: policy: %w", err)
	}
	err = store.Exec(ctx, tx, `INSERT INTO terminal (one, device, head, instruction, policy,
		date_floor, life_cycle, key_check)
		VALUES (1, $1, $2, $3, $4, $5, $6, $7) ON CONFLICT (one) DO NOTHING`,
		id, head[:], make([]byte, spec.HashLength), limits, date.String(), spec.Active, keyCheck)
	if err != nil {
		return fmt.Errorf("terminal: journal: %w", err)
	}
	var owner message.DeviceID
	if err := store.Must(ctx, tx, store.Into{&owner}, `SELECT device FROM terminal`); err != nil {
		return fmt.Errorf("terminal: journal: %w", err)
	}
	if owner != id {
		return fmt.Errorf("terminal: this is the journal of %s, not of %s: give each terminal a "+
			"store of its own", owner, id)
	}
	return nil
}

func readState(ctx context.Context, q store.Queryer) (journalState, error) {
	var t journalState
	var head, instruction, policy []byte
	var date string
	err := store.Must(ctx, q, store.Into{&t.requests, &t.records, &head, &t.acked, &t.accepted,
		&t.receipts, &t.taken, &t.handed, &t.sequence, &instruction, &t.confirmation,
		&policy, &date, &t.lifeCycle, &t.rolledBack}, `SELECT requests, records, head, acked,
			accepted_ore, receipts, taken_ore, handed, instruction_sequence, instruction,
		confirmation, policy, date_floor, life_cycle, rolled_back FROM terminal`)
	if err != nil {
		return t, fmt.Errorf("terminal: journal: %w", err)
	}
	copy(t.head[:], head)
	copy(t.instruction[:], instruction)
	if t.policy, err = message.ParsePolicy(policy); err != nil {
		return t, fmt.Errorf("terminal: journal: %w", err)
	}
	if t.date, err = message.ParseDate(date); err != nil {
		return t, fmt.Errorf("terminal: journal: %w", err)
	}
	return t, nil
}

func (t journalState) write(ctx context.Context, tx *sql.Tx) error {
	limits, err := t.policy.Bytes()
	if err != nil {
		return fmt.Errorf("terminal: policy: %w", err)
	}
	err = store.Exec(ctx, tx, `UPDATE terminal SET requests = $1, records = $2, head = $3, acked =
		$4, accepted_ore = $5,
		instruction_sequence = $6, instruction = $7, confirmation = $8, policy = $9, date_floor =
		$10, life_cycle = $11, receipts = $12, taken_ore = $13, handed = $14`,
		t.requests, t.records, t.head[:], t.acked, int64(t.accepted), t.sequence, t.instruction[:],
		t.confirmation, limits, t.date.String(), t.lifeCycle, t.receipts, int64(t.taken), t.handed)
	if err != nil {
		return fmt.Errorf("terminal: journal: %w", err)
	}
	return nil
}

// sale is a Request of this terminal as its journal knows it.
type sale struct {
	message []byte // the signed Request
	request *message.Request
	open    bool
}

// ErrNoSale says that a request number is not in the journal.
var ErrNoSale = errors.New(
	"terminal: no such sale in the journal: it was never asked for, or was synchronised long ago")

func (t *Terminal) sale(ctx context.Context, q store.Queryer, number uint32) (sale, error) {
	var s sale
	var sealed []byte
	found, err := store.Get(ctx, q, store.Into{&sealed, &s.open},
		`SELECT message, open FROM request WHERE number = $1`, number)
	if err == nil && !found {
		return s, fmt.Errorf("sale %d: %w", number, ErrNoSale)
	}
	if err != nil {
		return s, fmt.Errorf("terminal: journal: sale %d: %w", number, err)
	}
	if s.message, err = t.sealer.open("request", number, sealed); err != nil {
		return s, err
	}
	if s.request, err = message.Parse[message.Request](s.message); err != nil {
		return s, fmt.Errorf("terminal: journal: sale %d: %w", number, err)
	}
	return s, nil
}

// openSales returns the open Requests, the oldest first.
func (t *Terminal) openSales(ctx context.Context, q store.Queryer) ([]message.OpenRequest, error) {
	numbers, err := store.Column[uint32](ctx, q, openNumbers)
	if err != nil {
		return nil, fmt.Errorf("terminal: journal: %w", err)
	}
	var open []message.OpenRequest
	for _, number := range numbers {
		s, err := t.sale(ctx, q, number)
		if err != nil {
			return nil, err
		}
		identity, err := message.Identity(s.request)
		if err != nil {
			return nil, fmt.Errorf("terminal: journal: sale %d: %w", number, err)
		}
		open = append(open, message.OpenRequest{Number: number, Amount: s.request.Amount,
			Request: identity})
	}
	return open, nil
}

// recordOf returns the terminal's decision on a Request; nil when it has not decided.
func (t *Terminal) recordOf(
	ctx context.Context, q store.Queryer, request uint32,
) (*message.Record, error) {
	var number uint32
	found, err := store.Get(ctx, q, store.Into{&number},
		`SELECT number FROM record WHERE request = $1`, request)
	if err == nil && !found {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("terminal: journal: sale %d: %w", request, err)
	}
	encoded, err := t.record(ctx, q, number)
	if err != nil {
		return nil, err
	}
	record, err := message.ParseRecord(encoded)
	if err != nil {
		return nil, fmt.Errorf("terminal: journal: record %d: %w", number, err)
	}
	return &record, nil
}

func (t *Terminal) record(ctx context.Context, q store.Queryer, number uint32) ([]byte, error) {
	var sealed []byte
	if err := store.Must(ctx, q, store.Into{&sealed},
		`SELECT message FROM record WHERE number = $1`, number); err != nil {
		return nil, fmt.Errorf("terminal: journal: record %d: %w", number, err)
	}
	return t.sealer.open("record", number, sealed)
}

// recordDecision writes the terminal's decision on an open Request: the record, the chain, and
// the Request closed, in the caller's transaction.
//
// payer is the certificate of an accepted Payment's payer, nil for a Refusal.
func (t *Terminal) recordDecision(
	ctx context.Context, tx *sql.Tx, now journalState, s sale, record message.Record,
	payer *cvc.Certificate,
) error {
	identity, err := message.Identity(record.Message())
	if err != nil {
		return fmt.Errorf("terminal: record: %w", err)
	}
	encoded, err := record.Encode()
	if err != nil {
		return fmt.Errorf("terminal: record: %w", err)
	}
	now.records, now.head = record.ATC(), message.NextHead(now.head, identity)
	amount, accepted := s.request.Amount, record.Receipt != nil
	if accepted {
		if now.accepted, err = now.accepted.Add(amount); err != nil {
			return fmt.Errorf("terminal: %w", err)
		}
		if now.taken, err = now.taken.Add(amount); err != nil {
			return fmt.Errorf("terminal: %w", err)
		}
		now.receipts++
	}
	sealed, err := t.sealer.seal("record", now.records, encoded)
	if err != nil {
		return err
	}
	var sealedPayer, tag []byte
	if payer != nil {
		tag = t.payerTag(payer.Device())
		encoded, err := payer.Encode()
		if err != nil {
			return fmt.Errorf("terminal: the payer's certificate: %w", err)
		}
		if sealedPayer, err = t.sealer.seal("payer", now.records, encoded); err != nil {
			return err
		}
	}
	if err := store.Exec(ctx, tx, `INSERT INTO record (number, request, accepted, amount, message,
		payer, head, payer_tag) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
		now.records, s.request.Number, accepted, int64(amount), sealed, sealedPayer,
		now.head[:], tag); err != nil {
		return fmt.Errorf("terminal: journal: record %d: %w", now.records, err)
	}
	if err := store.Exec(ctx, tx, `UPDATE request SET open = FALSE, key = NULL WHERE number = $1`,
		s.request.Number); err != nil {
		return fmt.Errorf("terminal: journal: sale %d: %w", s.request.Number, err)
	}
	if err := t.keepOutcome(ctx, tx, s.request.Number, record); err != nil {
		return err
	}
	return now.write(ctx, tx)
}

// payers returns the certificates of the payers of the accepted Payments among the records from
// first to last, each once.
func (t *Terminal) payers(
	ctx context.Context, q store.Queryer, first, last uint32,
) ([][]byte, error) {
	numbers, err := store.Column[uint32](ctx, q, `SELECT number FROM record
		WHERE number BETWEEN $1 AND $2 AND payer IS NOT NULL ORDER BY number`, first, last)
	if err != nil {
		return nil, fmt.Errorf("terminal: journal: %w", err)
	}
	var certificates [][]byte
	known := map[string]bool{}
	for _, number := range numbers {
		var sealed []byte
		if err := store.Must(ctx, q, store.Into{&sealed},
			`SELECT payer FROM record WHERE number = $1`, number); err != nil {
			return nil, fmt.Errorf("terminal: journal: record %d: %w", number, err)
		}
		certificate, err := t.sealer.open("payer", number, sealed)
		if err != nil {
			return nil, err
		}
		if !known[string(certificate)] {
			known[string(certificate)] = true
			certificates = append(certificates, certificate)
		}
	}
	return certificates, nil
}

// reading returns the records from first to last with their payers' certificates.
func (t *Terminal) reading(
	ctx context.Context, q store.Queryer, first, last uint32,
) (reading session.Reading, err error) {
	for number := first; number <= last; number++ {
		record, err := t.record(ctx, q, number)
		if err != nil {
			return session.Reading{}, err
		}
		reading.Records = append(reading.Records, record)
	}
	reading.Certificates, err = t.payers(ctx, q, first, last)
	return reading, err
}
