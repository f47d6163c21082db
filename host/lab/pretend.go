package lab

import (
	"errors"

	"ekrona/apdu/message"
	"ekrona/host/envelope"
	"ekrona/host/wallet"
)

// pretend has the owner of a card give it a Payment that nobody has made: of its
// own latest Request, in the name of another, whose certificate anybody can have.
// Nothing but the signature is wrong with it.
func (w *world) pretend(p *person, s Step) error {
	var asked *message.Request
	for _, l := range w.mail {
		if l.what != requestLetter || l.from != p.device.ID {
			continue
		}
		if request, err := message.Parse[message.Request](l.sent.Message); err == nil {
			asked = request
		}
	}
	other := w.people[s.Other%len(w.people)]
	if asked == nil || other == p {
		return errors.New("there is nobody to pretend to be, or nothing was asked for")
	}
	payment := &message.Payment{Payer: other.device.ID, ATC: uint32(1 + s.Pick%20), Request: *asked}
	copy(payment.Signature[:], w.wild(len(payment.Signature)))
	encoded, err := message.Encode(payment)
	if err != nil {
		return err
	}
	w.note("        a Payment by %s that nobody has made", other.name)
	return w.withTap(p, s, func(tap wallet.Tap) error {
		_, err := p.phone.Accept(w.ctx, tap, envelope.Envelope{
			Message: encoded, Certificate: other.device.Certificate, Authority: other.bank.ca.Encoded,
		})
		return err
	})
}
