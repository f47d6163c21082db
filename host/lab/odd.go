package lab

import (
	"bytes"
	"crypto"
	"fmt"

	"ekrona/apdu/message"
	"ekrona/apdu/pin"
	"ekrona/apdu/signature"
	"ekrona/apdu/spec"
	"ekrona/host/card"
)

// tradeOddly holds a card to a reader whose key a stolen CA key has certified, for what
// is no id: it wants to be paid, or to pay the card's latest Request. A card that deals
// with it has a record that nobody can read, and could not synchronise any more.
func (w *world) tradeOddly(p *person, b *bank, s Step) error {
	w.meet(WildReader)
	client := card.New(w.reader(p, s.Pick))
	if _, err := client.Select(w.ctx); err != nil {
		return err
	}
	entered, err := pin.NewBlock(rightPIN)
	if err != nil {
		return err
	}
	if err := client.Verify(w.ctx, entered, card.PINTransport{}); err != nil {
		return err
	}
	role := spec.RoleTerminal
	asked := w.lastAsked(p)
	if s.Pick%2 == 0 {
		asked = nil
	}
	if asked != nil {
		role = spec.RoleCard
	}
	never, err := w.identity(fmt.Sprintf("%s8%07d", b.name, s.Number), role, cardDays, &b.ca)
	if err != nil {
		return err
	}
	id := never.Certificate.Device()
	header := bytes.Index(never.Encoded, []byte{0x7F, 0x4E})
	body, err := oddly(never.Encoded[header:], id, b.ca.Signer)
	if err != nil {
		return err
	}
	certificate := append(bytes.Clone(never.Encoded[:header]), body...)
	var m message.Message = &message.Request{Payee: id, Number: 1, Amount: s.Amount}
	if asked != nil {
		m = &message.Payment{Payer: id, ATC: 1, Request: *asked}
	}
	encoded, err := message.Encode(m)
	if err != nil {
		return err
	}
	if encoded, err = oddly(encoded, id, never.Signer); err != nil {
		return err
	}
	if asked != nil {
		_, err = client.Accept(w.ctx, encoded, certificate, b.ca.Encoded)
	} else {
		_, err = client.Pay(w.ctx, encoded, certificate, b.ca.Encoded)
	}
	return err
}

// oddly alters an id in a body so that it is none, and signs that.
func oddly(encoded []byte, id message.DeviceID, signer crypto.Signer) ([]byte, error) {
	const header = 3 // bytes of tag and length of the signature behind the body
	end := len(encoded) - header - spec.SignatureLength
	body := bytes.Clone(encoded[:end])
	body[bytes.Index(body, []byte(id))+spec.DeviceIDLength-1] = '*'
	signed, err := signature.Sign(signer, body)
	if err != nil {
		return nil, err
	}
	return append(append(body, encoded[end:end+header]...), signed[:]...), nil
}
