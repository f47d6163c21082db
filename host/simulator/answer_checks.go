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

// noted adds the records of others that somebody was given to those known.
func noted(known map[string]bool, records [][]byte) map[string]bool {
	if known == nil {
		known = map[string]bool{}
	}
	for _, record := range records {
		known[string(record)] = true
	}
	return known
}

// checkTerminalRevealed is checkRevealed for a terminal.
func (w *world) checkTerminalRevealed(merchant string, records [][]byte) {
	for _, t := range w.terminals {
		for _, record := range records {
			if t.merchant == merchant && !t.funding[string(record)] {
				w.failure = errors.Join(w.failure, fmt.Errorf("the %s's terminal shows its "+
					"intermediary what no phone gave it", merchant))
			}
		}
	}
}

// checkRevealed checks what a phone shows its owner's intermediary of others' payments: those alone
// that came beside the Payments that it was given.
func (w *world) checkRevealed(name string, messages [][]byte) {
	for _, p := range w.people {
		if p.name != name {
			continue
		}
		for _, handed := range messages {
			record, err := message.ParseRecord(handed)
			if err != nil || record.Receipt == nil || record.Receipt.Payee == p.device.ID ||
				record.Payment.Payer == p.device.ID || p.funding[string(handed)] {
				continue
			}
			w.failure = errors.Join(w.failure, fmt.Errorf("%s's phone shows its intermediary "+
				"payment %s/%d to %s, which funded none that it was given", name,
				record.Payment.Payer, record.Payment.ATC, record.Receipt.Payee))
		}
	}
}
