package catalogue

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"ekrona.example/apdu"
	"ekrona.example/apdu/cvc"
	"ekrona.example/apdu/message"
	"ekrona.example/apdu/money"
	"ekrona.example/apdu/pin"
	"ekrona.example/apdu/spec"
	"ekrona.example/applet"
	"ekrona.example/applet/attack"
	"ekrona.example/emulator/card"
	hostattack "ekrona.example/host/attack"
	"ekrona.example/host/banking"
	"ekrona.example/host/envelope"
	"ekrona.example/host/notary"
	"ekrona.example/host/sandbox"
	"ekrona.example/host/terminal"
	"ekrona.example/host/wallet"
	"ekrona.example/personalization"
	"ekrona.example/personalization/pki/keys"
)

// honest is a reader that alters nothing.
var honest *attack.Reader

// held is a card in a reader, the attacker's or an honest one.
func held(in *attack.Reader, c apdu.Card) apdu.Card {
	if in == honest {
		return c
	}
	return in.Holding(c)
}

// use is what somebody does with a card in a reader. The error is what the user was told.
type use func(ctx context.Context, o *opened, in *attack.Reader) error

// readerEntries are the attacks by readers on their users.
func readerEntries() []Entry {
	return []Entry{
		readerEntry(attack.RequestOfMore, wallet.ErrAltered, requests),
		readerEntry(attack.RefuseOfAnother, wallet.ErrAltered, refuses),
		readerEntry(attack.AnotherAccept(nil), wallet.ErrAltered, accepts),
		readerEntry(attack.RecordAltered, banking.ErrCorrupted, synchronises),
		readerEntry(attack.CertificateNotStored, wallet.ErrAltered, renews),
		readerEntry(attack.KeysForActivation, personalization.ErrNotActive, issues),
		readerEntry(attack.PayOfMore, errNotSold, sells),
		readerEntry(attack.PaymentAltered, errNotSold, sells),
	}
}

// readerEntry is an attack by a reader; the user must be told that error.
func readerEntry(r attack.Reader, told error, by use) Entry {
	e := Entry{Target: Parties, Name: "reader: " + r.Name, Threat: r.Threat, Defence: r.Defence,
		Clause: r.Clause, Ways: []string{}}
	e.play = func(ctx context.Context, w *worker) Result {
		return w.withParties(ctx, e,
			func(o *opened) error { return by(ctx, o, honest) },
			func(o *opened) error {
				err := by(ctx, o, &r)
				if !errors.Is(err, told) {
					return fmt.Errorf("the user was told %w, and %w is right", orNothing(err), told)
				}
				return o.audit(ctx)
			})
	}
	return e
}

var errNothing = errors.New("nothing")

func orNothing(err error) error {
	if err == nil {
		return errNothing
	}
	return err
}

// in is a person's card in that reader.
func (o *opened) in(name string, in *attack.Reader) (wallet.Tap, error) {
	tap, err := o.tap(name)
	tap.Card = held(in, tap.Card)
	return tap, err
}

// asks has cecilia ask for an amount.
func (o *opened) asks(
	ctx context.Context, in *attack.Reader, amount money.Ore,
) (envelope.Envelope, error) {
	tap, err := o.in(cecilia, in)
	if err != nil {
		return envelope.Envelope{}, err
	}
	return o.people[cecilia].Phone.Request(ctx, tap, amount, "")
}

// pays has anna pay a Request.
func (o *opened) pays(
	ctx context.Context, asked envelope.Envelope,
) (envelope.Envelope, error) {
	tap, err := o.tap(anna)
	if err != nil {
		return envelope.Envelope{}, err
	}
	return o.people[anna].Phone.Pay(ctx, tap, asked)
}

// takes has cecilia accept a Payment.
func (o *opened) takes(ctx context.Context, in *attack.Reader, payment envelope.Envelope) error {
	tap, err := o.in(cecilia, in)
	if err != nil {
		return err
	}
	_, err = o.people[cecilia].Phone.Accept(ctx, tap, payment)
	return err
}

func requests(ctx context.Context, o *opened, in *attack.Reader) error {
	_, err := o.asks(ctx, in, 10*money.Krona)
	return err
}

