package settlement

import (
	"context"
	"crypto/ecdsa"
	"crypto/sha256"
	"runtime"
	"sync"
	"sync/atomic"

	"ekrona.example/apdu/cvc"
	"ekrona.example/apdu/message"
	"ekrona.example/apdu/signature"
	"ekrona.example/apdu/spec"
	"ekrona.example/apdu/tlv"
	"ekrona.example/host/notary"
	"ekrona.example/host/store"
)

// fact is one submitted item, read before any transaction: what it says, and whose keys signed it.
// It decides nothing.
type fact struct {
	certificate []byte

	payment   *message.Payment
	identity  message.Hash // of payment
	asked     message.Hash // of the Request in it
	encoded   []byte       // payment
	receipt   *message.Receipt
	refusal   *message.Refusal
	answer    message.Hash // identity of receipt or refusal
	answerRaw []byte

	bodies bodies
	proofs []proof

	// the notary's answer
	about   paymentKey // the payment that it concerns
	doubt   error      // what is wrong with an item that is kept nevertheless
	refused error
	status  *notary.PaymentStatus
}

// bodies are what the signatures of an item are of, so that nothing is encoded twice.
type bodies struct{ payment, request, answer []byte }

// proof says whether a key signed a message as its first signer.
type proof struct {
	message message.Message
	point   string // the key
	signed  bool
}

// readItem reads one item. Errors: Malformed.
func readItem(item []byte) (*fact, error) {
	r := tlv.NewReader(item)
	switch {
	case r.At(spec.TagCertificate):
		return &fact{certificate: item}, nil
	case r.At(spec.TagPayment):
		p, _, err := parse[message.Payment](item)
		if err != nil {
			return nil, err
		}
		f := &fact{}
		return f, f.readPayment(p, item)
	case r.At(spec.TagRefusal):
		m, identity, err := parse[message.Refusal](item)
		if err != nil {
			return nil, err
		}
		f := &fact{refusal: m, answer: identity, answerRaw: item}
		f.bodies.answer, err = message.BodyIn(item)
		return f, err
	case r.At(spec.TagReceipt):
		return readAcceptance(item)
	}
	return nil, notary.Refuse(notary.Malformed,
		"submitted item is no Payment, Receipt, Refusal, accept record or certificate")
}

// readAcceptance reads a Receipt, alone or with its Payment.
func readAcceptance(item []byte) (*fact, error) {
	r := tlv.NewReader(item)
	receipt, err := message.Read[message.Receipt](r)
	paid := r.Rest()
	var payment *message.Payment
	if err == nil && len(paid) > 0 {
		var record message.Record
		record, err = message.ParseRecord(item)
		payment = record.Payment
	}
	if err != nil {
		return nil, notary.Refuse(notary.Malformed, "submitted Receipt or accept record: %v", err)
	}
	f := &fact{receipt: receipt, answerRaw: item[:len(item)-len(paid)]}
	if f.bodies.answer, err = message.BodyIn(f.answerRaw); err != nil {
		return nil, notary.Refuse(notary.Malformed, "submitted Receipt: %v", err)
	}
	f.answer = sha256.Sum256(f.bodies.answer)
	if payment == nil {
		return f, nil
	}
	return f, f.readPayment(payment, paid)
}

// readPayment takes a Payment and its encoding, which is the only one that is parsed.
func (f *fact) readPayment(p *message.Payment, raw []byte) (err error) {
	f.payment, f.encoded = p, raw
	if f.bodies.payment, err = message.BodyIn(raw); err == nil {
		f.bodies.request, err = message.Body(&p.Request)
	}
	if err != nil {
		return notary.Refuse(notary.Malformed, "submitted Payment: %v", err)
	}
	f.identity, f.asked = sha256.Sum256(f.bodies.payment), sha256.Sum256(f.bodies.request)
	return nil
}

