package settlement

import (
	"strconv"

	"ekrona.example/apdu/message"
	"ekrona.example/apdu/money"
	"ekrona.example/host/notary"
	"ekrona.example/host/store"
)

// sessions is what a transaction has read, and has to write, of the rows that synchronisations
// concern: a part of work.
type sessions struct {
	instructions  map[message.DeviceID]*instructionRow // the last of a device
	orders        map[orderOf]bool                     // used for an Instruction
	challenges    map[challengeKey]*challengeRow       // nil: not opened, or forgotten
	openings      map[message.DeviceID]*openingRow
	confirmations map[message.Hash]bool // held
	clones        map[message.DeviceID]bool
	authorities   map[authorityKey][]byte // nil: nobody joined with it
	crisis        []crisisRow
	crisisRead    bool
	toAll         *owedToAll // nil: not read

	newInstructions     store.Set
	changedInstructions store.Set
	newChallenges       store.Set
	newStates           store.Set
	changedStates       store.Set
	newConfirmations    store.Set
	synced              map[message.DeviceID]string // when
	ordersHeld          map[message.DeviceID][]byte // as a State has shown
}

// orderOf is an order of an intermediary.
type orderOf struct {
	intermediary message.Name
	key          notary.OrderKey
}

// challengeKey is a Challenge, and a State that answers it.
type challengeKey struct{ challenge, state message.Hash }

type challengeRow struct {
	n        int64
	device   message.DeviceID
	then     knowledge // when it was opened
	answered bool      // by this State, which is held
}

// openingRow is what is known of a device when a Challenge is opened for it.
type openingRow struct {
	atc, request int64
	open         []openChallenge // the oldest first
}

// openChallenge is a Challenge that no State has answered.
type openChallenge struct {
	n       int64
	key     message.AuthorityRef
	nonce   message.Nonce
	random  message.Random
	then    knowledge
	younger int // Challenges of the device
}

// instructionRow is an Instruction of a device.
type instructionRow struct {
	seq      uint32
	result   outcome
	identity []byte
	encoded  []byte
	order    notary.OrderKey
	credit   money.Ore
	acked    uint32 // never less than those before
	policy   []byte
	date     string
	group    uint8
}

type authorityKey struct {
	reference message.AuthorityRef
	role      int64
}

// beyondKey is a device and what it had done when it made a State.
type beyondKey struct {
	device   message.DeviceID
	atc, seq uint32
}

// beyond is what the notary holds of a device that its State does not show.
type beyond struct{ paid, accepted, credited money.Ore }

func (s *sessions) forget() {
	s.instructions = map[message.DeviceID]*instructionRow{}
	s.orders = map[orderOf]bool{}
	s.challenges = map[challengeKey]*challengeRow{}
	s.openings = map[message.DeviceID]*openingRow{}
	s.confirmations = map[message.Hash]bool{}
	s.clones = map[message.DeviceID]bool{}
	s.authorities = map[authorityKey][]byte{}
	s.crisis, s.crisisRead, s.toAll = nil, false, nil
}

func (s *sessions) written() {
	for _, set := range []*store.Set{&s.newInstructions, &s.changedInstructions, &s.newChallenges,
		&s.newStates, &s.changedStates, &s.newConfirmations} {
		set.Rows = nil
	}
	s.synced, s.ordersHeld = map[message.DeviceID]string{}, map[message.DeviceID][]byte{}
}

func newSessions() sessions {
	text, number, bytes := store.Text, store.BigInt, store.Bytes
	s := sessions{}
	s.newInstructions.Columns = []store.Field{{Name: "device", Type: text},
		{Name: "seq", Type: number}, {Name: "identity", Type: bytes},
		{Name: "bytes", Type: bytes}, {Name: "intermediary", Type: text},
		{Name: "order_key", Type: text}, {Name: "credit", Type: number},
		{Name: "acked_atc", Type: number}, {Name: "policy", Type: bytes},
		{Name: "date", Type: text}, {Name: "signed_at", Type: text},
		{Name: "lowest_order", Type: number}, {Name: "card_group", Type: number}}
	s.changedInstructions.Columns = []store.Field{{Name: "device", Type: text},
		{Name: "seq", Type: number}, {Name: "outcome", Type: number},
		{Name: "applied_atc", Type: number}}
	s.newChallenges.Columns = []store.Field{{Name: "identity", Type: bytes},
		{Name: "device", Type: text}, {Name: "instruction_key", Type: text},
		{Name: "nonce", Type: bytes}, {Name: "random", Type: bytes},
		{Name: "known_atc", Type: number}, {Name: "known_seq", Type: number},
		{Name: "known_request", Type: number}, {Name: "opened_at", Type: text}}
	s.newStates.Columns = []store.Field{{Name: "identity", Type: bytes},
		{Name: "bytes", Type: bytes}, {Name: "device", Type: text},
		{Name: "challenge", Type: number}, {Name: "seen_at", Type: text},
		{Name: "difference", Type: number}, {Name: "complete", Type: store.Boolean}}
	s.changedStates.Columns = []store.Field{{Name: "identity", Type: bytes},
		{Name: "difference", Type: number}, {Name: "complete", Type: store.Boolean}}
	s.newConfirmations.Columns = []store.Field{{Name: "identity", Type: bytes},
		{Name: "bytes", Type: bytes}, {Name: "device", Type: text}, {Name: "seq", Type: number},
		{Name: "seen_at", Type: text}}
	s.forget()
	s.written()
	return s
}

