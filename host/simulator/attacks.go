package simulator

import (
	"errors"
	"fmt"
	"slices"

	"ekrona.example/apdu/message"
	"ekrona.example/applet/attack"
	"ekrona.example/applet/client"
	emulated "ekrona.example/emulator/card"
	hostattack "ekrona.example/host/attack"
	"ekrona.example/host/banking"
	"ekrona.example/host/envelope"
	"ekrona.example/host/notary"
)

// attack executes an attack, or a node's loss of its disk.
func (w *world) attack(s Step, p, q *person, b *bank) error {
	switch s.Kind {
	case Copy:
		return w.copyCardOf(p)
	case RollBack:
		return w.rollBack(p, q, s)
	case PayWithStolenCA:
		switch s.Pick / 3 % 4 {
		case 0:
			return w.buyWithStolenCA(w.terminals[s.Other%len(w.terminals)], b, s)
		case 1:
			return w.presentToStrangeReader(p, b, s)
		}
		return w.payWithStolenCA(p, b, s)
	case OrderWithFormerPhone:
		return w.orderWithFormerPhone(p, s)
	case SendRandomCommands:
		return w.sendRandomCommands(p, s)
	case SendJunk:
		return w.sendJunk(b, p, s)
	case Forge:
		return w.forge(p, s)
	case Mint:
		return w.mint(b, p, s)
	case Replay:
		return w.replay(p, s)
	case BackUp:
		backup, err := w.disks[string(b.name)].backup()
		b.backup = backup
		return err
	case Restore:
		return w.restore(b)
	}
	return fmt.Errorf("lab: no step is called %q", s.Kind)
}

// copyCardOf makes a copy of a person's card, keys included. From then on each tap is with one of
// them.
func (w *world) copyCardOf(p *person) error {
	if p.gone {
		return errGone
	}
	if len(p.cards) > 1 {
		return errors.New("it is copied already")
	}
	second, _, err := w.copyCard(p)
	if err != nil {
		return err
	}
	p.cards, p.copied, p.seen = append(p.cards, second), true, nil
	w.recordFault(CopiedCard)
	return nil
}

// rollBack keeps an image of a card the first time, and sets the card back to it the second time;
// mostly it is the one that has an image already. A third of the owners do both at once, so that
// the card forgets only a Request to q.
func (w *world) rollBack(p, q *person, s Step) error {
	for _, other := range w.people {
		if s.Pick%4 > 0 && other.image != "" {
			p = other
		}
	}
	if p.gone {
		return errGone
	}
	if p.image != "" {
		return w.setBack(p)
	}
	_, path, err := w.copyCard(p)
	if err != nil {
		return err
	}
	p.image = path
	if s.Pick%3 > 0 {
		return nil
	}
	request := w.ask(p, q, s)
	if err := w.setBack(p); err != nil {
		return err
	}
	if s.Pick%2 > 0 {
		s.Amount++
		return errors.Join(request, w.ask(p, q, s)) // by the same number
	}
	return request
}

func (w *world) setBack(p *person) error {
	older, err := emulated.Restore(w.cardOptions(p.name), p.image)
	if err != nil {
		return err
	}
	p.cards, p.copied, p.seen, p.image = []*emulated.Card{older}, true, nil, ""
	w.recordFault(RolledBack)
	return nil
}

// sendRandomCommands gives a card recorded commands of this card or another, unchanged or altered,
// or random bytes; and half of the time a forged Payment, or the owner a forged Refusal.
func (w *world) sendRandomCommands(p *person, s Step) error {
	if p.gone {
		return errGone
	}
	w.recordFault(HostileReader)
	w.reader(p, s.Pick) // it is powered on
	at := slot{w: w, holder: p, card: p.cards[s.Pick%len(p.cards)]}
	choice := w.randomBytes(64)
	for n := range 6 {
		c := choice[n*4:]
		var raw []byte
		switch {
		case len(w.seenCommands) == 0 || c[0] < 40:
			raw = w.randomBytes(4 + int(c[1])%64)
		default:
			raw = w.seenCommands[(int(c[1])<<8+int(c[2]))%len(w.seenCommands)]
			if c[0] < 120 {
				raw = flip(raw, int(c[2])<<8+int(c[3]))
			}
		}
		w.apdus++
		answer, err := at.send(raw)
		if err != nil {
			return err
		}
		w.note("            %d bytes to %s's card: %X", len(raw), p.name,
			answer[max(0, len(answer)-2):])
	}
	if choice[len(choice)-1]%2 == 0 {
		return nil
	}
	if s.Pick%3 == 0 {
		return w.giveForgedRefusal(p)
	}
	return w.giveForgedPayment(p, s)
}