// eachSigned calls do for each message of the item, with its body and the device whose key its
// signature is compared with.
func (f *fact) eachSigned(do func(m message.Message, body []byte, id message.DeviceID)) {
	if f.payment != nil {
		do(f.payment, f.bodies.payment, f.payment.Payer)
		do(&f.payment.Request, f.bodies.request, f.payment.Request.Payee)
	}
	if f.receipt != nil {
		do(f.receipt, f.bodies.answer, f.receipt.Payee)
	}
	if f.refusal != nil {
		do(f.refusal, f.bodies.answer, f.refusal.Payee)
	}
}

// devices returns whose keys the item's signatures are compared with.
func (f *fact) devices() (ids []message.DeviceID) {
	f.eachSigned(func(_ message.Message, _ []byte, id message.DeviceID) { ids = append(ids, id) })
	return ids
}

// prove verifies the item's signatures with the keys that are known.
func (f *fact) prove(keys map[message.DeviceID]*deviceKey) {
	f.proofs = make([]proof, 0, 3)
	f.eachSigned(func(m message.Message, body []byte, id message.DeviceID) {
		if key := keys[id]; key != nil {
			f.proofs = append(f.proofs, proof{m, key.point, isSignedBody(m, body, key.public)})
		}
	})
}

// proofsOf verifies one message with a key; nothing for a key that is not known.
func proofsOf(m message.Message, key *deviceKey) []proof {
	if key == nil {
		return nil
	}
	return []proof{{m, key.point, isSigned(m, key.public)}}
}

// signedBy is the function of this name, without the work where it was done before.
func (t *txn) signedBy(m message.Message, point []byte) bool {
	for _, p := range t.proofs {
		if p.message == m && p.point == string(point) {
			return p.signed
		}
	}
	return signedBy(m, point)
}

// maxKeys bounds how many keys a gate keeps: 400 bytes each.
const maxKeys = 1 << 20

// gate reads and verifies what is submitted, before any transaction and on all cores that the
// writer does not need. It keeps the keys of registered devices, which never change; a device that
// is not registered may be later.
type gate struct {
	db      store.Queryer
	writing func() bool   // whether a batch is being decided
	turn    chan struct{} // of those that have many signatures verified

	mu          sync.RWMutex
	keys        map[message.DeviceID]*deviceKey
	authorities map[message.AuthorityRef]*deviceKey // of intermediaries' instruction keys
}

// deviceKey is the key of a registered device, or one that an intermediary has joined with.
type deviceKey struct {
	point  string
	public *ecdsa.PublicKey
}

func newGate(db store.Queryer, writing func() bool) gate {
	return gate{db: db, writing: writing, turn: make(chan struct{}, 1),
		keys:        map[message.DeviceID]*deviceKey{},
		authorities: map[message.AuthorityRef]*deviceKey{}}
}

// known returns the keys of the devices that the gate knows, and those that it does not know.
func (g *gate) known(ids []message.DeviceID) (map[message.DeviceID]*deviceKey, *store.Set) {
	keys := make(map[message.DeviceID]*deviceKey, len(ids))
	unread := &store.Set{Columns: []store.Field{{Name: "id", Type: store.Text}}}
	g.mu.RLock()
	defer g.mu.RUnlock()
	for _, id := range ids {
		if _, asked := keys[id]; asked {
			continue
		}
		if keys[id] = g.keys[id]; keys[id] == nil && checkTexts(id) == nil {
			unread.Add(string(id))
		}
	}
	return keys, unread
}

// keysOf returns the keys of the registered ones among devices.
func (g *gate) keysOf(
	ctx context.Context, d store.Dialect, ids []message.DeviceID,
) (map[message.DeviceID]*deviceKey, error) {
	keys, unread := g.known(ids)
	err := unread.Find(ctx, g.db, d, func(row store.Row) error {
		var id message.DeviceID
		var point []byte
		if err := row.Scan(&id, &point); err != nil {
			return err
		}
		public, err := signature.ParsePoint(point)
		keys[id] = &deviceKey{string(point), public}
		return err
	}, "SELECT id, public_key FROM device WHERE id = $1")
	if err != nil || len(unread.Rows) == 0 {
		return keys, err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.keys)+len(unread.Rows) > maxKeys {
		clear(g.keys)
	}
	for _, row := range unread.Rows {
		if id := message.DeviceID(row[0].(string)); keys[id] != nil {
			g.keys[id] = keys[id]
		}
	}
	return keys, nil
}

