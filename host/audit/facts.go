package audit

import (
	"context"
	"crypto/ecdsa"
	"database/sql"
	"fmt"

	"ekrona/apdu/cvc"
	"ekrona/apdu/message"
	"ekrona/apdu/signature"
	"ekrona/apdu/spec"
	"ekrona/apdu/tlv"
	"ekrona/host/money"
	"ekrona/host/settlement"
	"ekrona/host/store"
)

// facts are the rows of the central bank that are judged: messages parsed from their bytes, not from the columns beside them.
type facts struct {
	devices      map[string]*device
	strays       map[string][]*ecdsa.PublicKey // keys that a CA certified and nobody registered, by device id
	instructs    map[string]*ecdsa.PublicKey   // instruction keys, by reference
	payments     []*payment
	byIdentity   map[message.Hash]*payment
	voices       []*voice
	words        map[request]*word
	instructions []*instruction
	statement    []entry
	accounts     map[string]money.Ore // balances as the ledger keeps them
	issued       money.Ore            // by the entries that issue: minus what they take from the contra account
	toPool       money.Ore            // the part of it that went to the pool
}

type device struct {
	intermediary string
	role         spec.Role
	key          *ecdsa.PublicKey
	ceilings     *message.Policy
	status       settlement.Status
}

type payment struct {
	message     *message.Payment
	identity    message.Hash
	standing    int // 0 first body, 1 second, 2 of a device without registered key, 3 unproven
	verdict     settlement.Verdict
	fromShadow  money.Ore
	fromHolding money.Ore
	fromPool    money.Ore
}

func (p *payment) payer() string     { return string(p.message.Payer) }
func (p *payment) payee() string     { return string(p.message.Request.Payee) }
func (p *payment) amount() money.Ore { return money.FromWire(uint32(p.message.Request.Amount)) }
func (p *payment) name() string      { return fmt.Sprintf("payment %s/%d", p.payer(), p.message.ATC) }

// paid tells that the payee has the money.
func (p *payment) paid() bool {
	return p.verdict == settlement.Settled || p.verdict == settlement.Uncovered
}

type request struct {
	payee  string
	number uint32
}

func (p *payment) request() request { return request{p.payee(), p.message.Request.Number} }

// voice is a Receipt or a Refusal.
type voice struct {
	identity message.Hash
	receipt  *message.Receipt
	refusal  *message.Refusal
}

func (v *voice) message() message.Message {
	if v.receipt != nil {
		return v.receipt
	}
	return v.refusal
}

func (v *voice) payee() string {
	if v.receipt != nil {
		return string(v.receipt.Payee)
	}
	return string(v.refusal.Payee)
}

func (v *voice) seq() uint32 {
	if v.receipt != nil {
		return v.receipt.ATC
	}
	return v.refusal.ATC
}

// word is the payee's one word on a request: voice is nil when its device's end spoke.
type word struct {
	payment *message.Hash
	voice   *voice
}

type instruction struct {
	message  *message.Instruction
	identity message.Hash
	device   string // as the row says
	seq      uint32
	taken    bool
	untaken  bool
	open     bool
}

func (i *instruction) name() string {
	return fmt.Sprintf("instruction %s/%d", i.message.Device, i.message.Sequence)
}

func (i *instruction) credit() money.Ore { return money.FromWire(uint32(i.message.Credit)) }

// entry is a line of the statement of an intermediary.
type entry struct {
	settlement.Entry
	intermediary string
}

// reader reads rows until the first error.
type reader struct {
	ctx context.Context
	q   store.Queryer
	err error
}

func (r *reader) each(query string, scan func(*sql.Rows) error) {
	if r.err != nil {
		return
	}
	rows, err := r.q.QueryContext(r.ctx, query)
	if err != nil {
		r.err = fmt.Errorf("audit: %w", err)
		return
	}
	defer rows.Close()
	for rows.Next() {
		if err := scan(rows); err != nil {
			r.err = fmt.Errorf("audit: %w", err)
			return
		}
	}
	if err := rows.Err(); err != nil {
		r.err = fmt.Errorf("audit: %w", err)
	}
}

func read(ctx context.Context, q store.Queryer) (*facts, error) {
	f := &facts{devices: map[string]*device{}, strays: map[string][]*ecdsa.PublicKey{}, instructs: map[string]*ecdsa.PublicKey{},
		byIdentity: map[message.Hash]*payment{}, words: map[request]*word{}, accounts: map[string]money.Ore{}}
	r := &reader{ctx: ctx, q: q}
	f.readRegistry(r)
	f.readMessages(r)
	f.readInstructions(r)
	f.readBooks(r)
	return f, r.err
}

