package settlementtest

import (
	"crypto"
	"crypto/ecdsa"
	"errors"
	"slices"

	"ekrona.example/apdu/message"
	"ekrona.example/apdu/money"
	"ekrona.example/apdu/spec"
)

// Refusals of a Device, for which the applet has status words.
var (
	ErrLimit   = errors.New("device: a limit does not allow it")
	ErrRequest = errors.New("device: no such open request, or it is not this one")
	ErrHead    = errors.New("device: instruction does not fit")
)

// Device is an honest device with a software key: the state that protocol §3 gives a card, and its
// rules. A terminal or desk is one too: it never pays, and its Balance is what it ever accepted.
type Device struct {
	ID          message.DeviceID
	Role        spec.Role
	Certificate []byte
	Owner       string
	Ceilings    message.Policy
	Policy      message.Policy
	Crisis      *message.CrisisOrder // that it holds; it counts whatever the day
	Lowest      uint32               // number that its last Instruction named
	Group       uint8

	Balance     money.Ore
	ATC         uint32
	AckedATC    uint32
	Head        message.Hash
	AckedHead   message.Hash
	Log         []message.Record // after AckedATC
	Open        []message.Request
	Counter     uint32 // requests made
	Sequence    uint32 // of the Instruction applied
	Last        message.Hash
	Credit      spec.CreditVerdict
	Confirmed   *message.Confirmation
	LifeCycle   spec.LifeCycle
	Date        message.Date
	Attacks     uint8 // that it has found on it
	Transaction int   // payments made and accepted since the last acknowledgement

	key *ecdsa.PrivateKey
}

// Copy returns a clone of the device: same key, same state, and independent from now on.
func (d *Device) Copy() *Device {
	c := *d
	c.Log, c.Open = slices.Clone(d.Log), slices.Clone(d.Open)
	return &c
}

// Request makes a Request for an amount; payer may be empty.
func (d *Device) Request(amount money.Ore, payer message.DeviceID) (*message.Request, error) {
	if d.LifeCycle != spec.Active || amount == 0 || len(d.Open) == spec.MaxOpenRequests ||
		d.Role.CanPay() && !d.hasRoom(amount) {
		return nil, ErrLimit
	}
	d.Counter++
	r := message.Request{Payee: d.ID, Number: d.Counter, Random: message.Random{byte(d.Counter)},
		Amount: amount, Payer: payer}
	if err := message.Sign(&r, d.key); err != nil {
		return nil, err
	}
	d.Open = append(d.Open, r)
	return &r, nil
}

func (d *Device) hasRoom(amount money.Ore) bool {
	total := d.Balance + amount
	for _, r := range d.Open {
		total += r.Amount
	}
	return total <= d.limits().MaxBalance && d.logRoom()
}

// limits returns the policy, raised by the crisis order.
func (d *Device) limits() message.Policy {
	if d.Crisis == nil {
		return d.Policy
	}
	row, _ := d.Crisis.Row(d.ID.Name(), d.Group)
	return row.Raise(d.Policy, d.Ceilings)
}

// logRoom reports whether one more record and transaction fit, beside those of the open requests.
func (d *Device) logRoom() bool {
	return len(d.Log)+len(d.Open) < Slots &&
		d.Transaction+len(d.Open) < int(d.limits().MaxTransactions)
}

// Pay pays a Request; a kept one is given again, with no new debit.
func (d *Device) Pay(r *message.Request, toDesk bool) (*message.Payment, error) {
	wanted, err := message.Identity(r)
	if err != nil {
		return nil, err
	}
	for _, kept := range d.Log {
		if kept.Receipt == nil && kept.Payment != nil && kept.Payment.Request.Payee == r.Payee &&
			kept.Payment.Request.Number == r.Number {
			if held, err := message.Identity(&kept.Payment.Request); err != nil || held != wanted {
				return nil, ErrRequest
			}
			return kept.Payment, nil
		}
	}
	if d.LifeCycle != spec.Active || r.Amount > d.Balance || !toDesk &&
		r.Amount > d.limits().MaxPayment || !d.logRoom() ||
		r.Payee == d.ID || r.Payer != "" && r.Payer != d.ID {
		return nil, ErrLimit
	}
	p := &message.Payment{Payer: d.ID, ATC: d.ATC + 1, Request: *r}
	if err := message.Sign(p, d.key); err != nil {
		return nil, err
	}
	if err := d.write(message.Record{Payment: p}, p); err != nil {
		return nil, err
	}
	d.Balance -= r.Amount
	d.Transaction++
	return p, nil
}

// Accept accepts a Payment of an open request; repeated while the record is kept, it returns the
// same Receipt.
func (d *Device) Accept(p *message.Payment) (*message.Receipt, error) {
	identity, err := message.Identity(p)
	if err != nil {
		return nil, err
	}
	for _, kept := range d.Log {
		if kept.Receipt != nil && kept.Receipt.Payment == identity {
			return kept.Receipt, nil
		}
	}
	at, err := d.openAt(&p.Request)
	if err != nil || d.LifeCycle != spec.Active {
		return nil, ErrRequest
	}
	receipt := &message.Receipt{Payee: d.ID, ATC: d.ATC + 1, Payer: p.Payer,
		Number: p.Request.Number, Payment: identity}
	if err := message.Sign(receipt, d.key); err != nil {
		return nil, err
	}
	if err := d.write(message.Record{Receipt: receipt, Payment: p}, receipt); err != nil {
		return nil, err
	}
	d.Open = slices.Delete(d.Open, at, at+1)
	d.Balance = (d.Balance + p.Request.Amount) & message.MaxAmount // a terminal counts modulo 2^32
	d.Transaction++
	return receipt, nil
}

