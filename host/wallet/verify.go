package wallet

import (
	"ekrona.example/apdu/cvc"
	"ekrona.example/apdu/message"
	"ekrona.example/apdu/money"
)

// signedBy reports whether a Request, Payment, Receipt or Refusal was signed by the device that the
// certificate is for. One that was altered on its way from a card or a phone must not be kept: its
// signer would give the true one again, but this phone would not ask for it.
func signedBy(signed, certificate []byte) bool {
	m, by, err := message.ParseSigned(signed)
	if err != nil {
		return false
	}
	device, err := cvc.Parse(certificate)
	return err == nil && device.Device() == by && message.Verify(m, device.PublicKey) == nil
}

// A message that a card has signed may still answer another command than the phone's: a reader can
// alter a command, or replay an earlier answer. The following functions report whether it answers
// this one.

// requests reports whether a Request is for this amount and payer.
func requests(request *message.Request, amount money.Ore, payer message.DeviceID) bool {
	return request.Amount == amount && request.Payer == payer
}

// pays reports whether it is a Payment of the Request.
func pays(answer []byte, request message.Hash) bool {
	payment, err := message.Parse[message.Payment](answer)
	if err != nil {
		return false
	}
	identity, err := message.Identity(&payment.Request)
	return err == nil && identity == request
}

func isReceipt(signed []byte) bool {
	_, err := message.Parse[message.Receipt](signed)
	return err == nil
}

// refuses reports whether it is a Refusal of the Request.
func refuses(answer []byte, request message.Hash) bool {
	refusal, err := message.Parse[message.Refusal](answer)
	return err == nil && refusal.Request == request
}

// accepts reports whether it is a Receipt of the Payment.
func accepts(answer, payment []byte) bool {
	receipt, err := message.Parse[message.Receipt](answer)
	if err != nil {
		return false
	}
	paid, err := message.Parse[message.Payment](payment)
	if err != nil {
		return false
	}
	identity, err := message.Identity(paid)
	return err == nil && identity == receipt.Payment
}
