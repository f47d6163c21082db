package intermediary

import (
	"testing"

	"github.com/stretchr/testify/require"

	"ekrona.example/apdu/message"
	"ekrona.example/host/banking"
	"ekrona.example/host/order"
)

// staff makes the calls of an intermediary's staff.
type staff struct {
	banking.Operator
	banking.IssuerDesk
	banking.Wallet
}

// near returns the calls in this process, far those through a link.
func (o *testBank) near() staff { return staff{o, o, o} }
func (o *testBank) far() staff {
	return staff{banking.NewOperator(banking.ServeOperator(o)),
		banking.NewIssuerDesk(banking.ServeIssuerDesk(o)),
		banking.NewWallet(banking.ServeWallet(o))}
}

// TestTextsThatAreRefused: a text that a database would not keep, or a link not carry, is refused
// by the intermediary itself.
func TestTextsThatAreRefused(t *testing.T) {
	o := newTestBank(t)
	for where, s := range map[string]staff{"near": o.near(), "far": o.far()} {
		for _, bad := range []string{"a\x00", "a\xff", "\xed\xa0\x80"} {
			id, ctx, app := message.DeviceID(bad), o.ctx, &o.app.PublicKey
			_, balance := s.OnlineBalance(ctx, bad)
			_, cards := s.Cards(ctx, bad)
			_, device := s.Device(ctx, id)
			_, intent := s.ReserveDevice(ctx,
				banking.Reservation{Kind: banking.KindCard, Intent: bad, Owner: "anna"})
			_, owner := s.ReserveDevice(ctx,
				banking.Reservation{Kind: banking.KindTerminal, Intent: "x", Owner: bad})
			_, replaces := s.ReserveDevice(ctx, banking.Reservation{Kind: banking.KindCard,
				Intent: "x", Owner: "anna", Replaces: id})
			_, open := s.Wallet.Open(ctx, id, message.Nonce{})
			_, policy := s.SetPolicy(ctx,
				banking.PolicyOrder{Key: "x", By: bad, Everyone: true})
			_, policies := s.CardPolicies(ctx, id, 1)
			for call, err := range map[string]error{
				"customer":      s.AddCustomer(ctx, banking.Customer{ID: bad, Name: "x", App: app}),
				"name":          s.AddCustomer(ctx, banking.Customer{ID: "x", Name: bad, App: app}),
				"app":           s.ReplaceApp(ctx, bad, app),
				"deposit":       s.Deposit(ctx, bad, "anna", 1),
				"depositor":     s.Deposit(ctx, "x", bad, 1),
				"cancel unload": s.CancelUnload(ctx, bad),
				"policy":        policy,
				"end now":       s.EndNow(ctx, id),
				"report lost":   s.IssuerDesk.ReportLost(ctx, id),
				"end":           s.End(ctx, id), "block": s.Block(ctx, id, true),
				"reset": s.ResetTries(ctx, id), "unpair": s.Unpair(ctx, id),
				"balance": balance, "cards": cards,
				"device": device, "intent": intent, "owner": owner, "replaces": replaces,
				"open": open, "policies": policies,
				"load": s.PlaceLoad(ctx, order.Signed{Order: order.Order{Kind: order.Load,
					Device: id, Amount: 1}}),
				"payer": o.PlaceRefund(ctx, order.Signed{Order: order.Order{Kind: order.Refund,
					Device: "SENORDICT0000001", Amount: 1, Of: order.Payment{Payer: id}}}),
			} {
				require.ErrorIs(t, err, banking.ErrMalformed, "%s: %s %q", where, call, bad)
			}
		}
	}
}

// TestOnlyKnownKindsAreReserved: a kind that there is not gives no id.
func TestOnlyKnownKindsAreReserved(t *testing.T) {
	o := newTestBank(t)
	for _, kind := range []banking.DeviceKind{0, 'X', 'c', -1, 0x110000} {
		for where, s := range map[string]staff{"near": o.near(), "far": o.far()} {
			id, err := s.ReserveDevice(o.ctx,
				banking.Reservation{Kind: kind, Intent: "x", Owner: "anna"})
			require.ErrorIs(t, err, banking.ErrMalformed, "%s: %d", where, kind)
			require.Empty(t, id)
		}
	}
}
