package lab

import (
	"errors"
	"fmt"

	"ekrona/apdu/message"
	"ekrona/apdu/money"
)

// told looks at what a phone has told its owner: an answer of a card that is genuine and
// to another question is never taken for one to this.
func (w *world) told(p *person, isAnswer bool, what string) {
	if !isAnswer {
		w.broken = errors.Join(w.broken, fmt.Errorf("%s's phone takes %s", p.name, what))
	}
}

// asks tells whether a Request is for just this.
func asks(request []byte, amount money.Ore, payer message.DeviceID) bool {
	asked, err := message.Parse[message.Request](request)
	return err == nil && asked.Amount == amount && asked.Payer == payer
}

// answers tells whether a Payment or a Refusal is of the Request, or a Receipt of the
// Payment.
func answers(question, answer []byte) bool {
	asked, _, err := message.Said(question)
	if err != nil {
		return false
	}
	said, _, err := message.Said(answer)
	if err != nil {
		return false
	}
	about := message.Hash{}
	switch said := said.(type) {
	case *message.Payment:
		about, err = message.Identity(&said.Request)
	case *message.Refusal:
		about = said.Request
	case *message.Receipt:
		about = said.Payment
	}
	identity, unnamed := message.Identity(asked)
	return err == nil && unnamed == nil && about == identity
}
