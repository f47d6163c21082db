package simulator

import (
	"ekrona.example/apdu/pin"
	"ekrona.example/applet/attack"
	"ekrona.example/applet/client"
)

// presentToStrangeReader holds a card to a reader whose key a stolen CA key has certified, for an
// invalid id: it requests a payment, or pays the card's latest Request. A card that accepted it
// would have a record that nobody can parse, and could not synchronise any more.
func (w *world) presentToStrangeReader(p *person, b *bank, s Step) error {
	w.recordFault(HostileReader)
	applet := client.New(w.reader(p, s.Pick))
	if _, err := applet.Select(w.ctx); err != nil {
		return err
	}
	entered, err := pin.NewBlock(rightPIN)
	if err != nil {
		return err
	}
	if err := applet.Verify(w.ctx, entered, client.PINTransport{}); err != nil {
		return err
	}
	const strange = 8 // starts the number of such devices
	setup := w.attacker(b, s, strange)
	if s.Pick%2 > 0 {
		setup.Asked = w.lastRequest(p)
	}
	if setup.Asked != nil {
		blow, err := attack.StrangePayer.Make(setup)
		if err != nil {
			return err
		}
		_, err = applet.Accept(w.ctx, blow.Data[0], blow.Data[1], b.ca.Encoded)
		return err
	}
	blow, err := attack.StrangePayee.Make(setup)
	if err != nil {
		return err
	}
	_, err = applet.Pay(w.ctx, blow.Data[0], blow.Data[1], b.ca.Encoded)
	return err
}
