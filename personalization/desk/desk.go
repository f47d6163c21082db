// Package desk issues one card at a time: it examines the card, rehearses, opens it,
// reserves an id, makes the card and examines it again. The operator, at a
// terminal or a page, sees [progress.Event]s.
//
// One card in order, with what a cut leaves at each step:
//
//  1. [Desk.Look] asks the card without keys. Nothing is changed.
//  2. [Desk.Issue] looks at what the issuer has, and opens the card if its keys will be
//     used: those that are not the card's use up no device id. Nothing is changed.
//  3. The owner is enrolled, the order is drawn and kept beside the letter (package
//     orderfile), the device id is reserved. A cut after any of these: the same call finds
//     them done.
//  4. The issuing is rehearsed on a virtual card in the same state, and the card gets the
//     commands that were rehearsed and no others ([personalization.Line.Issue]). A cut: the
//     same call goes on.
//  5. The card that the new one replaces is reported lost, if there is one. A cut: the same
//     call finds the new card active and reports again.
//  6. The letter is written and the order forgotten.
//  7. The card's power is switched off and on, and it is examined: it is active.
//
// The package trusts the machine that it runs on, and cards as far as
// personalization.Line does. Start at [Desk].
package desk

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"

	"ekrona.example/apdu"
	"ekrona.example/apdu/message"
	"ekrona.example/apdu/spec"
	"ekrona.example/applet/vocabulary"
	"ekrona.example/emulator/card"
	"ekrona.example/host/banking"
	"ekrona.example/host/clock"
	"ekrona.example/host/progress"
	"ekrona.example/personalization"
	"ekrona.example/personalization/orderfile"
	"ekrona.example/personalization/preflight"
	"ekrona.example/personalization/rehearsal"
)

// Bank is what a desk asks of the intermediary whose cards it issues.
type Bank interface {
	banking.IssuerDesk
	// Enrol enrols a customer, who may be one already; MayEnrol fails as Enrol
	// would, and changes nothing.
	MayEnrol(ctx context.Context, owner string) error
	Enrol(ctx context.Context, owner string) error
}

// Desk is where one card after the other is issued. One goroutine uses it.
type Desk struct {
	Name message.Name // of the intermediary
	Bank Bank
	Line personalization.Line
	Need preflight.Need // what the applet takes of a card
	Link card.Link      // for estimates in plans

	// ReplaceKeys allows the line's final keys to replace those that a card came
	// with, which cannot be undone.
	ReplaceKeys bool

	Clock  clock.Clock
	Random io.Reader     // nil is the system's
	Show   progress.Show // receives each stage of a card
	// Record receives each exchange with a card, as it is inside the secure channel; may be nil.
	Record func(apdu.Exchange)
}

// Card is an open card.
type Card struct {
	apdu.Card
	ATR   []byte       // nil if no reader reports it
	Reset func() error // switches the power off and on
}

// Order is what a card is made for.
type Order struct {
	Owner  string // the intermediary's customer; a new one is enrolled
	Letter string // path of the PIN letter, in clear
	Limits personalization.Limits

	// Second and Replaces are as in [banking.Reservation]. A card that is replaced is
	// reported lost when the new one is active.
	Second   bool
	Replaces message.DeviceID

	// Batch is whose key the card shares; none: by its number.
	Batch message.DeviceID
	// Group is that of people that the owner belongs to, 0 for none.
	Group uint8
}

// reservation is that of the order's device id.
func (o Order) reservation(intent string) banking.Reservation {
	return banking.Reservation{
		Kind: banking.KindCard, Intent: intent, Owner: o.Owner,
		Second: o.Second, Replaces: o.Replaces,
	}
}

// Errors with what to do at the desk.
var (
	ErrUnable = errors.New(
		"this card cannot take the applet as it is: do what the page names, or take another card",
	)
	ErrKeepsKeys = errors.New(
		"the card has the keys that it came with, and new ones are named: have them replaced, " +
			"for good, or name none",
	)
	ErrKeptItsKeys = errors.New(
		"the card does not show the keys that it got: look at it with its new keys before it is " +
			"handed out",
	)
)

// Look is what a card reported without keys.
type Look struct {
	Report *preflight.Report
	State  rehearsal.State
	Sent   []apdu.Exchange // what went out for it
}

// Look looks at a card. Whether it can take the applet is the report's.
func (d Desk) Look(ctx context.Context, c Card) (Look, error) {
	var look Look
	sent, _ := recorded(c, func(e apdu.Exchange) {
		look.Sent = append(look.Sent, e)
		d.record(e)
	})
	report, err := preflight.Inspect(ctx, sent, preflight.Options{
		ATR: c.ATR, Today: d.Clock.Now(), Need: d.Need, FinalVersion: d.Line.VersionOfFinal(),
	})
	if err != nil {
		return look, err
	}
	look.Report = report
	look.State, _ = rehearsal.StateOf(report)
	return look, nil
}

func (d Desk) record(e apdu.Exchange) {
	if d.Record != nil {
		d.Record(e)
	}
}

