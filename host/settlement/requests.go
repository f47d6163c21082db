package settlement

import (
	"database/sql"

	"ekrona/apdu/message"
	"ekrona/apdu/spec"
	"ekrona/apdu/tlv"
)

// asking is a Request by the number under which its payee signed it.
type asking struct {
	payee    string
	number   uint32
	identity message.Hash
}

// oneRequest holds a card to one Request for each number, since it counts them. raw shows what it has signed under this one: when a
// Payment or Refusal that the notary holds carries another, two cards have one key, and the device is accused. Each of them can
// accept or refuse only its own: nothing else would ever end the waiting of who paid the other.
func (t *txn) oneRequest(a asking, raw []byte) (cloned bool, err error) {
	d, err := t.registered(a.payee)
	if err != nil || !d.role.CanPay() {
		return false, err
	}
	var other []byte
	for _, query := range []string{
		"SELECT bytes FROM payment WHERE payee = $1 AND request = $2 AND asked = 1",
		"SELECT bytes FROM voice WHERE payee = $1 AND request = $2 AND payment IS NULL",
	} {
		if err := each(t.ctx, t.tx, query, []any{a.payee, a.number}, func(rows *sql.Rows) error {
			var held []byte
			if err := rows.Scan(&held); err != nil {
				return err
			}
			carried, identity, err := carries(held)
			if carried != a {
				other = identity[:]
			}
			return err
		}); err != nil {
			return false, err
		}
	}
	if other == nil {
		return false, nil
	}
	return true, t.accuse(a.payee, "two requests of one number", other, raw, true)
}

// oneRequestIn is oneRequest for a Payment that the payee asked for, or a Refusal.
func (t *txn) oneRequestIn(raw []byte) error {
	carried, _, err := carries(raw)
	if err != nil {
		return err
	}
	_, err = t.oneRequest(carried, raw)
	return err
}

// carries is the Request that a Payment or a Refusal carries, and the message's own identity.
func carries(raw []byte) (carried asking, identity message.Hash, err error) {
	if tlv.NewReader(raw).At(spec.TagRefusal) {
		m, identity, err := parse[message.Refusal](raw)
		if err != nil {
			return carried, identity, err
		}
		return asking{string(m.Payee), m.Number, m.Request}, identity, nil
	}
	m, identity, err := parse[message.Payment](raw)
	if err != nil {
		return carried, identity, err
	}
	request, err := message.Identity(&m.Request)
	return asking{string(m.Request.Payee), m.Request.Number, request}, identity, err
}
