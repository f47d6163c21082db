package audit

import (
	"crypto/sha256"
	"encoding/binary"
	"strconv"
	"strings"

	"ekrona.example/apdu/money"
	"ekrona.example/host/notary"
	"ekrona.example/host/store"
)

// accountRows: each account has the kind of its name, and everybody has one who should.
func (s *rowsRun) accountRows() {
	open := map[string]bool{}
	s.each(func(row store.Row) error {
		var name, kind string
		var overdraft bool
		if err := row.Scan(&name, &kind, &overdraft); err != nil {
			return err
		}
		open[name] = true
		should, _, _ := strings.Cut(name, ":")
		s.same("account "+name, pair{"the kind", kind, should},
			pair{"that it may be below zero as", overdraft, name == "issued"})
		return nil
	}, "SELECT name, kind, overdraft FROM ledger_account")
	want := map[string]bool{"issued": true, "pool": true, "clearing": true}
	for name := range s.intermediaries {
		want["online:"+name] = true
	}
	for id, d := range s.devices {
		if d.role.CanPay() {
			want["shadow:"+id] = true
		}
	}
	for name := range want {
		if !open[name] {
			s.wrong("account "+name, "is not there")
		}
	}
	for name := range open {
		if !want[name] {
			s.wrong("account "+name, "is nobody's")
		}
	}
}

// ledgerOrder is an order with what is hashed of it.
type ledgerOrder struct {
	id      int64
	key     string
	hash    []byte
	content []byte
	last    string // account of its last entry
}

func (o *ledgerOrder) put(s string) {
	o.content = append(binary.BigEndian.AppendUint32(o.content, uint32(len(s))), s...)
}

// orderRows holds every order of the ledger against its entries, by the hash that was made of them,
// and its key against what it was made for.
func (s *rowsRun) orderRows() {
	kinds := map[string]int{}
	o := &ledgerOrder{}
	ended := func() {
		if o.key == "" {
			return
		}
		if sum := sha256.Sum256(o.content); string(sum[:]) != string(o.hash) {
			s.wrong("order "+o.key, "its entries are not those that were hashed when it was posted")
		}
		kind, of, _ := strings.Cut(o.key, ":")
		kinds[kind]++
		if !s.orderFor(o, kind, of) {
			s.wrong("order "+o.key, "its key names nothing that moves money")
		}
	}
	s.each(func(row store.Row) error {
		var next ledgerOrder
		var memo, reverses, at, account string
		var line int64
		var amount money.Ore
		if err := row.Scan(&next.id, &next.key, &next.hash, &memo, &reverses, &at, &line, &account,
			&amount); err != nil {
			return err
		}
		if next.id != o.id {
			ended()
			o = &next
			o.put(memo)
			s.moments("order "+o.key, at)
			if reverses != "" {
				s.wrong("order "+o.key, "reverses %s: the central bank reverses none", reverses)
			}
		}
		o.put(account)
		o.last = account
		o.content = binary.BigEndian.AppendUint64(o.content, uint64(amount))
		return nil
	}, `SELECT o.id, o.key, o.hash, o.memo, `+text("o.reverses")+`, o.at, e.line, e.account,
		e.amount FROM ledger_order o JOIN ledger_entry e ON e.order_id = o.id
		ORDER BY o.id, e.line`)
	ended()
	s.each(func(row store.Row) error {
		var id int64
		err := row.Scan(&id)
		s.wrong("order "+strconv.FormatInt(id, 10), "has entries, and its row is gone")
		return err
	}, `SELECT DISTINCT e.order_id FROM ledger_entry e WHERE NOT EXISTS
		(SELECT 1 FROM ledger_order o WHERE o.id = e.order_id)`)
	for kind, of := range map[string]notary.EntryKind{"load": notary.Loaded,
		"release": notary.Released, "refund": notary.RefundPaid, "lend": notary.PoolLent} {
		s.same("orders to "+kind, pair{"so many as", kinds[kind], s.entryKinds[of]})
	}
}

// orderFor reports whether what an order was made for is there.
func (s *rowsRun) orderFor(o *ledgerOrder, kind, of string) bool {
	name, number, numbered := cutLast(of)
	device := s.devices[name]
	switch kind {
	case "settle", "lend":
		return s.final[of]
	case "refund":
		return s.refunds[of]
	case "netting": // which part of it, nothing else tells
		n, err := strconv.ParseInt(name, 10, 64)
		return err == nil && numbered && number > 0 && s.nettings[n]
	case "issue": // of what went to the pool nothing else tells
		to, told := s.issued[notary.OrderKey(of)]
		return told && o.last == "online:"+to || !told && o.last == "pool"
	case "load", "release":
		_, loaded := s.credits[numberedRow{name, uint32(number)}]
		return loaded
	case "sweep":
		if device != nil && numbered {
			device.orders.sweeps++
			return number <= int64(device.sweeps)
		}
	case "repay":
		if device != nil && numbered {
			device.orders.repayments++
			return number <= int64(device.repayments)
		}
	}
	return false
}

// cutLast cuts the number off that follows the last colon, where there is one.
func cutLast(s string) (before string, number int64, numbered bool) {
	i := strings.LastIndexByte(s, ':')
	if i < 0 {
		return s, 0, false
	}
	number, err := strconv.ParseInt(s[i+1:], 10, 64)
	return s[:i], number, err == nil
}
