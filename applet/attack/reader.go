package attack

import (
	"bytes"
	"context"
	"encoding/binary"

	"ekrona.example/apdu"
	"ekrona.example/apdu/spec"
)

// Reader is a reader that alters one command between the card and its user: a phone, a
// terminal, an issuer. It attacks the user, not the card, which answers as it must; the
// user has to detect that the answer does not fit the command.
type Reader struct {
	Name    string
	Threat  string
	Defence string
	Clause  string
	// Command is the command that it alters.
	Command *spec.Command
	// Instead is called in place of that command.
	Instead func(ctx context.Context, card apdu.Card, c apdu.Command) (apdu.Response, error)
}

// Holding is the card in that reader.
func (r Reader) Holding(card apdu.Card) apdu.Card {
	return apdu.CardFunc(func(ctx context.Context, c apdu.Command) (apdu.Response, error) {
		if v, known := spec.Find(c.CLA, c.INS, c.P1, c.P2); known && v.Command == r.Command {
			return r.Instead(ctx, card, c)
		}
		return card.Transmit(ctx, c)
	})
}

// Readers are all of them, but for [AnotherAccept], which needs an earlier Payment.
func Readers() []Reader {
	return []Reader{
		RequestOfMore,
		RefuseOfAnother,
		RecordAltered,
		CertificateNotStored,
		KeysForActivation,
		PayOfMore,
		PaymentAltered,
	}
}

// PayOfMore has a card pay more than the terminal has asked for.
var PayOfMore = Reader{
	Name:    "PAY of another amount",
	Threat:  "a customer pays more than the terminal has shown",
	Defence: "the card verifies the Request, and the terminal its own Request in the Payment",
	Clause:  "PROTOCOL.md §5", Command: spec.Pay,
	Instead: altered(oneMore),
}

// PaymentAltered makes what a card answers to PAY wrong.
var PaymentAltered = Reader{
	Name:    "PAY with a wrong answer",
	Threat:  "a terminal takes a Payment that settles nowhere, or a card has paid for nothing",
	Defence: "the terminal takes what verifies only, and the card gives its Payment again",
	Clause:  "PROTOCOL.md §5", Command: spec.Pay,
	Instead: wrongAnswer,
}

// RequestOfMore has a card ask for one öre more than its owner wants.
var RequestOfMore = Reader{
	Name:    "REQUEST of another amount",
	Threat:  "the owner shows a Request that is not his",
	Defence: "the phone compares the Request with what it asked",
	Clause:  "PROTOCOL.md §5", Command: spec.RequestPayment,
	Instead: altered(oneMore),
}

// RefuseOfAnother has a card refuse another Request than its owner names.
var RefuseOfAnother = Reader{
	Name:    "REFUSE of another Request",
	Threat:  "a Refusal is shown for a Request that is open still",
	Defence: "the phone compares the Refusal with the Request",
	Clause:  "PROTOCOL.md §5", Command: spec.Refuse,
	Instead: altered(func(data []byte) []byte {
		data[len(data)-1] ^= 3
		return data
	}),
}

// AnotherAccept has a card accept an earlier Payment: it answers with the Receipt of that
// one.
func AnotherAccept(former []byte) Reader {
	return Reader{
		Name:    "ACCEPT of a former Payment",
		Threat:  "a Receipt is shown for a Payment that was not accepted",
		Defence: "the phone compares the Receipt with the Payment",
		Clause:  "PROTOCOL.md §5",
		Command: spec.Accept, Instead: altered(func([]byte) []byte { return bytes.Clone(former) }),
	}
}

// RecordAltered makes the signature of each record read from a card wrong.
var RecordAltered = Reader{
	Name:    "READ RECORD with a wrong signature",
	Threat:  "the only proof of a payment is lost",
	Defence: "what does not verify is read again, and nothing is acknowledged meanwhile",
	Clause:  "PROTOCOL.md §8, 8", Command: spec.ReadRecord,
	Instead: wrongAnswer,
}

// CertificateNotStored reports success for a certificate that the card never received.
var CertificateNotStored = Reader{
	Name:    "PUT DATA that the card never got",
	Threat:  "an owner thinks that the card is renewed",
	Defence: "what the card holds is read again",
	Clause:  "PROTOCOL.md §7", Command: spec.PutData,
	Instead: func(context.Context, apdu.Card, apdu.Command) (apdu.Response, error) {
		return apdu.Response{SW: apdu.OK}, nil
	},
}

// KeysForActivation has a card make keys instead of becoming active, which it answers
// with 9000 too.
var KeysForActivation = Reader{
	Name:    "ACTIVATE that the card never got",
	Threat:  "a card is handed out that is not active",
	Defence: "the issuer reads the life cycle state",
	Clause:  "PROTOCOL.md §7", Command: spec.Activate,
	Instead: func(ctx context.Context, card apdu.Card, _ apdu.Command) (apdu.Response, error) {
		return card.Transmit(ctx, spec.GenerateKeyPair.Only().APDU())
	},
}

// oneMore adds one öre to the first amount.
func oneMore(data []byte) []byte {
	if at := find(data, []byte{byte(spec.TagAmount), spec.AmountLength}); at >= 0 {
		amount := data[at+2:]
		binary.BigEndian.PutUint32(amount, binary.BigEndian.Uint32(amount)+1)
	}
	return data
}

// wrongAnswer has the card carry out a command, and makes the last bit of its answer wrong.
func wrongAnswer(ctx context.Context, card apdu.Card, c apdu.Command) (apdu.Response, error) {
	r, err := card.Transmit(ctx, c)
	if r.SW == apdu.OK && len(r.Data) > 0 {
		r.Data = flipped(r.Data)
	}
	return r, err
}

// altered gives the card the command with other data.
func altered(
	change func(data []byte) []byte,
) func(context.Context, apdu.Card, apdu.Command) (apdu.Response, error) {
	return func(ctx context.Context, card apdu.Card, c apdu.Command) (apdu.Response, error) {
		if c.Data = bytes.Clone(c.Data); len(c.Data) > 0 {
			c.Data = change(c.Data)
		}
		return card.Transmit(ctx, c)
	}
}