// writes are the sets with their tables, and by how many columns a row is found that is written
// already; 0: rows are new.
func (s *sessions) writes() []setOf {
	synced := &store.Set{Columns: []store.Field{{Name: "id", Type: store.Text},
		{Name: "synced_at", Type: store.Text}}}
	shown := &store.Set{Columns: []store.Field{{Name: "id", Type: store.Text},
		{Name: "synced_at", Type: store.Text}, {Name: "order_held", Type: store.Bytes}}}
	for id, at := range s.synced {
		if order, isShown := s.ordersHeld[id]; isShown {
			shown.Add(string(id), at, order)
		} else {
			synced.Add(string(id), at)
		}
	}
	synced.Sort()
	shown.Sort()
	return []setOf{{&s.newInstructions, "instruction", 0},
		{&s.changedInstructions, "instruction", 2}, {&s.newChallenges, "challenge", 0},
		{&s.newStates, "state", 0}, {&s.changedStates, "state", 1},
		{&s.newConfirmations, "confirmation", 0}, {synced, "device", 1}, {shown, "device", 1}}
}

// load reads what belongs to keys that were not read before, and notes the others as not there.
func load[K comparable, V any](
	t *txn, known map[K]V, keys []K, columns []store.Field, row func(K) []any,
	scan func(store.Row) (K, V, error), query string,
) error {
	unread := store.Set{Columns: columns}
	for _, key := range keys {
		if _, read := known[key]; !read {
			var none V
			known[key] = none
			unread.Add(row(key)...)
		}
	}
	return t.find(&unread, func(r store.Row) error {
		key, value, err := scan(r)
		if err == nil {
			known[key] = value
		}
		return err
	}, query)
}

var deviceColumn = []store.Field{{Name: "id", Type: store.Text}}

func deviceArg(id message.DeviceID) []any { return []any{string(id)} }

const instructionColumns = `SELECT device, seq, outcome, identity, bytes, order_key, credit,
	acked_atc, policy, date, card_group FROM instruction WHERE device = $1 `

func scanInstruction(row store.Row) (id message.DeviceID, i *instructionRow, err error) {
	i = &instructionRow{}
	return id, i, row.Scan(&id, &i.seq, &i.result, &i.identity, &i.encoded, &i.order, &i.credit,
		&i.acked, &i.policy, &i.date, &i.group)
}

// loadInstructions reads the last Instructions of devices.
func (t *txn) loadInstructions(ids ...message.DeviceID) error {
	return load(t, t.work.instructions, ids, deviceColumn, deviceArg, scanInstruction,
		instructionColumns+"ORDER BY seq DESC LIMIT 1")
}

// last returns a device's Instruction with the highest number, the only one that may be
// outstanding, since the next is made when it is known to be applied; one without number and
// content before the first.
func (t *txn) last(device message.DeviceID) (*instructionRow, error) {
	if err := t.loadInstructions(device); err != nil {
		return nil, err
	}
	if last := t.work.instructions[device]; last != nil {
		return last, nil
	}
	return &instructionRow{}, nil
}

// instruction returns an Instruction of a device; nil for one that was never signed.
func (t *txn) instruction(device message.DeviceID, seq uint32) (*instructionRow, error) {
	last, err := t.last(device)
	switch {
	case err != nil || seq > last.seq:
		return nil, err
	case seq == last.seq && seq > 0:
		return last, nil
	}
	if err := t.flush(); err != nil {
		return nil, err
	}
	all, err := store.All(t.ctx, t.tx, func(row store.Row) (*instructionRow, error) {
		_, i, err := scanInstruction(row)
		return i, err
	}, instructionColumns+"AND seq = $2", device, seq)
	if err != nil || len(all) == 0 {
		return nil, err
	}
	return all[0], nil
}

