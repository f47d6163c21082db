package banking

import (
	"context"
	"crypto/ecdsa"

	"ekrona.example/apdu/message"
	"ekrona.example/apdu/money"
	"ekrona.example/host/envelope"
	"ekrona.example/host/notary"
	"ekrona.example/host/order"
	"ekrona.example/host/session"
)

// Wallet is the calls that the app on a customer's phone makes to the customer's intermediary.
type Wallet interface {
	session.Link

	// HandOver receives messages that a phone carries, its own or others': Payments, Receipts,
	// Refusals. It returns an answer for each, in order: whether the notary holds it, so that the
	// phone may forget it. Anybody may hand over any message, any number of times: every message
	// protects itself. One call takes what notary.CheckItems does; notary.InParts divides more.
	// Errors: the notary's.
	HandOver(ctx context.Context, messages [][]byte) ([]notary.Answer, error)

	// PlaceLoad takes a customer's order to load a device: its money is set aside from the
	// online wallet, and the device's next synchronisation carries the credit.
	// Errors: *order.Refused when the online wallet does not cover it or the device cannot
	// pay; order.ErrSignature; [ErrNoDevice]; [ErrTaken].
	PlaceLoad(ctx context.Context, o order.Signed) error

	// LoadProgress returns the progress of a load order; one that waits for a device that has ended
	// is refused then. Errors: [ErrNoOrder], order.ErrSignature.
	LoadProgress(ctx context.Context, o order.Signed) (order.Progress, error)

	// RequestUnload answers a customer's order to unload a device with the unload desk's
	// Request, which names the device as its only payer. The device pays it, and
	// TakeUnload takes the Payment. Errors: *order.Refused for an order that is closed, or
	// of more than any device can pay; order.ErrSignature; [ErrNoDevice]; [ErrTaken].
	RequestUnload(ctx context.Context, o order.Signed) (envelope.Envelope, error)

	// TakeUnload takes the Payment of a desk's Request and answers with the desk's
	// Receipt. Errors: *order.Refused, by [ErrUnloadClosed]; [ErrNotForDesk]; the notary's.
	TakeUnload(ctx context.Context, payment []byte) ([]byte, error)

	// UnloadReceipt returns the desk's Receipt for an unload, nil while it is not paid. Errors:
	// *order.Refused when the desk has refused it.
	UnloadReceipt(ctx context.Context, o order.Signed) ([]byte, error)

	// BatchCertificate returns the present certificate (7F21) of a batch key, of which a card of
	// the batch may have an earlier one; nil for a batch that the intermediary has none of.
	BatchCertificate(ctx context.Context, batch message.DeviceID) ([]byte, error)
}

// Restoration is an Instruction to be applied ahead of a terminal's journal.
type Restoration struct {
	Instruction []byte        `json:"instruction,omitempty"`
	Trust       session.Trust `json:"trust"`
}

// Terminal is the calls that a terminal makes to its owner's intermediary.
type Terminal interface {
	session.Link

	// TakeRecords receives a portion of a terminal's records, in order, with the certificates of
	// their payers, before the State: nil when the notary holds them all. A Reading without State.
	// Errors: [ErrCorrupted], the notary's.
	TakeRecords(ctx context.Context, portion session.Reading) error

	// Position returns where the notary knows a terminal's journal to be, and the head of its chain
	// after record atc. Errors: [ErrNoDevice], the notary's.
	Position(ctx context.Context, device message.DeviceID, atc uint32) (notary.Position, error)

	// Restore returns the Instruction that brings a terminal, whose journal was restored from an
	// older copy, to all that the notary holds of it: the outstanding one, or a new one. Errors:
	// [ErrNoDevice], the notary's.
	Restore(ctx context.Context, device message.DeviceID) (Restoration, error)

	// Revoked returns the next page of the notary's revocation list, after a position in it, 0
	// first; empty at its end. Errors: the notary's.
	Revoked(ctx context.Context, after int64) ([]notary.Revocation, error)
}

// Merchant is the calls that the owner of a terminal makes to the intermediary, beside [Terminal].
type Merchant interface {
	// PlaceRefund carries out the order of a terminal's owner to give a payment back, or a part of
	// it, to the owner of the card that paid. nil means that it is done. Errors: *order.Refused
	// when the online wallet does not cover it, or for the notary.Kind with which the notary
	// refuses; order.ErrSignature; [ErrNoDevice]; [ErrTaken].
	PlaceRefund(ctx context.Context, o order.Signed) error
}

// Registry keeps the devices of an intermediary and registers them at the notary.
type Registry interface {
	// AddDevice makes a device known, at the intermediary and at the notary, before it is
	// used; the same device again is fine, with a later certificate too.
	// Errors: [ErrMalformed], [ErrNoCustomer], [ErrTaken], [ErrSecondCard], those of the notary's
	// Register.
	AddDevice(ctx context.Context, d Device) error

	// Device returns what is kept of a device. Errors: [ErrNoDevice].
	Device(ctx context.Context, id message.DeviceID) (Device, error)

	// FirstCrisis returns what a card that is registered gets with its first PIN. Errors:
	// [ErrNoDevice], the notary's.
	FirstCrisis(ctx context.Context, id message.DeviceID) (FirstCrisis, error)
}

