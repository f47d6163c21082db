package banking

import (
	"context"
	"crypto/ecdsa"

	"ekrona.example/apdu/message"
	"ekrona.example/apdu/money"
	"ekrona.example/apdu/signature"
	"ekrona.example/host/remote"
)

// Requests and answers of the issuer's desk and of the operator.
type (
	deviceRequest struct {
		Device message.DeviceID `json:"device"`
	}
	reserveAnswer struct {
		Device message.DeviceID `json:"device"`
	}
	customerRequest struct {
		Customer string `json:"customer"`
	}
	cardsAnswer struct {
		Cards []Card `json:"cards,omitempty"`
	}
	replaceAppRequest struct {
		Customer string `json:"customer"`
		App      []byte `json:"app,omitempty"` // the point, 65 bytes
	}
	depositRequest struct {
		Order    string    `json:"order"`
		Customer string    `json:"customer"`
		Amount   money.Ore `json:"amount"`
	}
	balanceAnswer struct {
		Balance money.Ore `json:"balance"`
	}
	orderRequest struct {
		Order string `json:"order"`
	}
	policyAnswer struct {
		Version uint32 `json:"version"`
	}
	policyOrdersRequest struct {
		Before uint32 `json:"before"`
		Limit  int    `json:"limit"`
	}
	policyOrdersAnswer struct {
		Orders []PolicyOrder `json:"orders,omitempty"`
	}
	cardPoliciesRequest struct {
		After message.DeviceID `json:"after"`
		Limit int              `json:"limit"`
	}
	cardPoliciesAnswer struct {
		Cards []CardPolicy `json:"cards,omitempty"`
	}
	groupRequest struct {
		Device message.DeviceID `json:"device"`
		Group  uint8            `json:"group"`
	}
	blockRequest struct {
		Device  message.DeviceID `json:"device"`
		Blocked bool             `json:"blocked"`
	}
)

type issuerDesk struct{ client remote.Client }

// NewIssuerDesk returns the intermediary at the far side of a link.
func NewIssuerDesk(t remote.Transport) IssuerDesk {
	return issuerDesk{remote.Client{Transport: t, Errors: Errors}}
}

// AddDevice implements Registry.
func (i issuerDesk) AddDevice(ctx context.Context, d Device) error {
	return remote.Do(ctx, i.client, "add-device", d)
}

// Device implements Registry.
func (i issuerDesk) Device(ctx context.Context, id message.DeviceID) (Device, error) {
	return remote.Ask[Device](ctx, i.client, "device", deviceRequest{id})
}

// FirstCrisis implements Registry.
func (i issuerDesk) FirstCrisis(ctx context.Context, id message.DeviceID) (FirstCrisis, error) {
	return remote.Ask[FirstCrisis](ctx, i.client, "first-crisis", deviceRequest{id})
}

// ReserveDevice implements IssuerDesk.
func (i issuerDesk) ReserveDevice(ctx context.Context, r Reservation) (message.DeviceID, error) {
	a, err := remote.Ask[reserveAnswer](ctx, i.client, "reserve-device", r)
	return a.Device, err
}

// Cards implements IssuerDesk.
func (i issuerDesk) Cards(ctx context.Context, owner string) ([]Card, error) {
	a, err := remote.Ask[cardsAnswer](ctx, i.client, "cards", customerRequest{owner})
	return a.Cards, err
}

// ReportLost implements IssuerDesk.
func (i issuerDesk) ReportLost(ctx context.Context, id message.DeviceID) error {
	return remote.Do(ctx, i.client, "report-lost", deviceRequest{id})
}

