package simulator

import (
	"ekrona.example/apdu"
	"ekrona.example/apdu/message"
	"ekrona.example/applet/client"
	"ekrona.example/host/audit"
	"ekrona.example/host/session"
)

// observe reads a card without faults.
func (w *world) observe(p *person, which int) (audit.Device, error) {
	applet, state, err := w.askState(p, which)
	if err != nil {
		return audit.Device{}, err
	}
	records, err := applet.Records(w.ctx)
	if err != nil {
		return audit.Device{}, err
	}
	return audit.Observed(session.Reading{State: state, Records: records})
}

// askState reads a card's State, without faults, as its own intermediary.
func (w *world) askState(p *person, which int) (*client.Client, []byte, error) {
	c := p.cards[which%len(p.cards)]
	c.Reset()
	applet := client.New(apdu.Framing{Card: c, ExtendedLength: true})
	fci, err := applet.Select(w.ctx)
	if err != nil {
		return nil, nil, err
	}
	challenge, err := w.challenge(p.bank, p.device.ID, fci.Nonce)
	if err != nil {
		return nil, nil, err
	}
	state, err := applet.GetState(w.ctx, challenge, p.bank.instruction.Encoded)
	return applet, state, err
}

func (w *world) observeTerminal(t *merchantTerminal) (audit.Device, error) {
	challenge, err := w.challenge(t.bank, t.ID(), message.Nonce{})
	if err != nil {
		return audit.Device{}, err
	}
	reading, err := t.Read(w.ctx, challenge,
		session.Trust{InstructionKey: t.bank.instruction.Encoded, Notary: w.notaryKey.Encoded})
	if err != nil {
		return audit.Device{}, err
	}
	return audit.Observed(reading)
}

// honestDevices returns the true states of the devices that nobody has copied or set back.
func (w *world) honestDevices() (map[string]audit.Device, error) {
	all := map[string]audit.Device{}
	for _, p := range w.people {
		if p.copied {
			continue
		}
		if p.seen == nil {
			d, err := w.observe(p, 0)
			if err != nil {
				return nil, err
			}
			p.seen = &d
		}
		d := *p.seen
		d.Sent, d.LastRequest = p.sent.inOrder, p.sent.lastRequest
		all[string(p.device.ID)] = d
	}
	for _, t := range w.terminals {
		if t.setBack {
			continue
		}
		if t.seen == nil {
			d, err := w.observeTerminal(t)
			if err != nil {
				return nil, err
			}
			t.seen = &d
		}
		d := *t.seen
		d.Sent = t.sent.inOrder
		all[string(t.ID())] = d
	}
	return all, nil
}