// sendJunk gives an intermediary recorded messages, altered or not, in places where they do not
// belong.
func (w *world) sendJunk(b *bank, p *person, s Step) error {
	if len(w.sentMessages) == 0 {
		return errors.New("nothing was said yet")
	}
	w.recordFault(HostilePhone)
	var failed []error
	choice := w.randomBytes(32)
	for n := range 4 {
		c := choice[n*4:]
		m := w.sentMessages[(int(c[1])<<8+int(c[2]))%len(w.sentMessages)]
		if c[0]%2 == 0 {
			m = flip(m, int(c[2])<<8+int(c[3]))
		}
		way := hostattack.HeardMessage.Ways[c[3]%4]
		setup := &hostattack.Setup{Message: m, Device: p.device.ID}
		failed = append(failed, w.attackOn(w.services(b, "somebody"), way, setup))
	}
	return errors.Join(failed...)
}

// forge has the person's intermediary create money alone: an Instruction with a credit on which the
// notary's signature is its own.
func (w *world) forge(p *person, s Step) error {
	device, err := w.observe(p, s.Pick)
	if err != nil {
		return err
	}
	w.recordFault(OverCredit)
	b := p.bank
	setup := w.attacker(b, s, 0)
	setup.Next = message.Instruction{
		InstructionKey: message.AuthorityRef(b.instruction.Certificate.Holder),
		Notary:         message.AuthorityRef(w.notaryKey.Certificate.Holder),
		Device:         p.device.ID, Sequence: device.State.InstructionSequence + 1,
		AckedATC: device.State.ATC, Head: device.State.Head,
		Credit: 1 + s.Amount, Policy: message.PilotPolicy(), Date: w.today(),
	}
	setup.Next.Policy.Version = device.State.PolicyVersion + 1
	way := attack.OverCredit
	if s.Pick%2 == 1 {
		way = attack.OwnNotary
	}
	blow, err := way.Make(setup)
	if err != nil {
		return err
	}
	applet, err := w.inSession(p, s.Pick)
	if err != nil {
		return err
	}
	notary := blow.Authorities[len(blow.Authorities)-1]
	_, err = applet.Instruction(w.ctx, blow.Data[0], b.instruction.Encoded, notary)
	return err
}

// mint has an intermediary request a credit from the notary for one of its devices, or another's,
// without any order. It may give away its own holding: that is its own loss. The notary must refuse
// everything else.
func (w *world) mint(b *bank, p *person, s Step) error {
	if s.Pick%4 > 0 {
		b = p.bank
	}
	device := p.device.ID
	outstanding, err := w.central.For(p.bank.name).Outstanding(w.ctx, device)
	if err != nil {
		return err
	}
	state, err := w.observe(p, s.Pick)
	if err != nil {
		return err
	}
	books, err := notary.AllBalances(w.ctx, w.central)
	if err != nil {
		return err
	}
	setup := &hostattack.Setup{
		InstructionKey: b.instruction.Signer,
		Next: message.Instruction{
			InstructionKey: message.AuthorityRef(b.instruction.Certificate.Holder),
			Notary:         message.AuthorityRef(w.notaryKey.Certificate.Holder),
			Device:         device, Sequence: outstanding.NextSeq,
			AckedATC: outstanding.HeldATC, Head: outstanding.HeldHead,
			Policy: message.PilotPolicy(), Date: w.today(),
			OrderNumber: outstanding.LowestOrder, Group: outstanding.Group,
		},
		Used: state.State.InstructionSequence, ATC: state.State.ATC, Issued: books.Issued,
		Amount: 1 + s.Amount, Order: notary.OrderKey(fmt.Sprintf("mint %d", s.Number)),
	}
	setup.Next.Policy.Version = state.State.PolicyVersion
	wanted := hostattack.CreditWithoutOrder
	switch s.Pick / 8 % 8 {
	case 0: // its own holding may grow meanwhile
		wanted = hostattack.CreditOfMoreThanIssued
	case 1:
		if outstanding.NextSeq != 1 {
			wanted = hostattack.SecondInstruction
		}
	case 2:
		wanted = hostattack.ForgottenPayments
	}
	w.recordFault(ThroughNotary)
	err = w.attackOn(w.services(b, string(b.name)), wanted.Ways[0], setup)
	if err == nil && (b != p.bank || !wanted.MaySucceed()) {
		w.failure = errors.Join(w.failure, fmt.Errorf(
			"the notary has co-signed for %s what %s may not order: %s", device, b.name,
			wanted.Name,
		))
	}
	return err
}

