package lab

import (
	"ekrona/apdu/message"
	"ekrona/apdu/spec"
	"ekrona/apdu/tlv"
)

// utterances are what a device has given out, to be found again (protocol §8, 8).
type utterances struct {
	known  map[message.Hash]bool
	inTurn []message.Hash // Payments, Receipts and Refusals
	asked  uint32         // number of the last Request
}

// hear remembers what a device has said, when it is one of its own messages.
func (u *utterances) hear(device message.DeviceID, said []byte) {
	var by message.DeviceID
	var m message.Message
	switch r := tlv.NewReader(said); {
	case r.At(spec.TagPayment):
		if p, err := message.Parse[message.Payment](said); err == nil {
			by, m = p.Payer, p
		}
	case r.At(spec.TagReceipt):
		if p, err := message.Parse[message.Receipt](said); err == nil {
			by, m = p.Payee, p
		}
	case r.At(spec.TagRefusal):
		if p, err := message.Parse[message.Refusal](said); err == nil {
			by, m = p.Payee, p
		}
	case r.At(spec.TagRequest):
		if p, err := message.Parse[message.Request](said); err == nil && p.Payee == device {
			u.asked = max(u.asked, p.Number)
		}
	}
	if m == nil || by != device {
		return
	}
	identity, err := message.Identity(m)
	if err != nil || u.known[identity] {
		return
	}
	if u.known == nil {
		u.known = map[message.Hash]bool{}
	}
	u.known[identity] = true
	u.inTurn = append(u.inTurn, identity)
}
