package simulator

import (
	"fmt"

	"ekrona.example/apdu/cvc"
	"ekrona.example/apdu/message"
	"ekrona.example/apdu/money"
	"ekrona.example/applet/attack"
	hostattack "ekrona.example/host/attack"
	"ekrona.example/host/envelope"
	"ekrona.example/personalization/pki"
)

// attacker returns the setup of an attack on a card with the keys of an intermediary, as package
// attack lists it. Invented devices have the series in their ids, and the number of the step.
func (w *world) attacker(b *bank, s Step, series int) *attack.Setup {
	return &attack.Setup{
		Root: stolen(w.root), Notary: stolen(w.notaryKey),
		Own: attack.Intermediary{
			CA:             stolen(b.ca),
			InstructionKey: stolen(b.instruction),
		},
		Certify: func(_ attack.Identity, of attack.Subject) (attack.Identity, error) {
			made, err := w.identity(of.Holder, of.Role, cardDays, &b.ca)
			return stolen(made), err
		},
		NextID: func(attack.Intermediary) message.DeviceID {
			return message.DeviceID(fmt.Sprintf("%s%d%07d", b.name, series, s.Number))
		},
		Amount: money.Ore(s.Amount), ATC: 1, Random: w.random.of("wild"),
	}
}

// stolen gives an attacker a key with its certificate.
func stolen(i pki.Identity) attack.Identity {
	return attack.Identity{Signer: i.Signer, Certificate: i.Certificate, Encoded: i.Encoded}
}

// enveloped returns a blow with a message and its device's certificate, as phones and terminals
// pass it on.
func enveloped(blow attack.Blow, authority []byte) envelope.Envelope {
	return envelope.Envelope{Message: blow.Data[0], Certificate: blow.Data[1], Authority: authority}
}

// otherDevice returns the public identity of a person's device.
func otherDevice(p *person) (attack.Identity, error) {
	certificate, err := cvc.Parse(p.device.Certificate)
	return attack.Identity{Certificate: certificate, Encoded: p.device.Certificate}, err
}

// services returns the parties for an attacker who is, or has the link of, an intermediary; who is
// the caller that the intermediary assumes.
func (w *world) services(b *bank, who string) hostattack.Services {
	return hostattack.Services{Notary: notaryLink{w, b}, Intermediary: bankLink{w, b, who}}
}

// attackOn makes one way of an attack on services, over their faulty links.
func (w *world) attackOn(on hostattack.Services, way hostattack.Way, s *hostattack.Setup) error {
	call, err := way.Make(s)
	if err != nil {
		return err
	}
	return call(w.ctx, on)
}
