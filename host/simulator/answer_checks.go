package simulator

import (
	"errors"
	"fmt"

	"ekrona.example/apdu/message"
	"ekrona.example/apdu/money"
)

// checkAnswer checks what a phone has shown its owner: a card's genuine answer to another command
// is never taken for the answer to this one.
func (w *world) checkAnswer(p *person, isAnswer bool, what string) {
	if !isAnswer {
		w.failure = errors.Join(w.failure, fmt.Errorf("%s's phone takes %s", p.name, what))
	}
}

// isRequestFor reports whether a Request is for this amount and payer.
func isRequestFor(request []byte, amount money.Ore, payer message.DeviceID) bool {
	requested, err := message.Parse[message.Request](request)
	return err == nil && requested.Amount == amount && requested.Payer == payer
}

// isAnswerTo reports whether a Payment or a Refusal is of the Request, or a Receipt of the
// Payment.
func isAnswerTo(question, answer []byte) bool {
	request, _, err := message.ParseSigned(question)
	if err != nil {
		return false
	}
	answered, _, err := message.ParseSigned(answer)
	if err != nil {
		return false
	}
	about := message.Hash{}
	switch sent := answered.(type) {
	case *message.Payment:
		about, err = message.Identity(&sent.Request)
	case *message.Refusal:
		about = sent.Request
	case *message.Receipt:
		about = sent.Payment
	}
	identity, unnamed := message.Identity(request)
	return err == nil && unnamed == nil && about == identity
}
