package wallet

import (
	"ekrona/apdu/cvc"
	"ekrona/apdu/message"
)

// isBy tells whether a Request, Payment, Receipt or Refusal was signed by the
// device that the certificate is for. One that was altered on its way from a card
// or a phone must not be kept: its signer gives the true one again, and this phone
// would not ask for it.
func isBy(signed, certificate []byte) bool {
	m, by, err := message.Said(signed)
	if err != nil {
		return false
	}
	device, err := cvc.Parse(certificate)
	return err == nil && device.Device() == by && message.Verify(m, device.PublicKey) == nil
}

// pays tells whether a card's answer is a Payment of the Request.
func pays(answer []byte, request message.Hash) bool {
	paid, err := message.Parse[message.Payment](answer)
	if err != nil {
		return false
	}
	identity, err := message.Identity(&paid.Request)
	return err == nil && identity == request
}

func isReceipt(signed []byte) bool {
	_, err := message.Parse[message.Receipt](signed)
	return err == nil
}

func isRefusal(signed []byte) bool {
	_, err := message.Parse[message.Refusal](signed)
	return err == nil
}
