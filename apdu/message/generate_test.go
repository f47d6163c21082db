package message

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"math/big"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"ekrona.example/apdu/money"
	"ekrona.example/apdu/signature"
	"ekrona.example/apdu/spec"
)

// testKey makes a key from a scalar, so that tests repeat.
func testKey(t testing.TB, scalar int64) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.ParseRawPrivateKey(elliptic.P256(),
		new(big.Int).SetInt64(scalar).FillBytes(make([]byte, 32)))
	require.NoError(t, err)
	return key
}

func fill(t *rapid.T, b []byte) {
	copy(b, rapid.SliceOfN(rapid.Byte(), len(b), len(b)).Draw(t, "bytes"))
}

// Generators of well-formed values.
var (
	genDevice = rapid.Custom(
		func(t *rapid.T) DeviceID {
			return DeviceID(rapid.StringMatching(`[A-Z0-9]{16}`).Draw(t,
				"id"))
		})
	genAuthority = rapid.Custom(func(t *rapid.T) AuthorityRef {
		return AuthorityRef(rapid.StringMatching(`[A-Z0-9]{8}[0-9]{5}`).Draw(t, "reference"))
	})
	genOptionalDevice = rapid.OneOf(rapid.Just(DeviceID("")), genDevice)
	genAmount         = rapid.Custom(
		func(t *rapid.T) money.Ore { return money.Ore(rapid.Uint32().Draw(t, "amount")) })
	genHash      = rapid.Custom(func(t *rapid.T) (h Hash) { fill(t, h[:]); return h })
	genNonce     = rapid.Custom(func(t *rapid.T) (n Nonce) { fill(t, n[:]); return n })
	genRandom    = rapid.Custom(func(t *rapid.T) (r Random) { fill(t, r[:]); return r })
	genSignature = rapid.Custom(func(t *rapid.T) (s signature.Plain) {
		fill(t,
			s[:])
		return s
	})
	genDate = rapid.Custom(
		func(t *rapid.T) Date { return Date{uint16(rapid.IntRange(1, maxDays).Draw(t, "day"))} })
	genVerdict = rapid.SampledFrom([]spec.CreditVerdict{spec.CreditNone, spec.CreditTaken,
		spec.CreditNotTaken})
	genLife = rapid.SampledFrom([]spec.LifeCycle{spec.Installed, spec.KeysMade,
		spec.Active, spec.Blocked, spec.Closed})
	genActions = rapid.Custom(
		func(t *rapid.T) Actions {
			return Actions(rapid.IntRange(0, 15).Draw(t,
				"bits"))
		}).Filter(Actions.IsValid)
	genPolicy = rapid.Custom(func(t *rapid.T) Policy {
		return Policy{
			Version: rapid.Uint32().Draw(t, "version"), MaxBalance: genAmount.Draw(t, "balance"),
			MaxTransactions: rapid.Uint16().Draw(t, "transactions"),
			MaxPayment:      genAmount.Draw(t, "payment"),
			MaxSpent:        genAmount.Draw(t, "spent"),
			Flags:           byte(rapid.IntRange(0, 15).Draw(t, "flags")),
		}
	})
	genOpenRequest = rapid.Custom(func(t *rapid.T) OpenRequest {
		return OpenRequest{rapid.Uint32().Draw(t, "number"), genAmount.Draw(t, "amount"),
			genHash.Draw(t, "request")}
	})
	genRequest = rapid.Custom(func(t *rapid.T) *Request {
		return &Request{
			Payee: genDevice.Draw(t, "payee"), Number: rapid.Uint32().Draw(t, "number"),
			Random: genRandom.Draw(t, "random"),
			Amount: max(1, genAmount.Draw(t, "amount")), Payer: genOptionalDevice.Draw(t, "payer"),
			Date:      rapid.OneOf(rapid.Just(Date{}), genDate).Draw(t, "date"),
			Signature: genSignature.Draw(t, "sig"),
		}
	})
	genPayment = rapid.Custom(func(t *rapid.T) *Payment {
		return &Payment{
			Payer: genDevice.Draw(t, "payer"), ATC: rapid.Uint32Min(1).Draw(t, "atc"),
			Request:   *genRequest.Draw(t, "request"),
			Signature: genSignature.Draw(t, "sig"),
		}
	})
	genState = rapid.Custom(func(t *rapid.T) *State {
		atc := rapid.Uint32().Draw(t, "atc")
		s := &State{
			Device: genDevice.Draw(t, "device"), Challenge: genHash.Draw(t, "challenge"), ATC: atc,
			AckedATC: rapid.Uint32Range(0, atc).Draw(t, "acked"), Head: genHash.Draw(t, "head"),
			Balance:             genAmount.Draw(t, "balance"),
			InstructionSequence: rapid.Uint32().Draw(t, "sequence"),
			LastInstruction:     genHash.Draw(t, "last"), Credit: genVerdict.Draw(t, "credit"),
			PolicyVersion:  rapid.Uint32().Draw(t, "policy"),
			RequestCounter: rapid.Uint32().Draw(t, "counter"), LifeCycle: genLife.Draw(t, "life"),
			Date: genDate.Draw(t, "date"), Signature: genSignature.Draw(t, "sig"),
			OrderNumber: rapid.Uint32().Draw(t, "order"), OrderHeld: genHash.Draw(t, "held"),
		}
		if open := rapid.SliceOfN(genOpenRequest, 0, spec.MaxOpenRequests).Draw(t,
			"open"); len(open) > 0 {
			s.OpenRequests = open
		}
		return s
	})
)

