package settlementtest

import (
	"ekrona.example/apdu/message"
	"ekrona.example/host/notary"
)

// ThroughWire returns a notary whose every call and answer is encoded and decoded as on its way to
// another process.
func ThroughWire(n Notary) Notary {
	return wired{
		notary.NewOperator(notary.ServeOperator(n)),
		notary.NewPublic(notary.ServePublic(n)),
		n,
	}
}

type wired struct {
	notary.Operator
	notary.Public
	near Notary
}

// For returns the notary for one intermediary.
func (w wired) For(name message.Name) notary.Participant {
	return notary.NewParticipant(notary.ServeParticipant(w.near.For(name)))
}
