package audit

import (
	"crypto/ecdsa"
	"strconv"

	"ekrona/apdu/message"
	"ekrona/apdu/money"
	"ekrona/apdu/spec"
	"ekrona/host/notary"
)

// facts are the rows of the central bank under audit: messages parsed from their bytes, not from
// the columns beside them.
type facts struct {
	devices map[string]*device
	// keys that a CA certified and nobody registered, by device id
	unregistered map[string][]*ecdsa.PublicKey
	instructs    map[string]*ecdsa.PublicKey // instruction keys, by reference
	payments     []*payment
	byIdentity   map[message.Hash]*payment
	answers      []*payeeAnswer
	decisions    map[request]*payeeDecision
	instructions []*instruction
	statement    []entry
	accounts     map[string]money.Ore // balances as the ledger keeps them
	// by the entries that issue: minus what they take from the contra account
	issued money.Ore
	toPool money.Ore // the part of it that went to the pool
}

type device struct {
	id           string
	intermediary string
	role         spec.Role
	key          *ecdsa.PublicKey
	ceilings     *message.Policy
	slots        int
	status       notary.Status
	sums         sums
}

type payment struct {
	message  *message.Payment
	identity message.Hash
	// 0 first body, 1 second, 2 of a device without registered key, 3 unverified
	signatureStatus int
	verdict         notary.Verdict
	fromShadow      money.Ore
	fromHolding     money.Ore
	fromPool        money.Ore
}

func (p *payment) payer() string     { return string(p.message.Payer) }
func (p *payment) payee() string     { return string(p.message.Request.Payee) }
func (p *payment) amount() money.Ore { return p.message.Request.Amount }
func (p *payment) name() string      { return paymentName(p.payer(), p.message.ATC) }

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
	return p.verdict == notary.Settled || p.verdict == notary.Uncovered
}

type request struct {
	payee  string
	number uint32
}

func (p *payment) request() request { return request{p.payee(), p.message.Request.Number} }

// payeeAnswer is a Receipt or a Refusal.
type payeeAnswer struct {
	identity message.Hash
	receipt  *message.Receipt
	refusal  *message.Refusal
}

func (v *payeeAnswer) message() message.Message {
	if v.receipt != nil {
		return v.receipt
	}
	return v.refusal
}

func (v *payeeAnswer) payee() string {
	if v.receipt != nil {
		return string(v.receipt.Payee)
	}
	return string(v.refusal.Payee)
}

func (v *payeeAnswer) seq() uint32 {
	if v.receipt != nil {
		return v.receipt.ATC
	}
	return v.refusal.ATC
}

// payeeDecision is the payee's one decision on a request: answer is nil when its device's end
// decided.
type payeeDecision struct {
	payment *message.Hash
	answer  *payeeAnswer
}

type instruction struct {
	message  *message.Instruction
	identity message.Hash
	device   string // as the row says
	seq      uint32
	taken    bool
	untaken  bool
	open     bool
}

func (i *instruction) name() string {
	return instructionName(string(i.message.Device), i.message.Sequence)
}

func (i *instruction) credit() money.Ore { return i.message.Credit }

// entry is a line of the statement of an intermediary.
type entry struct {
	notary.Entry
	intermediary string
}
