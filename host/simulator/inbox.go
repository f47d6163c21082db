package simulator

import (
	"fmt"
	"slices"

	"ekrona.example/apdu/message"
	"ekrona.example/apdu/money"
	"ekrona.example/host/envelope"
)

// phoneMessage is a message that one phone or terminal has given out, for another to take.
// It is never used up: it can be taken late, twice, or by somebody else.
type phoneMessage struct {
	what  messageKind
	from  message.DeviceID
	to    message.DeviceID // who should take it; empty when anybody may
	sent  envelope.Envelope
	taken int
}

type messageKind string

const (
	requestMessage messageKind = "Request"
	paymentMessage messageKind = "Payment"
	answerMessage  messageKind = "answer"
)

// sendToPhone gives a message out.
func (w *world) sendToPhone(what messageKind, from, to message.DeviceID, e envelope.Envelope) {
	w.inbox = append(w.inbox, phoneMessage{what: what, from: from, to: to, sent: e})
}

// requestsOf returns the Requests that a person has given out, the oldest first.
func (w *world) requestsOf(p *person) (all []envelope.Envelope) {
	for _, l := range w.inbox {
		if l.what == requestMessage && l.from == p.device.ID {
			all = append(all, l.sent)
		}
	}
	return all
}

// takeFromInbox takes a message for the device: mostly the newest, now and then an older one or
// another device's. It counts the faults of the delivery.
func (w *world) takeFromInbox(
	what messageKind, device message.DeviceID, pick int,
) (envelope.Envelope, error) {
	var mine, any []int
	for n := len(w.inbox) - 1; n >= 0; n-- {
		l := w.inbox[n]
		if l.what != what || l.from == device {
			continue
		}
		any = append(any, n)
		if l.to == "" || l.to == device {
			mine = append(mine, n)
		}
	}
	from, style := mine, pick%8
	if style == 7 || len(mine) == 0 {
		from = any
	}
	if len(from) == 0 {
		return envelope.Envelope{}, fmt.Errorf("no %s is on its way", what)
	}
	at := from[0]
	if style >= 5 {
		at = from[pick/8%len(from)]
	}
	l := &w.inbox[at]
	switch {
	case l.to != "" && l.to != device:
		w.recordFault(MisdeliverPhoneMessage)
	case l.taken > 0:
		w.recordFault(RepeatPhoneMessage)
	case at != from[0]:
		w.recordFault(DelayPhoneMessage)
	}
	l.taken++
	sent := l.sent
	if f, altered := w.due(AlterPhoneMessage, 1); altered {
		if n := len(sent.Provenance); n > 0 && f.Salt%3 == 0 {
			sent.Provenance = slices.Clone(sent.Provenance)
			sent.Provenance[f.Salt%n] = flip(sent.Provenance[f.Salt%n], f.Salt)
			return sent, nil
		}
		switch f.Salt % 4 {
		case 0:
			sent.Certificate = flip(sent.Certificate, f.Salt)
		case 1:
			sent.Message = flip(sent.Message, f.Salt)
		default:
			sent.Message = forgeContent(sent.Message, f.Salt)
		}
	}
	return sent, nil
}

// payeeOf returns the device that requested a Payment, empty when it cannot be read.
func payeeOf(payment []byte) message.DeviceID {
	paid, err := message.Parse[message.Payment](payment)
	if err != nil {
		return ""
	}
	return paid.Request.Payee
}

// payerOf returns the device to which a payee's answer goes, empty for any.
func payerOf(answer []byte) message.DeviceID {
	if receipt, err := message.Parse[message.Receipt](answer); err == nil {
		return receipt.Payer
	}
	if refusal, err := message.Parse[message.Refusal](answer); err == nil {
		return refusal.Payer
	}
	return ""
}

// forgeContent changes the content of a message and keeps the signature of the original.
func forgeContent(signed []byte, salt int) []byte {
	var disguised message.Message
	if payment, err := message.Parse[message.Payment](signed); err == nil {
		payment.ATC += uint32(1 + salt%5)
		disguised = payment
	} else if request, err := message.Parse[message.Request](signed); err == nil {
		request.Amount += money.Ore(1 + salt%1000)
		disguised = request
	} else if receipt, err := message.Parse[message.Receipt](signed); err == nil {
		receipt.ATC += uint32(1 + salt%5)
		disguised = receipt
	} else {
		return flip(signed, salt)
	}
	encoded, err := message.Encode(disguised)
	if err != nil {
		return flip(signed, salt)
	}
	return encoded
}