// ServeIssuerDesk answers the bureau that issues the intermediary's cards.
func ServeIssuerDesk(i IssuerDesk) *remote.Server {
	s := remote.NewServer(Errors)
	remote.HandleOnly(s, "add-device", i.AddDevice)
	remote.Handle(s, "device",
		func(ctx context.Context, q deviceRequest) (Device, error) {
			return i.Device(ctx, q.Device)
		})
	remote.Handle(s, "first-crisis",
		func(ctx context.Context, q deviceRequest) (FirstCrisis, error) {
			return i.FirstCrisis(ctx, q.Device)
		})
	remote.Handle(s, "reserve-device",
		func(ctx context.Context, r Reservation) (reserveAnswer, error) {
			id, err := i.ReserveDevice(ctx, r)
			return reserveAnswer{id}, err
		})
	remote.Handle(s, "cards", func(ctx context.Context, q customerRequest) (cardsAnswer, error) {
		cards, err := i.Cards(ctx, q.Customer)
		return cardsAnswer{cards}, err
	})
	remote.HandleOnly(s, "report-lost",
		func(ctx context.Context, q deviceRequest) error { return i.ReportLost(ctx, q.Device) })
	return s
}

type operator struct{ client remote.Client }

// NewOperator returns the intermediary at the far side of a link.
func NewOperator(t remote.Transport) Operator {
	return operator{remote.Client{Transport: t, Errors: Errors}}
}

// AddCustomer implements Operator.
func (o operator) AddCustomer(ctx context.Context, c Customer) error {
	if _, err := signature.Point(c.App); err != nil {
		return Refuse(ErrMalformed, "intermediary: customer %q: %v", c.ID, err)
	}
	return remote.Do(ctx, o.client, "add-customer", c)
}

// ReplaceApp implements Operator.
func (o operator) ReplaceApp(ctx context.Context, customer string, app *ecdsa.PublicKey) error {
	point, err := signature.Point(app)
	if err != nil {
		return Refuse(ErrMalformed, "intermediary: customer %q: %v", customer, err)
	}
	return remote.Do(ctx, o.client, "replace-app", replaceAppRequest{customer, point})
}

// Deposit implements Operator.
func (o operator) Deposit(ctx context.Context, order, owner string, amount money.Ore) error {
	return remote.Do(ctx, o.client, "deposit", depositRequest{order, owner, amount})
}

// OnlineBalance implements Operator.
func (o operator) OnlineBalance(ctx context.Context, owner string) (money.Ore, error) {
	a, err := remote.Ask[balanceAnswer](ctx, o.client, "online-balance", customerRequest{owner})
	return a.Balance, err
}

// CancelUnload implements Operator.
func (o operator) CancelUnload(ctx context.Context, order string) error {
	return remote.Do(ctx, o.client, "cancel-unload", orderRequest{order})
}

// SetPolicy implements Operator.
func (o operator) SetPolicy(ctx context.Context, p PolicyOrder) (uint32, error) {
	if err := p.Check(); err != nil {
		return 0, err
	}
	a, err := remote.Ask[policyAnswer](ctx, o.client, "set-policy", p)
	return a.Version, err
}

// PolicyOrders implements Operator.
func (o operator) PolicyOrders(
	ctx context.Context, before uint32, limit int,
) ([]PolicyOrder, error) {
	a, err := remote.Ask[policyOrdersAnswer](ctx, o.client, "policy-orders",
		policyOrdersRequest{before, limit})
	return a.Orders, err
}

// CardPolicies implements Operator.
func (o operator) CardPolicies(
	ctx context.Context, after message.DeviceID, limit int,
) ([]CardPolicy, error) {
	a, err := remote.Ask[cardPoliciesAnswer](ctx, o.client, "card-policies",
		cardPoliciesRequest{after, limit})
	return a.Cards, err
}

// SetGroup implements Operator.
func (o operator) SetGroup(ctx context.Context, id message.DeviceID, group uint8) error {
	return remote.Do(ctx, o.client, "set-group", groupRequest{id, group})
}

// ReportLost implements Operator.
func (o operator) ReportLost(ctx context.Context, id message.DeviceID) error {
	return remote.Do(ctx, o.client, "report-lost", deviceRequest{id})
}

// End implements Operator.
func (o operator) End(ctx context.Context, id message.DeviceID) error {
	return remote.Do(ctx, o.client, "end", deviceRequest{id})
}