// refuses has cecilia refuse a Request, beside those whose numbers differ from its by a bit or two.
func refuses(ctx context.Context, o *opened, in *attack.Reader) error {
	var asked envelope.Envelope
	for range 3 {
		var err error
		if asked, err = o.asks(ctx, honest, 10*money.Krona); err != nil {
			return err
		}
	}
	tap, err := o.in(cecilia, in)
	if err != nil {
		return err
	}
	_, err = o.people[cecilia].Phone.Refuse(ctx, tap, asked)
	return err
}

// accepts has cecilia accept two Payments, the second in that reader, which has heard the first.
func accepts(ctx context.Context, o *opened, in *attack.Reader) error {
	var heard []byte
	listening := &attack.Reader{Command: spec.Accept,
		Instead: func(ctx context.Context, c apdu.Card, a apdu.Command) (apdu.Response, error) {
			heard = a.Data
			return c.Transmit(ctx, a)
		}}
	if err := o.payment(ctx, listening); err != nil {
		return err
	}
	if in != honest {
		repeating := attack.AnotherAccept(heard)
		in = &repeating
	}
	return o.payment(ctx, in)
}

// synchronises has cecilia synchronise, whose card has accepted a Payment by a card that a stolen
// CA key has certified and nobody has registered: the record is the only proof of it.
func synchronises(ctx context.Context, o *opened, in *attack.Reader) error {
	asked, err := o.asks(ctx, honest, 10*money.Krona)
	if err != nil {
		return err
	}
	payment, err := o.paidByNobody(ctx, asked)
	if err != nil {
		return err
	}
	if err := o.takes(ctx, honest, payment); err != nil {
		return err
	}
	tap, err := o.in(cecilia, in)
	if err != nil {
		return err
	}
	_, err = o.people[cecilia].Phone.Synchronise(ctx, tap)
	return err
}

// paidByNobody is a Payment by a card that nobody has registered.
func (o *opened) paidByNobody(
	ctx context.Context, asked envelope.Envelope,
) (e envelope.Envelope, err error) {
	var request *message.Request
	if err := parse(asked.Message, &request); err != nil {
		return e, err
	}
	ca, err := o.own.CA(ctx)
	if err != nil {
		return e, err
	}
	defer func() { err = errors.Join(err, ca.Close()) }()
	key, err := keys.Generate(o.setup.Random)
	if err != nil {
		return e, err
	}
	issue := (&maker{random: o.setup.Random}).certify
	made, err := issue(attack.Identity{Signer: ca.Signer, Certificate: ca.Certificate},
		attack.Subject{Holder: "SENORDIC000000C8", Role: spec.RoleCard, Key: &key.PublicKey,
			Last: message.DateOf(noon).AddDays(365)})
	if err != nil {
		return e, err
	}
	paid := &message.Payment{Payer: message.DeviceID(made.Certificate.Holder), ATC: 1,
		Request: *request}
	if e.Message, err = envelope.Sign(paid, key); err != nil {
		return e, err
	}
	e.Certificate, e.Authority = made.Encoded, ca.Encoded
	return e, nil
}

func renews(ctx context.Context, o *opened, in *attack.Reader) error {
	issuer, err := o.own.Issuer(ctx)
	if err != nil {
		return err
	}
	issuer.Expiry = issuer.Expiry.AddDays(1)
	p := o.people[anna].Phone
	renewed, err := issuer.Renew(ctx, p.Device())
	if err != nil {
		return err
	}
	tap, err := o.in(anna, in)
	if err != nil {
		return err
	}
	return p.Renew(ctx, tap, renewed.Certificate)
}

// issues has the attacker's bank issue a card to a new customer.
func issues(ctx context.Context, o *opened, in *attack.Reader) error {
	app, err := keys.Generate(o.setup.Random)
	if err != nil {
		return err
	}
	const owner = "dora"
	if err := o.own.AddCustomer(ctx,
		banking.Customer{ID: owner, Name: owner, App: &app.PublicKey}); err != nil {
		return err
	}
	issuer, err := o.own.Issuer(ctx)
	if err != nil {
		return err
	}
	order, err := personalization.NewOrder(
		banking.DeviceIDOf(sandbox.Nordic, banking.KindCard, 77), owner, message.DateOf(noon),
		o.setup.Random)
	if err != nil {
		return err
	}
	blank, err := card.New(card.Options{Profile: card.P71, Random: o.setup.Random})
	if err != nil {
		return err
	}
	if _, err := blank.Load(applet.CAP); err != nil {
		return err
	}
	root, err := cvc.Parse(o.own.Root())
	if err != nil {
		return err
	}
	parameters, err := order.InstallParameters(root)
	if err != nil {
		return err
	}
	aid := card.AID(spec.AppletAID)
	if _, err := blank.Install(aid, aid, parameters); err != nil {
		return err
	}
	var secrets personalization.Secrets
	if secrets.PIN, err = pin.NewBlock("2580"); err != nil {
		return err
	}
	if secrets.PUK, err = pin.NewPUKBlock("73519862"); err != nil {
		return err
	}
	inReader := held(in, apdu.Framing{Card: blank, ExtendedLength: true})
	_, err = issuer.Personalize(ctx, inReader, order, secrets)
	return err
}

