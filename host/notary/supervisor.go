package notary

import (
	"context"
	"time"

	"ekrona.example/apdu/message"
	"ekrona.example/apdu/money"
	"ekrona.example/host/remote"
)

// Supervisor is the calls by which the central bank's staff watch the whole scheme. They change
// nothing.
type Supervisor interface {
	// Totals returns where the money is at one moment, what of it is not known and for how long,
	// and which claims wait.
	Totals(ctx context.Context) (Totals, error)

	// Reconcile judges the last State of each device anew (protocol §8.2), in the order of their
	// ids after one (empty: from the first), at most limit of them, 1 to MaxPage, and returns those
	// whose equation does not hold, and those that have found attacks on them. Errors: Malformed
	// (no page of that size).
	Reconcile(ctx context.Context, after message.DeviceID, limit int) (Reconciliation, error)
}

// Totals are sums over the whole scheme.
type Totals struct {
	At             time.Time            `json:"at"`
	Issued         money.Ore            `json:"issued"`
	Pool           money.Ore            `json:"pool"`
	Lent           money.Ore            `json:"lent"`                     // by the pool
	Clearing       money.Ore            `json:"clearing,omitempty"`       // as in Balances
	Intermediaries []IntermediaryTotals `json:"intermediaries,omitempty"` // by name
	// Reserved and Pending are the Payments without a final verdict: covered, and not covered.
	Reserved []Age `json:"reserved,omitempty"`
	Pending  []Age `json:"waiting,omitempty"`
}

// IntermediaryTotals are the sums of one intermediary.
type IntermediaryTotals struct {
	Name    message.Name `json:"name"`
	Online  money.Ore    `json:"online"`  // its holding
	Shadow  money.Ore    `json:"shadow"`  // of its devices: the offline holdings
	Devices int          `json:"devices"` // that have not ended
	// Credits are those in Instructions that no device has confirmed, and Unconfirmed how many.
	Credits     money.Ore `json:"credits"`
	Unconfirmed int       `json:"unconfirmed"`
	// Unknown are the devices that have not ended, and their shadow wallets, by the time for which
	// nothing was heard of them: how much of that they have paid since is not known.
	Unknown []Age `json:"unknown,omitempty"`
}

// Age are things that are younger than a time, and not younger than that of the Age before.
type Age struct {
	Hours  int       `json:"hours"` // 0 for no bound: all that are older, or of unknown age
	Count  int       `json:"count"`
	Amount money.Ore `json:"amount"`
}

// AgeHours are the bounds of the ages: a day, three, a week, a month, and none.
var AgeHours = []int{24, 72, 168, 720, 0}

// Reconciliation is what a part of all devices has shown.
type Reconciliation struct {
	Judged int              `json:"judged"`         // devices that have ever shown a State
	Silent int              `json:"silent"`         // devices that have not
	Last   message.DeviceID `json:"last,omitempty"` // to go on after; empty at the end
	Found  []Discrepancy    `json:"found,omitempty"`
	// Attacked are the devices whose last State shows attacks that they have found (message.State):
	// their books may agree.
	Attacked []Attacked `json:"attacked,omitempty"`
}

// Attacked is a device that has found attacks on it.
type Attacked struct {
	Device       message.DeviceID `json:"device"`
	Intermediary message.Name     `json:"intermediary"`
	Owner        string           `json:"owner,omitempty"` // as registered
	Status       Status           `json:"status"`
	Attacks      int              `json:"attacks"` // that its last State shows
	Before       int              `json:"before"`  // that the State before that one shows
	At           time.Time        `json:"at"`      // when the last State came
}

// Discrepancy is a device whose equation does not hold.
type Discrepancy struct {
	Device       message.DeviceID `json:"device"`
	Intermediary message.Name     `json:"intermediary"`
	Owner        string           `json:"owner,omitempty"` // as registered
	Status       Status           `json:"status"`
	Balance      money.Ore        `json:"balance"`    // that its last State shows
	Difference   money.Ore        `json:"difference"` // it minus what the notary's books say
	At           time.Time        `json:"at"`         // when that State came
	Why          string           `json:"why"`        // for human readers
}

type supervisor struct{ client remote.Client }

// NewSupervisor returns the notary at the far side of a link that has authenticated the central
// bank's operator on this side.
func NewSupervisor(t remote.Transport) Supervisor {
	return supervisor{remote.Client{Transport: t, Errors: Errors}}
}

// Totals implements Supervisor.
func (s supervisor) Totals(ctx context.Context) (Totals, error) {
	return remote.Ask[Totals](ctx, s.client, "totals", remote.None{})
}

// devicesRequest asks for a page of what there is of each device.
type devicesRequest struct {
	After message.DeviceID `json:"after,omitempty"`
	Limit int              `json:"limit"`
}

// Reconcile implements Supervisor.
func (s supervisor) Reconcile(
	ctx context.Context, after message.DeviceID, limit int,
) (Reconciliation, error) {
	return remote.Ask[Reconciliation](ctx, s.client, "reconcile", devicesRequest{after, limit})
}

// ServeSupervisor answers the central bank's operator, whom the link has authenticated.
func ServeSupervisor(s Supervisor) *remote.Server {
	server := remote.NewServer(Errors)
	remote.Handle(server, "totals",
		func(ctx context.Context, _ remote.None) (Totals, error) { return s.Totals(ctx) })
	remote.Handle(server, "reconcile",
		func(ctx context.Context, q devicesRequest) (Reconciliation, error) {
			return s.Reconcile(ctx, q.After, q.Limit)
		})
	return server
}

// ReconcileAll reconciles every device.
func ReconcileAll(ctx context.Context, s Supervisor) (all Reconciliation, err error) {
	for {
		part, err := s.Reconcile(ctx, all.Last, MaxPage)
		if err != nil {
			return all, err
		}
		all.Judged += part.Judged
		all.Silent += part.Silent
		all.Found = append(all.Found, part.Found...)
		all.Attacked = append(all.Attacked, part.Attacked...)
		if all.Last = part.Last; all.Last == "" {
			return all, nil
		}
	}
}