// next returns the number that the next Instruction must carry; 0 while one is outstanding.
func (i *instructionRow) next() uint32 {
	if i.isOutstanding() {
		return 0
	}
	return i.seq + 1
}

func (i *instructionRow) isOutstanding() bool { return i.seq > 0 && i.result == outstanding }

// applied returns the number of the last Instruction that is known to be applied.
func (i *instructionRow) applied() int64 {
	if i.isOutstanding() {
		return int64(i.seq) - 1
	}
	return int64(i.seq)
}

// addInstruction adds a device's next Instruction.
func (t *txn) addInstruction(
	of message.Name, i *message.Instruction, row *instructionRow,
) {
	t.work.instructions[i.Device] = row
	t.work.orders[orderOf{of, row.order}] = true
	t.work.newInstructions.Add(string(i.Device), int64(row.seq), row.identity, row.encoded,
		string(of), string(row.order), int64(row.credit), int64(row.acked), row.policy, row.date,
		t.stamp(), int64(i.OrderNumber), int64(row.group))
	t.work.change()
}

// loadOrders reads whether orders were used for an Instruction.
func (t *txn) loadOrders(orders ...orderOf) error {
	return load(t, t.work.orders, orders, []store.Field{{Name: "intermediary", Type: store.Text},
		{Name: "order_key", Type: store.Text}},
		func(o orderOf) []any { return []any{string(o.intermediary), string(o.key)} },
		func(row store.Row) (o orderOf, used bool, err error) {
			return o, true, row.Scan(&o.intermediary, &o.key)
		}, `SELECT intermediary, order_key FROM instruction WHERE intermediary = $1
			AND order_key = $2`)
}

// loadChallenges reads the Challenges that States answer.
func (t *txn) loadChallenges(keys ...challengeKey) error {
	return load(t, t.work.challenges, keys, []store.Field{{Name: "challenge", Type: store.Bytes},
		{Name: "state", Type: store.Bytes}},
		func(k challengeKey) []any { return []any{k.challenge[:], k.state[:]} },
		func(row store.Row) (k challengeKey, c *challengeRow, err error) {
			c = &challengeRow{}
			var challenge, state []byte
			if err := row.Scan(&challenge, &state, &c.n, &c.device, &c.then.atc, &c.then.sequence,
				&c.then.request, &c.answered); err != nil {
				return k, nil, err
			}
			return challengeKey{message.Hash(challenge), message.Hash(state)}, c, nil
		}, `SELECT $1, $2, n, device, known_atc, known_seq, known_request,
			EXISTS (SELECT 1 FROM state s WHERE s.identity = $2) FROM challenge WHERE identity = $1`)
}

// loadOpenings reads what is known of devices when Challenges are opened for them. Those that no
// State has answered are among the last ones: see addChallenge.
func (t *txn) loadOpenings(ids ...message.DeviceID) error {
	if err := t.flush(); err != nil { // records and payments are counted
		return err
	}
	var fresh []message.DeviceID
	for _, id := range ids {
		if t.work.openings[id] == nil {
			fresh = append(fresh, id)
		}
	}
	if err := load(t, t.work.openings, ids, deviceColumn, deviceArg,
		func(row store.Row) (id message.DeviceID, o *openingRow, err error) {
			o = &openingRow{}
			return id, o, row.Scan(&id, &o.atc, &o.request)
		}, `SELECT $1, (SELECT coalesce(max(seq), 0) FROM record WHERE device = $1),
		(SELECT coalesce(max(request), 0) FROM payment WHERE payee = $1 AND requested)`); err != nil {
		return err
	}
	open := store.Set{Columns: deviceColumn}
	for _, id := range sorted(fresh) {
		open.Add(string(id))
	}
	return t.find(&open, func(row store.Row) error {
		var id message.DeviceID
		var nonce, random []byte
		c := openChallenge{}
		err := row.Scan(&id, &c.n, &c.key, &nonce, &random, &c.then.atc, &c.then.sequence,
			&c.then.request, &c.younger)
		copy(c.nonce[:], nonce)
		copy(c.random[:], random)
		if o := t.work.openings[id]; err == nil && o != nil {
			o.open = append(o.open, c)
		}
		return err
	}, `SELECT device, n, instruction_key, nonce, random, known_atc, known_seq, known_request,
		(SELECT count(*) FROM challenge l WHERE l.device = c.device AND l.n > c.n)
		FROM (SELECT * FROM challenge WHERE device = $1 ORDER BY n DESC LIMIT `+
		strconv.Itoa(openChallenges)+`) AS c
		WHERE NOT EXISTS (SELECT 1 FROM state s WHERE s.device = c.device AND s.challenge = c.n)
		ORDER BY n`)
}

