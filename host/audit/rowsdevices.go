package audit

import (
	"bytes"
	"crypto/ecdsa"
	"slices"
	"strings"

	"ekrona.example/apdu/cvc"
	"ekrona.example/apdu/message"
	"ekrona.example/apdu/money"
	"ekrona.example/apdu/signature"
	"ekrona.example/apdu/spec"
	"ekrona.example/host/notary"
	"ekrona.example/host/store"
)

// deviceRow is what the row of a device says, and what the other rows say of it.
type deviceRow struct {
	id                          string
	intermediary, owner         string
	role                        spec.Role
	key                         *ecdsa.PublicKey
	status                      notary.Status
	registered, reported, ended string
	synced, lentSince, why      string
	held                        uint32
	head                        []byte
	holdingDebt, poolDebt, lent money.Ore
	sweeps, repayments          int
	order                       []byte
	revoked                     string // moment of its row on the revocation list
	cloned                      bool   // by the evidence
	owes                        debts
	orders                      ordersOf
	shown                       bool     // it has brought a State or a Confirmation
	known                       bool     // as payee of a Payment before the one looked at
	chain                       chain    // of its records
	ordersShown                 [][]byte // crisis orders held, as its States say
}

// debts are what others paid for a device, and what its end has paid back.
type debts struct{ holding, pool, borrowed money.Ore }

// ordersOf counts the ledger's orders that are numbered for a device.
type ordersOf struct{ sweeps, repayments int }

func (s *rowsRun) deviceRows() {
	s.devices = map[string]*deviceRow{}
	s.each(func(row store.Row) error {
		d := &deviceRow{}
		var point, raw, ceilings []byte
		var expires string
		var slots uint8
		if err := row.Scan(&d.id, &d.intermediary, &d.role, &point, &raw, &expires, &d.owner,
			&ceilings, &slots, &d.registered, &d.status, &d.reported, &d.ended, &d.why, &d.held,
			&d.head, &d.synced, &d.holdingDebt, &d.poolDebt, &d.sweeps, &d.order, &d.lent,
			&d.lentSince, &d.repayments); err != nil {
			return err
		}
		s.device(d, point, raw, expires, ceilings, slots)
		return nil
	}, "SELECT id, intermediary, role, public_key, certificate, expires, owner, ceilings, slots, "+
		"registered_at, status, "+text("reported_at")+", "+text("ended_at")+", "+text("ended_why")+
		", held_atc, held_head, "+text("synced_at")+", holding_debt, pool_debt, sweeps, "+
		"order_held, lent, "+text("lent_since")+", repayments FROM device")
}

// device holds the row of a device against its certificate, and the columns against each other.
func (s *rowsRun) device(
	d *deviceRow, point, raw []byte, expires string, ceilings []byte, slots uint8,
) {
	d.id, d.intermediary = s.names.of(d.id), s.names.of(d.intermediary)
	s.devices[d.id] = d
	s.joinedAs(d.id, d.intermediary)
	var err error
	if d.key, err = signature.ParsePoint(point); err != nil {
		s.wrong(d.id, "its row has a key that is none: %v", err)
	}
	s.deviceCertificate(d, raw, expires)
	switch policy, err := message.ParsePolicy(ceilings); {
	case !d.role.CanPay():
		s.same(d.id, pair{"ceilings, in bytes,", len(ceilings), 0}, pair{"slots", slots, uint8(0)})
	case err != nil:
		s.wrong(d.id, "its row has ceilings that are none: %v", err)
	default:
		if err := message.CheckSlots(slots, policy); err != nil {
			s.wrong(d.id, "its row: %v", err)
		}
	}
	s.moments(d.id, d.registered, d.reported, d.ended, d.synced, d.lentSince)
	s.same(d.id, pair{"whether it was reported", d.reported != "" && d.status != notary.Ended,
		d.status == notary.Reported},
		pair{"whether it has ended", d.ended != "", d.status == notary.Ended},
		pair{"whether there is a reason for its end", d.why != "", d.status == notary.Ended},
		pair{"whether the pool has lent it anything", d.lentSince != "", d.lent > 0})
}

func (s *rowsRun) deviceCertificate(d *deviceRow, raw []byte, expires string) {
	c := s.ofDevice(d.id, raw)
	if c == nil {
		return
	}
	s.same(d.id, pair{"the name", d.id, string(c.Holder)}, pair{"the role", d.role, c.Role},
		pair{"the intermediary", d.intermediary, string(c.Device().Name())},
		pair{"the last day", expires, c.Expiry.String()})
	if d.key != nil && !d.key.Equal(c.PublicKey) {
		s.wrong(d.id, "its row has another key than its certificate")
	}
}

// ofDevice reads the certificate of a device, and reports where its CA has not certified it; nil
// when it cannot be read.
func (s *rowsRun) ofDevice(where string, raw []byte) *cvc.Certificate {
	c, err := cvc.Parse(raw)
	if err != nil {
		s.wrong(where, "its certificate cannot be read: %v", err)
		return nil
	}
	ca := s.authorities[string(c.Authority)]
	if ca == nil || ca.Role != spec.RoleIntermediary {
		s.wrong(where, "its certificate is by the CA %s, and there is no row of it", c.Authority)
	} else if err := c.VerifyBy(ca); err != nil {
		s.wrong(where, "its certificate: %v", err)
	}
	return c
}

// registered returns the row of the device that another row names, and reports where there is none.
func (s *rowsRun) registered(where, id string) *deviceRow {
	d := s.devices[id]
	if d == nil {
		s.wrong(where, "its row names the device %q, which is not registered", id)
	}
	return d
}