// EndNow implements Operator.
func (o operator) EndNow(ctx context.Context, id message.DeviceID) error {
	return remote.Do(ctx, o.client, "end-now", deviceRequest{id})
}

// CollectEnded implements Operator.
func (o operator) CollectEnded(ctx context.Context) error {
	return remote.Do(ctx, o.client, "collect-ended", remote.None{})
}

// Block implements Operator.
func (o operator) Block(ctx context.Context, id message.DeviceID, blocked bool) error {
	return remote.Do(ctx, o.client, "block", blockRequest{id, blocked})
}

// ResetTries implements Operator.
func (o operator) ResetTries(ctx context.Context, id message.DeviceID) error {
	return remote.Do(ctx, o.client, "reset-tries", deviceRequest{id})
}

// Unpair implements Operator.
func (o operator) Unpair(ctx context.Context, id message.DeviceID) error {
	return remote.Do(ctx, o.client, "unpair", deviceRequest{id})
}

// ServeOperator answers the intermediary's own staff.
func ServeOperator(o Operator) *remote.Server {
	s := remote.NewServer(Errors)
	remote.HandleOnly(s, "add-customer", o.AddCustomer)
	remote.HandleOnly(s, "replace-app", func(ctx context.Context, q replaceAppRequest) error {
		app, err := signature.ParsePoint(q.App)
		if err != nil {
			return Refuse(ErrMalformed, "intermediary: customer %q: %v", q.Customer, err)
		}
		return o.ReplaceApp(ctx, q.Customer, app)
	})
	remote.HandleOnly(s, "deposit", func(ctx context.Context, q depositRequest) error {
		return o.Deposit(ctx, q.Order, q.Customer, q.Amount)
	})
	remote.Handle(s, "online-balance",
		func(ctx context.Context, q customerRequest) (balanceAnswer, error) {
			balance, err := o.OnlineBalance(ctx, q.Customer)
			return balanceAnswer{balance}, err
		})
	remote.HandleOnly(s, "cancel-unload",
		func(ctx context.Context, q orderRequest) error { return o.CancelUnload(ctx, q.Order) })
	remote.Handle(s, "set-policy", func(ctx context.Context, p PolicyOrder) (policyAnswer, error) {
		version, err := o.SetPolicy(ctx, p)
		return policyAnswer{version}, err
	})
	remote.Handle(s, "policy-orders",
		func(ctx context.Context, q policyOrdersRequest) (policyOrdersAnswer, error) {
			orders, err := o.PolicyOrders(ctx, q.Before, q.Limit)
			return policyOrdersAnswer{orders}, err
		})
	remote.Handle(s, "card-policies",
		func(ctx context.Context, q cardPoliciesRequest) (cardPoliciesAnswer, error) {
			cards, err := o.CardPolicies(ctx, q.After, q.Limit)
			return cardPoliciesAnswer{cards}, err
		})
	remote.HandleOnly(s, "report-lost",
		func(ctx context.Context, q deviceRequest) error { return o.ReportLost(ctx, q.Device) })
	remote.HandleOnly(s, "set-group",
		func(ctx context.Context, q groupRequest) error {
			return o.SetGroup(ctx, q.Device, q.Group)
		})
	remote.HandleOnly(s, "end",
		func(ctx context.Context, q deviceRequest) error { return o.End(ctx, q.Device) })
	remote.HandleOnly(s, "end-now",
		func(ctx context.Context, q deviceRequest) error { return o.EndNow(ctx, q.Device) })
	remote.HandleOnly(s, "collect-ended",
		func(ctx context.Context, _ remote.None) error { return o.CollectEnded(ctx) })
	remote.HandleOnly(s, "block",
		func(ctx context.Context, q blockRequest) error {
			return o.Block(ctx, q.Device, q.Blocked)
		})
	remote.HandleOnly(s, "reset-tries",
		func(ctx context.Context, q deviceRequest) error { return o.ResetTries(ctx, q.Device) })
	remote.HandleOnly(s, "unpair",
		func(ctx context.Context, q deviceRequest) error { return o.Unpair(ctx, q.Device) })
	return s
}
