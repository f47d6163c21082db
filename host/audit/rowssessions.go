package audit

import (
	"bytes"

	"ekrona.example/apdu/message"
	"ekrona.example/apdu/money"
	"ekrona.example/apdu/spec"
	"ekrona.example/host/notary"
	"ekrona.example/host/store"
)

// challengeRow is an opened Challenge.
type challengeRow struct {
	identity message.Hash
	device   string
}

// shownInstruction is what a State or a Confirmation says of the last Instruction of its device.
type shownInstruction struct {
	identity message.Hash
	credit   spec.CreditVerdict
	atc      uint32
}

func (s *rowsRun) challengeRows() {
	s.challenges = map[int64]challengeRow{}
	s.each(func(row store.Row) error {
		var n int64
		var identity, nonce, random []byte
		var id, key, at string
		if err := row.Scan(&n, &identity, &id, &key, &nonce, &random, &at); err != nil {
			return err
		}
		where := "a challenge for " + id
		s.registered(where, id)
		s.moments(where, at)
		c := s.authorities[key]
		if c == nil || c.Role != spec.RoleInstructionKey {
			s.wrong(where, "its row names the instruction key %q, and there is no row of it", key)
		}
		m := &message.Challenge{InstructionKey: message.AuthorityRef(key),
			Device: message.DeviceID(id)}
		if copy(m.Nonce[:], nonce) != len(nonce) || copy(m.Random[:], random) != len(random) {
			s.wrong(where, "its row has a nonce or a number that is too long")
		}
		s.identity(where, identity, m)
		if h, err := hashOf(identity); err == nil {
			s.challenges[n] = challengeRow{h, s.names.of(id)}
		}
		return nil
	}, "SELECT n, identity, device, instruction_key, nonce, random, opened_at FROM challenge")
}

// signedByDevice reads what a device's row is named by, and its message's identity and signature.
func (s *rowsRun) signedByDevice(where, id string, identity []byte, m message.Message) *deviceRow {
	s.identity(where, identity, m)
	d := s.registered(where, id)
	if d != nil && d.key != nil && message.VerifyAs(m, 0, d.key) != nil {
		s.wrong(where, "is not signed by the device's key")
	}
	return d
}

func (s *rowsRun) stateRows() {
	s.shown = map[numberedRow][]shownInstruction{}
	s.each(func(row store.Row) error {
		var identity, raw []byte
		var id, at string
		var challenge int64
		if err := row.Scan(&identity, &raw, &id, &challenge, &at); err != nil {
			return err
		}
		where := "a state of " + id
		m, err := message.Parse[message.State](raw)
		if err != nil {
			s.wrong(where, "cannot be read: %v", err)
			return nil
		}
		s.moments(where, at)
		s.same(where, pair{"the device", id, string(m.Device)})
		if c, opened := s.challenges[challenge]; !opened || c.identity != m.Challenge ||
			c.device != id {
			s.wrong(where, "its row names a Challenge that it does not answer")
		}
		if d := s.signedByDevice(where, id, identity, m); d != nil {
			d.shown = true
			d.ordersShown = append(d.ordersShown, m.OrderHeld[:])
			of := numberedRow{d.id, m.InstructionSequence}
			s.shown[of] = append(s.shown[of],
				shownInstruction{m.LastInstruction, m.Credit, m.ATC})
		}
		return nil
	}, "SELECT identity, bytes, device, challenge, seen_at FROM state")
}

func (s *rowsRun) confirmationRows() {
	s.each(func(row store.Row) error {
		var identity, raw []byte
		var id, at string
		var seq uint32
		if err := row.Scan(&identity, &raw, &id, &seq, &at); err != nil {
			return err
		}
		where := numbered("confirmation ", id, seq)
		m, err := message.Parse[message.Confirmation](raw)
		if err != nil {
			s.wrong(where, "cannot be read: %v", err)
			return nil
		}
		s.moments(where, at)
		s.same(where, pair{"the device", id, string(m.Device)}, pair{"the number", seq, m.Sequence})
		if d := s.signedByDevice(where, id, identity, m); d != nil {
			d.shown = true
			of := numberedRow{d.id, m.Sequence}
			s.shown[of] = append(s.shown[of], shownInstruction{m.Instruction, m.Credit, m.ATC})
		}
		return nil
	}, "SELECT identity, bytes, device, seq, seen_at FROM confirmation")
}

// outcomes of an Instruction, as its row has them.
const (
	outcomeOpen = iota
	outcomeApplied
	outcomeTaken
	outcomeUntaken
)