// IssuerDesk is the calls that the bureau that issues an intermediary's cards makes to it.
type IssuerDesk interface {
	Registry

	// ReserveDevice gives a device that is still to be made its id. The same intent again
	// gives the same id, and no id is given to two intents, whether the device is made or
	// not. The same intent may say later that its card is a second one. Errors:
	// [ErrMalformed] (no such kind), those of [Reservation.Check];
	// [ErrNoCustomer]; [ErrTaken] (the intent is of another kind or owner, or replaces
	// another card).
	ReserveDevice(ctx context.Context, r Reservation) (message.DeviceID, error)

	// Cards returns the cards of a customer, in the order of their ids. While the notary cannot be
	// reached, which of them are in use is what it reported last. Errors: [ErrNoCustomer].
	Cards(ctx context.Context, owner string) ([]Card, error)

	// ReportLost blocks a device that is lost, stolen or broken, by its next Instruction if
	// it ever comes to one, and has the notary put it on the revocation list. It cannot be
	// taken back. Errors: [ErrNoDevice], the notary's.
	ReportLost(ctx context.Context, id message.DeviceID) error
}

// Operator is the calls of the intermediary's own staff, behind its counter and its online bank.
type Operator interface {
	// AddCustomer opens a customer's online wallet. The same customer again is fine.
	// Errors: [ErrMalformed], [ErrTaken].
	AddCustomer(ctx context.Context, c Customer) error

	// ReplaceApp registers the key of another app for a customer who has changed phones. The caller
	// has identified the customer: the former key alone is no proof, since a thief of the phone has
	// it too. The former key signs nothing more and never comes back; orders that it has placed
	// stand. The same key again is fine. Errors: [ErrMalformed], [ErrNoCustomer], [ErrTaken] for a
	// key that has ended.
	ReplaceApp(ctx context.Context, customer string, app *ecdsa.PublicKey) error

	// Deposit sells e-krona to a customer: from the intermediary's own funds to the online wallet,
	// once for each order key. Errors: [ErrMalformed] (not above zero), [ErrNoCustomer],
	// [ErrTaken], and [ErrOwnFunds] when it does not have that much to sell.
	Deposit(ctx context.Context, order, owner string, amount money.Ore) error

	// OnlineBalance returns what a customer's online wallet holds. Errors: [ErrNoCustomer], the
	// notary's.
	OnlineBalance(ctx context.Context, owner string) (money.Ore, error)

	// CancelUnload closes an unload that the device has not paid, by the order's key.
	// Errors: [ErrNoOrder], [ErrUnloadClosed] when it was paid.
	CancelUnload(ctx context.Context, order string) error

	// SetPolicy carries out an order to give devices other limits: all of them or none, each by
	// its next Instruction. It returns the version of the policy; the same order again gives the
	// same one. Errors: [ErrMalformed], [ErrNoDevice], [ErrNoCustomer], [ErrTaken] (the key was
	// used for another order, or every version is used), [ErrPolicy], which names the cards whose
	// ceilings are lower.
	SetPolicy(ctx context.Context, o PolicyOrder) (version uint32, err error)

	// PolicyOrders returns the orders before a version, the newest first, at most limit of them,
	// 1 to [notary.MaxPage]; 0 begins with the newest of all. Errors: [ErrMalformed] (no page of
	// that size).
	PolicyOrders(ctx context.Context, before uint32, limit int) ([]PolicyOrder, error)

	// CardPolicies returns what cards shall have and have shown, in the order of their ids after
	// one (empty: from the first), at most limit of them, 1 to [notary.MaxPage]. While the notary
	// cannot be reached, which of them are in use is what it reported last.
	// Errors: [ErrMalformed] (no page of that size).
	CardPolicies(ctx context.Context, after message.DeviceID, limit int) ([]CardPolicy, error)

	// SetGroup has a device's next Instruction give it another group of people, 0 for none: crisis
	// orders may have other limits for it. Errors: [ErrNoDevice], the notary's.
	SetGroup(ctx context.Context, id message.DeviceID, group uint8) error

	// ReportLost is as in IssuerDesk.
	ReportLost(ctx context.Context, id message.DeviceID) error

	// End ends a reported device when its time is over: what its shadow wallet holds, and
	// all that comes in later, goes to the owner's online wallet. Errors: [ErrNoDevice],
	// notary.WrongStatus while the time is not over.
	End(ctx context.Context, id message.DeviceID) error

	// EndNow ends a reported device before its time is over: for what is claimed on it later, the
	// intermediary's own funds pay. Errors: [ErrNoDevice], notary.WrongStatus for a device that
	// was not reported lost.
	EndNow(ctx context.Context, id message.DeviceID) error

	// CollectEnded brings home the money of devices that the central bank has ended because they
	// were due (notary.Operator): what their shadow wallets had left, and what was set aside for
	// loads that they will never take. Once more is fine. Errors: the notary's.
	CollectEnded(ctx context.Context) error

	// Block has the device's next Instruction block or unblock it. Errors: [ErrNoDevice].
	Block(ctx context.Context, id message.DeviceID, blocked bool) error

	// ResetTries has the device's next Instruction restore all tries of PIN and PUK. Errors:
	// [ErrNoDevice], the notary's.
	ResetTries(ctx context.Context, id message.DeviceID) error

	// Unpair has the device's next Instruction end its pair with a phone. That of a device that was
	// reported lost does it in any case. Errors: [ErrNoDevice], the notary's.
	Unpair(ctx context.Context, id message.DeviceID) error
}