// loadConfirmations reads whether Confirmations are held.
func (t *txn) loadConfirmations(identities ...message.Hash) error {
	return load(t, t.work.confirmations, identities,
		[]store.Field{{Name: "identity", Type: store.Bytes}},
		func(h message.Hash) []any { return []any{h[:]} },
		func(row store.Row) (h message.Hash, held bool, err error) {
			var identity []byte
			if err := row.Scan(&identity); err != nil {
				return h, false, err
			}
			return message.Hash(identity), true, nil
		}, "SELECT identity FROM confirmation WHERE identity = $1")
}

// loadClones reads of which devices it is proven that there are two.
func (t *txn) loadClones(ids ...message.DeviceID) error {
	return load(t, t.work.clones, ids, deviceColumn, deviceArg,
		func(row store.Row) (id message.DeviceID, cloned bool, err error) {
			return id, true, row.Scan(&id)
		}, "SELECT device FROM evidence WHERE device = $1 AND clone")
}

// loadBeyond reads what is beyond States, as it is at the moment.
func (t *txn) loadBeyond(keys ...beyondKey) (map[beyondKey]beyond, error) {
	all := map[beyondKey]beyond{}
	if err := t.flush(); err != nil {
		return nil, err
	}
	return all, load(t, all, keys, []store.Field{{Name: "id", Type: store.Text},
		{Name: "atc", Type: store.BigInt}, {Name: "seq", Type: store.BigInt}},
		func(k beyondKey) []any { return []any{string(k.device), int64(k.atc), int64(k.seq)} },
		func(row store.Row) (k beyondKey, b beyond, err error) {
			return k, b, row.Scan(&k.device, &k.atc, &k.seq, &b.paid, &b.accepted, &b.credited)
		}, `SELECT $1, $2, $3,
		coalesce((SELECT sum(amount) FROM payment WHERE payer = $1 AND signature = 0 AND atc > $2), 0),
		coalesce((SELECT sum(p.amount) FROM payee_answer v JOIN payment p ON p.identity = v.payment
			AND p.payee = v.payee AND p.request = v.request WHERE v.payee = $1 AND v.seq > $2
			AND (p.verdict IN (1, 2) AND p.netting <> 3
			OR (p.verdict IN (3, 5) OR p.netting = 3) AND NOT EXISTS (SELECT 1 FROM payee_answer f
			WHERE f.payment = v.payment AND f.payee = v.payee AND f.request = v.request
			AND f.seq < v.seq))), 0),
		coalesce((SELECT sum(credit) FROM instruction WHERE device = $1 AND seq > $3
			AND outcome <> 3), 0)`)
}

// needs is what a job will read, so that it is read for all jobs of a transaction together.
type needs struct {
	devices       []message.DeviceID
	wallets       []message.DeviceID // of which the balance is read
	instructions  []message.DeviceID // the last ones
	openings      []message.DeviceID
	clones        []message.DeviceID
	records       []recordKey
	requests      []requestKey
	orders        []orderOf
	challenges    []challengeKey
	confirmations []message.Hash
	// these are read when everything has moved
	beyond []beyondKey
	owed   []message.DeviceID
}

// preloadNeeds reads what jobs need, by one query for each kind of row.
func (t *txn) preloadNeeds(jobs []*job) error {
	var all needs
	for _, j := range jobs {
		n := j.needs
		all.devices = append(all.devices, n.devices...)
		all.wallets = append(all.wallets, n.wallets...)
		all.instructions = append(all.instructions, n.instructions...)
		all.openings = append(all.openings, n.openings...)
		all.clones = append(all.clones, n.clones...)
		all.records = append(all.records, n.records...)
		all.requests = append(all.requests, n.requests...)
		all.orders = append(all.orders, n.orders...)
		all.challenges = append(all.challenges, n.challenges...)
		all.confirmations = append(all.confirmations, n.confirmations...)
	}
	for _, read := range []func() error{
		func() error { return t.loadDevices(all.devices...) },
		func() error { return t.loadBalances(all.wallets) },
		func() error { return t.loadInstructions(all.instructions...) },
		func() error { return t.loadOpenings(all.openings...) },
		func() error { return t.loadClones(all.clones...) },
		func() error { return t.loadRecords(all.records...) },
		func() error { return t.loadRequests(all.requests...) },
		func() error { return t.loadOrders(all.orders...) },
		func() error { return t.loadChallenges(all.challenges...) },
		func() error { return t.loadConfirmations(all.confirmations...) },
	} {
		if err := read(); err != nil {
			return err
		}
	}
	return nil
}
