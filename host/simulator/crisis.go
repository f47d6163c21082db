package simulator

import (
	"errors"
	"fmt"
	"time"

	"ekrona.example/apdu/message"
	"ekrona.example/apdu/money"
	"ekrona.example/apdu/spec"
	"ekrona.example/applet/client"
	"ekrona.example/host/clock"
	"ekrona.example/host/crisis"
	"ekrona.example/host/notary"
	"ekrona.example/personalization/pki"
)

// crisisDays is how long the first crisis key is good for; each next one ends a day later at least.
const crisisDays = 400

// wrongClock is the clock of a terminal, which may be wrong.
type wrongClock struct {
	true clock.Clock
	off  *time.Duration
}

// Now implements clock.Clock.
func (c wrongClock) Now() time.Time { return c.true.Now().Add(*c.off) }

// crisisKey returns the newest crisis key, the first time a new one.
func (w *world) crisisKey() (pki.Identity, error) {
	if len(w.crisisKeys) == 0 {
		return w.nextCrisisKey()
	}
	return w.crisisKeys[len(w.crisisKeys)-1], nil
}

// nextCrisisKey has the root certify another crisis key.
func (w *world) nextCrisisKey() (pki.Identity, error) {
	n := len(w.crisisKeys) + 1
	made, err := w.identity(fmt.Sprintf("SECRISIS%05d", n), spec.RoleCrisisKey, crisisDays+n,
		&w.root)
	if err == nil {
		w.crisisKeys = append(w.crisisKeys, made)
	}
	return made, err
}

// crisisRows draws rows with caps that a card soon reaches; none ends a crisis.
func crisisRows(s Step) []message.CrisisRow {
	if s.Pick%4 == 0 {
		return nil
	}
	row := func(salt int) message.CrisisRow {
		n := s.Pick/16 + salt
		return message.CrisisRow{MaxBalance: money.Ore(1 + n%8_000_00),
			MaxTransactions: uint16(1 + n%120), MaxPayment: money.Ore(1 + n%5_000_00),
			MaxSpent: money.Ore(1 + n%9_000_00), MaxReceipts: uint16(1 + n%40),
			MaxReceived: money.Ore(1 + n%50_000_00)}
	}
	rows := []message.CrisisRow{row(0)}
	if s.Pick%8 > 4 {
		one := row(7919)
		one.Name = bankNames[s.Pick/8%len(bankNames)]
		group := row(104729)
		group.Group = uint8(1 + s.Pick/32%2)
		rows = append(rows, one, group)
	}
	return rows
}

// orderCrisis has the central bank order a crisis or its end, now and then by a new crisis key.
func (w *world) orderCrisis(s Step) error {
	key, err := w.crisisKey()
	if err == nil && s.Pick%7 == 0 {
		key, err = w.nextCrisisKey()
	}
	if err != nil {
		return err
	}
	from := w.today().AddDays(s.Pick / 4 % 3)
	carried, err := notary.IssueCrisis(w.ctx, w.central, key.Signer, notary.CrisisDraft{
		CrisisKey: key.Encoded, From: from, Until: from.AddDays(s.Pick / 64 % 25),
		Rows: crisisRows(s)}, "the simulator")
	if err == nil {
		w.crises = append(w.crises, carried)
	}
	return err
}

// rob has thieves of both keys sign an order with the highest number and all that a card's ceilings
// allow, or nothing, and give it to some terminals.
func (w *world) rob(s Step) error {
	key, err := w.crisisKey()
	if err != nil {
		return err
	}
	order := &message.CrisisOrder{CrisisKey: message.AuthorityRef(key.Certificate.Holder),
		Notary: message.AuthorityRef(w.notaryKey.Certificate.Holder), Number: 1<<32 - 1,
		From: w.today(), Until: w.today().AddDays(300)}
	if s.Pick%2 == 0 {
		order.Number = 1 + uint32(len(w.crises)) + uint32(s.Pick%5)
		order.Rows = []message.CrisisRow{notary.DefaultCrisisMost()}
	}
	if err := errors.Join(message.SignAs(order, message.ByCrisisKey, key.Signer),
		message.SignAs(order, message.ByNotary, w.notaryKey.Signer)); err != nil {
		return err
	}
	encoded, err := message.Encode(order)
	if err != nil {
		return err
	}
	w.recordFault(StolenCrisis)
	w.robbed = true
	stolen := crisis.Carried{Order: encoded, CrisisKey: key.Encoded, Notary: w.notaryKey.Encoded}
	w.crises = append(w.crises, stolen)
	for n, t := range w.terminals {
		if s.Pick>>n&1 == 0 {
			w.noteError(t.TakeCrisis(w.ctx, stolen))
			t.seen = nil
		}
	}
	return nil
}

