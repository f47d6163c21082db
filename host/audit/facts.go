package audit

import (
	"crypto/ecdsa"
	"strconv"

	"ekrona.example/apdu/message"
	"ekrona.example/apdu/money"
	"ekrona.example/apdu/spec"
	"ekrona.example/apdu/tlv"
	"ekrona.example/host/notary"
)

// facts are the rows of the central bank under audit: messages parsed from their bytes, not from
// the columns beside them.
type facts struct {
	devices map[string]*device
	of      map[string]*deviceRows // what concerns a device, by its id
	// keys that a CA certified and nobody registered, by device id
	unregistered map[string][]*ecdsa.PublicKey
	instructs    map[string]*ecdsa.PublicKey // instruction keys, by reference
	payments     []*payment
	byIdentity   map[message.Hash]*payment
	answers      []*payeeAnswer
	decisions    map[requested]payeeDecision
	instructions []*instruction
	crises       []*message.CrisisOrder
	statement    []entry
	accounts     map[string]money.Ore // balances as the ledger keeps them
	// by the entries that issue: minus what they take from the contra account
	issued money.Ore
	// where the ledger does not agree with its own entries
	unbalanced []unbalanced
	toPool     money.Ore // the part of it that went to the pool
	lending    lending
	nettings   nettings
	clearing   money.Ore // on its way from wallets to others
	// by the statement: what the pool has lent to each device
	borrowed map[string]money.Ore
}

type device struct {
	id           string
	intermediary string
	role         spec.Role
	group        uint8 // for its next Instruction
	key          *ecdsa.PublicKey
	ceilings     *message.Policy
	slots        int
	status       notary.Status
	sums         sums
	lent         money.Ore
	place        int64     // of its wallet in the netting under way
	netted       money.Ore // set aside for that
}

// deviceRows are the rows that concern one device, in the order of the whole.
type deviceRows struct {
	paid, received []*payment
	answers        []*payeeAnswer
	instructions   []*instruction
	entries        []*entry
}

// rowsOf returns the rows of a device, none for one that has none.
func (f *facts) rowsOf(id string) *deviceRows {
	if rows := f.of[id]; rows != nil {
		return rows
	}
	return &deviceRows{}
}

// payment is what the auditor needs of a Payment. The message itself is dropped once its signature
// was found good, as those of payeeAnswer and instruction: there are hundreds of thousands.
type payment struct {
	bytes []byte
	sum   uint64 // of bytes
	payer string
	atc   uint32
	requested
	amount   money.Ore
	identity message.Hash
	// 0 first body, 1 second, 2 of a device without registered key, 3 unverified
	signatureStatus int
	verdict         notary.Verdict
	fromShadow      money.Ore
	fromHolding     money.Ore
	fromPool        money.Ore
	netting         half // how far the netting under way has come with it
	archived        bool // see isArchived
	keptAsOther     bool // the columns of its row do not say what its body says
	// on which the payee asked for it; the zero Date when it is archived
	asked message.Date
}

func (p *payment) message() (message.Message, error) {
	return message.Parse[message.Payment](p.bytes)
}

func (p *payment) id() message.Hash { return p.identity }
func (p *payment) drop()            { p.bytes = nil }
func (p *payment) isArchived() bool { return p.archived }

func (p *payment) name() string { return paymentName(p.payer, p.atc) }

func paymentName(payer string, atc uint32) string { return numbered("payment ", payer, atc) }

func instructionName(device string, seq uint32) string {
	return numbered("instruction ", device, seq)
}

// numbered avoids fmt: names are keys, built for every row after every step.
func numbered(what, device string, number uint32) string {
	return what + device + "/" + strconv.FormatUint(uint64(number), 10)
}

// paid reports whether the payee has the money.
func (p *payment) paid() bool {
	return p.verdict == notary.Settled || p.verdict == notary.Uncovered || p.netting == credited
}

// requested names a Request.
type requested struct {
	payee  string
	number uint32
}

// payeeAnswer is what the auditor needs of a Receipt or a Refusal.
type payeeAnswer struct {
	bytes    []byte
	sum      uint64 // of bytes
	identity message.Hash
	about    requested
	seq      uint32
	accepts  *message.Hash // the Payment of a Receipt; nil for a Refusal
	archived bool          // see isArchived
	// the columns of its row do not say what its body says
	keptAsOther bool
}

func (v *payeeAnswer) message() (message.Message, error) {
	if tlv.NewReader(v.bytes).At(spec.TagReceipt) {
		return message.Parse[message.Receipt](v.bytes)
	}
	return message.Parse[message.Refusal](v.bytes)
}

func (v *payeeAnswer) id() message.Hash { return v.identity }
func (v *payeeAnswer) drop()            { v.bytes = nil }
func (v *payeeAnswer) isArchived() bool { return v.archived }

// payeeDecision is the payee's one decision on a request: answer is nil when its device's end
// decided.
type payeeDecision struct {
	payment *message.Hash
	answer  *payeeAnswer
}

// numberedRow names a record of a device, or an Instruction for it.
type numberedRow struct {
	device string
	number uint32
}

// instruction is what the auditor needs of an Instruction.
type instruction struct {
	bytes    []byte
	sum      uint64 // of bytes
	identity message.Hash
	numberedRow
	named   numberedRow          // in the message; device and number are as the row says
	by      message.AuthorityRef // instruction key
	acked   uint32
	credit  money.Ore
	date    message.Date
	policy  message.Policy
	group   uint8
	taken   bool
	untaken bool
	open    bool
	// the columns of its row do not say what its body says
	keptAsOther bool
}

func (i *instruction) name() string { return instructionName(i.named.device, i.named.number) }

// entry is a line of the statement of an intermediary: what the auditor needs of a notary.Entry.
type entry struct {
	Kind                 notary.EntryKind
	intermediary         string
	Device, Payer, Payee message.DeviceID
	Online, Shadow       money.Ore
	ATC, Instr           uint32
	Order                notary.OrderKey // of a refund
}