// instructionRow is what the row of an Instruction says beside its message.
type instructionRow struct {
	numberedRow
	identity, policy   []byte
	intermediary, date string
	order              notary.OrderKey
	credit             money.Ore
	acked, lowest      uint32
	group              uint8
	outcome            int
	appliedATC         *uint32
}

func (s *rowsRun) instructionRows() {
	s.instructions = map[numberedRow]bool{}
	var before *instructionRow
	s.each(func(row store.Row) error {
		i := &instructionRow{}
		var raw []byte
		var at string
		if err := row.Scan(&i.device, &i.number, &i.identity, &raw, &i.intermediary, &i.order,
			&i.credit, &i.acked, &i.policy, &i.date, &at, &i.outcome, &i.lowest, &i.group,
			&i.appliedATC); err != nil {
			return err
		}
		i.device = s.names.of(i.device)
		s.instructions[i.numberedRow] = true
		where := instructionName(i.device, i.number)
		s.moments(where, at)
		next := uint32(1)
		if before != nil && before.device == i.device {
			next = before.number + 1
			if before.outcome == outcomeOpen {
				s.wrong(where, "follows one that the device is not known to have applied")
			}
		}
		s.same(where, pair{"the number", i.number, next})
		before = i
		m, err := message.Parse[message.Instruction](raw)
		if err != nil {
			s.wrong(where, "cannot be read: %v", err)
			return nil
		}
		s.instruction(where, i, m)
		s.outcome(where, i)
		return nil
	}, `SELECT device, seq, identity, bytes, intermediary, order_key, credit, acked_atc, policy,
		date, signed_at, outcome, lowest_order, card_group, applied_atc FROM instruction
		ORDER BY device, seq`)
	for of := range s.shown {
		if of.number > 0 && !s.instructions[of] {
			s.wrong(instructionName(of.device, of.number), "was shown by its device, and is gone")
		}
	}
	for of := range s.credits {
		if !s.instructions[of] {
			s.wrong(instructionName(of.device, of.number), "had a credit loaded, and is gone")
		}
	}
}

// instruction holds a row against its message, its order and who signed it.
func (s *rowsRun) instruction(where string, i *instructionRow, m *message.Instruction) {
	policy, err := m.Policy.Bytes()
	if err != nil || !bytes.Equal(policy, i.policy) {
		s.wrong(where, "its row has another policy than its message")
	}
	s.identity(where, i.identity, m)
	s.same(where, pair{"the device", i.device, string(m.Device)},
		pair{"the intermediary", i.intermediary, string(m.InstructionKey.Name())},
		pair{"the credit", i.credit, m.Credit}, pair{"records up to", i.acked, m.AckedATC},
		pair{"the date", i.date, m.Date.String()},
		pair{"the lowest crisis order", i.lowest, m.OrderNumber},
		pair{"the group", i.group, m.Group})
	s.byNotary(where, m.Notary)
	loaded, has := s.credits[i.numberedRow]
	if has != (m.Credit > 0) || has && loaded != i.order {
		s.wrong(where, "its row has the order %q and a credit of %s, the entry that loaded it "+
			"has %q", i.order, m.Credit, loaded)
	}
	if d := s.registered(where, i.device); d != nil && d.intermediary != i.intermediary {
		s.wrong(where, "is by %s, the device is of %s", i.intermediary, d.intermediary)
	}
}

// outcome holds what is known of an Instruction against what its device has shown. A device that
// has contradicted itself was not taken at its word.
func (s *rowsRun) outcome(where string, i *instructionRow) {
	d := s.devices[i.device]
	cloned := d != nil && d.cloned
	shown := s.shown[i.numberedRow]
	if i.appliedATC == nil {
		s.same(where, pair{"the outcome", i.outcome, outcomeOpen})
		if len(shown) > 0 && !cloned {
			s.wrong(where, "its row says that nobody knows of it, and its device has shown it")
		}
		return
	}
	found := false
	for _, by := range shown {
		should := map[spec.CreditVerdict]int{spec.CreditNone: outcomeApplied,
			spec.CreditTaken: outcomeTaken, spec.CreditNotTaken: outcomeUntaken}[by.credit]
		if i.outcome != should && !cloned {
			s.wrong(where, "its row has the outcome %d, its device has shown %d", i.outcome, should)
		}
		found = found || i.outcome == should && by.atc == *i.appliedATC &&
			string(by.identity[:]) == string(i.identity)
	}
	if !found {
		s.wrong(where, "its row says that it was applied at record %d, and no State or "+
			"Confirmation of its device does", *i.appliedATC)
	}
}
