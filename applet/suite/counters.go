package suite

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"

	"ekrona.example/apdu/message"
	"ekrona.example/apdu/spec"
	"ekrona.example/applet/attack"
)

// atEnd is an active card one of whose counters is at its end, or has just passed it.
func (c *caseRun) atEnd(condition attack.Condition) *subject {
	if condition == attack.LastDay {
		c.certifiedUntil = lastDay
		c.world = c.newCardScheme()
	}
	s := c.loaded(10000)
	merchant := c.device(s.bank, spec.RoleTerminal)
	pay := func() { s.pay(merchant, c.request(merchant, 100, "")) }
	pay()
	s.instruct(func(i *message.Instruction) {
		i.Policy.Version++
		switch condition {
		case attack.LastDay:
			i.Date = lastDay
		case attack.SpentAcross:
			i.Policy.MaxSpent = 300
		}
	})
	switch condition {
	case attack.LastRecord:
		s.setRecords(math.MaxUint32 - math.MaxUint16 - 2)
		pay()
		s.enterPIN()
		s.ask(100, "")
		pay()
	case attack.LastRequest:
		s.setRequests(math.MaxUint32 - 1)
		s.enterPIN()
		s.refuse(s.ask(100, ""))
	case attack.LastInstruction:
		s.setInstructions(math.MaxUint32 - 1)
		s.instruct()
	case attack.SpentAcross:
		s.setTotals(math.MaxUint32-150, 0, 0)
		for range 3 {
			pay()
		}
	case attack.CountedAcross:
		s.setTotals(0, 0, math.MaxUint16-1)
		for len(s.model.stored()) < int(s.model.policy.MaxTransactions) {
			pay()
		}
	}
	return s
}

// setRecords sets the number of the last record, where every record is acknowledged.
func (s *subject) setRecords(last uint32) {
	b := s.model
	head := b.head(b.acked)
	s.set(append(numbers(b.atc(), b.acked), head[:]...), append(numbers(last, last), head[:]...))
	b.before, b.acked = last-uint32(len(b.records)), last
}

// setRequests sets the number of the last Request.
func (s *subject) setRequests(last uint32) {
	floor, err := s.model.date.Bytes()
	s.c.must(err)
	s.set(append(numbers(s.model.counter), floor...), append(numbers(last), floor...))
	s.model.counter = last
}

// setInstructions sets the number of the last Instruction.
func (s *subject) setInstructions(last uint32) {
	behind := append([]byte{byte(s.model.credit)}, s.c.policy(s.model.policy)...)
	s.set(append(numbers(s.model.sequence), behind...), append(numbers(last), behind...))
	s.model.sequence = last
}

// setTotals sets the running totals, where every record is acknowledged: what was paid, received,
// and how often.
func (s *subject) setTotals(paid, received uint32, transactions uint16) {
	var totals [2]uint32
	var often uint16
	for _, r := range s.model.records {
		if r.Payment != nil {
			often++
			total := &totals[0]
			if r.Receipt != nil {
				total = &totals[1]
			}
			*total += uint32(r.Payment.Request.Amount)
		}
	}
	was := binary.BigEndian.AppendUint16(numbers(totals[0], totals[1]), often)
	is := binary.BigEndian.AppendUint16(numbers(paid, received), transactions)
	s.set(bytes.Repeat(was, 2), bytes.Repeat(is, 2)) // now, and at the last acknowledgement
}

// set writes the card's memory.
func (s *subject) set(was, is []byte) {
	s.c.Helper()
	memory, can := s.c.target.(MemorySetter)
	if !can {
		s.c.must(errors.New(noSetting))
	}
	s.c.must(memory.Set(was, is))
}

// noSetting is why no other target is brought into some conditions.
const noSetting = "nobody writes the memory of a card in a reader, and to count so far takes years"

// numbers are numbers as the card has them.
func numbers(of ...uint32) []byte {
	var b []byte
	for _, n := range of {
		b = binary.BigEndian.AppendUint32(b, n)
	}
	return b
}