// replay gives a card an earlier Instruction, its own or another's.
func (w *world) replay(p *person, s Step) error {
	if len(w.orders) == 0 {
		return errors.New("no Instruction was made yet")
	}
	old := w.orders[s.Pick/4%len(w.orders)]
	var own [][]byte
	for _, order := range w.orders {
		if i, err := message.Parse[message.Instruction](order); err == nil &&
			i.Device == p.device.ID {
			own = append(own, order)
		}
	}
	if s.Pick%4 > 0 && len(own) > 0 { // mostly a recent one of the card's own
		old = own[len(own)-1-min(s.Pick/4%4, len(own)-1)]
	}
	w.recordFault(OldOrders)
	setup := w.attacker(p.bank, s, 0)
	setup.Former = old
	blow, err := attack.ReplayedInstruction.Make(setup)
	if err != nil {
		return err
	}
	applet, err := w.inSession(p, s.Pick)
	if err != nil {
		return err
	}
	_, err = applet.Instruction(w.ctx, blow.Data[0], p.bank.instruction.Encoded,
		w.notaryKey.Encoded)
	return err
}

// inSession is a card that has answered a Challenge of its intermediary, without which it takes no
// Instruction: the attacker has got into its owner's synchronisation.
func (w *world) inSession(p *person, pick int) (*client.Client, error) {
	applet := client.New(w.reader(p, pick))
	fci, err := applet.Select(w.ctx)
	if err != nil {
		return nil, err
	}
	challenge, err := w.challenge(p.bank, p.device.ID, fci.Nonce)
	if err != nil {
		return nil, err
	}
	_, err = applet.GetState(w.ctx, challenge, p.bank.instruction.Encoded)
	return applet, err
}

// restore sets an intermediary's database back to its backup. The cards that were made since are
// entered again from the report of their making; one that is being made would have to be made anew,
// so no restore happens then.
func (w *world) restore(b *bank) error {
	if b.backup == nil {
		return errors.New("there is no backup")
	}
	if slices.ContainsFunc(w.pendingIssues, func(p *person) bool { return p.bank == b }) {
		return errors.New("a card is being made")
	}
	if err := w.disks[string(b.name)].restore(b.backup); err != nil {
		return err
	}
	w.recordFault(RestoreBackup)
	if err := w.startBank(b); err != nil {
		return err
	}
	for _, p := range w.people {
		if p.bank != b {
			continue
		}
		err := b.AddCustomer(w.ctx,
			banking.Customer{ID: p.name, Name: p.name, App: &p.app.PublicKey})
		if errors.Is(err, banking.ErrTaken) { // by a former phone
			err = b.ReplaceApp(w.ctx, p.name, &p.app.PublicKey)
		}
		if err = errors.Join(err, b.AddDevice(w.ctx, p.device)); err != nil {
			return fmt.Errorf("%s cannot be entered again: %w", p.name, err)
		}
		p.registeredApp = p.app
	}
	return nil
}

// challenge returns one that the notary does not know: reading a card changes nothing.
func (w *world) challenge(
	b *bank, device message.DeviceID, nonce message.Nonce,
) ([]byte, error) {
	c := &message.Challenge{InstructionKey: message.AuthorityRef(b.instruction.Certificate.Holder),
		Device: device, Nonce: nonce}
	copy(c.Random[:], w.randomBytes(len(c.Random)))
	return envelope.Sign(c, b.instruction.Signer)
}
