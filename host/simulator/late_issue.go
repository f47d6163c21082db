package simulator

import (
	"context"
	"crypto/ecdh"
	"errors"
	"fmt"

	"ekrona.example/apdu/message"
	"ekrona.example/apdu/pin"
	"ekrona.example/apdu/spec"
	"ekrona.example/applet/client"
	emulated "ekrona.example/emulator/card"
	"ekrona.example/host/banking"
	"ekrona.example/host/wallet"
	"ekrona.example/personalization"
	"ekrona.example/personalization/pki"
)

// lateCustomers are the names of the customers who get a card during the run.
var lateCustomers = []string{"filip", "greta", "hugo"}

// orderCard prepares a person: the order for the card, and the card with the applet on it. No party
// knows of it yet.
func (w *world) orderCard(name string, b *bank, number int) (*person, error) {
	p := &person{name: name, bank: b}
	device, err := message.NewDeviceID(b.name, fmt.Sprintf("%08d", number))
	if err != nil {
		return nil, err
	}
	p.device.ID = device
	if p.app, err = w.appKey(); err != nil {
		return nil, err
	}
	p.registeredApp = p.app
	if p.order, err = personalization.NewOrder(device, name, w.today(),
		w.random.of("order")); err != nil {
		return nil, err
	}
	// The pilot's limits, and the smallest log: small numbers are soon reached.
	p.order.Limits = personalization.Limits{Ceilings: message.PilotPolicy(), Slots: spec.MinSlots}
	c, err := w.install(name, p.order)
	p.cards = []*emulated.Card{c}
	return p, err
}

// personalize makes the person a customer with an active card. It can be broken
// off anywhere, and is repeated until it succeeds.
func (w *world) personalize(p *person) (err error) {
	if err := p.bank.AddCustomer(w.ctx,
		banking.Customer{ID: p.name, Name: p.name, App: &p.app.PublicKey}); err != nil {
		return err
	}
	if err := p.bank.Deposit(w.ctx, "first of "+p.name, p.name, w.deposit); err != nil {
		return err
	}
	secrets := personalization.Secrets{}
	if secrets.PIN, err = pin.NewBlock(rightPIN); err != nil {
		return err
	}
	if secrets.PUK, err = pin.NewPUKBlock(rightPUK); err != nil {
		return err
	}
	device, err := w.issuer(p.bank).Personalize(w.ctx, w.reader(p, 0), p.order, secrets)
	if err == nil {
		p.device = device
	}
	return err
}

// issuer returns the intermediary's issuer of cards that are valid from today.
func (w *world) issuer(b *bank) personalization.Issuer {
	return personalization.Issuer{
		CA: b.ca, Batches: b.batch, Root: w.root.Encoded, InstructionKey: b.instruction.Encoded,
		Notary:   w.notaryKey.Encoded,
		Registry: b, Random: w.random.of("issuer"), Effective: w.today(),
		Expiry: w.today().AddDays(cardDays),
	}
}

// onlyBatch is the batch key of all cards of an intermediary.
type onlyBatch struct {
	id      message.DeviceID
	key     pki.BatchKey
	private *ecdh.PrivateKey // the same key
}

// makeBatch makes the batch key of an intermediary.
func (w *world) makeBatch(b *bank) error {
	key, err := w.appKey()
	if err != nil {
		return err
	}
	b.batch.id = banking.DeviceIDOf(b.name, banking.KindBatch, 1)
	if b.batch.private, err = key.ECDH(); err != nil {
		return err
	}
	b.batch.key, err = b.ca.CertifyBatch(b.batch.id, key)
	return err
}

// BatchKey implements [personalization.BatchKeys].
func (o onlyBatch) BatchKey(_ context.Context, batch message.DeviceID) (pki.BatchKey, error) {
	if batch != o.id {
		return pki.BatchKey{}, fmt.Errorf("there is no batch %s, only %s", batch, o.id)
	}
	return o.key, nil
}

// givePhone gives the person a phone. From then on the card is one of the world's.
func (w *world) givePhone(p *person) error {
	schema, err := wallet.Schema()
	if err != nil {
		return err
	}
	if p.journal, err = w.open(p.name, schema); err != nil {
		return err
	}
	if p.blank, err = w.disks[p.name].backup(); err != nil {
		return err
	}
	p.backup = p.blank
	w.people = append(w.people, p)
	return w.startPhone(p)
}

// issueStep orders a card for a late customer, or goes on with one that is not active.
func (w *world) issueStep(s Step, b *bank) error {
	at := s.Pick % (len(w.pendingIssues) + 1)
	if at == len(w.pendingIssues) {
		if w.lateOrders == len(lateCustomers) {
			return errors.New("nobody else wants a card")
		}
		p, err := w.orderCard(lateCustomers[w.lateOrders], b, firstLateNumber+w.lateOrders)
		if err != nil {
			return err
		}
		w.lateOrders++
		w.pendingIssues = append(w.pendingIssues, p)
	}
	p := w.pendingIssues[at]
	w.note("        it is %s's", p.name)
	if err := w.personalize(p); err != nil {
		w.recordFault(TornIssue)
		return err
	}
	return w.addLatePerson(at)
}

// firstLateNumber is the first number of the late customers' cards.
const firstLateNumber = 50

// addLatePerson adds a late customer to the world.
func (w *world) addLatePerson(at int) error {
	p := w.pendingIssues[at]
	w.pendingIssues = append(w.pendingIssues[:at:at], w.pendingIssues[at+1:]...)
	if err := w.givePhone(p); err != nil {
		return err
	}
	w.makeKillable(p.name)
	return nil
}

// mustFinishIssuing has every card that was ordered become active now that the faults
// have stopped.
func (w *world) mustFinishIssuing() *Failure {
	for len(w.pendingIssues) > 0 {
		p := w.pendingIssues[0]
		w.note("      %s's card is made at last", p.name)
		err := w.personalize(p)
		// active, with its tries spent on the way
		if client.Is(err, spec.SWPINBlocked) || client.Is(err, spec.SWPINWrong) {
			p.device, err = p.bank.Device(w.ctx, p.device.ID)
		}
		if err == nil {
			err = w.addLatePerson(0)
		}
		if err != nil {
			f := failed(agreementNumber, "a card cannot be made",
				fmt.Sprintf("%s's card cannot be made: %v", p.name, err))
			return f
		}
	}
	return nil
}