// recorded records a card from a reset of it to the next one, and what a secure channel over it
// carries in the place of what carries that; see [personalization.Line.Watch].
func recorded(c apdu.Card, record func(apdu.Exchange)) (
	wire apdu.Card, watch func(channel apdu.Card) apdu.Card,
) {
	rule := vocabulary.Decoder().Rule()
	wire = apdu.Recorder{Card: c, Secrets: rule.Secrets, Sink: func(e apdu.Exchange) {
		if !e.Carried {
			record(e)
		}
	}}
	return wire, func(channel apdu.Card) apdu.Card {
		return apdu.Recorder{Card: channel, Secrets: rule.Inside().Secrets, Sink: record}
	}
}

func (d Desk) today() message.Date { return message.DateOf(d.Clock.Now()) }

func (d Desk) random() io.Reader {
	if d.Random == nil {
		return rand.Reader
	}
	return d.Random
}

// check fails for a card that cannot be continued, as far as it shows without keys.
// One that is active is asked later whether it is this order's.
func (d Desk) check(l Look) error {
	if l.Report.Domain == nil || !l.Report.Able && !isActive(l.Report) {
		return ErrUnable
	}
	if d.Line.Final != nil && !d.ReplaceKeys && !l.State.HasKeys(d.Line.VersionOfFinal()) {
		return ErrKeepsKeys
	}
	return d.Line.Check(d.today())
}

// isActive reports whether the only obstacle is that the card is active.
func isActive(report *preflight.Report) bool {
	for _, f := range report.Findings {
		if f.Mark == preflight.Stop && f.Subject != preflight.AppletSubject {
			return false
		}
	}
	return report.Applet != nil
}

// Plan rehearses what a card that was looked at would be sent, for each case that does not
// show without keys. Nothing is reserved and nothing is sent. Errors: [ErrUnable],
// [ErrKeepsKeys], those of the issuer ([personalization.Issuer.Check]), of MayEnrol and of
// [banking.Reservation.Check].
func (d Desk) Plan(ctx context.Context, l Look, o Order) (*rehearsal.Plan, error) {
	if err := d.check(l); err != nil {
		return nil, err
	}
	if err := d.Bank.MayEnrol(ctx, o.Owner); err != nil {
		return nil, err
	}
	if err := d.mayReserve(ctx, l, o); err != nil {
		return nil, err
	}
	order, err := personalization.NewOrder(
		banking.DeviceIDOf(d.Name, banking.KindCard, 0),
		o.Owner,
		d.today(),
		d.random(),
	)
	if err != nil {
		return nil, err
	}
	order.Batch, order.Limits = o.Batch, o.Limits
	plan, err := rehearsal.Rehearse(ctx, d.Line, order, l.State, d.Link)
	if err != nil || !d.ReplaceKeys || d.Line.Final == nil ||
		!l.State.HasKeys(d.Line.VersionOfFinal()) {
		return plan, err
	}
	l.State.Suppliers = true
	other, err := rehearsal.Rehearse(ctx, d.Line, order, l.State, d.Link)
	if err != nil {
		return nil, err
	}
	for _, c := range other.Cases {
		c.Assumption += fmt.Sprintf(
			", and its key set %02X is its supplier's",
			d.Line.VersionOfFinal(),
		)
		plan.Cases = append(plan.Cases, c)
	}
	return plan, nil
}

// mayReserve fails as reserving a device id would. A card that was started has one.
func (d Desk) mayReserve(ctx context.Context, l Look, o Order) error {
	if l.State.Applet != 0 {
		return nil
	}
	cards, err := d.Bank.Cards(ctx, o.Owner)
	if err != nil && !errors.Is(err, banking.ErrNoCustomer) {
		return err
	}
	return o.reservation("plan").Check(cards)
}

// Issue makes the card that was examined, or continues it. The same call with the same
// order repairs a cut at any point. When all is done it finds the card made, by the letter:
// then nothing changes, and no [progress.Made] is shown. A call that fails before an id is
// reserved leaves no order. Errors: [ErrUnable], [ErrKeepsKeys], those of orderfile, of the
// bank and of [personalization.Line.Issue].
func (d Desk) Issue(ctx context.Context, c Card, l Look, o Order) (banking.Device, error) {
	none := banking.Device{}
	if err := d.check(l); err != nil {
		return none, err
	}
	if l.State.Applet != 0 && !l.State.IsStarted() {
		if device, made, err := d.madeBefore(ctx, c, o); made || err != nil {
			return device, err
		}
	}
	if err := d.open(ctx, c, &l.State); err != nil {
		return none, err
	}
	file, err := orderfile.Open(o.Letter, d.Name, o.Owner, o.Limits, d.today(), d.random())
	if err != nil {
		return none, err
	}
	// What is on the card belongs to an order that had its id before.
	switch started := l.State.IsStarted(); {
	case l.State.Applet == 0 || file.IsAssigned() || started && d.Line.DeleteApplet:
	case started:
		return none, lostOrder(personalization.ErrOtherCard)
	default:
		return none, personalization.ErrOtherCard
	}
	if err := d.assign(ctx, file, o); err != nil {
		return none, err
	}
	device, err := d.make(ctx, c, l.State, file, o)
	if err != nil {
		return none, err
	}
	return device, d.lookAgain(ctx, c)
}