// prove verifies a device's own message with its key, if it is registered.
func (g *gate) prove(
	ctx context.Context, d store.Dialect, m message.Message, id message.DeviceID,
) ([]proof, error) {
	keys, err := g.keysOf(ctx, d, []message.DeviceID{id})
	return proofsOf(m, keys[id]), err
}

// proveBy verifies a message of an intermediary with its instruction key, if it has joined with it.
// A reference stands for one key for ever.
func (g *gate) proveBy(
	ctx context.Context, d store.Dialect, m message.Message, reference message.AuthorityRef,
) ([]proof, error) {
	g.mu.RLock()
	key := g.authorities[reference]
	g.mu.RUnlock()
	if key != nil || checkTexts(reference) != nil {
		return proofsOf(m, key), nil
	}
	role := spec.RoleInstructionKey
	asked := store.Set{Columns: authorityColumns}
	asked.Add(authorityArgs(authorityKey{reference, int64(role)})...)
	err := asked.Find(ctx, g.db, d, func(row store.Row) error {
		_, raw, err := scanAuthority(row)
		if err != nil {
			return err
		}
		certificate, err := cvc.Parse(raw)
		if err != nil {
			return store.Failed(err)
		}
		point, err := signature.Point(certificate.PublicKey)
		key = &deviceKey{string(point), certificate.PublicKey}
		return err
	}, authorityQuery)
	if err != nil || key == nil {
		return nil, err
	}
	g.mu.Lock()
	g.authorities[reference] = key
	g.mu.Unlock()
	return proofsOf(m, key), nil
}

// facts reads items: for each a fact, or why it is none.
func (g *gate) facts(
	ctx context.Context, d store.Dialect, items [][]byte,
) (facts []*fact, refused []error, err error) {
	facts, refused = make([]*fact, len(items)), make([]error, len(items))
	onCores(runtime.GOMAXPROCS(0), len(items),
		func(i int) { facts[i], refused[i] = readItem(items[i]) })
	var ids []message.DeviceID
	for i, f := range facts {
		if refused[i] == nil {
			ids = append(ids, f.devices()...)
		}
	}
	keys, err := g.keysOf(ctx, d, ids)
	if err != nil {
		return nil, nil, err
	}
	err = g.inTurn(ctx, len(items), func(i int) {
		if refused[i] == nil {
			facts[i].prove(keys)
		}
	})
	return facts, refused, err
}

const (
	few     = 16 // items are verified at once, beside whatever else is
	stretch = 64 // items are verified before the number of cores is thought over
)

// inTurn calls do for 0 to n-1. Those that have many verified take turns, in the order in which
// they came: so the first is decided while the next is verified. All at the same time they would
// be done at the same time too, and until then the writer would have nothing to do. While the
// writer decides, a core is left to it and to its database. It is woken by an answer of the server
// hundreds of times in a batch, and would wait each time until one that verifies makes room: then
// all callers' signatures are done long before their batch, and nobody verifies beside the next.
func (g *gate) inTurn(ctx context.Context, n int, do func(i int)) error {
	if n > few {
		select {
		case g.turn <- struct{}{}:
			defer func() { <-g.turn }()
		case <-ctx.Done():
			return store.Failed(ctx.Err())
		}
	}
	for from := 0; from < n; from += stretch {
		cores := runtime.GOMAXPROCS(0)
		if g.writing() {
			cores--
		}
		onCores(cores, min(stretch, n-from), func(i int) { do(from + i) })
	}
	return nil
}

// onCores calls do for 0 to n-1, in any order, on so many cores or fewer.
func onCores(cores, n int, do func(i int)) {
	workers := min(n/4, cores) // a few are not worth a start
	if workers < 2 {
		for i := range n {
			do(i)
		}
		return
	}
	var all sync.WaitGroup
	var next atomic.Int64
	for range workers {
		all.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				do(i)
			}
		})
	}
	all.Wait()
}
