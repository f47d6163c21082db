package lab

import "ekrona/apdu/message"

// utterances are what a device has given out, to be found again (protocol §8, 8).
type utterances struct {
	known  map[message.Hash]bool
	inTurn []message.Hash // Payments, Receipts and Refusals
	asked  uint32         // number of the last Request
}

// hear remembers what a device has said, when it is one of its own messages.
func (u *utterances) hear(device message.DeviceID, said []byte) {
	m, by, err := message.Said(said)
	if err != nil || by != device {
		return
	}
	if request, isRequest := m.(*message.Request); isRequest {
		u.asked = max(u.asked, request.Number)
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