// passCrisis gives an order that was ever signed, also late, again, altered, or by thieves, to a
// card, a phone or a terminal; or a new crisis key alone, without any order.
func (w *world) passCrisis(p *person, t *merchantTerminal, s Step) error {
	c, err := w.anyCrisis(s)
	if err != nil {
		return err
	}
	switch s.Pick / 8 % 3 {
	case 0:
		w.plan.busy[t.merchant] = true
		t.seen = nil
		return t.TakeCrisis(w.ctx, c)
	case 1:
		return p.phone.TakeCrisis(w.ctx, c)
	}
	applet := client.New(w.reader(p, s.Pick))
	if _, err := applet.Select(w.ctx); err != nil {
		return err
	}
	if err := applet.VerifyCertificate(w.ctx, c.CrisisKey); err != nil || len(c.Order) == 0 {
		return err
	}
	return applet.CrisisOrder(w.ctx, c.Order, c.CrisisKey, c.Notary)
}

// anyCrisis returns what is passed on, and counts the faults of it.
func (w *world) anyCrisis(s Step) (crisis.Carried, error) {
	if len(w.crisisKeys) > 0 && s.Pick%16 == 0 {
		key, err := w.nextCrisisKey()
		w.recordFault(CrisisKeyAlone)
		return crisis.Carried{CrisisKey: key.Encoded}, err
	}
	if len(w.crises) == 0 {
		return crisis.Carried{}, errors.New("no crisis order was ever signed")
	}
	at := len(w.crises) - 1
	if s.Pick%8 > 3 {
		at = s.Pick / 32 % len(w.crises)
	}
	c := w.crises[at]
	order, err := message.Parse[message.CrisisOrder](c.Order)
	if err != nil {
		return c, err
	}
	switch {
	case s.Pick%16 == 1:
		w.recordFault(CrisisForged)
		c.Order = flip(c.Order, s.Pick)
	case w.today().After(order.Until):
		w.recordFault(CrisisOver)
	case at < len(w.crises)-1:
		w.recordFault(CrisisReordered)
	}
	return c, nil
}

// setClock sets a terminal's clock wrong, or right again.
func (w *world) setClock(t *merchantTerminal, s Step) error {
	*t.off = 0
	if s.Pick%3 > 0 {
		*t.off = time.Duration(s.Pick%80-40) * 24 * time.Hour
		w.recordFault(WrongClock)
	}
	return nil
}

// crisisStep plays the steps about crisis orders.
func (w *world) crisisStep(s Step, p *person, t *merchantTerminal) error {
	switch s.Kind {
	case OrderCrisis:
		return w.orderCrisis(s)
	case RobCrisis:
		return w.rob(s)
	case PassCrisis:
		return w.passCrisis(p, t, s)
	case SetClock:
		return w.setClock(t, s)
	default:
		return p.bank.SetGroup(w.ctx, p.device.ID, uint8(s.Pick%3))
	}
}

// cure ends what has been wrong with crisis orders: clocks go right, and after a theft the root
// certifies another crisis key, whose order the notary signs.
func (w *world) cure() error {
	for _, t := range w.terminals {
		*t.off = 0
	}
	if !w.robbed {
		return nil
	}
	key, err := w.nextCrisisKey()
	if err != nil {
		return err
	}
	_, err = notary.IssueCrisis(w.ctx, w.central, key.Signer, notary.CrisisDraft{
		CrisisKey: key.Encoded, From: w.today(), Until: w.today().AddDays(1)}, "the cure")
	return err
}
