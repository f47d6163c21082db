package notary

import (
	"context"

	"ekrona.example/apdu/message"
	"ekrona.example/apdu/money"
	"ekrona.example/host/remote"
)

// operator makes the central bank's calls to a notary at the far side of a link.
type operator struct{ client remote.Client }

// NewOperator returns the notary at the far side of a link that has authenticated the central
// bank's operator on this side.
func NewOperator(t remote.Transport) Operator {
	return operator{remote.Client{Transport: t, Errors: Errors}}
}

// Join implements Operator.
func (o operator) Join(ctx context.Context, name message.Name, ca, instructionKey []byte) error {
	return remote.Do(ctx, o.client, "join", joinRequest{name, ca, instructionKey})
}

// Issue implements Operator.
func (o operator) Issue(
	ctx context.Context, order OrderKey, intermediary message.Name, amount money.Ore,
) error {
	return remote.Do(ctx, o.client, "issue", issueRequest{order, intermediary, amount})
}

// FundPool implements Operator.
func (o operator) FundPool(ctx context.Context, order OrderKey, amount money.Ore) error {
	return remote.Do(ctx, o.client, "fund-pool", fundPoolRequest{order, amount})
}

// EndDue implements Operator.
func (o operator) EndDue(ctx context.Context) ([]EndedDevice, error) {
	a, err := remote.Ask[endDueAnswer](ctx, o.client, "end-due", remote.None{})
	return a.Ended, err
}

// SignCrisisOrder implements Operator.
func (o operator) SignCrisisOrder(ctx context.Context, s CrisisSigning) ([]byte, error) {
	a, err := remote.Ask[messageRequest](ctx, o.client, "sign-crisis-order", s)
	return a.Message, err
}

// CrisisOrders implements Operator.
func (o operator) CrisisOrders(ctx context.Context, page CrisisPage) (CrisisReport, error) {
	return remote.Ask[CrisisReport](ctx, o.client, "crisis-orders", page)
}

// Balances implements Operator.
func (o operator) Balances(
	ctx context.Context, after message.DeviceID, limit int,
) (Balances, error) {
	return remote.Ask[Balances](ctx, o.client, "balances", devicesRequest{after, limit})
}

// Payment implements Operator.
func (o operator) Payment(
	ctx context.Context, payer message.DeviceID, atc uint32,
) (PaymentStatus, error) {
	return remote.Ask[PaymentStatus](ctx, o.client, "payment", paymentRequest{payer, atc})
}

// ServeOperator answers the central bank's operator, whom the link has authenticated.
func ServeOperator(o Operator) *remote.Server {
	s := remote.NewServer(Errors)
	remote.HandleOnly(s, "join", func(ctx context.Context, q joinRequest) error {
		return o.Join(ctx, q.Name, q.CA, q.InstructionKey)
	})
	remote.HandleOnly(s, "issue", func(ctx context.Context, q issueRequest) error {
		return o.Issue(ctx, q.Order, q.Intermediary, q.Amount)
	})
	remote.HandleOnly(s, "fund-pool", func(ctx context.Context, q fundPoolRequest) error {
		return o.FundPool(ctx, q.Order, q.Amount)
	})
	remote.Handle(s, "end-due", func(ctx context.Context, _ remote.None) (endDueAnswer, error) {
		ended, err := o.EndDue(ctx)
		return endDueAnswer{ended}, err
	})
	remote.Handle(s, "sign-crisis-order",
		func(ctx context.Context, q CrisisSigning) (messageRequest, error) {
			signed, err := o.SignCrisisOrder(ctx, q)
			return messageRequest{signed}, err
		})
	remote.Handle(s, "crisis-orders",
		func(ctx context.Context, page CrisisPage) (CrisisReport, error) {
			return o.CrisisOrders(ctx, page)
		})
	remote.Handle(s, "balances", func(ctx context.Context, q devicesRequest) (Balances, error) {
		return o.Balances(ctx, q.After, q.Limit)
	})
	remote.Handle(s, "payment", func(ctx context.Context, q paymentRequest) (PaymentStatus, error) {
		return o.Payment(ctx, q.Payer, q.ATC)
	})
	return s
}

// AllBalances returns the books with all shadow wallets. While they change, each page of wallets is
// of its own moment, and the sums are of the last one.
func AllBalances(ctx context.Context, o interface {
	Balances(ctx context.Context, after message.DeviceID, limit int) (Balances, error)
}) (all Balances, err error) {
	for {
		page, err := o.Balances(ctx, all.Last, MaxPage)
		if err != nil {
			return all, err
		}
		page.Shadow = append(all.Shadow, page.Shadow...)
		if all = page; all.Last == "" {
			return all, nil
		}
	}
}

// EndAllDue ends every device that is due, a page at a time. Those that it returns beside an error
// have ended.
func EndAllDue(ctx context.Context, o interface {
	EndDue(ctx context.Context) ([]EndedDevice, error)
}) (all []EndedDevice, err error) {
	for {
		ended, err := o.EndDue(ctx)
		all = append(all, ended...)
		if err != nil || len(ended) == 0 {
			return all, err
		}
	}
}
