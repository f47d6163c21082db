package simulator

import "ekrona.example/apdu/message"

// sentMessages are what a device has given out, to be found again (protocol §8, 8).
type sentMessages struct {
	known       map[message.Hash]bool
	inOrder     []message.Hash // Payments, Receipts and Refusals
	lastRequest uint32         // number of the last Request
}

// record stores a message that a device has sent, when it is its own.
func (u *sentMessages) record(device message.DeviceID, sent []byte) {
	m, by, err := message.ParseSigned(sent)
	if err != nil || by != device {
		return
	}
	if request, isRequest := m.(*message.Request); isRequest {
		u.lastRequest = max(u.lastRequest, request.Number)
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
	u.inOrder = append(u.inOrder, identity)
}