func (d *Device) openAt(r *message.Request) (int, error) {
	wanted, err := message.Identity(r)
	if err != nil {
		return 0, err
	}
	for i := range d.Open {
		if open, err := message.Identity(&d.Open[i]); err == nil && open == wanted {
			return i, nil
		}
	}
	return 0, ErrRequest
}

// Refuse closes an open request for ever; one closed so that is kept is refused again.
func (d *Device) Refuse(number uint32) (*message.Refusal, error) {
	for _, kept := range d.Log {
		if kept.Refusal != nil && kept.Refusal.Number == number {
			return kept.Refusal, nil
		}
	}
	at := slices.IndexFunc(d.Open, func(r message.Request) bool { return r.Number == number })
	if at < 0 {
		return nil, ErrRequest
	}
	identity, err := message.Identity(&d.Open[at])
	if err != nil {
		return nil, err
	}
	refusal := &message.Refusal{Payee: d.ID, ATC: d.ATC + 1, Number: number, Request: identity,
		Payer: d.Open[at].Payer}
	if err := message.Sign(refusal, d.key); err != nil {
		return nil, err
	}
	if err := d.write(message.Record{Refusal: refusal}, refusal); err != nil {
		return nil, err
	}
	d.Open = slices.Delete(d.Open, at, at+1)
	return refusal, nil
}

func (d *Device) write(r message.Record, own message.Message) error {
	identity, err := message.Identity(own)
	if err != nil {
		return err
	}
	d.ATC++
	d.Head = message.NextHead(d.Head, identity)
	d.Log = append(d.Log, r)
	return nil
}

// State answers a Challenge.
func (d *Device) State(c *message.Challenge) (*message.State, error) {
	s, err := d.peek()
	if err != nil {
		return nil, err
	}
	if s.Challenge, err = message.Identity(c); err != nil {
		return nil, err
	}
	return s, message.Sign(s, d.key)
}

// peek returns the State without challenge and signature.
func (d *Device) peek() (*message.State, error) {
	s := &message.State{Device: d.ID, ATC: d.ATC, AckedATC: d.AckedATC, Head: d.Head,
		Balance: d.Balance, InstructionSequence: d.Sequence,
		LastInstruction: d.Last, Credit: d.Credit, PolicyVersion: d.Policy.Version,
		RequestCounter: d.Counter, LifeCycle: d.LifeCycle, Date: d.Date, Attacks: d.Attacks}
	if d.Crisis != nil {
		identity, err := message.Identity(d.Crisis)
		if err != nil {
			return nil, err
		}
		s.OrderNumber, s.OrderHeld = d.Crisis.Number, identity
	} else {
		s.OrderNumber = max(d.Lowest, 1) - 1
	}
	for i := range d.Open {
		identity, err := message.Identity(&d.Open[i])
		if err != nil {
			return nil, err
		}
		s.OpenRequests = append(s.OpenRequests,
			message.OpenRequest{Number: d.Open[i].Number, Amount: d.Open[i].Amount,
				Request: identity})
	}
	return s, nil
}

// Apply carries out an Instruction, once; given again it returns the same Confirmation.
func (d *Device) Apply(i *message.Instruction) (*message.Confirmation, error) {
	identity, err := message.Identity(i)
	if err != nil {
		return nil, err
	}
	if d.Confirmed != nil && d.Last == identity {
		return d.Confirmed, nil
	}
	if i.Device != d.ID || i.Sequence != d.Sequence+1 || i.AckedATC < d.AckedATC ||
		i.AckedATC > d.ATC || i.Date.Before(d.Date) ||
		i.Policy.Version < d.Policy.Version {
		return nil, ErrHead
	}
	dropped := d.Log[:i.AckedATC-d.AckedATC]
	if head, err := message.Follow(d.AckedHead, d.AckedATC, dropped); err != nil || head != i.Head {
		return nil, ErrHead
	}
	for _, r := range dropped {
		if r.Payment != nil {
			d.Transaction--
		}
	}
	d.Log, d.AckedATC, d.AckedHead, d.Date = slices.Clone(d.Log[len(dropped):]), i.AckedATC, i.Head,
		i.Date
	if i.Policy.Version > d.Policy.Version {
		d.Policy = i.Policy
	}
	if d.Lowest, d.Group = i.OrderNumber, i.Group; d.Crisis != nil && d.Crisis.Number < d.Lowest {
		d.Crisis = nil
	}
	d.Credit = d.take(i.Credit)
	switch {
	case i.Actions.Has(spec.ActionClose):
		d.LifeCycle = spec.Closed
	case i.Actions.Has(spec.ActionBlock):
		d.LifeCycle = spec.Blocked
	case i.Actions.Has(spec.ActionUnblock):
		d.LifeCycle = spec.Active
	}
	d.Sequence, d.Last = i.Sequence, identity
	d.Confirmed = &message.Confirmation{Device: d.ID, Sequence: i.Sequence, Instruction: identity,
		Credit: d.Credit, Balance: d.Balance, ATC: d.ATC}
	return d.Confirmed, message.Sign(d.Confirmed, d.key)
}

func (d *Device) take(credit money.Ore) spec.CreditVerdict {
	if credit == 0 {
		return spec.CreditNone
	}
	total := d.Balance + credit
	for _, r := range d.Open {
		total += r.Amount
	}
	if total > d.limits().MaxBalance {
		return spec.CreditNotTaken
	}
	d.Balance += credit
	return spec.CreditTaken
}

// StolenKey returns the device's key, for a thief.
func (d *Device) StolenKey() crypto.Signer { return d.key }
