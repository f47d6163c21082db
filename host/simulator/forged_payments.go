package simulator

import (
	"errors"
	"slices"

	"ekrona.example/apdu/message"
	"ekrona.example/apdu/money"
	"ekrona.example/applet/attack"
	hostattack "ekrona.example/host/attack"
	"ekrona.example/host/envelope"
	"ekrona.example/host/wallet"
)

// giveForgedPayment has the owner of a card give it a Payment that nobody has made: of its own
// latest Request, in the name of another card, whose certificate is public. Only its signature is
// wrong.
func (w *world) giveForgedPayment(p *person, s Step) error {
	other := w.people[s.Other%len(w.people)]
	request := w.lastRequest(p)
	if request == nil || other == p {
		return errors.New("there is nobody to impersonate, or nothing was asked for")
	}
	setup := w.attacker(other.bank, s, 0)
	setup.Asked, setup.ATC = request, uint32(1+s.Pick%20)
	var err error
	if setup.Other, err = otherDevice(other); err != nil {
		return err
	}
	blow, err := attack.PaymentOfNobody.Make(setup)
	w.note("        a Payment by %s that nobody has made", other.name)
	if err != nil {
		return err
	}
	return w.acceptAtPhone(p, s, enveloped(blow, other.bank.ca.Encoded))
}

// giveForgedRefusal gives the owner of a card a forged Refusal of its own latest Request: a phone
// that took it would never close the Request on the card.
func (w *world) giveForgedRefusal(p *person) error {
	request := w.lastRequest(p)
	if request == nil {
		return errors.New("nothing was asked for")
	}
	w.note("        a Refusal that the card has not given")
	on := hostattack.Services{Phone: p.phone}
	return w.attackOn(on, hostattack.RefusalOfNobody.Ways[0], &hostattack.Setup{
		Request: request, Certificate: p.device.Certificate, Authority: p.bank.ca.Encoded,
		Random: w.random.of("wild"),
	})
}

// payWithStolenCA has the latest Request of a card paid without money: by a key that an
// intermediary's stolen CA key has certified, for a device that was never issued. The payee's card
// cannot detect it, and accepts. That intermediary is liable for it (protocol §8, 11).
func (w *world) payWithStolenCA(p *person, b *bank, s Step) error {
	request := w.lastRequest(p)
	if request == nil {
		return errors.New("nothing was asked for")
	}
	payment, err := w.paymentByStolenCA(request, b, s)
	if err != nil {
		return err
	}
	p.holdsProof = true // also when the answer was torn
	err = w.acceptAtPhone(p, s, payment)
	if err == nil {
		w.recordFault(StolenCA)
	}
	return err
}

// paymentByStolenCA returns a Payment by a key that the stolen CA key has certified.
func (w *world) paymentByStolenCA(
	request *message.Request, b *bank, s Step,
) (envelope.Envelope, error) {
	const neverIssued = 9 // starts the number of such devices
	setup := w.attacker(b, s, neverIssued)
	setup.Asked, setup.ATC = request, uint32(1+s.Pick%3)
	blow, err := attack.StolenCA.Ways[0].Make(setup)
	if err != nil {
		return envelope.Envelope{}, err
	}
	return enveloped(blow, b.ca.Encoded), nil
}

// maxForgedPayment is the most that a terminal takes from such a key at once here: the cover by
// holding and pool between two of its synchronisations is limited (protocol §8, 11).
const maxForgedPayment = 100 * money.Krona

// buyWithStolenCA has a terminal sell to such a key.
func (w *world) buyWithStolenCA(t *merchantTerminal, b *bank, s Step) error {
	sale, err := w.askAt(t, min(s.Amount, maxForgedPayment))
	if err != nil {
		return err
	}
	request, err := message.Parse[message.Request](sale.Request.Message)
	if err != nil {
		return err
	}
	payment, err := w.paymentByStolenCA(request, b, s)
	if err != nil {
		return err
	}
	err = t.Answer(w.ctx, payment)
	if err == nil {
		w.recordFault(StolenCA)
	}
	return err
}

// lastRequest returns the latest Request of a card, nil when it has made none.
func (w *world) lastRequest(p *person) *message.Request {
	for _, requested := range slices.Backward(w.requestsOf(p)) {
		if request, err := message.Parse[message.Request](requested.Message); err == nil {
			return request
		}
	}
	return nil
}

// acceptAtPhone has a card accept a Payment at its owner's phone.
func (w *world) acceptAtPhone(p *person, s Step, payment envelope.Envelope) error {
	return w.withTap(p, s, func(tap wallet.Tap) error {
		_, err := p.phone.Accept(w.ctx, tap, payment)
		return err
	})
}
