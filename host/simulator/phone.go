package simulator

import (
	"errors"
	"fmt"

	hostattack "ekrona.example/host/attack"
)

// changePhone keeps a copy of what is on a person's phone, or gives the person another phone: with
// that copy on it, or with nothing; with the key of the former one, or with a new key.
func (w *world) changePhone(p *person, s Step) error {
	if p.registeredApp != p.app {
		return w.register(p)
	}
	journal := p.blank
	switch s.Pick % 4 {
	case 0, 1:
		backup, err := w.disks[p.name].backup()
		p.backup = backup
		return err
	case 2:
		journal = p.backup
	}
	if p.holdsProof { // protocol §10
		return errors.New("the phone may have a proof that nobody else has")
	}
	if err := w.disks[p.name].restore(journal); err != nil {
		return err
	}
	w.recordFault(PhoneLost)
	if s.Pick/4%2 == 0 {
		return w.startPhone(p)
	}
	next, err := w.appKey()
	if err != nil {
		return err
	}
	p.former, p.app = append(p.former, p.app), next
	if err := w.startPhone(p); err != nil {
		return err
	}
	return w.register(p)
}

// register has the bank register the key of the person's phone. Until the bank confirms it, the
// bank may obey the former one.
func (w *world) register(p *person) error {
	err := callOnly(w, func() error { return p.bank.ReplaceApp(w.ctx, p.name, &p.app.PublicKey) })
	if err == nil {
		p.registeredApp = p.app
	}
	return err
}

// mustRegister has every phone's key registered now that the faults have stopped.
func (w *world) mustRegister() *Failure {
	for _, p := range w.people {
		if p.registeredApp == p.app {
			continue
		}
		if err := w.register(p); err != nil {
			return failed(agreementNumber, "a phone cannot be registered",
				fmt.Sprintf("%s's phone cannot be registered: %v", p.name, err))
		}
	}
	return nil
}

// orderWithFormerPhone has a thief order something with a phone that its owner has replaced. Once
// the bank knows the next phone it must refuse.
func (w *world) orderWithFormerPhone(p *person, s Step) error {
	if len(p.former) == 0 {
		return errors.New("there is no former phone")
	}
	w.recordFault(FormerPhone)
	way := hostattack.FormerPhone.Ways[s.Pick%2]
	err := w.attackOn(w.services(p.bank, "thief"), way, &hostattack.Setup{
		Device: p.device.ID, Amount: s.Amount, Random: w.random.of("thief"),
		FormerApp: p.former[s.Pick/2%len(p.former)],
	})
	if err == nil && p.registeredApp == p.app {
		w.failure = errors.Join(w.failure,
			fmt.Errorf("%s obeys a phone that %s has replaced", p.bank.name, p.name))
	}
	return err
}