func (f *facts) readRegistry(r *reader) {
	r.each("SELECT id, intermediary, role, public_key, ceilings, status FROM device", func(rows *sql.Rows) error {
		var id string
		var point, ceilings []byte
		d := &device{}
		if err := rows.Scan(&id, &d.intermediary, &d.role, &point, &ceilings, &d.status); err != nil {
			return err
		}
		f.devices[id] = d
		if ceilings != nil {
			policy, err := message.ParsePolicy(ceilings)
			if err != nil {
				return err
			}
			d.ceilings = &policy
		}
		var err error
		d.key, err = signature.ParsePoint(point)
		return err
	})
	r.each("SELECT device, public_key FROM stray_certificate", func(rows *sql.Rows) error {
		var id string
		var point []byte
		if err := rows.Scan(&id, &point); err != nil {
			return err
		}
		key, err := signature.ParsePoint(point)
		f.strays[id] = append(f.strays[id], key)
		return err
	})
	r.each("SELECT certificate FROM authority", func(rows *sql.Rows) error {
		var raw []byte
		if err := rows.Scan(&raw); err != nil {
			return err
		}
		c, err := cvc.Parse(raw)
		if err == nil && c.Role == spec.RoleInstructionKey {
			f.instructs[string(c.Holder)] = c.PublicKey
		}
		return err
	})
}

func (f *facts) readMessages(r *reader) {
	r.each("SELECT bytes, standing, verdict, from_shadow, from_holding, from_pool FROM payment ORDER BY n", func(rows *sql.Rows) error {
		p := &payment{}
		var raw []byte
		err := rows.Scan(&raw, &p.standing, &p.verdict, &p.fromShadow, &p.fromHolding, &p.fromPool)
		if err != nil {
			return err
		}
		if p.message, err = message.Parse[message.Payment](raw); err != nil {
			return err
		}
		if p.identity, err = message.Identity(p.message); err != nil {
			return err
		}
		f.payments, f.byIdentity[p.identity] = append(f.payments, p), p
		return nil
	})
	voices := map[message.Hash]*voice{}
	r.each("SELECT bytes FROM voice ORDER BY payee, seq", func(rows *sql.Rows) error {
		var raw []byte
		if err := rows.Scan(&raw); err != nil {
			return err
		}
		v, err := parseVoice(raw)
		if err != nil {
			return err
		}
		f.voices, voices[v.identity] = append(f.voices, v), v
		return nil
	})
	r.each("SELECT payee, request, payment, voice FROM word", func(rows *sql.Rows) error {
		var key request
		var payment, spoken []byte
		if err := rows.Scan(&key.payee, &key.number, &payment, &spoken); err != nil {
			return err
		}
		w := &word{}
		if payment != nil {
			identity := message.Hash(payment)
			w.payment = &identity
		}
		if spoken != nil {
			w.voice = voices[message.Hash(spoken)]
		}
		f.words[key] = w
		return nil
	})
}

func parseVoice(raw []byte) (v *voice, err error) {
	v = &voice{}
	if tlv.NewReader(raw).At(spec.TagReceipt) {
		v.receipt, err = message.Parse[message.Receipt](raw)
	} else {
		v.refusal, err = message.Parse[message.Refusal](raw)
	}
	if err != nil {
		return nil, err
	}
	v.identity, err = message.Identity(v.message())
	return v, err
}

func (f *facts) readInstructions(r *reader) {
	r.each("SELECT device, seq, bytes, outcome FROM instruction ORDER BY device, seq", func(rows *sql.Rows) error {
		i := &instruction{}
		var raw []byte
		var outcome int
		err := rows.Scan(&i.device, &i.seq, &raw, &outcome)
		if err != nil {
			return err
		}
		i.open, i.taken, i.untaken = outcome == 0, outcome == 2, outcome == 3
		if i.message, err = message.Parse[message.Instruction](raw); err != nil {
			return err
		}
		i.identity, err = message.Identity(i.message)
		f.instructions = append(f.instructions, i)
		return err
	})
}

func (f *facts) readBooks(r *reader) {
	r.each("SELECT kind, intermediary, device, online, shadow, payer, atc, payee, order_key, instr FROM statement ORDER BY seq", func(rows *sql.Rows) error {
		var e entry
		if err := rows.Scan(&e.Kind, &e.intermediary, &e.Device, &e.Online, &e.Shadow, &e.Payer, &e.Atc, &e.Payee, &e.Order, &e.Instr); err != nil {
			return err
		}
		f.statement = append(f.statement, e)
		return nil
	})
	r.each("SELECT name, balance FROM ledger_account", func(rows *sql.Rows) error {
		var name string
		var balance money.Ore
		err := rows.Scan(&name, &balance)
		f.accounts[name] = balance
		return err
	})
	r.each(`SELECT -e.amount, o.amount, o.account FROM ledger_entry e JOIN ledger_entry o ON o.order_id = e.order_id AND o.account <> e.account
		WHERE e.account = 'issued'`, func(rows *sql.Rows) error {
		var issued, received money.Ore
		var account string
		err := rows.Scan(&issued, &received, &account)
		f.issued += issued
		if account == "pool" {
			f.toPool += received
		}
		return err
	})
}