var genCrisisRow = rapid.Custom(func(t *rapid.T) CrisisRow {
	return CrisisRow{
		Group:           rapid.Uint8Range(0, 3).Draw(t, "group"),
		Name:            rapid.SampledFrom([]Name{"", "SEFJORDB", "SENORDIC"}).Draw(t, "name"),
		MaxBalance:      genAmount.Draw(t, "balance"),
		MaxTransactions: rapid.Uint16().Draw(t, "transactions"),
		MaxPayment:      genAmount.Draw(t, "payment"),
		MaxSpent:        genAmount.Draw(t, "spent"),
		MaxReceipts:     rapid.Uint16().Draw(t, "receipts"),
		MaxReceived:     genAmount.Draw(t, "received"),
	}
})

var genCrisisOrder = rapid.Custom(func(t *rapid.T) *CrisisOrder {
	from := rapid.IntRange(1, maxDays).Draw(t, "from")
	m := &CrisisOrder{
		CrisisKey: genAuthority.Draw(t, "key"), Notary: genAuthority.Draw(t, "notary"),
		Number: rapid.Uint32Min(1).Draw(t, "number"), From: Date{uint16(from)},
		Until:           Date{uint16(rapid.IntRange(from, maxDays).Draw(t, "until"))},
		CrisisSignature: genSignature.Draw(t, "sig"), NotarySignature: genSignature.Draw(t, "sig"),
	}
	for _, r := range rapid.SliceOfNDistinct(genCrisisRow, 0, spec.MaxOrderRows,
		CrisisRow.scope).Draw(t, "rows") {
		m.Rows = append(m.Rows, r)
	}
	slices.SortFunc(m.Rows, func(a, b CrisisRow) int {
		x, y := a.scope(), b.scope()
		return bytes.Compare(x[:], y[:])
	})
	return m
})

// genMessage makes any of the nine messages.
var genMessage = rapid.Custom(func(t *rapid.T) Message {
	sig := func() signature.Plain { return genSignature.Draw(t, "sig") }
	number := func() uint32 { return rapid.Uint32().Draw(t, "number") }
	switch rapid.SampledFrom(spec.Messages).Draw(t, "kind") {
	case spec.Request:
		return genRequest.Draw(t, "m")
	case spec.Payment:
		return genPayment.Draw(t, "m")
	case spec.Receipt:
		return &Receipt{genDevice.Draw(t, "payee"), number(), genDevice.Draw(t, "payer"), number(),
			genHash.Draw(t, "h"), sig()}
	case spec.Refusal:
		return &Refusal{genDevice.Draw(t, "payee"), number(), number(), genHash.Draw(t, "h"),
			genOptionalDevice.Draw(t, "payer"), sig()}
	case spec.Challenge:
		return &Challenge{genAuthority.Draw(t, "key"), genDevice.Draw(t, "device"),
			genNonce.Draw(t, "nonce"), genRandom.Draw(t, "random"), sig()}
	case spec.State:
		return genState.Draw(t, "m")
	case spec.Instruction:
		return &Instruction{
			genAuthority.Draw(t, "key"), genAuthority.Draw(t, "notary"),
			genDevice.Draw(t, "device"), number(), number(), genHash.Draw(t, "head"),
			genAmount.Draw(t, "credit"), genPolicy.Draw(t, "policy"), genDate.Draw(t, "date"),
			genActions.Draw(t, "actions"), number(), rapid.Uint8().Draw(t, "group"), sig(), sig(),
		}
	case spec.CrisisOrder:
		return genCrisisOrder.Draw(t, "m")
	default:
		return &Confirmation{genDevice.Draw(t, "device"), number(), genHash.Draw(t, "h"),
			genVerdict.Draw(t, "credit"), genAmount.Draw(t, "balance"), number(), sig()}
	}
})

// parseAs parses b as the message of the layout.
func parseAs(layout *spec.Layout, b []byte) (Message, error) {
	switch layout {
	case spec.Request:
		return box(Parse[Request](b))
	case spec.Payment:
		return box(Parse[Payment](b))
	case spec.Receipt:
		return box(Parse[Receipt](b))
	case spec.Refusal:
		return box(Parse[Refusal](b))
	case spec.Challenge:
		return box(Parse[Challenge](b))
	case spec.State:
		return box(Parse[State](b))
	case spec.Instruction:
		return box(Parse[Instruction](b))
	case spec.CrisisOrder:
		return box(Parse[CrisisOrder](b))
	default:
		return box(Parse[Confirmation](b))
	}
}

func box[P interface {
	*T
	Message
}, T any](m P, err error) (Message, error) {
	if m == nil {
		return nil, err
	}
	return m, err
}