// errNotSold says that a terminal has not taken a sale, and takes it when the card is held to an
// honest reader.
var errNotSold = errors.New("the sale is not paid")

// sells has the cafe sell something to anna.
func sells(ctx context.Context, o *opened, in *attack.Reader) error {
	sale, err := o.cafe.Terminal.Ask(ctx, 10*money.Krona)
	if err != nil {
		return err
	}
	take := func(in *attack.Reader) error {
		tap, err := o.in(anna, in)
		if err != nil {
			return err
		}
		_, err = o.cafe.Terminal.Take(ctx, sale.Number, tap.Card, tap.PIN)
		return err
	}
	told := take(in)
	if told == nil {
		return nil
	}
	if _, err := o.cafe.Terminal.Paid(ctx, sale.Number); !errors.Is(err, terminal.ErrNoSale) {
		return fmt.Errorf("the terminal has taken the sale, and said: %w", errors.Join(told, err))
	}
	if err := take(honest); err != nil {
		return fmt.Errorf("in an honest reader: %w", err)
	}
	return fmt.Errorf("%w: %w", errNotSold, told)
}

// copyEntry is an attack with a card's memory. The control is the same without it: both payments
// settle, and the card stays active.
func copyEntry(a hostattack.Copied) Entry {
	e := Entry{Target: Parties, Name: a.Name, Threat: a.Threat, Defence: a.Defence,
		Clause: a.Clause, Ways: []string{}}
	e.play = func(ctx context.Context, w *worker) Result {
		return w.withParties(ctx, e,
			func(o *opened) error { return w.scheme.paysTwice(ctx, o, a, false) },
			func(o *opened) error { return w.scheme.paysTwice(ctx, o, a, true) })
	}
	return e
}

// paysTwice has anna's card pay, then pay again if the attack spends, and everybody synchronise.
// Between the payments the card's memory is set back, or not: then the notary must have ended it.
func (s *scheme) paysTwice(
	ctx context.Context, o *opened, a hostattack.Copied, setBack bool,
) error {
	path := filepath.Join(o.folder, "cards", anna+".card")
	before, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if err := o.payment(ctx, honest); err != nil {
		return err
	}
	if err := o.synchronise(ctx, cecilia); err != nil {
		return err
	}
	if setBack {
		if err := o.box.Close(); err != nil {
			return err
		}
		if err := os.WriteFile(path, before, 0o600); err != nil {
			return err
		}
		again, err := s.open(ctx, o.folder)
		if err != nil {
			return err
		}
		again.setup = o.setup
		*o = *again
	}
	if a.Spends {
		if err := o.payment(ctx, honest); err != nil {
			return err
		}
		if err := o.synchronise(ctx, cecilia); err != nil {
			return err
		}
	}
	told := o.synchronise(ctx, anna)
	owed, err := o.central.For(sandbox.Nordic).Outstanding(ctx, o.setup.Device)
	switch {
	case err != nil:
		return err
	case setBack && owed.Status != notary.Ended:
		return fmt.Errorf("the card is %s at the notary, and must have ended", owed.Status)
	case !setBack:
		return errors.Join(told, o.audit(ctx))
	}
	return nil // the auditor would take the copy for an honest card
}

// payment has anna pay cecilia, whose card is in that reader when it accepts.
func (o *opened) payment(ctx context.Context, in *attack.Reader) error {
	asked, err := o.asks(ctx, honest, 10*money.Krona)
	if err != nil {
		return err
	}
	payment, err := o.pays(ctx, asked)
	if err != nil {
		return err
	}
	return o.takes(ctx, in, payment)
}

func (o *opened) synchronise(ctx context.Context, name string) error {
	tap, err := o.tap(name)
	if err != nil {
		return err
	}
	_, err = o.people[name].Phone.Synchronise(ctx, tap)
	return err
}
