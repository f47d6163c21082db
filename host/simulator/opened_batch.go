package simulator

import (
	"bytes"
	"crypto/ecdh"

	"ekrona.example/apdu"
	"ekrona.example/apdu/cvc"
	"ekrona.example/apdu/message"
	"ekrona.example/apdu/pin"
	"ekrona.example/apdu/signature"
	"ekrona.example/apdu/spec"
	"ekrona.example/apdu/tlv"
)

// openedCard is what a reader between a card and a terminal can do that has the key of the card's
// batch, out of another card that was opened: it reads the answers of that batch, and makes up
// others. It has no key that signs.
type openedCard struct {
	application message.FCI // of the session
	agreement   *pin.Agreement
	request     *message.Request
}

// hear follows the commands of a session.
func (o *openedCard) hear(batch *ecdh.PrivateKey, c apdu.Command, answer []byte) {
	switch c.INS {
	case spec.Select.INS:
		if len(answer) > 2 {
			if heard, err := message.ParseFCI(answer[:len(answer)-2]); err == nil {
				o.application = *heard
			}
		}
	case spec.Pay.INS:
		o.agreement = nil
		r := tlv.NewReader(c.Data)
		request, err := message.Read[message.Request](r)
		if err != nil {
			return
		}
		if _, err := cvc.Read(r); err != nil {
			return
		}
		point, err := r.Expect(spec.TagPoint)
		if err != nil {
			return
		}
		if payee, err := signature.ParsePoint(point.Value); err == nil {
			o.agreement, _ = pin.Agree(batch, payee, o.application)
			o.request = request
		}
	}
}

// payment is the Payment in an answer to PAY, with what follows it; nil when there is none.
func (o *openedCard) payment(answer []byte) (payment, rest []byte) {
	if o.agreement == nil || len(answer) < 2 {
		return nil, nil
	}
	opened, err := o.agreement.Open(answer[:len(answer)-2], o.request)
	if err != nil || opened.Refused != 0 {
		return nil, nil
	}
	return opened.Payment, opened.Certificate
}

// forged is an answer to PAY in which the Payment is changed, as only who has the batch key can
// make it.
func (o *openedCard) forged(answer []byte, salt int) []byte {
	payment, certificate := o.payment(answer)
	forged, err := message.Parse[message.Payment](forgeContent(payment, salt))
	if err != nil {
		return answer
	}
	payer, err := cvc.Parse(certificate)
	if err != nil {
		return answer
	}
	sealed, err := o.agreement.SealPaid(forged, payer)
	if err != nil {
		return answer
	}
	return append(bytes.Clone(sealed), answer[len(answer)-2:]...)
}
