package simulator

import "ekrona.example/apdu/message"

// loseCard takes a person's card away for ever, and whatever only the card knows. Half of the
// owners report it at once, the others when the faults have stopped. The last state of the card is
// still audited: the actions of others must not make it wrong.
func (w *world) loseCard(p *person, s Step) error {
	if p.slot != nil {
		p.slot.gone = true
	}
	if !p.gone {
		p.gone = true
		w.recordFault(GoneCard)
	}
	if s.Pick%2 == 0 {
		return nil
	}
	w.recordFault(LostCard)
	return callOnly(w, func() error { return p.bank.ReportLost(w.ctx, p.device.ID) })
}

// endLost has the intermediaries end the cards that are gone and the terminals that were set back:
// nothing else decides the payments to them.
func (w *world) endLost() error {
	type lost struct {
		bank *bank
		id   message.DeviceID
	}
	var all []lost
	for _, p := range w.people {
		if p.gone && !w.hasEnded(string(p.device.ID)) {
			all = append(all, lost{p.bank, p.device.ID})
		}
	}
	for _, t := range w.terminals {
		if t.setBack && !w.hasEnded(string(t.ID())) {
			all = append(all, lost{t.bank, t.ID()})
		}
	}
	for _, l := range all {
		if err := l.bank.ReportLost(w.ctx, l.id); err != nil {
			return err
		}
	}
	if len(all) > 0 {
		w.clock.At = w.clock.At.Add(honour)
	}
	for _, l := range all {
		w.note("      %s is ended", l.id)
		if err := l.bank.End(w.ctx, l.id); err != nil {
			return err
		}
	}
	return nil
}