func (s *rowsRun) revocationRows() {
	s.each(func(row store.Row) error {
		var id, at string
		if err := row.Scan(&id, &at); err != nil {
			return err
		}
		s.moments("revocation of "+id, at)
		if d := s.registered("revocation of "+id, id); d != nil {
			d.revoked = at
		}
		return nil
	}, "SELECT device, at FROM revocation")
	for id, d := range s.devices {
		since := d.reported
		if since == "" {
			since = d.ended
		}
		s.same(id, pair{"when it was put on the revocation list as", d.revoked, since})
	}
}

// twoDecisions is the one kind of evidence that a single device can give: it ends nobody.
const twoDecisions = "two decisions on one request"

func (s *rowsRun) evidenceRows() {
	s.each(func(row store.Row) error {
		var id, kind, at string
		var clone bool
		var first, second []byte
		if err := row.Scan(&id, &kind, &clone, &first, &second, &at); err != nil {
			return err
		}
		where := "evidence against " + id
		s.moments(where, at)
		s.same(where, pair{"whether it proves a clone", clone, kind != twoDecisions})
		d := s.registered(where, id)
		if d == nil {
			return nil
		}
		d.cloned = d.cloned || clone
		if clone && d.status != notary.Ended {
			s.wrong(where, "proves a clone, and the device has not ended")
		}
		if !contradicts(d, second) {
			s.wrong(where, "keeps no message that the device has signed")
		}
		return nil
	}, "SELECT device, kind, clone, first, second, at FROM evidence")
	for id, d := range s.devices {
		if strings.HasPrefix(d.why, "cloned: ") && !d.cloned {
			s.wrong(id, "has ended as %q, and there is no evidence of it", d.why)
		}
	}
}

// contradicts reports whether bytes are a message that the device has signed.
func contradicts(d *deviceRow, raw []byte) bool {
	signed := func(by message.DeviceID, m message.Message) bool {
		return string(by) == d.id && signedByAny(m, []*ecdsa.PublicKey{d.key})
	}
	if m, by, err := message.ParseSigned(raw); err == nil {
		p, isPayment := m.(*message.Payment) // it may be about the Request inside
		return signed(by, m) || isPayment && signed(p.Request.Payee, &p.Request)
	}
	if m, err := message.Parse[message.State](raw); err == nil {
		return signed(m.Device, m)
	}
	m, err := message.Parse[message.Confirmation](raw)
	return err == nil && signed(m.Device, m)
}

// recordRows holds every record against the message of that number, and follows each device's
// chain: the row of the device says how far it is held whole, and its head there. An accept record
// is whole with its Payment; what comes after one that is not, or after a gap, has no head.
func (s *rowsRun) recordRows() {
	for id, d := range s.devices {
		if d.key != nil {
			d.chain.head, _ = message.FirstHead(message.DeviceID(id), d.key)
		}
	}
	s.each(func(row store.Row) error {
		var id string
		var seq uint32
		var identity, head []byte
		var said, whole bool
		if err := row.Scan(&id, &seq, &identity, &head, &said, &whole); err != nil {
			return err
		}
		where := numbered("record ", id, seq)
		if !said {
			s.wrong(where, "has an identity that no message of this number has")
		}
		d := s.registered(where, id)
		if d == nil || len(identity) != len(d.chain.head) {
			return nil
		}
		c := &d.chain
		var should []byte
		if seq == c.atc+1 && whole {
			c.atc, c.head = seq, message.NextHead(c.head, message.Hash(identity))
			should = c.head[:]
		}
		if !bytes.Equal(head, should) {
			s.wrong(where, "its row has another head than the chain up to it")
		}
		return nil
	}, `SELECT r.device, r.seq, r.identity, r.head, p.n IS NOT NULL OR v.n IS NOT NULL,
		p.n IS NOT NULL OR v.n IS NOT NULL AND (v.payment IS NULL OR EXISTS (SELECT 1 FROM payment a
			WHERE a.payee = v.payee AND a.request = v.request AND a.identity = v.payment))
		FROM record r LEFT JOIN payment p ON p.payer = r.device AND p.atc = r.seq
			AND p.signature = 0 AND p.identity = r.identity
		LEFT JOIN payee_answer v ON v.payee = r.device AND v.seq = r.seq
			AND v.identity = r.identity ORDER BY r.device, r.seq`)
	for id, d := range s.devices {
		s.same(id, pair{"all records up to", d.held, d.chain.atc})
		if !bytes.Equal(d.head, d.chain.head[:]) {
			s.wrong(id, "its row has another head than its records up to %d", d.chain.atc)
		}
	}
}

// chain is that of a device's records, as far as they are held whole.
type chain struct {
	atc  uint32
	head message.Hash
}

// eachDevice holds what the rows of devices say against what all other rows have said of them.
func (s *rowsRun) eachDevice() {
	for id, d := range s.devices {
		pool := d.owes.pool
		if d.status == notary.Ended {
			pool += d.owes.borrowed
		}
		s.same(id, pair{"the debt to its holding", d.holdingDebt, d.owes.holding},
			pair{"the debt to the pool", d.poolDebt, pool},
			pair{"sweeps", d.sweeps, d.orders.sweeps},
			pair{"whether it was seen", d.synced != "", d.shown})
		// one that ends and has nothing to repay with is counted, and moves nothing
		if more := d.repayments - d.orders.repayments; more != 0 &&
			(more != 1 || d.status != notary.Ended) {
			s.wrong(id, "its row has %d repayments to the pool, the ledger %d", d.repayments,
				d.orders.repayments)
		}
		if held := slices.ContainsFunc(d.ordersShown,
			func(o []byte) bool { return bytes.Equal(o, d.order) }); held !=
			(len(d.ordersShown) > 0) || !held && d.order != nil {
			s.wrong(id, "its row has a crisis order that none of its States has shown")
		}
	}
}