// madeBefore finds an active card that this order has made.
func (d Desk) madeBefore(
	ctx context.Context, c Card, o Order,
) (device banking.Device, made bool, err error) {
	order, secrets, found, err := orderfile.Made(o.Letter, o.Owner)
	if err != nil || !found {
		return device, false, err
	}
	if err := c.Reset(); err != nil {
		return device, false, err
	}
	wire, _ := recorded(c, d.record)
	device, err = d.Line.Recognise(ctx, wire, order, secrets)
	if errors.Is(err, personalization.ErrOtherCard) {
		return device, false, nil
	}
	if err != nil {
		return device, false, err
	}
	return device, true, d.lookAgain(ctx, c)
}

// open opens the card, which shows whether the keys of the final version are the line's,
// if keys will be used at all.
func (d Desk) open(ctx context.Context, c Card, s *rehearsal.State) error {
	needsNone := d.Line.Final == nil && !d.Line.DeleteApplet && !d.Line.Secure
	if s.Applet != 0 && (!s.IsStarted() || needsNone) {
		return nil
	}
	line := d.Line
	wire, watch := recorded(c, d.record)
	line.Watch = watch
	client, err := line.Open(ctx, wire)
	if err == nil {
		err = line.CheckKeys(client)
	}
	if err != nil {
		return err
	}
	s.Suppliers = line.Final != nil && !line.HasFinal(client) && s.HasKeys(line.VersionOfFinal())
	if s.Suppliers && !d.ReplaceKeys {
		return ErrKeepsKeys
	}
	return nil
}

// assign gives the order its device id. An order that may have none is forgotten.
func (d Desk) assign(ctx context.Context, file *orderfile.File, o Order) error {
	if err := d.Bank.Enrol(ctx, o.Owner); err != nil {
		return err
	}
	if err := file.Keep(); err != nil {
		return err
	}
	id, err := d.Bank.ReserveDevice(ctx, o.reservation(file.Intent()))
	for _, refused := range []banking.Kind{banking.ErrMalformed, banking.ErrNoDevice,
		banking.ErrHasCard, banking.ErrOutOfUse} {
		if errors.Is(err, refused) {
			return errors.Join(err, file.Discard())
		}
	}
	if err != nil {
		return err
	}
	return file.Assign(id)
}

// make sends what was rehearsed.
func (d Desk) make(
	ctx context.Context, c Card, s rehearsal.State, file *orderfile.File, o Order,
) (banking.Device, error) {
	none := banking.Device{}
	order, secrets, err := file.Order()
	if err != nil {
		return none, err
	}
	order.Batch, order.Group = o.Batch, o.Group
	plan, err := rehearsal.Rehearse(ctx, d.Line, order, s, d.Link)
	if err != nil {
		return none, err
	}
	if err := c.Reset(); err != nil {
		return none, err
	}
	line := d.Line
	wire, watch := recorded(plan.Guard(c), d.record)
	line.Watch = watch
	began := d.Clock.Now()
	event := progress.Event{
		Device: string(order.Device),
		Owner:  order.Owner,
		Count:  progress.Count{Total: 1, Begun: 1},
	}
	device, err := line.Issue(
		ctx,
		wire,
		order,
		secrets,
		func(stage personalization.Stage) error {
			event.Kind, event.Stage = progress.Reached, stage.Name()
			d.Show.Emit(event)
			return nil
		},
	)
	if errors.Is(err, personalization.ErrOtherCard) && s.IsStarted() && !line.DeleteApplet {
		err = lostOrder(err)
	}
	if err != nil {
		return none, err
	}
	if o.Replaces != "" {
		if err := d.Bank.ReportLost(ctx, o.Replaces); err != nil {
			return none, fmt.Errorf(
				"%s is active, and %s, which it replaces, is not reported lost: "+
					"repeat this: %w", device.ID, o.Replaces, err)
		}
	}
	if err := file.Finish(); err != nil {
		return none, err
	}
	event.Kind, event.Took, event.Count = progress.Made, d.Clock.Now().
		Sub(began),
		progress.Count{
			Total: 1,
			Done:  1,
		}
	d.Show.Emit(event)
	return device, nil
}

func lostOrder(err error) error {
	return fmt.Errorf(
		"%w; if the order that it was started with is lost, --delete-applet makes room, for good",
		err,
	)
}

// lookAgain examines the card after a loss of power: what it keeps then is what its holder
// gets.
func (d Desk) lookAgain(ctx context.Context, c Card) error {
	if err := c.Reset(); err != nil {
		return err
	}
	look, err := d.Look(ctx, c)
	switch {
	case err != nil:
		return err
	case look.Report.AppletState() != spec.Active:
		return personalization.ErrNotActive
	case d.Line.Final != nil && look.Report.Keys != nil &&
		!look.State.HasKeys(d.Line.VersionOfFinal()):
		return ErrKeptItsKeys
	}
	return nil
}
